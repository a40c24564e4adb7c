//! Splits a shell text into its tokens.
//!
//! Pure: no I/O, no clock.

use super::tokens::{OTHER_OPERATION, Operator, PLAIN, Token, TokenKind, WordPart, literal};

/// More than any start script has.
const MAX_TOKENS: usize = 20_000;
/// Quotes within expansions within quotes.
const MAX_DEPTH: usize = 24;

/// Operators between the braces of `${NAME…}`; of the others only that they change the value is known.
const OPERATIONS: [&str; 12] = [":-", ":=", ":?", ":+", "%%", "##", "-", "=", "?", "+", "%", "#"];

/// What a shell could not read either, or what is more than any start script has.
pub(crate) struct ShellTextFault;

/// Splits a shell text into tokens; comments, redirections and here-documents are left out. At a fault the tokens end
/// with the line before it: a shell reads and runs line by line.
pub(crate) fn tokens(text: &str) -> (Vec<Token>, Result<(), ShellTextFault>) {
    let mut scanner = Scanner { rest: text, line: 1, tokens: Vec::new(), here_documents: Vec::new() };
    while let Some(next) = scanner.skip_blanks() {
        let line = scanner.line;
        let read = scanner.token(next);
        if read.is_err() || scanner.tokens.len() > MAX_TOKENS {
            scanner.tokens.retain(|token| token.line < line);
            return (scanner.tokens, Err(ShellTextFault));
        }
    }
    (scanner.tokens, Ok(()))
}

/// Where the parts of a word end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    EndOfWord,
    Quote,
    Brace,
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
    /// The delimiters of the here-documents that begin on the next line.
    here_documents: Vec<String>,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        self.line += usize::from(next == '\n');
        Some(next)
    }

    fn take_text(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    fn skip_blanks(&mut self) -> Option<char> {
        loop {
            let next = self.peek()?;
            if self.rest.starts_with("\\\n") {
                self.take_text(2);
            } else if matches!(next, ' ' | '\t' | '\r') {
                self.take();
            } else {
                return Some(next);
            }
        }
    }

    fn push(&mut self, kind: TokenKind, line: usize) {
        self.tokens.push(Token { kind, line });
    }

    fn operator(&mut self, length: usize, operator: Operator) {
        let line = self.line;
        self.take_text(length);
        self.push(TokenKind::Operator(operator), line);
    }

    fn token(&mut self, next: char) -> Result<(), ShellTextFault> {
        match next {
            '#' => {
                let length = self.rest.find('\n').unwrap_or(self.rest.len());
                self.take_text(length);
            }
            '\n' => {
                self.operator(1, Operator::End);
                self.skip_here_documents();
            }
            ';' if self.rest.starts_with(";;") => self.operator(2, Operator::EndOfBranch),
            '&' if self.rest.starts_with("&&") => self.operator(2, Operator::And),
            '&' if self.rest.starts_with("&>") => return self.redirection(),
            ';' | '&' => self.operator(1, Operator::End),
            '|' if self.rest.starts_with("||") => self.operator(2, Operator::Or),
            '|' => self.operator(1, Operator::Pipe),
            '(' => self.operator(1, Operator::Open),
            ')' => self.operator(1, Operator::Close),
            '<' | '>' => return self.redirection(),
            _ => {
                let line = self.line;
                let parts = self.parts(Until::EndOfWord, false, 0)?;
                // The 2 of `2>file`.
                let is_descriptor = matches!(self.peek(), Some('<' | '>'))
                    && matches!(&parts[..], [WordPart::Literal { text, is_quoted: false }] if text.bytes().all(|byte| byte.is_ascii_digit()));
                if !is_descriptor {
                    self.push(TokenKind::Word(parts), line);
                }
            }
        }
        Ok(())
    }

    /// Leaves out a redirection and what it names.
    fn redirection(&mut self) -> Result<(), ShellTextFault> {
        let length = self.rest.find(|c| !matches!(c, '<' | '>' | '&' | '|')).unwrap_or(self.rest.len());
        let operator = self.take_text(length);
        let is_here_document = operator == "<<";
        if is_here_document && self.peek() == Some('-') {
            self.take();
        }
        match self.skip_blanks() {
            Some('(') => {
                self.take();
                self.until_parenthesis().map(drop)
            }
            None | Some('\n' | ';' | ')') => Ok(()),
            Some(_) => {
                let parts = self.parts(Until::EndOfWord, false, 0)?;
                if is_here_document {
                    self.here_documents.push(literal(&parts));
                }
                Ok(())
            }
        }
    }

    fn skip_here_documents(&mut self) {
        for delimiter in std::mem::take(&mut self.here_documents) {
            while !self.rest.is_empty() {
                let length = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
                if self.take_text(length).trim() == delimiter {
                    break;
                }
            }
        }
    }

    fn parts(&mut self, until: Until, is_quoted: bool, depth: usize) -> Result<Vec<WordPart>, ShellTextFault> {
        if depth > MAX_DEPTH {
            return Err(ShellTextFault);
        }
        let mut parts = Vec::new();
        while let Some(next) = self.peek() {
            match (next, until) {
                ('"', Until::Quote) | ('}', Until::Brace) => {
                    self.take();
                    return Ok(parts);
                }
                (' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>', Until::EndOfWord) => {
                    return Ok(parts);
                }
                ('\\', _) => self.backslash(&mut parts, is_quoted),
                ('\'', _) if !is_quoted => parts.push(self.single_quoted()?),
                ('"', _) => {
                    self.take();
                    // An empty word is a word.
                    parts.push(WordPart::Literal { text: String::new(), is_quoted: true });
                    parts.extend(self.parts(Until::Quote, true, depth + 1)?);
                }
                ('$', _) => parts.push(self.dollar(is_quoted, depth)?),
                ('`', _) => parts.push(self.backquoted(is_quoted)?),
                _ => {
                    self.take();
                    push_char(&mut parts, next, is_quoted);
                }
            }
        }
        if until == Until::EndOfWord { Ok(parts) } else { Err(ShellTextFault) }
    }

    fn single_quoted(&mut self) -> Result<WordPart, ShellTextFault> {
        self.take();
        let length = self.rest.find('\'').ok_or(ShellTextFault)?;
        let text = self.take_text(length).to_owned();
        self.take();
        Ok(WordPart::Literal { text, is_quoted: true })
    }

    fn backslash(&mut self, parts: &mut Vec<WordPart>, is_quoted: bool) {
        self.take();
        match self.take() {
            None => push_char(parts, '\\', is_quoted),
            Some('\n') => {}
            Some(next) if is_quoted && !matches!(next, '$' | '`' | '"' | '\\') => {
                push_char(parts, '\\', true);
                push_char(parts, next, true);
            }
            Some(next) => parts.push(WordPart::Literal { text: next.to_string(), is_quoted: true }),
        }
    }

    fn dollar(&mut self, is_quoted: bool, depth: usize) -> Result<WordPart, ShellTextFault> {
        self.take();
        let parameter = |name: String| WordPart::Parameter { name, operator: PLAIN, operand: Vec::new(), is_quoted };
        let Some(next) = self.peek() else { return Ok(WordPart::Literal { text: "$".to_owned(), is_quoted }) };
        match next {
            '(' => {
                self.take();
                let text = self.until_parenthesis()?.to_owned();
                Ok(if text.starts_with('(') { WordPart::Unknown } else { WordPart::Substitution { text, is_quoted } })
            }
            '{' => {
                self.take();
                self.braces(is_quoted, depth)
            }
            '\'' if !is_quoted => self.single_quoted(),
            '@' | '*' | '#' | '?' | '$' | '!' | '-' | '0'..='9' => {
                self.take();
                Ok(parameter(next.to_string()))
            }
            _ if is_name_char(next) => Ok(parameter(self.name().to_owned())),
            _ => Ok(WordPart::Literal { text: "$".to_owned(), is_quoted }),
        }
    }

    fn name(&mut self) -> &'a str {
        let length = self.rest.find(|c| !is_name_char(c)).unwrap_or(self.rest.len());
        self.take_text(length)
    }

    /// What follows `${`.
    fn braces(&mut self, is_quoted: bool, depth: usize) -> Result<WordPart, ShellTextFault> {
        let name = match self.peek() {
            Some(special @ ('@' | '*')) => {
                self.take();
                special.to_string()
            }
            _ => self.name().to_owned(),
        };
        let rest = self.rest;
        let operator = OPERATIONS.into_iter().find(|operator| rest.starts_with(operator));
        self.take_text(operator.map_or(0, str::len));
        let default = if self.peek() == Some('}') { PLAIN } else { OTHER_OPERATION };
        let operand = self.parts(Until::Brace, is_quoted, depth + 1)?;
        if name.is_empty() {
            return Ok(WordPart::Unknown);
        }
        Ok(WordPart::Parameter { name, operator: operator.unwrap_or(default), operand, is_quoted })
    }

    fn backquoted(&mut self, is_quoted: bool) -> Result<WordPart, ShellTextFault> {
        self.take();
        let mut text = String::new();
        loop {
            match self.take().ok_or(ShellTextFault)? {
                '`' => return Ok(WordPart::Substitution { text, is_quoted }),
                '\\' => text.extend(self.take()),
                other => text.push(other),
            }
        }
    }

    /// The text up to the parenthesis that closes the one that was just taken.
    fn until_parenthesis(&mut self) -> Result<&'a str, ShellTextFault> {
        let (mut open, mut quote) = (1, None);
        let mut chars = self.rest.char_indices();
        while let Some((at, next)) = chars.next() {
            match (next, quote) {
                ('\\', None | Some('"')) => drop(chars.next()),
                ('\'' | '"', None) => quote = Some(next),
                (_, Some(begun)) if begun == next => quote = None,
                ('(', None) => open += 1,
                (')', None) => open -= 1,
                _ => {}
            }
            if open == 0 {
                let text = self.take_text(at);
                self.take();
                return Ok(text);
            }
        }
        Err(ShellTextFault)
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn push_char(parts: &mut Vec<WordPart>, c: char, quoted: bool) {
    match parts.last_mut() {
        Some(WordPart::Literal { text, is_quoted }) if *is_quoted == quoted => text.push(c),
        _ => parts.push(WordPart::Literal { text: c.to_string(), is_quoted: quoted }),
    }
}

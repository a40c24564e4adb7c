//! The words of a `vm.args`, as `erlexec` splits it since OTP 23, and where a value may be among them.
//!
//! White space separates; quotes protect, with no escape inside, and may span lines; a backslash outside quotes takes the
//! next character as it is; `#` outside quotes begins a comment, inside a word too; nothing is ever expanded.
//!
//! Pure: no I/O, no clock.

use super::super::fault::TextFault;
use super::super::placeholder::Notation;
use super::super::template::Syntax;
use super::flags::{Flag, Flags, VmArgsWord, is_flag};

#[derive(Debug, Default)]
pub struct VmArgsScanner {
    flags: Flags,
    word: Option<VmArgsWord>,
    state: Quoting,
    offset: usize,
    /// Where this line begins.
    line: usize,
    /// Variables such as `ERL_FLAGS` have no comments.
    without_comments: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Quoting {
    #[default]
    Plain,
    Quoted(char, usize),
    Escaped,
    Comment,
}

impl VmArgsScanner {
    /// Whether the next character may belong to a cookie.
    pub(crate) fn in_cookie(&self) -> bool {
        let flag_at_hand = self.word.as_ref().is_some_and(|word| self.flags.next_is_flag(&word.text));
        !self.in_comment() && !flag_at_hand && self.owner("").is_some_and(|flag| flag.name.text == "-setcookie")
    }

    /// For the text of a variable such as `ERL_FLAGS`.
    pub(super) fn without_comments() -> Self {
        Self { without_comments: true, ..Self::default() }
    }

    /// The text of the current word, which begins here if there is none yet.
    fn word_text(&mut self) -> &mut String {
        let start = self.offset;
        &mut self.word.get_or_insert_with(|| VmArgsWord { text: String::new(), span: start..start }).text
    }

    fn close_word(&mut self) {
        if let Some(mut word) = self.word.take() {
            word.span.end = self.offset;
            self.flags.add(word);
        }
    }

    /// The words of a text, by flags.
    pub(super) fn read(mut self, text: &str) -> Result<Flags, TextFault> {
        text.chars().for_each(|character| self.feed(character));
        self.finish()
    }

    /// The words, by flags.
    ///
    /// # Errors
    /// A quote is not closed; the VM would read the rest of the file as one word.
    pub fn finish(mut self) -> Result<Flags, TextFault> {
        if let Quoting::Quoted(quote, offset) = self.state {
            let fault = TextFault::new(offset, format!("the {quote} is not closed"));
            return Err(fault.hint(format!("write {quote} at its end")));
        }
        self.close_word();
        Ok(self.flags)
    }

    /// The flag that the current word belongs to.
    fn owner(&self, value: &str) -> Option<&Flag> {
        self.flags.owner(self.word.as_ref().map_or(value, |word| &word.text))
    }

    /// The same, if it names the node or guards it.
    fn guarded(&self, value: &str) -> Option<&Flag> {
        self.owner(value).filter(|flag| flag.is_guarded())
    }

    /// Whether the current word names the node or is its cookie: the first word after the flag, or the second on the
    /// same line (`-setcookie NODE COOKIE`).
    fn is_guarded(&self, value: &str) -> bool {
        self.guarded(value).is_some_and(|flag| match flag.values.len() {
            0 => true,
            1 => flag.name.span.start >= self.line,
            _ => false,
        })
    }

    fn begins_word(&self) -> bool {
        self.word.as_ref().is_none_or(|word| word.text.is_empty())
    }

    /// Where nothing is guarded a value may be words, flags too, but what is before and after it must keep its meaning.
    fn quote_plainly(&self, value: &str) -> Result<String, String> {
        match value.chars().fold(self.state, |state, character| state.after(character, self.offset)) {
            Quoting::Plain => {}
            Quoting::Comment => return Err("has #, which would make a comment of the rest of the line".into()),
            Quoting::Quoted(quote, _) => return Err(format!("opens a {quote} and does not close it")),
            Quoting::Escaped => return Err("ends with a backslash, which would take in what follows it".into()),
        }
        let mut alone = VmArgsScanner::default();
        value.chars().for_each(|character| alone.feed(character));
        alone.close_word();
        if alone.flags.takes_next() {
            return Err("ends with a flag that would take in what follows it".into());
        }
        let begins_with_flag = alone.flags.iter().next().is_none_or(|first| is_flag(&first.name.text));
        match self.guarded(value) {
            Some(flag) if !begins_with_flag && self.begins_word() => {
                Err(format!("begins with a word that would join {}", flag.name.text))
            }
            _ => Ok(value.to_owned()),
        }
    }
}

impl Quoting {
    fn after(self, character: char, offset: usize) -> Self {
        match (self, character) {
            (Self::Comment, '\n') | (Self::Escaped, _) => Self::Plain,
            (Self::Quoted(quote, _), _) if character == quote => Self::Plain,
            (Self::Comment | Self::Quoted(..), _) => self,
            (Self::Plain, '\\') => Self::Escaped,
            (Self::Plain, '"' | '\'') => Self::Quoted(character, offset),
            (Self::Plain, '#') => Self::Comment,
            (Self::Plain, _) => Self::Plain,
        }
    }
}

impl Syntax for VmArgsScanner {
    fn feed(&mut self, character: char) {
        let next = match self.state.after(character, self.offset) {
            Quoting::Comment if self.without_comments => Quoting::Plain,
            next => next,
        };
        match (self.state, next) {
            (Quoting::Comment, _) => {}
            (Quoting::Plain, Quoting::Comment) => self.close_word(),
            (Quoting::Plain, Quoting::Plain) if is_separator(character) => self.close_word(),
            (Quoting::Plain, Quoting::Plain) | (Quoting::Escaped, _) | (Quoting::Quoted(..), Quoting::Quoted(..)) => {
                self.word_text().push(character);
            }
            _ => {
                self.word_text();
            }
        }
        self.state = next;
        self.offset += character.len_utf8();
        if character == '\n' {
            self.line = self.offset;
        }
    }

    fn in_comment(&self) -> bool {
        self.state == Quoting::Comment
    }

    fn quote(&self, value: &str, _: Notation) -> Result<String, String> {
        // A newline at the end, as `echo` makes it, is white space to the VM.
        let body = if self.state == Quoting::Plain { value.trim_end_matches(['\r', '\n']) } else { value };
        if let Some(bad) = body.chars().find(|c| c.is_control()) {
            let body = value.trim_end_matches(['\r', '\n']);
            let place = if body.chars().any(char::is_control) { "" } else { " at its end" };
            return Err(match bad {
                '\n' | '\r' => format!("has a newline{place}; vm.args cannot hold one there"),
                _ => format!("has the control character {bad:?}; vm.args cannot hold it"),
            });
        }
        let quoted = matches!(self.state, Quoting::Quoted(..));
        if !quoted && !self.is_guarded(body) {
            return self.quote_plainly(value);
        }
        let place = if quoted { "inside quotes" } else { "in -name, -sname or -setcookie" };
        // How to quote these differs between OTP versions, so there is no form that is right everywhere.
        if let Some(bad) = body.chars().find(|c| c.is_whitespace() || matches!(c, '#' | '"' | '\'' | '\\')) {
            return Err(format!("has {}, which cannot be {place}", name_of(bad)));
        }
        // Quotes do not help: to erlexec it is the same word with and without them.
        if self.begins_word() && self.flags.next_is_flag(body) {
            return Err(format!("begins with {}, which would make a flag of it", &body[..1]));
        }
        Ok(body.to_owned())
    }

    fn needs_value(&self) -> bool {
        self.is_guarded("")
            && self.guarded("").is_some_and(|flag| flag.values.is_empty() || flag.name.text == "-setcookie")
    }

    /// Comments may hold a former cookie.
    fn in_secret(&self) -> bool {
        self.in_comment() || self.in_cookie()
    }

    /// Each word becomes an argument of the VM, of which the kernel takes 2 MiB in all.
    fn max_len(&self) -> usize {
        128 << 10
    }
}

fn name_of(character: char) -> String {
    if character.is_whitespace() { "white space".into() } else { format!("the character {character}") }
}

fn is_separator(character: char) -> bool {
    matches!(character, ' ' | '\n' | '\r' | '\t' | '\u{b}' | '\u{c}')
}

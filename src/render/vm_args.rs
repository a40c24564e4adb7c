//! `vm.args` as `erl -args_file` reads it: words, flags, and what is wrong with them.
//!
//! The rules are those of `erlexec` since OTP 23: white space separates; quotes protect, with no escape inside, and may
//! span lines; a backslash outside quotes takes the next character as it is; `#` outside quotes begins a comment, inside
//! a word too; nothing is ever expanded.
//!
//! Pure: no I/O, no clock.

use super::template::{Fault, Syntax};
use crate::identity::name::{Distribution, NodeHost, NodeName};
use crate::release::Cookie;
use std::ops::Range;

/// A word of the file: its text as the VM gets it, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Without quotes and backslashes.
    pub text: String,
    /// Where it stands, in bytes, quotes and all.
    pub span: Range<usize>,
}

/// The tokeniser.
#[derive(Debug, Default)]
pub struct Scanner {
    words: Vec<Word>,
    word: Option<Word>,
    state: State,
    offset: usize,
    /// Which word is the last flag.
    last_flag: Option<usize>,
    /// How many words stood before this line.
    words_before_line: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    Quoted(char, usize),
    Escaped,
    Comment,
}

/// Flags that name the node or guard it. Nothing may add a word to them.
const GUARDED: [&str; 3] = ["-name", "-sname", "-setcookie"];

impl Scanner {
    fn push(&mut self, character: char) {
        let start = self.offset;
        self.word.get_or_insert_with(|| Word { text: String::new(), span: start..start }).text.push(character);
    }

    fn open_word(&mut self) {
        let start = self.offset;
        self.word.get_or_insert_with(|| Word { text: String::new(), span: start..start });
    }

    fn close_word(&mut self) {
        if let Some(mut word) = self.word.take() {
            word.span.end = self.offset;
            if is_flag(&word.text) {
                self.last_flag = Some(self.words.len());
            }
            self.words.push(word);
        }
    }

    /// The words.
    ///
    /// # Errors
    /// A quote is not closed; the VM would take the rest of the file for one word.
    pub fn finish(mut self) -> Result<Vec<Word>, Fault> {
        if let State::Quoted(quote, offset) = self.state {
            return Err(fault(offset, format!("the {quote} is not closed")));
        }
        self.close_word();
        Ok(self.words)
    }

    /// Whether the word at hand names the node or is its cookie: the first word behind the flag, or the second on the
    /// same line (`-setcookie NODE COOKIE`).
    fn is_guarded(&self) -> bool {
        let (Some(index), Some(flag)) = (self.last_flag, self.last_flag()) else { return false };
        let behind = self.words.len() - index;
        let same_line = index >= self.words_before_line;
        GUARDED.contains(&flag.text.as_str()) && (behind == 1 || behind == 2 && same_line)
    }

    fn last_flag(&self) -> Option<&Word> {
        self.words.get(self.last_flag?)
    }
}

impl Syntax for Scanner {
    fn feed(&mut self, character: char) {
        match (self.state, character) {
            (State::Comment, '\n') => self.state = State::Plain,
            (State::Comment, _) => {}
            (State::Escaped, _) => {
                self.push(character);
                self.state = State::Plain;
            }
            (State::Quoted(quote, _), _) if character == quote => self.state = State::Plain,
            (State::Plain, '\\') => {
                self.open_word();
                self.state = State::Escaped;
            }
            (State::Plain, '"' | '\'') => {
                self.open_word();
                self.state = State::Quoted(character, self.offset);
            }
            (State::Plain, '#') => {
                self.close_word();
                self.state = State::Comment;
            }
            (State::Plain, ' ' | '\n' | '\r' | '\t' | '\u{b}' | '\u{c}') => self.close_word(),
            (State::Quoted(..) | State::Plain, _) => self.push(character),
        }
        self.offset += character.len_utf8();
        if character == '\n' {
            self.words_before_line = self.words.len();
        }
    }

    fn in_comment(&self) -> bool {
        self.state == State::Comment
    }

    fn put(&self, value: String) -> Result<String, String> {
        if let Some(bad) = value.chars().find(|c| c.is_control()) {
            let newline =
                if value.trim_end_matches(['\r', '\n']).chars().any(char::is_control) { "" } else { " at its end" };
            return Err(match bad {
                '\n' | '\r' => format!("has a newline{newline}; vm.args cannot hold one there"),
                _ => format!("has the control character {bad:?}; vm.args cannot hold it"),
            });
        }
        let (place, guarded) = match self.state {
            State::Quoted(..) => ("inside quotes", true),
            _ => ("in -name, -sname or -setcookie", self.is_guarded()),
        };
        // How to quote these differs between OTP versions, so there is no form that is right everywhere.
        let bad = value.chars().find(|c| c.is_whitespace() || matches!(c, '#' | '"' | '\'' | '\\'));
        match bad {
            Some(bad) if guarded => Err(format!("has {}, which cannot stand {place}", name_of(bad))),
            _ => Ok(value),
        }
    }

    /// Comments may hold the cookie of yesterday.
    fn hides(&self) -> bool {
        let flag_at_hand = self.word.as_ref().is_some_and(|word| is_flag(&word.text));
        self.in_comment() || self.last_flag().is_some_and(|flag| flag.text == "-setcookie") && !flag_at_hand
    }
}

fn name_of(character: char) -> String {
    if character.is_whitespace() { "white space".into() } else { format!("the character {character}") }
}

fn is_flag(word: &str) -> bool {
    word.starts_with(['-', '+'])
}

/// A `vm.args`, read.
#[derive(Debug)]
pub struct VmArgs {
    pub(super) text: String,
    flags: Vec<Flag>,
}

/// A flag with the words behind it.
#[derive(Debug)]
pub(super) struct Flag {
    name: Word,
    values: Vec<Word>,
}

/// What the file says of the node.
#[derive(Debug, PartialEq, Eq)]
pub struct NodeFlags {
    /// `-name` or `-sname`.
    pub node: Option<(Distribution, NodeName)>,
    /// `-setcookie COOKIE`.
    pub cookie: Option<Cookie>,
}

impl VmArgs {
    /// Reads the file.
    ///
    /// # Errors
    /// A quote is not closed, or there is a byte order mark or a NUL, which the VM does not read as people do.
    pub fn read(text: String) -> Result<Self, Fault> {
        if text.starts_with('\u{feff}') {
            return Err(fault(0, "the file begins with a byte order mark, which the VM takes for a flag".into()));
        }
        if let Some(offset) = text.find('\0') {
            return Err(fault(offset, "the file has a NUL; the VM reads no further".into()));
        }
        let mut scanner = Scanner::default();
        text.chars().for_each(|character| scanner.feed(character));
        Ok(Self { flags: flags(scanner.finish()?), text })
    }

    /// The node's name and cookie.
    ///
    /// # Errors
    /// Every reason for which the VM would refuse them, or start silently without them.
    pub fn node_flags(&self) -> Result<NodeFlags, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut names = self.named(&["-name", "-sname"]);
        let node = names.next().and_then(|flag| keep(flag.node(), &mut faults));
        faults.extend(names.map(|flag| flag.fault("a second name; the VM takes one -name or one -sname")));

        for flag in self.named(&["-setcookie"]).filter(|flag| flag.values.is_empty() || flag.values.len() > 2) {
            faults.push(flag.fault("-setcookie wants one cookie"));
        }
        let mut cookies = self.own_cookies();
        let cookie = cookies.next().and_then(|flag| keep(flag.cookie(), &mut faults));
        // Two are worse than none: the VM drops both without a word and makes one up.
        faults.extend(cookies.map(|flag| flag.fault("a second cookie; the VM would then use neither")));
        if faults.is_empty() { Ok(NodeFlags { node, cookie }) } else { Err(faults) }
    }

    /// The text without the flags of [`VmArgs::node_flags`]; their comments and lines stay.
    #[must_use]
    pub fn without_node_flags(&self) -> String {
        self.without(self.named(&["-name", "-sname"]).chain(self.own_cookies()).collect())
    }

    /// The text without the node's cookie; comments and lines stay.
    #[must_use]
    pub fn without_cookie(&self) -> String {
        self.without(self.own_cookies().collect())
    }

    fn without(&self, mut flags: Vec<&Flag>) -> String {
        flags.sort_by_key(|flag| flag.name.span.start);
        let mut text = self.text.clone();
        for flag in flags.into_iter().rev() {
            text.replace_range(flag.span(), "");
        }
        text
    }

    /// Files that this one names by `-args_file`, with the place of each.
    pub fn nested_files(&self) -> impl Iterator<Item = (&str, usize)> {
        let nested = self.named(&["-args_file"]).filter_map(|flag| Some((flag, flag.values.first()?)));
        nested.map(|(flag, value)| (value.text.as_str(), flag.name.span.start))
    }

    /// What works but is hardly meant in a container, a sentence each.
    #[must_use]
    pub fn warnings(&self, ipv6_only: bool) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.has("-heart") {
            warnings.push(
                "-heart starts a second VM after a crash, when the container is over already; Kubernetes restarts it",
            );
        }
        if self.has("-detached") || self.has("-daemon") {
            warnings.push("-detached sends the VM to the background: the container ends at once");
        }
        let proto = self.named(&["-proto_dist"]).any(|flag| flag.values.iter().any(|value| value.text == "inet6_tcp"));
        if ipv6_only && !proto {
            warnings.push("the pod has IPv6 addresses only: distribution needs -proto_dist inet6_tcp");
        }
        warnings
    }

    fn named<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Flag> {
        self.flags.iter().filter(|flag| names.contains(&flag.name.text.as_str()))
    }

    /// `-setcookie COOKIE`; with two words it is another node's cookie.
    pub(super) fn own_cookies(&self) -> impl Iterator<Item = &Flag> {
        self.named(&["-setcookie"]).filter(|flag| flag.values.len() == 1)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag.name.text == name)
    }
}

impl Flag {
    fn node(&self) -> Result<(Distribution, NodeName), Fault> {
        let flag = &self.name.text;
        let [value] = self.values.as_slice() else {
            // Without a value the VM would run undistributed, after one line in its log.
            return Err(self.fault(format!("{flag} wants one name")));
        };
        let node = NodeName::parse(&value.text)
            .map_err(|reason| self.fault(format!("the node name {:?} {reason}", value.text)))?;
        let distribution = if flag == "-name" { Distribution::Long } else { Distribution::Short };
        match node.host() {
            NodeHost::Name(host) if distribution == Distribution::Short && host.is_dotted() => {
                Err(self.fault(format!("-sname takes no host with a dot, {node} has one; use -name")))
            }
            _ => Ok((distribution, node)),
        }
    }

    fn cookie(&self) -> Result<Cookie, Fault> {
        let text = self.values.first().map_or("", |value| value.text.as_str());
        Cookie::parse(text).map_err(|reason| self.fault(format!("the cookie {reason}")))
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        fault(self.name.span.start, message.into())
    }

    fn span(&self) -> Range<usize> {
        self.name.span.start..self.values.last().map_or(self.name.span.end, |value| value.span.end)
    }
}

fn flags(words: Vec<Word>) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for word in words {
        match flags.last_mut() {
            // What stands behind -extra is the program's own.
            Some(last) if last.name.text == "-extra" || !is_flag(&word.text) => last.values.push(word),
            _ => flags.push(Flag { name: word, values: Vec::new() }),
        }
    }
    flags
}

fn keep<T>(result: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

fn fault(offset: usize, message: String) -> Fault {
    Fault { offset, message, hint: None }
}

#[cfg(test)]
mod tests;

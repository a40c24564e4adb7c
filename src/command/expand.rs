//! What the words of a shell text become, as far as environment, arguments and the script's own place decide it.
//!
//! Pure: no I/O, no clock.

use super::files::FileView;
use super::scanner::tokens;
use super::tokens::{Operator, TokenKind, WordPart};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Stands in a value for what only running the text would tell.
pub(crate) const UNKNOWN: &str = "\u{fffd}";

/// Longer values are not a program's name.
const LONGEST_VALUE: usize = 1 << 12;
const MOST_FIELDS: usize = 1 << 9;
/// Of all variables that a text sets.
const LONGEST_VARIABLES: usize = 1 << 16;
/// Command substitutions and functions within one another.
pub(crate) const MAX_NESTING: usize = 12;

/// What a part of a shell text is read with.
#[derive(Clone)]
pub(crate) struct ShellScope<'a> {
    /// `None`: what files hold is not known.
    pub(crate) files: Option<&'a dyn FileView>,
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
    /// Set by the text itself.
    pub(crate) variables: BTreeMap<String, String>,
    /// `$1` and those behind it.
    pub(crate) arguments: Vec<String>,
    /// `$0`.
    pub(crate) script: String,
    /// The working directory; `None` where the text goes somewhere unknown.
    pub(crate) directory: Option<PathBuf>,
    /// Whether a file was included that cannot be read: then an unset variable may be one of its.
    pub(crate) has_unknown_variables: bool,
    pub(crate) nesting: usize,
}

pub(crate) fn is_known(text: &str) -> bool {
    !text.contains(UNKNOWN)
}

impl<'a> ShellScope<'a> {
    /// Before the text begins.
    pub(crate) fn new(
        files: Option<&'a dyn FileView>,
        environment: &'a dyn Fn(&str) -> Option<String>,
        directory: Option<PathBuf>,
    ) -> Self {
        let (variables, arguments, script) = (BTreeMap::new(), Vec::new(), String::new());
        Self { files, environment, variables, arguments, script, directory, has_unknown_variables: false, nesting: 0 }
    }

    /// The value of a variable or a parameter; `None` if it is unset.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        if let Some(value) = self.variables.get(name) {
            return Some(value.clone());
        }
        match name {
            "0" | "BASH_SOURCE" => return Some(self.script.clone()),
            "#" => return Some(self.arguments.len().to_string()),
            "*" | "@" => return (!self.arguments.is_empty()).then(|| self.arguments.join(" ")),
            "PWD" => {
                return Some(
                    self.directory.as_ref().map_or_else(|| UNKNOWN.to_owned(), |dir| dir.display().to_string()),
                );
            }
            "?" | "$" | "!" | "-" => return Some(UNKNOWN.to_owned()),
            _ => {}
        }
        if let Ok(number) = name.parse::<usize>() {
            return self.arguments.get(number.checked_sub(1)?).cloned();
        }
        (self.environment)(name).or_else(|| self.has_unknown_variables.then(|| UNKNOWN.to_owned()))
    }

    pub(crate) fn set(&mut self, name: &str, value: String) {
        let length: usize = self.variables.iter().map(|(name, value)| name.len() + value.len()).sum();
        if length + name.len() + value.len() <= LONGEST_VARIABLES {
            self.variables.insert(name.to_owned(), value);
        }
    }

    /// The words that one word becomes: none, one, or several.
    pub(crate) fn fields(&self, parts: &[WordPart]) -> Vec<String> {
        let mut fields = Fields::default();
        self.expand(parts, &mut fields);
        fields.done()
    }

    /// The value of a word where none is split, as in an assignment.
    pub(crate) fn value(&self, parts: &[WordPart]) -> String {
        let mut fields = Fields { never_splits: true, ..Fields::default() };
        self.expand(parts, &mut fields);
        fields.done().join(" ")
    }

    fn expand(&self, parts: &[WordPart], fields: &mut Fields) {
        for part in parts {
            match part {
                WordPart::Literal { text, .. } => fields.glue(text),
                WordPart::Unknown => fields.glue(UNKNOWN),
                WordPart::Substitution { text, is_quoted } => fields.add(&self.substituted(text), *is_quoted),
                WordPart::Parameter { name, operator, operand, is_quoted } => {
                    self.expand_parameter(name, (operator, operand), *is_quoted, fields);
                }
            }
        }
    }

    /// `exec ${CMD:-bin/app start}` has two words.
    fn expand_operand(&self, operand: &[WordPart], is_quoted: bool, fields: &mut Fields) {
        for part in operand {
            match part {
                WordPart::Literal { text, is_quoted: false } if !is_quoted => fields.add(text, false),
                _ => self.expand(std::slice::from_ref(part), fields),
            }
        }
    }

    fn expand_parameter(
        &self,
        name: &str,
        (operator, operand): (&str, &[WordPart]),
        is_quoted: bool,
        fields: &mut Fields,
    ) {
        let given = self.get(name).filter(|value| !operator.starts_with(':') || !value.is_empty());
        match (operator, given) {
            (":-" | "-" | ":=" | "=" | ":?" | "?", Some(_)) if name == "@" => fields.add_all(&self.arguments),
            (":-" | "-" | ":=" | "=" | ":?" | "?", Some(value)) => fields.add(&value, is_quoted),
            (":-" | "-" | ":=" | "=", None) | (":+" | "+", Some(_)) => {
                self.expand_operand(operand, is_quoted, fields);
            }
            (":?" | "?" | ":+" | "+", None) => fields.add("", is_quoted),
            ("%" | "%%" | "#" | "##", value) => {
                fields.add(&trimmed(&value.unwrap_or_default(), operator, &self.value(operand)), is_quoted);
            }
            _ => fields.glue(UNKNOWN),
        }
    }

    /// The output of `$(…)`, for the few programs with which scripts find themselves.
    fn substituted(&self, text: &str) -> String {
        let unknown = || UNKNOWN.to_owned();
        if self.nesting >= MAX_NESTING {
            return unknown();
        }
        let mut scope = Self { nesting: self.nesting + 1, ..self.clone() };
        let (mut tokens, whole) = tokens(text);
        if whole.is_err() || tokens.len() > 40 {
            return unknown();
        }
        let mut output = None;
        while !tokens.is_empty() {
            let is_operator = |kind: &TokenKind| matches!(kind, TokenKind::Operator(_));
            let end = tokens.iter().position(|token| is_operator(&token.kind)).unwrap_or(tokens.len());
            let mut words = Vec::new();
            for token in tokens.drain(..end) {
                if let TokenKind::Word(parts) = &token.kind {
                    words.extend(scope.fields(parts));
                }
            }
            let ended_by = tokens.drain(..tokens.len().min(1)).next().map(|token| token.kind);
            match words.first().map(String::as_str) {
                _ if ended_by == Some(TokenKind::Operator(Operator::Pipe)) => return unknown(),
                Some("cd") => scope.change_directory(&words[1..]),
                None | Some("unset" | "set" | "export" | ":" | "true" | "exit") => {}
                Some(_) if output.is_some() && ended_by.is_none() => {}
                Some(_) => output = Some(scope.output(&words)),
            }
            if ended_by == Some(TokenKind::Operator(Operator::Or)) && output.is_some() {
                break;
            }
        }
        output.unwrap_or_default()
    }

    fn output(&self, words: &[String]) -> String {
        let operands: Vec<_> = words[1..].iter().filter(|word| !word.starts_with('-')).collect();
        let [operand] = operands[..] else {
            return match (words[0].as_str(), &self.directory) {
                ("pwd", Some(directory)) => directory.display().to_string(),
                _ => UNKNOWN.to_owned(),
            };
        };
        match words[0].as_str() {
            _ if !is_known(operand) => UNKNOWN.to_owned(),
            "echo" => operand.clone(),
            "dirname" => match operand.trim_end_matches('/').rsplit_once('/') {
                Some(("", _)) => "/".to_owned(),
                Some((directory, _)) => directory.to_owned(),
                None => ".".to_owned(),
            },
            "basename" => operand.rsplit('/').next().unwrap_or_default().to_owned(),
            "readlink" | "realpath" => match (self.files, self.path(operand)) {
                (Some(files), Some(path)) => files.resolve(&path).display().to_string(),
                _ => UNKNOWN.to_owned(),
            },
            _ => UNKNOWN.to_owned(),
        }
    }

    pub(crate) fn change_directory(&mut self, words: &[String]) {
        let operand = words.iter().find(|word| !word.starts_with('-'));
        self.directory = match operand {
            Some(operand) => self.path(operand),
            // HOME, or the one before.
            None => None,
        };
    }

    /// The path that a word names; `None` if that is not known.
    pub(crate) fn path(&self, word: &str) -> Option<PathBuf> {
        if !is_known(word) {
            return None;
        }
        let path = Path::new(word);
        if path.is_absolute() {
            return Some(normalised(path));
        }
        Some(normalised(&self.directory.as_ref()?.join(path)))
    }
}

/// Without `.` and `..`.
pub(crate) fn normalised(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => drop(normal.pop()),
            Component::ParentDir if normal.has_root() => {}
            other => normal.push(other),
        }
    }
    normal
}

/// `${NAME%PATTERN}` and the like, for patterns whose only `*` is at the end that is cut off.
fn trimmed(value: &str, operator: &str, pattern: &str) -> String {
    let is_plain = |text: &str| !text.contains(['*', '?', '[']);
    let cut = match operator {
        "%" | "%%" => match pattern.strip_suffix('*') {
            Some(begin) if is_plain(begin) => {
                let at = if operator == "%" { value.rfind(begin) } else { value.find(begin) };
                Some(at.map_or(value, |at| &value[..at]))
            }
            None if is_plain(pattern) => Some(value.strip_suffix(pattern).unwrap_or(value)),
            _ => None,
        },
        _ => match pattern.strip_prefix('*') {
            Some(end) if is_plain(end) => {
                let at = if operator == "#" { value.find(end) } else { value.rfind(end) };
                Some(at.map_or(value, |at| &value[at + end.len()..]))
            }
            None if is_plain(pattern) => Some(value.strip_prefix(pattern).unwrap_or(value)),
            _ => None,
        },
    };
    cut.map_or_else(|| UNKNOWN.to_owned(), str::to_owned)
}

/// The words that come out of one.
#[derive(Default)]
struct Fields {
    done: Vec<String>,
    current: Option<String>,
    never_splits: bool,
}

impl Fields {
    fn glue(&mut self, text: &str) {
        let current = self.current.get_or_insert_default();
        if current.len() + text.len() <= LONGEST_VALUE {
            current.push_str(text);
        } else {
            UNKNOWN.clone_into(current);
        }
    }

    /// An expansion, which is split at white space unless it is quoted.
    fn add(&mut self, value: &str, is_quoted: bool) {
        if is_quoted || self.never_splits {
            return self.glue(value);
        }
        if value.starts_with(char::is_whitespace) {
            self.end_field();
        }
        for (index, word) in value.split_whitespace().enumerate() {
            if index > 0 {
                self.end_field();
            }
            self.glue(word);
        }
        if value.ends_with(char::is_whitespace) {
            self.end_field();
        }
    }

    fn add_all(&mut self, values: &[String]) {
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.end_field();
            }
            self.glue(value);
        }
    }

    fn end_field(&mut self) {
        if let Some(field) = self.current.take()
            && self.done.len() < MOST_FIELDS
        {
            self.done.push(field);
        }
    }

    fn done(mut self) -> Vec<String> {
        self.end_field();
        self.done
    }
}

/// Whether the word is written as an assignment: the variable's name, and the parts of its value.
pub(crate) fn assignment(parts: &[WordPart]) -> Option<(String, Vec<WordPart>)> {
    let WordPart::Literal { text, is_quoted: false } = parts.first()? else { return None };
    let (name, value) = text.split_once('=')?;
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name(name) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let first = WordPart::Literal { text: value.to_owned(), is_quoted: false };
    Some((name.to_owned(), std::iter::once(first).chain(parts[1..].iter().cloned()).collect()))
}

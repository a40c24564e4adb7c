//! Templates: each placeholder is replaced in one pass from left to right.
//!
//! A value is never scanned again, so one that names a variable, even itself, arrives as it is.
//!
//! Pure: no I/O, no clock.

use super::fault::TextFault;
use super::placeholder::{Lexed, Notation, Placeholder, lex};
use super::variables::{NoValue, TemplateVariables, UnsetVariable, ValueOrigin};
use std::ops::Range;

/// Follows the text as it is rendered, and decides what may be inserted where. Each file format has its own.
pub trait Syntax {
    /// Takes the next character of the rendered text.
    fn feed(&mut self, character: char);
    /// Whether the next character belongs to a comment.
    fn in_comment(&self) -> bool;
    /// The text for this value here.
    ///
    /// # Errors
    /// Why the value cannot be here; reads as the end of a sentence that begins with the variable.
    fn quote(&self, value: &str, notation: Notation) -> Result<String, String>;
    /// Whether the node would lack its name or cookie with an empty value here.
    fn needs_value(&self) -> bool {
        false
    }
    /// Whether the next character may belong to a secret, which messages must not show.
    fn in_secret(&self) -> bool;
    /// How long a text of this format may be, in bytes, before and after it is rendered: a value may be used many
    /// times, and reading the text takes many times its length.
    fn max_len(&self) -> usize;
}

#[derive(Debug, PartialEq, Eq)]
pub struct RenderedText {
    pub text: String,
    /// The values in it, one for each placeholder.
    pub values: Vec<InsertedValue>,
    /// What is valid but probably a mistake, by its place in the template.
    pub warnings: Vec<TextFault>,
}

/// A value in a placeholder's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsertedValue {
    /// Its place in the rendered text, in bytes.
    pub in_text: Range<usize>,
    /// Its placeholder's place in the template, in bytes.
    pub in_template: Range<usize>,
    pub origin: ValueOrigin,
}

/// A template's text, and a value for each placeholder in it.
#[derive(Debug, Default)]
pub struct FilledTemplate {
    /// As it was read.
    pub template: String,
    /// In the order of their placeholders.
    pub values: Vec<InsertedValue>,
}

impl InsertedValue {
    /// The variable that its placeholder in `template` names.
    #[must_use]
    pub fn name<'a>(&self, template: &'a str) -> &'a str {
        match template.get(self.in_template.clone()).map(lex) {
            Some(Lexed::Placeholder(placeholder)) => placeholder.name,
            _ => "",
        }
    }
}

/// Another text for a place, in bytes.
pub(crate) type Edit = (Range<usize>, String);

/// The text with these edits, which do not overlap.
pub(crate) fn edited(text: &str, edits: &[Edit]) -> String {
    let mut in_order: Vec<_> = edits.iter().collect();
    in_order.sort_by_key(|(place, _)| place.start);
    let added: usize = edits.iter().map(|(_, replacement)| replacement.len()).sum();
    // Once, in its whole size: it may be many times as long as what a small container has room for twice.
    let mut out = String::with_capacity(text.len() + added);
    let mut from = 0;
    for (place, replacement) in in_order {
        out.push_str(text.get(from..place.start).unwrap_or_default());
        out.push_str(replacement);
        from = place.end;
    }
    out + text.get(from..).unwrap_or_default()
}

/// Where a place of the text is after these edits; for one within an edit, the place of the edit.
pub(crate) fn moved_by(place: &Range<usize>, edits: &[Edit]) -> Range<usize> {
    let (mut start, mut end) = (place.start, place.end);
    if let Some((edit, _)) = edits.iter().find(|(edit, _)| edit.start <= start && end <= edit.end && !edit.is_empty()) {
        (start, end) = (edit.start, edit.end);
    }
    let moved = |offset: usize| {
        let before = edits.iter().filter(|(edit, _)| edit.end <= offset && edit.start < edit.end);
        let (added, removed) = before
            .fold((0, 0), |(added, removed), (edit, text)| (added + text.len(), removed + (edit.end - edit.start)));
        offset + added - removed
    };
    moved(start)..moved(end)
}

impl FilledTemplate {
    /// The same for the text with these edits.
    pub(super) fn moved_by(mut self, edits: &[Edit]) -> Self {
        if !edits.is_empty() {
            self.values.iter_mut().for_each(|value| value.in_text = moved_by(&value.in_text, edits));
        }
        self
    }
}

impl RenderedText {
    /// The place in the template of a place in the rendered text: for one within a value, its placeholder's.
    #[must_use]
    pub fn offset_in_template(&self, offset: usize) -> usize {
        let before = self.values.partition_point(|value| value.in_text.start <= offset);
        match self.values.get(..before).and_then(<[_]>::last) {
            Some(value) if offset < value.in_text.end => value.in_template.start,
            Some(value) => value.in_template.end + (offset - value.in_text.end),
            None => offset,
        }
    }

    /// A fault of the rendered text, at its place in the template.
    pub(super) fn fault_in_template(&self, fault: TextFault) -> TextFault {
        TextFault { offset: self.offset_in_template(fault.offset), ..fault }
    }
}

/// Nobody reads more.
const MAX_FAULTS: usize = 1000;
const MAX_WARNINGS: usize = 20;

/// Renders a template.
///
/// # Errors
/// The placeholders that cannot be replaced, up to a limit.
pub fn render(
    template: &str,
    variables: &TemplateVariables<'_>,
    syntax: &mut dyn Syntax,
) -> Result<RenderedText, Vec<TextFault>> {
    let rendered = RenderedText {
        text: String::with_capacity(template.len()),
        // Growing step by step it would take twice the memory.
        values: Vec::with_capacity(template.matches('$').count()),
        warnings: Vec::new(),
    };
    let mut pass = Renderer { variables, syntax, offset: 0, rendered, faults: Vec::new() };
    while let Some(rest) = template.get(pass.offset..).filter(|rest| !rest.is_empty()) {
        if pass.faults.len() == MAX_FAULTS {
            break;
        }
        let offset = pass.offset;
        pass.step(rest);
        let max_len = pass.syntax.max_len();
        if pass.rendered.text.len() > max_len {
            let fault = TextFault::new(offset, format!("the file grows beyond {max_len} bytes here"));
            return Err(vec![fault.hint("is a long value named again and again?")]);
        }
    }
    if pass.faults.is_empty() { Ok(pass.rendered) } else { Err(pass.faults) }
}

struct Renderer<'a> {
    variables: &'a TemplateVariables<'a>,
    syntax: &'a mut dyn Syntax,
    /// In the template.
    offset: usize,
    rendered: RenderedText,
    faults: Vec<TextFault>,
}

impl Renderer<'_> {
    /// Renders what `rest`, the rest of the template, begins with.
    fn step(&mut self, rest: &str) {
        let found = if self.syntax.in_comment() { Lexed::Text } else { lex(rest) };
        match found {
            Lexed::Text => self.copy(rest.chars().next().map(char::len_utf8).and_then(|length| rest.get(..length))),
            Lexed::Placeholder(placeholder) => self.replace(&placeholder, rest),
            Lexed::Malformed { message, length } if self.variables.unset == UnsetVariable::Keep => {
                let fault = TextFault::new(self.offset, format!("{message}, so it stays as it is"));
                self.warn_once(fault);
                self.copy(rest.get(..length));
            }
            Lexed::Malformed { message, length } => {
                let hint = "write ${NAME}, $<NAME> or ${NAME:-default}; NAME has letters, digits and _";
                self.faults.push(TextFault::new(self.offset, message).hint(hint));
                self.offset += length;
            }
        }
    }

    fn copy(&mut self, text: Option<&str>) {
        let text = text.unwrap_or_default();
        self.push(text);
        self.offset += text.len();
    }

    fn push(&mut self, text: &str) {
        text.chars().for_each(|character| self.syntax.feed(character));
        self.rendered.text.push_str(text);
    }

    fn replace(&mut self, placeholder: &Placeholder<'_>, rest: &str) {
        let name = placeholder.name;
        let (value, origin) = match self.variables.value(placeholder) {
            Ok(Some(found)) => found,
            Ok(None) => {
                let fault =
                    TextFault::new(self.offset, format!("{name} is not set, so its placeholder stays as it is"));
                self.warn_once(
                    fault.hint(format!("set {name}, or unset REPLACE_OS_VARS, which mix itself does not read")),
                );
                return self.copy(rest.get(..placeholder.length));
            }
            Err(refusal) => return self.refuse(placeholder, refusal),
        };
        let is_empty = value.trim_end_matches(['\r', '\n']).is_empty();
        if is_empty && origin == ValueOrigin::Environment && self.needs_value() {
            return self.refuse(placeholder, self.variables.absent(name));
        }
        let text = match self.syntax.quote(&value, placeholder.notation) {
            Ok(text) => text,
            Err(reason) => {
                let message = format!("the value of {name} {reason}");
                return self.refuse(placeholder, NoValue { message, hint: Some(cure(name, &value)) });
            }
        };
        if origin != ValueOrigin::Default && self.is_read_as_escapes(&value, &text, placeholder.notation) {
            self.warn_once(read_as_escapes(self.offset, name));
        }
        let start = self.rendered.text.len();
        self.push(&text);
        let in_template = self.offset..self.offset + placeholder.length;
        self.rendered.values.push(InsertedValue { in_text: start..start + text.len(), in_template, origin });
        self.offset += placeholder.length;
    }

    fn needs_value(&self) -> bool {
        self.variables.unset != UnsetVariable::Empty && self.syntax.needs_value()
    }

    /// Whether the other notation would give another value here.
    fn is_read_as_escapes(&self, value: &str, text: &str, notation: Notation) -> bool {
        notation == Notation::Braces
            && value.contains('\\')
            && self.syntax.quote(value, Notation::Brackets).is_ok_and(|literal| literal != text)
    }

    fn refuse(&mut self, placeholder: &Placeholder<'_>, NoValue { message, hint }: NoValue) {
        self.faults.push(TextFault { offset: self.offset, message, hint });
        // Without anything in its place, what follows would be read as the flag's value, and be at fault too.
        self.syntax.feed('x');
        self.offset += placeholder.length;
    }

    /// A variable may be named on every line.
    fn warn_once(&mut self, fault: TextFault) {
        let warnings = &self.rendered.warnings;
        if warnings.len() < MAX_WARNINGS && !warnings.iter().any(|warning| warning.message == fault.message) {
            self.rendered.warnings.push(fault);
        }
    }
}

fn read_as_escapes(offset: usize, name: &str) -> TextFault {
    let message = format!(
        "the value of {name} has a backslash, which Erlang reads as an escape here, as with Distillery and relx"
    );
    TextFault::new(offset, message).hint(format!(
        "write $<{name}> in the template if the value must arrive as it is; ${{{name}}} is right if its escapes are meant"
    ))
}

/// `echo` and most editors append it to a secret.
const WITHOUT_NEWLINE: &str = "make the Secret without it: kubectl create secret generic NAME --from-literal=KEY=VALUE, or \
                               echo -n VALUE | base64";

fn cure(name: &str, value: &str) -> String {
    if value.ends_with(['\n', '\r']) {
        WITHOUT_NEWLINE.to_owned()
    } else {
        format!("set {name} to a value of letters, digits, - and _")
    }
}

#[cfg(test)]
mod tests;

//! Templates: `${VAR}` and `$<VAR>`, each also with `:-default`, replaced in one pass from left to right.
//!
//! A value is never looked at again, so one that names a variable, itself even, arrives as it is.
//!
//! Pure: no I/O, no clock.

pub use super::fault::Fault;
use crate::identity::cure;
use crate::variables::{DERIVED, Env};
use std::ops::Range;

/// What a template's placeholders stand for.
#[derive(Debug)]
pub struct Variables<'a> {
    /// The environment.
    pub env: &'a Env,
    /// What is known besides: it serves where the environment has nothing.
    pub derived: Vec<(String, String)>,
    /// Variables of the environment that must not be used, with the reason.
    pub refused: Vec<(String, String)>,
    /// Whether an unset variable is an error, else empty text.
    pub unset_is_error: bool,
}

/// Follows the text as it is rendered, and tells what may be put where. Each file format has its own.
pub trait Syntax {
    /// Takes the next character of the rendered text.
    fn feed(&mut self, character: char);
    /// Whether the next character belongs to a comment.
    fn in_comment(&self) -> bool;
    /// The text that stands for this value here.
    ///
    /// # Errors
    /// Why the value may not be put here; reads as the end of a sentence that begins with the variable.
    fn put(&self, value: String) -> Result<String, String>;
    /// Whether the next character may belong to a secret, which messages must not show.
    fn hides(&self) -> bool;
    /// How long a text of this format may be, in bytes, before and after it is rendered: a value can be named again and
    /// again, and what is made of the text takes many times its length.
    fn longest(&self) -> usize;
}

/// A rendered text.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The values in it, one for each placeholder.
    pub values: Vec<Value>,
}

/// A value that stands for a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Where it stands in the rendered text, in bytes.
    pub in_text: Range<usize>,
    /// Where its placeholder stands in the template, in bytes.
    pub in_template: Range<usize>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The environment.
    Environment,
    /// What is known besides.
    Derived,
    /// The placeholder's own default.
    Default,
    /// Nothing has it, and that was asked for.
    Nothing,
}

/// Nobody reads as many.
const MAX_FAULTS: usize = 1000;

/// Renders a template.
///
/// # Errors
/// The placeholders that cannot be replaced, all but for a limit.
pub fn render(template: &str, variables: &Variables<'_>, syntax: &mut dyn Syntax) -> Result<Rendered, Vec<Fault>> {
    let mut out = Output { text: String::with_capacity(template.len()), syntax };
    // Grown bit by bit it would take twice its room.
    let mut values = Vec::with_capacity(template.matches('$').count());
    let (mut faults, mut offset, longest) = (Vec::new(), 0, out.syntax.longest());
    while let Some(character) = template.get(offset..).and_then(|rest| rest.chars().next()) {
        if faults.len() == MAX_FAULTS {
            break;
        }
        let rest = template.get(offset..).unwrap_or_default();
        let found = if out.syntax.in_comment() { Lexed::Text } else { lex(rest) };
        match found {
            Lexed::Text => {
                out.push(character);
                offset += character.len_utf8();
            }
            Lexed::Placeholder(placeholder) => {
                let (start, in_template) = (out.text.len(), offset..offset + placeholder.length);
                match placeholder.value(variables, out.syntax) {
                    Ok((value, origin)) => {
                        value.chars().for_each(|character| out.push(character));
                        values.push(Value { in_text: start..out.text.len(), in_template, origin });
                    }
                    Err((message, hint)) => faults.push(Fault { offset, message, hint }),
                }
                if out.text.len() > longest {
                    let hint = Some("is a long value named again and again?".into());
                    return Err(vec![Fault {
                        offset,
                        message: format!("the file grows beyond {longest} bytes here"),
                        hint,
                    }]);
                }
                offset += placeholder.length;
            }
            Lexed::Malformed { message, length } => {
                let hint = Some("write ${NAME}, $<NAME> or ${NAME:-default}; NAME has letters, digits and _".into());
                faults.push(Fault { offset, message, hint });
                offset += length;
            }
        }
    }
    if faults.is_empty() { Ok(Rendered { text: out.text, values }) } else { Err(faults) }
}

/// The template as messages may show it: what `syntax` takes for a secret becomes asterisks, placeholders stay. Lines and
/// columns stay the same.
pub fn masked(template: &str, syntax: &mut dyn Syntax) -> String {
    masked_where(template, syntax, lex)
}

/// The same for a text that was rendered: what looks like a placeholder in it is a value's.
pub fn masked_text(text: &str, syntax: &mut dyn Syntax) -> String {
    masked_where(text, syntax, |_| Lexed::Text)
}

fn masked_where(template: &str, syntax: &mut dyn Syntax, lex: fn(&str) -> Lexed<'_>) -> String {
    let mask = |text: &str| text.chars().map(masked_character).collect::<String>();
    let mut shown = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let found = if syntax.in_comment() { Lexed::Text } else { lex(rest) };
        let length = match found {
            Lexed::Placeholder(Placeholder { default, length, .. }) => {
                let default = default.filter(|_| syntax.hides()).unwrap_or_default();
                shown.extend([&rest[..length - 1 - default.len()], &mask(default), &rest[length - 1..length]]);
                length
            }
            Lexed::Text | Lexed::Malformed { .. } => {
                let length = if let Lexed::Malformed { length, .. } = found { length } else { first.len_utf8() };
                for character in rest[..length].chars() {
                    let hidden = syntax.hides();
                    syntax.feed(character);
                    // Hidden before it and after it: what opens and closes a secret is none.
                    shown.push(if hidden && syntax.hides() { masked_character(character) } else { character });
                }
                length
            }
        };
        rest = &rest[length..];
    }
    shown
}

fn masked_character(character: char) -> char {
    if character.is_whitespace() { character } else { '*' }
}

struct Output<'a> {
    text: String,
    syntax: &'a mut dyn Syntax,
}

impl Output<'_> {
    fn push(&mut self, character: char) {
        self.text.push(character);
        self.syntax.feed(character);
    }
}

enum Lexed<'a> {
    /// The next character stands for itself.
    Text,
    Placeholder(Placeholder<'a>),
    Malformed {
        message: String,
        length: usize,
    },
}

struct Placeholder<'a> {
    name: &'a str,
    default: Option<&'a str>,
    /// In bytes, with its brackets.
    length: usize,
}

/// What stands at the beginning of `rest`. `${` always wants to be a placeholder; `$<` only before a name, since `$<`
/// has other uses.
fn lex(rest: &str) -> Lexed<'_> {
    let (body, close) = if let Some(body) = rest.strip_prefix("${") {
        (body, '}')
    } else if let Some(body) = rest.strip_prefix("$<").filter(|body| body.starts_with(is_name_start)) {
        (body, '>')
    } else {
        return Lexed::Text;
    };
    // Not split at line ends first: a line may be long, and have a placeholder everywhere.
    let end = body.find([close, '\n', '\r']).unwrap_or(body.len());
    let (inside, behind) = body.split_at(end);
    if !behind.starts_with(close) {
        return Lexed::Malformed { message: format!("{} is not closed", &rest[..2]), length: 2 + end };
    }
    let length = 2 + inside.len() + 1;
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if name.starts_with(is_name_start) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Lexed::Placeholder(Placeholder { name, default, length })
    } else {
        Lexed::Malformed { message: format!("{} names no variable", &rest[..length]), length }
    }
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

type Refusal = (String, Option<String>);

impl Placeholder<'_> {
    fn value(&self, variables: &Variables<'_>, syntax: &dyn Syntax) -> Result<(String, Origin), Refusal> {
        let (value, origin) = match (variables.get(self.name)?, self.default) {
            (Some(found), _) => found,
            (None, Some(default)) => (default.to_owned(), Origin::Default),
            (None, None) if variables.unset_is_error => return Err(self.unset(variables)),
            (None, None) => (String::new(), Origin::Nothing),
        };
        let ends_with_newline = value.ends_with(['\n', '\r']);
        let put = syntax.put(value).map_err(|reason| {
            let hint = if ends_with_newline {
                WITHOUT_NEWLINE.to_owned()
            } else {
                format!("set {} to a value of letters, digits, - and _", self.name)
            };
            (format!("the value of {} {reason}", self.name), Some(hint))
        })?;
        Ok((put, origin))
    }

    fn unset(&self, variables: &Variables<'_>) -> Refusal {
        let (state, untold) = match variables.env.get(self.name) {
            Some(_) => ("is empty", "is empty, and nothing else tells it"),
            None => ("is not set", "is not set, and nothing else tells it"),
        };
        let name = self.name;
        if DERIVED.contains(&name) {
            return (format!("{name} {untold}"), Some(cure(name).to_owned()));
        }
        let set = format!("set {name} in the container's env, or give a default: ${{{name}:-…}}");
        let hint = match variables.similar(name) {
            Some(other) => format!("{other} is set: write ${{{other}}} if that is meant; else {set}"),
            None => set,
        };
        (format!("{name} {state}"), Some(hint))
    }
}

impl Variables<'_> {
    /// A variable that is set and may be the one that is meant: any cookie for a cookie (mix has `RELEASE_COOKIE`, older
    /// templates `ERLANG_COOKIE`), else a name that is nearly the same.
    fn similar(&self, name: &str) -> Option<&str> {
        const ALIKE: f64 = 0.95;
        let is_set = |other: &&str| self.env.get(other).is_some_and(|value| !value.is_empty()) && *other != name;
        let set = || self.env.names().filter(is_set).filter(|other| !other.starts_with("BEAMINIT_"));
        let cookie = set().find(|other| name.ends_with("COOKIE") && other.ends_with("COOKIE"));
        let alike = |other: &&str| strsim::jaro_winkler(other, name) > ALIKE;
        let derived = self.derived.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str());
        cookie.or_else(|| set().chain(derived).find(alike))
    }

    /// The value, if there is one that is not empty.
    fn get(&self, name: &str) -> Result<Option<(String, Origin)>, Refusal> {
        if let Some((_, reason)) = self.refused.iter().find(|(refused, _)| refused == name) {
            let hint =
                if DERIVED.contains(&name) { cure(name).into() } else { format!("set {name} to a proper value") };
            return Err((format!("{name} cannot be used: {reason}"), Some(hint)));
        }
        let derived = || {
            let known = self.derived.iter().find(|(key, _)| key == name);
            known.map(|(_, value)| (value.clone(), Origin::Derived))
        };
        match self.env.get(name).filter(|value| !value.is_empty()) {
            None => Ok(derived().filter(|(value, _)| !value.is_empty())),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some((text.to_owned(), Origin::Environment))),
                None => derived().map(Some).ok_or_else(|| {
                    (format!("the value of {name} is not UTF-8"), Some(format!("set {name} to text in UTF-8")))
                }),
            },
        }
    }
}

impl Value {
    /// The variable that its placeholder in `template` names.
    #[must_use]
    pub fn name<'a>(&self, template: &'a str) -> &'a str {
        match template.get(self.in_template.clone()).map(lex) {
            Some(Lexed::Placeholder(placeholder)) => placeholder.name,
            _ => "",
        }
    }
}
/// What `echo` and most editors do to a secret.
const WITHOUT_NEWLINE: &str = "make the Secret without it: kubectl create secret generic NAME --from-literal=KEY=VALUE, or \
                               echo -n VALUE | base64";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    /// A format whose comments run from `#` to the end of the line, and where `!` is not allowed.
    #[derive(Default)]
    struct Plain(bool);

    impl Syntax for Plain {
        fn feed(&mut self, character: char) {
            self.0 = character != '\n' && (self.0 || character == '#');
        }
        fn in_comment(&self) -> bool {
            self.0
        }
        fn put(&self, value: String) -> Result<String, String> {
            if value.contains('!') { Err("has a !".into()) } else { Ok(value) }
        }
        fn hides(&self) -> bool {
            self.0
        }
        fn longest(&self) -> usize {
            4096
        }
    }

    fn env() -> Env {
        Env::from_pairs([
            ("V", "value"),
            ("SELF", "${SELF}"),
            ("OTHER", "${V} $<V>"),
            ("AWK", r"\& & \\ a|b/c"),
            ("EMPTY", ""),
            ("_U1", "under"),
        ])
    }

    fn with(template: &str, unset_is_error: bool) -> Result<String, Vec<Fault>> {
        let env = env();
        let derived = vec![("KNOWN".into(), "derived".into()), ("V".into(), "not this".into())];
        let refused = vec![("BAD".into(), "BAD=\"-\" is no label".into())];
        let variables = Variables { env: &env, derived, refused, unset_is_error };
        render(template, &variables, &mut Plain::default()).map(|rendered| rendered.text)
    }

    fn rendered(template: &str) -> String {
        with(template, true).unwrap_or_else(|faults| panic!("{template}: {faults:?}"))
    }

    fn fault(template: &str) -> (usize, String) {
        let mut faults = with(template, true).unwrap_err();
        assert_eq!(faults.len(), 1, "{template}");
        let fault = faults.remove(0);
        (fault.offset, fault.message)
    }

    #[test]
    fn both_notations_are_replaced() {
        assert_eq!(rendered("a ${V} b $<V> c${V}$<V>"), "a value b value cvaluevalue");
        assert_eq!(rendered("${KNOWN} $<_U1>"), "derived under");
    }

    #[test]
    fn a_default_serves_for_unset_and_for_empty() {
        assert_eq!(rendered("${NONE:-d e} $<EMPTY:-f> ${V:-x} ${NONE:-}|"), "d e f value |");
    }

    #[test]
    fn values_are_never_looked_at_again() {
        assert_eq!(rendered("${SELF} ${OTHER}"), "${SELF} ${V} $<V>");
        assert_eq!(rendered("${AWK}"), r"\& & \\ a|b/c");
    }

    #[test]
    fn each_value_tells_where_it_comes_from() {
        let template = "${V} $<KNOWN> ${NONE:-d} ${NONE}";
        let env = env();
        let derived = vec![("KNOWN".into(), "x".into())];
        let variables = Variables { env: &env, derived, refused: vec![], unset_is_error: false };
        let rendered = render(template, &variables, &mut Plain::default()).unwrap();
        let found: Vec<_> = rendered
            .values
            .iter()
            .map(|value| (value.name(template), &rendered.text[value.in_text.clone()], value.origin))
            .collect();
        assert_eq!(
            found,
            [
                ("V", "value", Origin::Environment),
                ("KNOWN", "x", Origin::Derived),
                ("NONE", "d", Origin::Default),
                ("NONE", "", Origin::Nothing),
            ]
        );
    }

    #[test]
    fn what_is_no_placeholder_stays() {
        for text in ["$V", "$(V)", "$$", "$< V>", "$<1>", "a < b", "$", "{V}", "%V%", "\u{feff}é\r\n", "no newline"] {
            assert_eq!(rendered(text), text);
        }
        assert_eq!(rendered("$${V}"), "$value");
    }

    #[test]
    fn comments_are_copied() {
        assert_eq!(rendered("# ${NONE} ${\n${V} # $<NONE>"), "# ${NONE} ${\nvalue # $<NONE>");
    }

    #[test]
    fn unset_and_empty_are_errors_unless_asked_for() {
        assert_eq!(fault("ab ${NONE}"), (3, "NONE is not set".into()));
        assert_eq!(fault("$<EMPTY>"), (0, "EMPTY is empty".into()));
        assert_eq!(with("[${NONE}${EMPTY}]", false).unwrap(), "[]");
    }

    #[test]
    fn every_fault_of_a_template_is_found() {
        let faults = with("${A} ${ V } ${}\n${V-d} ${1} ${V} ${V*} ${BAD} ${V", true).unwrap_err();
        let messages: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "A is not set",
                "${ V } names no variable",
                "${} names no variable",
                "${V-d} names no variable",
                "${1} names no variable",
                "${V*} names no variable",
                "BAD cannot be used: BAD=\"-\" is no label",
                "${ is not closed",
            ]
        );
    }

    #[test]
    fn a_placeholder_that_is_not_closed_hides_no_fault_of_the_next_line() {
        let faults = with("${LONG_NAME\n${A}", true).unwrap_err();
        let found: Vec<_> = faults.iter().map(|fault| (fault.offset, fault.message.as_str())).collect();
        assert_eq!(found, [(0, "${ is not closed"), (12, "A is not set")]);
    }

    #[test]
    fn a_file_grows_to_its_limit_and_no_further() {
        let value = "v".repeat(1024);
        let env = Env::from_pairs([("V", value.as_str())]);
        let variables = Variables { env: &env, derived: vec![], refused: vec![], unset_is_error: true };
        let whole = render("${V}${V}${V}${V}", &variables, &mut Plain::default());
        assert_eq!(whole.unwrap().text.len(), 4096);
        let faults = render("${V}${V}${V}.${V}${NONE}", &variables, &mut Plain::default()).unwrap_err();
        assert_eq!((faults.len(), faults[0].offset), (1, 13));
    }

    #[test]
    fn a_variable_that_may_be_meant_is_proposed() {
        let proposed = |name: &str, set: &[(&str, &str)]| {
            let env = Env::from_pairs(set.iter().copied());
            let derived = vec![("KNOWN".into(), "x".into()), ("NAMELESS".into(), String::new())];
            let variables = Variables { env: &env, derived, refused: vec![], unset_is_error: true };
            let faults = render(&format!("${{{name}}}"), &variables, &mut Plain::default()).unwrap_err();
            let hint = faults[0].hint.clone().unwrap();
            hint.split_once(" is set: write").map(|(other, _)| other.to_owned())
        };
        for (name, set, other) in [
            ("ERLANG_COOKIE", [("OTHER", "x"), ("RELEASE_COOKIE", "x")], Some("RELEASE_COOKIE")),
            ("DATABASE_HOSTS", [("PATH", "x"), ("DATABASE_HOST", "x")], Some("DATABASE_HOST")),
            ("KNOWNS", [("PATH", "x"), ("HOME", "x")], Some("KNOWN")),
            ("NAMELES", [("PATH", "x"), ("HOME", "x")], None),
            ("ERLANG_COOKIE", [("RELEASE_COOKIE", ""), ("ERLANG_COOKIE", "")], None),
            ("ERLANG_COOKIE", [("BEAMINIT_COOKIE", "x"), ("PATH", "x")], None),
            ("DATABASE_HOST", [("RELEASE_COOKIE", "x"), ("PATH", "x")], None),
        ] {
            assert_eq!(proposed(name, &set).as_deref(), other, "{name} {set:?}");
        }
    }

    #[test]
    fn a_value_that_is_not_utf8_is_refused_unless_something_else_tells_it() {
        let bad = || OsString::from_vec(vec![b'a', 0xff]);
        let env = Env::from_pairs([("BAD", bad()), ("KNOWN", bad())]);
        let derived = vec![("KNOWN".into(), "x".into())];
        let variables = Variables { env: &env, derived, refused: vec![], unset_is_error: false };
        assert_eq!(render("${KNOWN}", &variables, &mut Plain::default()).unwrap().text, "x");
        let fault = render("${BAD:-x}", &variables, &mut Plain::default()).unwrap_err().remove(0);
        assert_eq!(fault.message, "the value of BAD is not UTF-8");
        assert_eq!(fault.hint.unwrap(), "set BAD to text in UTF-8");
    }

    #[test]
    fn a_value_that_may_not_stand_there_is_refused() {
        assert_eq!(fault("${NONE:-a!b}").1, "the value of NONE has a !");
    }

    #[test]
    fn a_fault_shows_its_line_with_a_caret() {
        let text = "-name x\n\t-setcookie ${ERLANG_COOKIE}\n";
        let problem = with(text, true).unwrap_err().remove(0).locate("vm.args", text, text);
        assert_eq!(problem.message, "vm.args:2:13: ERLANG_COOKIE is not set");
        assert_eq!(problem.excerpt.unwrap(), "  \t-setcookie ${ERLANG_COOKIE}\n  \t           ^");
    }

    #[test]
    fn secrets_are_masked_in_place() {
        let text = "a ${V:-b} # \u{e9} ${V}\t${V:-c}\r\nd";
        assert_eq!(masked(text, &mut Plain::default()), "a ${V:-b} # * ****\t*******\r\nd");
        assert_eq!(masked("a ${} ${1} # ${} ${V", &mut Plain::default()), "a ${} ${1} # *** ***");
    }

    proptest! {
        #[test]
        fn a_text_without_dollar_is_unchanged(text in "[^$]*") {
            prop_assert_eq!(with(&text, true).unwrap(), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[${}<>:\\-VN#\\n é]*") {
            let _ = with(&text, true);
        }

        #[test]
        fn a_value_arrives_as_it_is(value in "[^!\\x00]+") {
            let env = Env::from_pairs([("V", value.as_str())]);
            let variables = Variables { env: &env, derived: vec![], refused: vec![], unset_is_error: true };
            let rendered = render("${V}", &variables, &mut Plain::default()).unwrap();
            let values = vec![Value { in_text: 0..value.len(), in_template: 0..4, origin: Origin::Environment }];
            prop_assert_eq!(rendered, Rendered { text: value, values });
        }
    }
}

//! Placeholders and their values, as promises.

use super::super::mask::masked;
use super::*;
use crate::variables::Env;
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
    fn quote(&self, value: &str, _: Notation) -> Result<String, String> {
        if value.contains('!') { Err("has a !".into()) } else { Ok(value.to_owned()) }
    }
    fn in_secret(&self) -> bool {
        self.0
    }
    fn max_len(&self) -> usize {
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

fn with(template: &str, unset: UnsetVariable) -> Result<String, Vec<TextFault>> {
    let env = env();
    let derived = vec![("KNOWN".into(), "derived".into()), ("V".into(), "not this".into())];
    let refused = vec![("BAD".into(), "BAD=\"-\" is not a label".into())];
    let variables = TemplateVariables { env: &env, derived, refused, unset };
    render(template, &variables, &mut Plain::default()).map(|rendered| rendered.text)
}

fn rendered(template: &str) -> String {
    with(template, UnsetVariable::Error).unwrap_or_else(|faults| panic!("{template}: {faults:?}"))
}

fn fault(template: &str) -> (usize, String) {
    let mut faults = with(template, UnsetVariable::Error).unwrap_err();
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
fn each_value_says_where_it_comes_from() {
    let template = "${V} $<KNOWN> ${NONE:-d} ${NONE}";
    let env = env();
    let derived = vec![("KNOWN".into(), "x".into())];
    let variables = TemplateVariables { env: &env, derived, refused: vec![], unset: UnsetVariable::Empty };
    let rendered = render(template, &variables, &mut Plain::default()).unwrap();
    let found: Vec<_> = rendered
        .values
        .iter()
        .map(|value| (value.name(template), &rendered.text[value.in_text.clone()], value.origin))
        .collect();
    assert_eq!(
        found,
        [
            ("V", "value", ValueOrigin::Environment),
            ("KNOWN", "x", ValueOrigin::Derived),
            ("NONE", "d", ValueOrigin::Default),
            ("NONE", "", ValueOrigin::Nothing),
        ]
    );
}

#[test]
fn what_is_not_a_placeholder_stays() {
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
fn unset_is_an_error_unless_asked_for() {
    assert_eq!(fault("ab ${NONE}"), (3, "NONE is not set".into()));
    let hint = with("${NONE}", UnsetVariable::Error).unwrap_err().remove(0).hint.unwrap();
    assert!(hint.contains("BEAMINIT_UNSET=empty"), "{hint}");
    assert_eq!(with("[${NONE}${EMPTY}]", UnsetVariable::Empty).unwrap(), "[]");
}

#[test]
fn empty_on_purpose_is_empty_text_but_for_what_is_derived() {
    assert_eq!(rendered("[${EMPTY}$<EMPTY>]"), "[]");
    let env = Env::from_pairs([("MY_POD_FQDN", "")]);
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    let fault = render("${MY_POD_FQDN}", &variables, &mut Plain::default()).unwrap_err().remove(0);
    assert_eq!(fault.message, "MY_POD_FQDN is empty, and beaminit cannot derive it");
}

#[test]
fn what_is_not_set_stays_where_nobody_may_have_meant_it() {
    let (env, text) = (env(), "${NONE} ${V} ${NONE} ${name.x} $<NONE:-d> ${open");
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Keep };
    let rendered = render(text, &variables, &mut Plain::default()).unwrap();
    assert_eq!(rendered.text, "${NONE} value ${NONE} ${name.x} d ${open");
    let warnings: Vec<_> = rendered.warnings.iter().map(|fault| (fault.offset, fault.message.as_str())).collect();
    assert_eq!(
        warnings,
        [
            (0, "NONE is not set, so its placeholder stays as it is"),
            (21, "invalid placeholder `${name.x}`, so it stays as it is"),
            (42, "${ is not closed, so it stays as it is"),
        ]
    );
}

#[test]
fn a_place_in_the_result_is_found_in_the_template() {
    let (env, text) = (env(), "a ${V} b $<V>\nc");
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    let rendered = render(text, &variables, &mut Plain::default()).unwrap();
    for (in_text, in_template) in [(0, 0), (2, 2), (6, 2), (7, 6), (8, 7), (10, 9), (14, 9), (15, 13), (16, 14)] {
        assert_eq!(rendered.offset_in_template(in_text), in_template, "{in_text}");
    }
}

#[test]
fn every_fault_of_a_template_is_found() {
    let faults = with("${A} ${ V } ${}\n${V-d} ${1} ${V} ${V*} ${BAD} ${V", UnsetVariable::Error).unwrap_err();
    let messages: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "A is not set",
            "invalid placeholder `${ V }`",
            "invalid placeholder `${}`",
            "invalid placeholder `${V-d}`",
            "invalid placeholder `${1}`",
            "invalid placeholder `${V*}`",
            "BAD cannot be used: BAD=\"-\" is not a label",
            "${ is not closed",
        ]
    );
}

#[test]
fn a_placeholder_that_is_not_closed_hides_no_fault_of_the_next_line() {
    let faults = with("${LONG_NAME\n${A}", UnsetVariable::Error).unwrap_err();
    let found: Vec<_> = faults.iter().map(|fault| (fault.offset, fault.message.as_str())).collect();
    assert_eq!(found, [(0, "${ is not closed"), (12, "A is not set")]);
}

#[test]
fn a_file_grows_to_its_limit_and_no_further() {
    let value = "v".repeat(1024);
    let env = Env::from_pairs([("V", value.as_str())]);
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
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
        let variables = TemplateVariables { env: &env, derived, refused: vec![], unset: UnsetVariable::Error };
        let faults = render(&format!("${{{name}}}"), &variables, &mut Plain::default()).unwrap_err();
        let hint = faults[0].hint.clone().unwrap();
        hint.split_once(" is set: write").map(|(other, _)| other.to_owned())
    };
    for (name, set, other) in [
        ("ERLANG_COOKIE", [("OTHER", "x"), ("RELEASE_COOKIE", "x")], Some("RELEASE_COOKIE")),
        ("DATABASE_HOSTS", [("PATH", "x"), ("DATABASE_HOST", "x")], Some("DATABASE_HOST")),
        ("KNOWNS", [("PATH", "x"), ("HOME", "x")], Some("KNOWN")),
        ("NAMELES", [("PATH", "x"), ("HOME", "x")], None),
        ("ERLANG_COOKIE", [("RELEASE_COOKIE", ""), ("PATH", "x")], None),
        ("ERLANG_COOKIE", [("BEAMINIT_COOKIE", "x"), ("PATH", "x")], None),
        ("DATABASE_HOST", [("RELEASE_COOKIE", "x"), ("PATH", "x")], None),
    ] {
        assert_eq!(proposed(name, &set).as_deref(), other, "{name} {set:?}");
    }
}

#[test]
fn a_value_that_is_not_utf8_is_refused_unless_another_source_has_it() {
    let bad = || OsString::from_vec(vec![b'a', 0xff]);
    let env = Env::from_pairs([("BAD", bad()), ("KNOWN", bad())]);
    let derived = vec![("KNOWN".into(), "x".into())];
    let variables = TemplateVariables { env: &env, derived, refused: vec![], unset: UnsetVariable::Empty };
    assert_eq!(render("${KNOWN}", &variables, &mut Plain::default()).unwrap().text, "x");
    let fault = render("${BAD:-x}", &variables, &mut Plain::default()).unwrap_err().remove(0);
    assert_eq!(fault.message, "the value of BAD is not UTF-8");
    assert_eq!(fault.hint.unwrap(), "set BAD to text in UTF-8");
}

#[test]
fn a_value_that_may_not_be_there_is_refused() {
    assert_eq!(fault("${NONE:-a!b}").1, "the value of NONE has a !");
}

#[test]
fn a_fault_shows_its_line_with_a_caret() {
    let text = "-name x\n\t-setcookie ${ERLANG_COOKIE}\n";
    let problem = with(text, UnsetVariable::Error).unwrap_err().remove(0).locate("vm.args", text, text);
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
        prop_assert_eq!(with(&text, UnsetVariable::Error).unwrap(), text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[${}<>:\\-VN#\\n é]*") {
        let _ = with(&text, UnsetVariable::Error);
    }

    #[test]
    fn a_value_arrives_as_it_is(value in "[^!\\x00]+") {
        let env = Env::from_pairs([("V", value.as_str())]);
        let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
        let rendered = render("${V}", &variables, &mut Plain::default()).unwrap();
        let origin = ValueOrigin::Environment;
        let values = vec![InsertedValue { in_text: 0..value.len(), in_template: 0..4, origin }];
        prop_assert_eq!(rendered, RenderedText { text: value, values, warnings: vec![] });
    }
}

#[test]
fn a_place_moves_with_the_edits_before_it() {
    let edits = [(8..9, "longer".to_owned()), (2..4, String::new())];
    let text = "ab--ef ghi";
    assert_eq!(edited(text, &edits), "abef glongeri");
    for (place, moved) in [(0..2, 0..2), (4..6, 2..4), (9..10, 12..13), (8..9, 6..12), (3..4, 2..2), (7..10, 5..13)] {
        assert_eq!(moved_by(&place, &edits), moved, "{place:?}");
    }
}

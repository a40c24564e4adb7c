//! How the VM reads terms, as promises.

use super::super::template::{InsertedValue, RenderedText, render};
use super::super::variables::{TemplateVariables, UnsetVariable, ValueOrigin};
use super::*;
use crate::variables::Env;

/// `template` with V set to `value`.
fn with(template: &str, value: &str) -> Result<String, String> {
    let env = Env::from_pairs([("V", value)]);
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Empty };
    let rendered = render(template, &variables, &mut SysConfigScanner::default())
        .map_err(|mut faults| faults.remove(0).message)?;
    read_back(&rendered).map_err(|fault| fault.message)
}

fn refused(template: &str, value: &str, part: &str) {
    let message = with(template, value).unwrap_err();
    assert!(message.contains(part), "{template} {value:?}: {message}");
}

#[test]
fn braces_leave_a_well_formed_value_to_erlang_and_brackets_never_do() {
    for (value, braces, brackets) in [
        (r"ab\cd", r"ab\cd", r"ab\\cd"),
        (r#"{\"a\":1}"#, r#"{\"a\":1}"#, r#"{\\\"a\\\":1}"#),
        (r#"{"a":"\n"}"#, r#"{\"a\":\"\\n\"}"#, r#"{\"a\":\"\\n\"}"#),
        (r"a\", r"a\\", r"a\\"),
    ] {
        assert_eq!(with("<<\"${V}\">>", value), Ok(format!("<<\"{braces}\">>")));
        assert_eq!(with("<<\"$<V>\">>", value), Ok(format!("<<\"{brackets}\">>")));
    }
    assert_eq!(with("<<\"${V}\">>", "\\\u{e9}").as_deref(), Ok(r#"<<"\x{C3}\x{A9}">>"#));
}

#[test]
fn a_value_that_erlang_reads_as_escapes_is_warned_of_once() {
    let warnings = |template: &str, value: &str| {
        let env = Env::from_pairs([("V", value)]);
        let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
        render(template, &variables, &mut SysConfigScanner::default()).unwrap().warnings
    };
    let found = warnings("[{a, \"${V}\"},\n {b, '${V}'}].", r"ab\cd");
    assert_eq!((found.len(), found[0].offset), (1, 6));
    let hint = found[0].hint.as_deref().unwrap();
    assert!(found[0].message.contains("V has a backslash") && hint.contains("$<V>") && hint.contains("${V}"), "{hint}");
    for (template, value) in
        [("\"$<V>\"", r"a\b"), ("\"${V}\"", r#"a\b""#), ("${V}", r"$\n"), ("\"${N:-a\\b}\"", ""), ("\"${V}\"", "a\nb")]
    {
        assert_eq!(warnings(template, value), [], "{template} {value}");
    }
}

#[test]
fn included_files_are_found() {
    let text = r#"[{a, ["b"]}, "extra", % "x"
 "etc/more.config", "two" "parts", {c, "d"}, <<"e">>, "f\n"]."#;
    let files: Vec<_> = included_files(text).into_iter().map(|(place, name)| (&text[place], name)).collect();
    assert_eq!(files, [("\"extra\"", "extra"), ("\"etc/more.config\"", "etc/more.config")]);
    assert_eq!(included_files("[\"a\", ].").len(), 1);
    assert_eq!(included_files("\"a\". [b]."), []);
    assert_eq!(string_of("/a \"b\""), r#""/a \"b\"""#);
}

#[test]
fn a_value_in_quotes_is_escaped() {
    for (template, value, expected) in [
        (r#""${V}""#, r#"a"b'c\d%e$f&#~"#, r#""a\"b'c\\d%e$f&#~""#),
        (r"'${V}@h'", r#"a"b'c"#, r#"'a"b\'c@h'"#),
        (r#""x ${V}" "${V}"."#, "\"", r#""x \"" "\""."#),
        (r#""${V}""#, "a\nb\r\tc\u{1}\u{7f}", r#""a\nb\r\tc\x{1}\x{7F}""#),
        (r#""${V}""#, "é日🦀\u{85}", "\"é日🦀\u{85}\""),
        (r#""\"${V}\\${V}""#, "\\", r#""\"\\\\\\""#),
        (r#"~"${V}" ~b(${V}) ~s/${V}/"#, r#"a"b)c/d\"#, r#"~"a\"b)c/d\\" ~b(a"b\)c/d\\) ~s/a"b)c\/d\\/"#),
        ("~<${V}> ~s`${V}`", "a>b`", r"~<a\>b`> ~s`a>b\``"),
        (r"~a_b(${V}) ~_b@(${V}) ~xs(${V})", r#"a\"b"#, r#"~a_b(a\"b) ~_b@(a\"b) ~xs(a\"b)"#),
        (r#"~_b(${V}) ~B"${V}""#, r"a\b%c", r#"~_b(a\b%c) ~B"a\b%c""#),
        (r"~S(${V}) ~B{${V}}", r#"a\"b"#, r#"~S(a\"b) ~B{a\"b}"#),
        ("\"\"\"\n  ${V}\n  \"\"\"", "a'b%c", "\"\"\"\n  a'b%c\n  \"\"\""),
        (r#""${NONE}" "${V}""#, "\"", r#""" "\"""#),
    ] {
        assert_eq!(with(template, value).as_deref(), Ok(expected), "{template}");
    }
}

/// In case our scanner and the tokeniser ever differ over where quotes end.
#[test]
fn a_value_that_leaves_its_quotes_is_found_when_the_text_is_read_back() {
    let value = |in_text| InsertedValue { in_text, in_template: 1..5, origin: ValueOrigin::Environment };
    let rendered =
        |in_text| RenderedText { text: r#"["a", b]."#.into(), values: vec![value(in_text)], warnings: vec![] };
    assert!(read_back(&rendered(2..3)).is_ok());
    for in_text in [2..4, 2..7] {
        assert_eq!(read_back(&rendered(in_text)).unwrap_err().message, "a value ends elsewhere than its quotes do");
    }
}

#[test]
fn what_has_no_escape_is_refused_where_it_cannot_be() {
    refused("~S(${V})", "a)b", "has the character ), which cannot be in a sigil without escapes");
    refused("~B\"${V}\"", "a\nb", "has a newline, which");
    refused("~foo[x${V}]", "]", "has the character ]");
    for bad in ["\"", "\\", "a\nb"] {
        refused("\"\"\"\n${V}\n\"\"\"", bad, "in a triple-quoted string");
        refused("~b\"\"\"\"\n${V}\n\"\"\"\"", bad, "in a triple-quoted string");
    }
    refused("\"\"\"${V}\n\"\"\"", "\"", "in a triple-quoted string");
    refused("~B\"${V}\"", "\"", "has the character \", which cannot be in a sigil without escapes");
    refused("\"\\^${V}\"", "n", "follow a backslash");
    refused("\"\\${V}\"", "n", "follow a backslash");
    refused("\"${V}\"", "\u{ffff}", "does not know");
    refused("'${V}'", &"a".repeat(256), "255 characters");
    assert!(with("'${V}'", &"a".repeat(255)).is_ok());
}

#[test]
fn a_triple_quoted_string_ends_at_as_many_quotes_that_begin_a_line() {
    let inside = "in a triple-quoted string";
    let outside = "opens a quote";
    for (quotes, end, place) in [
        ("\"\"\"", "\"\"\"", outside),
        ("\"\"\"", " \t\"\"\"", outside),
        ("\"\"\"", "\n\"\"\"", outside),
        ("\"\"\"", "a\"\"\"", inside),
        ("\"\"\"", "\"\"", inside),
        ("\"\"\"", "\"\" \"", inside),
        ("\"\"\"\"", "\"\"\"", inside),
        ("\"\"\"\"", "\"\"\"\"", outside),
    ] {
        refused(&format!("{quotes}\na\n{end}${{V}}"), "\"", place);
    }
}

#[test]
fn outside_quotes_a_value_goes_in_as_it_is() {
    for value in [
        "4369",
        "4369\n",
        "[a, % b\n\tc,\r\n {d, e}]",
        "[a, \"b%c\", 'd', $\", $%, $\\\"]",
        "true",
        "\"\"",
        "<<\"é\">>",
        "#{a => 1}",
    ] {
        assert_eq!(with("{port, ${V}}.", value), Ok(format!("{{port, {value}}}.")));
    }
    assert_eq!(with("<<\"a\"${V}>>.", "/utf8").as_deref(), Ok("<<\"a\"/utf8>>."));
}

#[test]
fn what_took_in_the_value_may_take_in_what_follows_it() {
    assert_eq!(with("[$${V}b].", "a, $").as_deref(), Ok("[$a, $b]."));
    refused("[$${V}b].", "a, $c, ~s", "would change what follows it");
}

#[test]
fn outside_quotes_no_value_changes_what_follows_it() {
    refused("{a, ${V}}.", "1}, % {b, 2", "begins a comment");
    refused("{a, ${V}}.", "\"x", "opens a quote");
    refused("{a, ${V}}.", "it's", "opens a quote");
    refused("{a, ${V}}.", "\"\"\"", "opens a quote");
    refused("{a, ${V}}.", "x$", "change what follows it");
    refused("{a, ${V}}.", "a\u{1}", "has the control character '\\u{1}', which cannot be outside quotes");
}

#[test]
fn comments_are_copied_and_characters_open_nothing() {
    for text in [
        "% ${NONE} \" '\n${V}.",
        "{$\", $', $%, $\\\", $\\', $\\%, $\\s, $\\\\, $$} % ${NONE}\n${V}.",
        "\"%\" '%' $% ${V}. % ${",
        "\"\"\"\n \"\" % ' \" \n \"\"\" ${V}.",
        "~S(\\) ~b(\\)) ~\"\\\"\" ~|a| ~`b` ${V}.",
        "\"\\^a\" '\\'' \"\\\\\" ${V}.",
        "\"a\"\"b\" ${V}.",
    ] {
        assert_eq!(with(text, "value"), Ok(text.replace("${V}", "value")), "{text}");
    }
}

#[test]
fn in_a_binary_a_value_is_written_by_its_bytes() {
    for (template, expected) in [
        ("<<\"${V}\">>", r#"<<"\x{C3}\x{A9}a">>"#),
        ("<<\"${V}\"", r#"<<"\x{C3}\x{A9}a""#),
        ("<<\"é${V}\", 1>>", r#"<<"é\x{C3}\x{A9}a", 1>>"#),
        ("[<<\"x\" \"${V}\">>, \"${V}\"]", r#"[<<"x" "\x{C3}\x{A9}a">>, "éa"]"#),
        ("<<\"${V}\"/utf8>>", "<<\"éa\"/utf8>>"),
        ("<<\"${V}\" % comment\n \"b\" / big-utf16>>", "<<\"éa\" % comment\n \"b\" / big-utf16>>"),
        ("{<<\"a\">>, \"${V}\"}", "{<<\"a\">>, \"éa\"}"),
        ("~\"${V}\" <<(~\"${V}\")/binary>>", "~\"éa\" <<(~\"éa\")/binary>>"),
    ] {
        assert_eq!(with(template, "éa").as_deref(), Ok(expected), "{template}");
    }
    refused("<<\"${V}\":16>>", "é", "another size or type");
    refused("<<\"${V}\"/integer>>", "é", "another size or type");
    assert!(with("<<\"${V}\":16>>", "e").is_ok());
}

#[test]
fn what_is_not_erlang_is_refused() {
    refused("[{a, \"b}].", "", "the \" is not closed");
    refused("[{a, 'b}].", "", "the ' is not closed");
    refused("[~, \"${V}\"].", "a\"b", "not Erlang");
    refused("\u{feff}[].", "", "byte order mark");
    refused("%% coding: latin-1\n[\"${V}\"].", "é", "says it is latin-1");
    assert!(with("%% coding: utf-8\n[\"${V}\"].", "é").is_ok());
    assert!(with("[{a, \"x\"}].\r\n% é", "").is_ok());
}

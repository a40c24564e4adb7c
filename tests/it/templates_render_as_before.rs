//! What Distillery and relx make of a template, and what we make of it: the same bytes, where theirs are what was meant.
//! Theirs are the figures of runs of the original functions; so that the table is more than a claim, mawk does the same here.

use std::fs;
use std::process::Command;

use beaminit::testing::render::{TemplateVariables, UnsetVariable, VmSurroundings, sys_config, vm_args};
use beaminit::testing::variables::Env;

use crate::support::scratch_dir;

/// What they put into the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theirs {
    Text(&'static str),
    /// Nothing, ever: what comes in is looked at again.
    Hangs,
}

/// What we put into the line.
#[derive(Clone, Copy, Debug)]
enum Ours {
    /// What they do, to the byte.
    Same,
    Text(&'static str),
    /// An error, with these words.
    Refused(&'static str),
}

use Ours::{Refused, Same};
use Theirs::{Hangs, Text};

struct Row {
    /// In the template.
    text: &'static str,
    /// Of the variable V. W is always `w`, NONE is never set.
    value: &'static str,
    /// Distillery 1.5 and 2.1; relx 3.33; relx 4.7.
    theirs: [Theirs; 3],
    /// In vm.args, as a word or words of no special flag.
    vm_args: Ours,
    /// In sys.config, in a string.
    string: Ours,
}

/// A value that nobody takes for anything.
const fn plain(value: &'static str) -> Row {
    valued(value, [Text(value); 3], Same, Same)
}

/// `${V}` with this value.
const fn valued(value: &'static str, theirs: [Theirs; 3], vm_args: Ours, string: Ours) -> Row {
    Row { text: "${V}", value, theirs, vm_args, string }
}

/// A text, with `q` for V.
const fn text(text: &'static str, theirs: [Theirs; 3], vm_args: Ours, string: Ours) -> Row {
    Row { text, value: "q", theirs, vm_args, string }
}

const LONG: &str = {
    const BYTES: [u8; 5000] = [b'x'; 5000];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

const NO_NAME: Ours = Refused("invalid placeholder");

const TABLE: [Row; 45] = [
    plain("abc"),
    plain("a|b"),
    plain("a/b"),
    plain("a b"),
    plain("a$b"),
    plain("a}b"),
    plain("%s"),
    plain("\u{e9}\u{65e5}\u{1f980}"),
    plain("a,b=c;d:e@f!g*h?i(j)k[l]m~n^o+p-q_r.s<t>u"),
    plain(LONG),
    valued("a\"b", [Text("a\"b"); 3], Refused("opens a \""), Ours::Text("a\\\"b")),
    valued("a'b", [Text("a'b"); 3], Refused("opens a '"), Same),
    valued("a#b", [Text("a#b"); 3], Refused("has #"), Same),
    valued("a&b", [Text("a&b"), Hangs, Text("a&b")], Same, Same),
    valued("a\\b", [Text("a\\b"); 3], Same, Same),
    valued("a\\", [Text("a\\"); 3], Refused("ends with a backslash"), Ours::Text("a\\\\")),
    valued("a\\\\b", [Text("a\\b"); 3], Ours::Text("a\\\\b"), Ours::Text("a\\\\b")),
    valued("a\\&b", [Hangs, Text("a&b"), Hangs], Ours::Text("a\\&b"), Ours::Text("a\\&b")),
    valued("ab\\ncd", [Text("ab\\ncd"); 3], Same, Same),
    valued("{\\\"a\\\":1}", [Text("{\\\"a\\\":1}"); 3], Same, Same),
    valued("{\"a\":1}", [Text("{\"a\":1}"); 3], Same, Ours::Text("{\\\"a\\\":1}")),
    valued("a\\x4", [Text("a\\x4"); 3], Same, Ours::Text("a\\\\x4")),
    valued("a\n", [Text("a\n"); 3], Same, Ours::Text("a\\n")),
    valued("a\nb", [Text("a\nb"); 3], Refused("has a newline"), Ours::Text("a\\nb")),
    valued("${W}", [Text("w"); 3], Ours::Text("${W}"), Ours::Text("${W}")),
    valued("${V}", [Hangs; 3], Ours::Text("${V}"), Ours::Text("${V}")),
    text("${EMPTY}", [Text(""); 3], Same, Same),
    text("${EMPTY:-}", [Text(""); 3], Same, Same),
    text("${EMPTY:-d}", [Text(""), Text(""), Text("d")], Ours::Text("d"), Ours::Text("d")),
    text("${NONE}", [Text(""); 3], Refused("NONE is not set"), Refused("NONE is not set")),
    text("${NONE:-d}", [Text(""), Text(""), Text("d")], Ours::Text("d"), Ours::Text("d")),
    text("${V*}", [Hangs; 3], NO_NAME, NO_NAME),
    text("${u*}", [Hangs; 3], NO_NAME, NO_NAME),
    text("${1}", [Text(""); 3], NO_NAME, NO_NAME),
    text("${}", [Text(""); 3], NO_NAME, NO_NAME),
    text("${ V }", [Text(""); 3], NO_NAME, NO_NAME),
    text("${V.W}", [Text(""); 3], NO_NAME, NO_NAME),
    text("${V-d}", [Text(""); 3], NO_NAME, NO_NAME),
    text("${V\n}", [Text("${V\n}"); 3], Refused("${ is not closed"), Refused("${ is not closed")),
    text("$V $$V", [Text("$V $$V"); 3], Same, Same),
    text("$(V) {V}", [Text("$(V) {V}"); 3], Same, Same),
    text("$<V>", [Text("$<V>"); 3], Ours::Text("q"), Ours::Text("q")),
    text("a${V}b${V}${V}", [Text("aqbqq"); 3], Same, Same),
    text("\\${V}", [Text("\\q"); 3], Same, Refused("follow a backslash")),
    text("$${V}", [Text("$q"); 3], Same, Same),
];

/// A plain substitution in awk: again and again, the first thing in braces is a pattern, and its value the replacement.
const AWK: &str = r#"{
    turns = 0
    while ((from = index($0, "${")) && (to = index(substr($0, from + 2), "}"))) {
        if (++turns > 100) exit 9
        name = substr($0, from + 2, to - 1)
        value = ENVIRON[name]
        if (defaults && value == "" && (at = index(name, ":-"))) value = substr(name, at + 2)
        if (escaping) gsub(/&/, "\\\\&", value)
        gsub("[$][{]" name "[}]", value)
    }
    print
}"#;

/// Distillery makes an ampersand harmless, relx does since 4.7 and has had defaults since 4.0.
const SETTINGS: [&[&str]; 3] = [&["-v", "escaping=1"], &[], &["-v", "escaping=1", "-v", "defaults=1"]];

fn mawk(settings: &[&str], line: &str, value: &str) -> Option<String> {
    let directory = scratch_dir();
    let file = directory.path().join("template");
    fs::write(&file, line).unwrap();
    let mut command = Command::new("mawk");
    let output =
        command.args(settings).arg(AWK).arg(file).env("V", value).env("W", "w").env("EMPTY", "").output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 9)), "{}", String::from_utf8_lossy(&output.stderr));
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// What we make of the line, as a vm.args or as a sys.config.
fn ours(name: &str, line: &str, value: &str, unset: UnsetVariable) -> Result<String, String> {
    let directory = scratch_dir();
    let file = directory.path().join(name);
    fs::write(&file, line).unwrap();
    let env = Env::from_pairs([("V", value), ("W", "w"), ("EMPTY", "")]);
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset };
    match name {
        "vm.args" => vm_args(&file, Some(&variables), VmSurroundings::default()).map(|rendered| rendered.text),
        _ => sys_config(&file, Some(&variables)).map(|rendered| rendered.text),
    }
    .map_err(|error| error.to_string())
}

#[test]
fn the_table_of_theirs_is_what_their_way_gives() {
    for row in TABLE {
        for (theirs, settings) in row.theirs.into_iter().zip(SETTINGS) {
            let printed = mawk(settings, &format!("-x {} y\n", row.text), row.value);
            let expected = match theirs {
                Text(text) => Some(format!("-x {text} y\n")),
                Hangs => None,
            };
            assert_eq!(printed, expected, "{} with {:?}, {settings:?}", row.text, row.value);
        }
    }
}

#[test]
fn each_row_of_the_table_is_theirs_or_better() {
    for row in TABLE {
        for (name, line, ours_is) in
            [("vm.args", "-x @ y\n", row.vm_args), ("sys.config", "[{x, [{y, \"@\"}]}].\n", row.string)]
        {
            let rendered = ours(name, &line.replace('@', row.text), row.value, UnsetVariable::Error);
            let same = match row.theirs[0] {
                Text(text) => Some(line.replace('@', text)),
                Hangs => None,
            };
            let case = format!("{name}: {} with {:?}", row.text, row.value);
            match ours_is {
                Same => assert_eq!(rendered.ok(), Some(same.unwrap()), "{case}"),
                Ours::Text(text) => {
                    assert_eq!(rendered.as_ref(), Ok(&line.replace('@', text)), "{case}");
                    assert_ne!(rendered.ok(), same, "{case}: say that it is the same");
                }
                Refused(words) => {
                    assert!(rendered.as_ref().is_err_and(|error| error.contains(words)), "{case}: {rendered:?}");
                }
            }
        }
    }
}

#[test]
fn unset_may_be_empty_as_theirs_is() {
    for (name, line) in [("vm.args", "-x ${NONE} y\n"), ("sys.config", "[{x, [{y, \"${NONE}\"}]}].\n")] {
        let theirs = mawk(SETTINGS[0], line, "q").unwrap();
        assert_eq!(ours(name, line, "q", UnsetVariable::Empty), Ok(theirs));
    }
}

#[test]
fn a_whole_file_is_theirs_to_the_byte() {
    let args =
        "## Name\n-name ${V}@${W}.x\n\n-setcookie ${V}\n+K true\r\n+A 5\n-env A \"${W}\" -x '${V}'\n-y ${W} # end\n";
    let config = "%% ours\n[{kernel, [{a, ${W}}, {'${V}', \"${V}${W}\", <<\"${W}\">>}]},\r\n {$\", $%, $'} % x\n].\n";
    for (name, text) in [("vm.args", args), ("sys.config", config)] {
        assert_eq!(ours(name, text, "value-1", UnsetVariable::Error), Ok(mawk(SETTINGS[0], text, "value-1").unwrap()));
    }
}

/// An unset variable in a comment is not an error, and a file without a newline at its end gets none.
#[test]
fn comments_and_the_end_of_the_file_stay_as_they_are() {
    for (name, text) in [("vm.args", "## ${NONE}\n-x # ${V}"), ("sys.config", "%% ${NONE}\n[]. % ${V}")] {
        assert_eq!(ours(name, text, "q", UnsetVariable::Error).as_deref(), Ok(text));
        let theirs = mawk(SETTINGS[0], text, "q").unwrap();
        assert_eq!(theirs, text.replace("${NONE}", "").replace("${V}", "q") + "\n");
    }
}

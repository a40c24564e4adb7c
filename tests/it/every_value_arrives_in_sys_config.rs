//! Whatever a variable holds: between the quotes of a sys.config `$<VAR>` arrives in the VM as it is. `${VAR}` arrives as it
//! did with Distillery and relx, which insert it as it is, if that is well-formed there; otherwise as it is. The VM starts
//! with what we rendered and is asked.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use beaminit::testing::exit;
use beaminit::testing::render::{TemplateVariables, UnsetVariable, sys_config};
use beaminit::testing::variables::Env;

use crate::support::erlang::{evaluated, hex, printing};
use crate::support::scratch_dir;
use crate::support::values::values;

const COUNT: usize = 1000;

/// A file of terms, rendered.
fn rendered(file: &Path, template: &str, env: &Env) -> Result<String, String> {
    fs::write(file, template).unwrap();
    let variables = TemplateVariables { env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    sys_config(file, Some(&variables)).map(|rendered| rendered.text).map_err(|error| {
        assert_eq!(error.code, exit::DATA);
        error.to_string()
    })
}

/// What the VM has of a configuration: the application's `values`, each a list of strings, quoted atoms and binaries.
fn seen_by_the_vm(directory: &Path, config: &str) -> Vec<String> {
    fs::write(directory.join("sys.config"), config).unwrap();
    let values = "[[case is_atom(Data) of true -> atom_to_list(Data); false -> Data end || Data <- Value] \
                  || {_, Value} <- lists:sort(application:get_all_env(values))]";
    let load = "application:load({application, values, []})";
    let config = directory.join("sys");
    let printed = evaluated(&["-config", config.to_str().unwrap()], &format!("{load}, {}", printing(values)));
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn a_password_arrives_whatever_it_is_made_of() {
    let directory = scratch_dir();
    let password = "a\"b\\c&d%e$f#g'h${V}$<V>i\nj\tk\u{e9}\u{65e5}\u{1f980} \\n\\\" ";
    let env = Env::from_pairs([("V", password)]);
    let template = "%% ${NONE} \"\n[{values, [\n\
        {v1, [\"${V}\", '${V}', <<\"$<V>\">>, <<\"${V}\"/utf8>>, <<\"\" \"${V}\">>, \"\" \"${V}\"]}, % '${NONE}\n\
        {v2, [\"${NONE:-d\"\\}\"]}, {v3, [[$\", $\\\", $']]}\n]}].";
    let config = rendered(&directory.path().join("template"), template, &env).unwrap();
    let password = hex(password.as_bytes());
    let expected = [[password.as_str(); 6].join(","), hex(b"d\"\\"), hex(b"\"\"'")];
    assert_eq!(seen_by_the_vm(directory.path(), &config), expected);
}

/// The placeholder in every kind of quotes, and what the VM has of it then if this arrives in a string and in an atom.
fn every_kind(placeholder: &str, in_string: &[u8], in_atom: &[u8]) -> (String, String) {
    let p = placeholder;
    let term = format!("[\"{p}\", 'a {p}', <<\"{p} b\">>, <<\"{p}\"/utf8>>, \"{p}\" \"{p}\"]");
    let joined = [b"a ", in_atom].concat();
    let seen = [in_string.to_vec(), joined, [in_string, b" b"].concat(), in_string.to_vec(), in_string.repeat(2)];
    (term, seen.map(|bytes| hex(&bytes)).join(","))
}

/// What the VM reads of each value as it is between these quotes; nothing, where it is not well-formed there.
fn read_bare(directory: &Path, values: &[&OsStr], quote: char) -> Vec<Option<String>> {
    let texts = values.iter().map(|value| hex(format!("{quote}{}{quote} x", value.to_str().unwrap()).as_bytes()));
    fs::write(directory.join("bare"), texts.collect::<Vec<_>>().join("\n")).unwrap();
    let file = directory.join("bare").to_str().unwrap().to_owned();
    let scanned = "case erl_scan:string(unicode:characters_to_list(binary:decode_hex(Line))) of \
                   {ok, [{string, _, Text}, {atom, _, x}], _} -> Text; {ok, [{atom, _, Atom}, {atom, _, x}], _} -> atom_to_list(Atom); _ -> none end";
    let shown = "fun(none) -> \"none\"; (Text) -> [\"=\", binary:encode_hex(unicode:characters_to_binary(Text))] end";
    let read = format!(
        "{{ok, File}} = file:read_file(\"{file}\"), Show = {shown}, \
                        [io:format(\"~s~n\", [Show({scanned})]) || Line <- binary:split(File, <<\"\\n\">>, [global])]"
    );
    let printed = evaluated(&[], &read);
    let read = printed.lines().map(|line| line.strip_prefix('=').map(str::to_ascii_lowercase));
    read.zip(values).map(|(read, value)| read.filter(|_| !has_former_escape(value.to_str().unwrap()))).collect()
}

/// `\^` was an escape with any character, and has become one with `@`, letters, `[\]^_` and `?` alone.
fn has_former_escape(value: &str) -> bool {
    let mut behind = value.match_indices("\\^").filter_map(|(at, _)| value[at + 2..].chars().next());
    behind.any(|character| !matches!(character, '?'..='_' | 'a'..='z'))
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn any_value_arrives_or_is_refused() {
    let directory = scratch_dir();
    let file = directory.path().join("template");
    let all = values(COUNT);
    let (readable, unreadable): (Vec<_>, Vec<_>) =
        all.iter().map(AsRef::as_ref).partition(|value: &&OsStr| value.to_str().is_some());
    for value in unreadable {
        for template in ["[\"${V}\"].", "[\"$<V>\"]."] {
            let text = rendered(&file, template, &Env::from_pairs([("V", value)])).unwrap_err();
            assert!(text.contains("template:1:3: the value of V is not UTF-8"), "{text}");
        }
    }
    // If a value were looked at again, it could name these.
    let mut env: Vec<(String, &OsStr)> =
        ["V", "W", "V0"].into_iter().map(|name| (name.to_owned(), OsStr::new("twice"))).collect();
    let (mut terms, mut expected, mut bare) = (Vec::new(), Vec::new(), 0);
    let in_strings = read_bare(directory.path(), &readable, '"');
    let in_atoms = read_bare(directory.path(), &readable, '\'');
    assert_eq!((in_strings.len(), in_atoms.len()), (readable.len(), readable.len()));
    for (number, (value, read)) in readable.iter().zip(in_strings.into_iter().zip(in_atoms)).enumerate() {
        let name = format!("VALUE_{number}");
        let literal = value.as_encoded_bytes().to_vec();
        let [in_string, in_atom] =
            [read.0, read.1].map(|read| read.map_or_else(|| literal.clone(), |read| bytes(&read)));
        bare += usize::from(in_string != literal);
        for (placeholder, in_string, in_atom) in
            [(format!("${{{name}}}"), &in_string, &in_atom), (format!("$<{name}>"), &literal, &literal)]
        {
            let (term, seen) = every_kind(&placeholder, in_string, in_atom);
            terms.push(format!("{{v{:05}, {term}}}", terms.len()));
            expected.push(seen);
        }
        env.push((name, value));
    }
    assert!(expected.len() > COUNT && bare > 10, "{} {bare}", expected.len());
    let template = format!("[{{values, [{}]}}].", terms.join(",\n"));
    let config = rendered(&file, &template, &Env::from_pairs(env)).unwrap();
    let seen = seen_by_the_vm(directory.path(), &config);
    assert_eq!(seen.len(), expected.len());
    for ((seen, expected), term) in seen.iter().zip(&expected).zip(config.lines()) {
        assert_eq!(seen, expected, "{term}");
    }
}

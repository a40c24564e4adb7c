//! Whatever a variable holds: between the quotes of a sys.config it arrives in the VM as it is, or is refused with a
//! message. The VM starts with what we rendered and is asked.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use beaminit::exit;
use beaminit::render::sys_config;
use beaminit::render::template::Variables;
use beaminit::variables::Env;

use crate::support::erlang::{evaluated, hex, printing};
use crate::support::scratch_dir;
use crate::support::values::values;

const COUNT: usize = 1000;

/// A file of terms, rendered.
fn rendered(file: &Path, template: &str, env: &Env) -> Result<String, String> {
    fs::write(file, template).unwrap();
    let variables = Variables { env, derived: vec![], refused: vec![], unset_is_error: true };
    sys_config(file, Some(&variables)).map(|rendered| rendered.text).map_err(|error| {
        assert_eq!(error.code, exit::DATA);
        error.to_string()
    })
}

/// What the VM has of a configuration: the application's `values`, each a list of strings, quoted atoms and binaries.
fn seen_by_the_vm(folder: &Path, config: &str) -> Vec<String> {
    fs::write(folder.join("sys.config"), config).unwrap();
    let values = "[[case is_atom(Data) of true -> atom_to_list(Data); false -> Data end || Data <- Value] \
                  || {_, Value} <- lists:sort(application:get_all_env(values))]";
    let load = "application:load({application, values, []})";
    let config = folder.join("sys");
    let printed = evaluated(&["-config", config.to_str().unwrap()], &format!("{load}, {}", printing(values)));
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn a_password_arrives_whatever_it_is_made_of() {
    let folder = scratch_dir();
    let password = "a\"b\\c&d%e$f#g'h${V}$<V>i\nj\tk\u{e9}\u{65e5}\u{1f980} \\n\\\" ";
    let env = Env::from_pairs([("V", password)]);
    let template = "%% ${NONE} \"\n[{values, [\n\
        {v1, [\"${V}\", '${V}', <<\"$<V>\">>, <<\"${V}\"/utf8>>, <<\"\" \"${V}\">>, \"\" \"${V}\"]}, % '${NONE}\n\
        {v2, [\"${NONE:-d\"\\}\"]}, {v3, [[$\", $\\\", $']]}\n]}].";
    let config = rendered(&folder.path().join("template"), template, &env).unwrap();
    let password = hex(password.as_bytes());
    let expected = [[password.as_str(); 6].join(","), hex(b"d\"\\"), hex(b"\"\"'")];
    assert_eq!(seen_by_the_vm(folder.path(), &config), expected);
}

/// The value in every kind of quotes, and what the VM has of it then.
fn every_kind(placeholder: &str, value: &OsStr) -> (String, String) {
    let p = placeholder;
    let term = format!("[\"{p}\", 'a {p}', <<\"{p}b\">>, <<\"{p}\"/utf8>>, \"{p}\" \"{p}\"]");
    let value = value.as_encoded_bytes();
    let seen = [value.to_vec(), [b"a ", value].concat(), [value, b"b"].concat(), value.to_vec(), value.repeat(2)];
    (term, seen.map(|bytes| hex(&bytes)).join(","))
}

#[test]
fn any_value_arrives_or_is_refused() {
    let folder = scratch_dir();
    let file = folder.path().join("template");
    // If a value were looked at again, it could name these.
    let mut env =
        vec![("V".to_owned(), "twice".into()), ("W".to_owned(), "twice".into()), ("V0".into(), "twice".into())];
    let (mut terms, mut expected) = (Vec::new(), Vec::new());
    for (number, value) in values(COUNT).into_iter().enumerate() {
        let alone = Env::from_pairs([("V", &value)]);
        match ["[\"${V}\"].", "[\"$<V>\"]."].map(|template| rendered(&file, template, &alone)) {
            [Ok(text), Ok(same)] => assert_eq!(text, same),
            [Err(text), Err(_)] => {
                assert!(
                    text.contains("template:1:3: the value of V is not UTF-8") && value.to_str().is_none(),
                    "{text}"
                );
                continue;
            }
            differ => panic!("{}: {differ:?}", value.display()),
        }
        let name = format!("VALUE_{number}");
        for placeholder in [format!("${{{name}}}"), format!("$<{name}>")] {
            let (term, seen) = every_kind(&placeholder, &value);
            terms.push(format!("{{v{:05}, {term}}}", terms.len()));
            expected.push(seen);
        }
        env.push((name, value));
    }
    assert!(expected.len() > COUNT, "{}", expected.len());
    let template = format!("[{{values, [{}]}}].", terms.join(",\n"));
    let config = rendered(&file, &template, &Env::from_pairs(env)).unwrap();
    let seen = seen_by_the_vm(folder.path(), &config);
    assert_eq!(seen.len(), expected.len());
    for ((seen, expected), term) in seen.iter().zip(&expected).zip(config.lines()) {
        assert_eq!(seen, expected, "{term}");
    }
}

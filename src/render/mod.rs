//! Rendering: reads a template, fills it in, reads the result back as the VM will, and says what is wrong with it.

pub mod template;
pub mod vm_args;

use crate::error::{Error, Problem, Stage, cause};
use crate::exit;
use crate::identity::name::{Distribution, NodeName};
use crate::release::Cookie;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use template::{Fault, Variables};
use vm_args::{NodeFlags, Scanner, VmArgs};

/// A rendered `vm.args`, known to be one that the VM accepts.
#[derive(Debug)]
pub struct RenderedVmArgs {
    /// The file as a whole.
    pub text: String,
    /// The file without the name and the cookie of the node.
    pub without_node_flags: String,
    /// The node's name.
    pub node: Option<(Distribution, NodeName)>,
    /// The node's cookie.
    pub cookie: Option<Cookie>,
    /// How many placeholders were replaced.
    pub placeholders: usize,
    /// What works but is hardly meant, a sentence each.
    pub warnings: Vec<&'static str>,
}

/// Renders the `vm.args` template at `path`.
///
/// # Errors
/// It cannot be read (66), or it or what it renders to is wrong (65). Nothing is written.
pub fn vm_args(path: &Path, variables: &Variables<'_>, ipv6_only: bool) -> Result<RenderedVmArgs, Error> {
    let source = read(path)?;
    let shown = without_cookies(&source);
    let name = path.display().to_string();
    let rendered = template::render(&source, variables, &mut Scanner::default()).map_err(|faults| Error {
        stage: Stage::Render,
        code: exit::DATA,
        problems: locate(faults, &name, &shown),
    })?;
    let invalid = |text: &str, mut faults: Vec<Fault>| {
        faults.sort_by_key(|fault| fault.offset);
        let problems = faults.iter().map(|fault| in_template(fault, text, &name, &shown)).collect();
        Error { stage: Stage::Render, code: exit::DATA, problems }
    };
    let text = rendered.text;
    let read = VmArgs::read(text.clone()).map_err(|fault| invalid(&text, vec![fault]))?;
    let NodeFlags { node, cookie } = read.node_flags().map_err(|faults| invalid(&text, faults))?;
    let missing: Vec<_> =
        read.nested_files().filter(|(nested, _)| !Path::new(nested).is_file()).map(missing_file).collect();
    if !missing.is_empty() {
        return Err(invalid(&text, missing));
    }
    Ok(RenderedVmArgs {
        without_node_flags: read.without_node_flags(),
        warnings: read.warnings(ipv6_only),
        placeholders: rendered.placeholders,
        text,
        node,
        cookie,
    })
}

/// As large as a ConfigMap can be.
const MAX_SIZE: u64 = 1 << 20;

fn read(path: &Path) -> Result<String, Error> {
    let fail = |code, cause: String| Error::new(Stage::Render, code, format!("{}: {cause}", path.display()));
    let metadata = path.metadata().map_err(|error| fail(exit::NO_INPUT, cause(&error)))?;
    // A fifo would be waited for until somebody writes to it.
    if !metadata.is_file() {
        return Err(fail(exit::NO_INPUT, "not a file".into()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| fail(exit::NO_INPUT, cause(&error)))?;
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| fail(exit::NO_INPUT, cause(&error)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(fail(exit::DATA, format!("larger than {MAX_SIZE} bytes")).hint("is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        fail(exit::DATA, format!("line {line} is not UTF-8")).hint("save the file as UTF-8")
    })
}

fn locate(faults: Vec<Fault>, name: &str, text: &str) -> Vec<Problem> {
    faults.into_iter().map(|fault| fault.locate(name, text)).collect()
}

/// A fault of the rendered text, shown in the template: the rendered line may hold a secret. No value brings a newline
/// (a default may not either), so lines are the same in both.
fn in_template(fault: &Fault, rendered: &str, name: &str, source: &str) -> Problem {
    let number = rendered.get(..fault.offset).unwrap_or_default().matches('\n').count();
    let line = source.lines().nth(number).unwrap_or_default();
    Problem::new(format!("{name}:{}: {}", number + 1, fault.message)).excerpt(format!("  {line}"))
}

/// The text as messages may show it: a cookie that stands in a template, as against a placeholder, becomes asterisks.
/// Offsets stay the same.
fn without_cookies(text: &str) -> String {
    let mask = |line: &str| {
        let Some((before, words)) = line.split_once("-setcookie") else { return line.to_owned() };
        let masked = words.split_inclusive(char::is_whitespace).map(|word| {
            let bare = word.trim_end();
            if bare.contains('$') { word.to_owned() } else { word.replacen(bare, &"*".repeat(bare.len()), 1) }
        });
        format!("{before}-setcookie{}", masked.collect::<String>())
    };
    text.split_inclusive('\n').map(mask).collect()
}

fn missing_file((nested, offset): (&str, usize)) -> Fault {
    Fault { offset, message: format!("-args_file {nested}: no such file"), hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use std::fs;

    fn rendered(template: impl AsRef<[u8]>, env: &[(&str, &str)]) -> Result<RenderedVmArgs, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vm.args");
        fs::write(&path, template).unwrap();
        let env = Env::from_pairs(env.iter().copied());
        let variables = Variables { env: &env, derived: vec![], refused: vec![], unset_is_error: true };
        vm_args(&path, &variables, false)
    }

    fn error(template: impl AsRef<[u8]>, env: &[(&str, &str)]) -> (u8, String) {
        let error = rendered(template, env).unwrap_err();
        (error.code, error.to_string())
    }

    #[test]
    fn a_template_is_rendered_and_read_back() {
        let out =
            rendered("-name ${N}@${H}\n-setcookie ${C}\n", &[("N", "app"), ("H", "web-0.web"), ("C", "s")]).unwrap();
        assert_eq!(out.text, "-name app@web-0.web\n-setcookie s\n");
        assert_eq!(out.without_node_flags, "\n\n");
        assert_eq!((out.placeholders, out.cookie.unwrap().expose()), (3, "s"));
    }

    #[test]
    fn a_fault_of_the_result_shows_the_template_and_no_value() {
        let (code, text) =
            error("+K true ${D}\n-setcookie ${C}\n-setcookie ${C}\n", &[("C", "sesame"), ("D", "-setcookie x")]);
        assert_eq!(code, exit::DATA);
        assert!(text.contains("vm.args:2: a second cookie") && text.contains("vm.args:3: a second cookie"), "{text}");
        assert!(text.contains("  -setcookie ${C}") && !text.contains("sesame"), "{text}");
    }

    #[test]
    fn a_cookie_that_stands_in_the_template_is_not_shown() {
        let (_, text) = error("-setcookie sesame ${NONE}\n-setcookie open -name x y\n", &[]);
        assert!(
            text.contains("  -setcookie ****** ${NONE}\n                    ^") && !text.contains("sesame"),
            "{text}"
        );
        let (_, text) = error("-setcookie sesame\n-setcookie open # \u{e9}\n", &[]);
        assert!(text.contains("vm.args:2: a second cookie") && !text.contains("open"), "{text}");
    }

    #[test]
    fn what_is_no_template_is_said_so() {
        assert_eq!(error(b"-name a@b\n\xff", &[]).0, exit::DATA);
        assert!(error(b"-name a@b\n\xff", &[]).1.contains("line 2 is not UTF-8"));
        assert_eq!(error(vec![b'x'; 1 << 21], &[]).0, exit::DATA);
        assert!(
            error("-args_file /nonexistent/vm.args", &[]).1.contains("-args_file /nonexistent/vm.args: no such file")
        );
        let variables = Variables { env: &Env::default(), derived: vec![], refused: vec![], unset_is_error: true };
        assert_eq!(vm_args(Path::new("/"), &variables, false).unwrap_err().code, exit::NO_INPUT);
        assert_eq!(vm_args(Path::new("/nonexistent"), &variables, false).unwrap_err().code, exit::NO_INPUT);
    }
}

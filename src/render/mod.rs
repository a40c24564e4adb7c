//! Rendering: reads a template, fills it in, reads the result back as the VM will, and says what is wrong with it.

mod fault;
pub mod sys_config;
pub mod template;
pub mod terms;
pub mod vm_args;

use crate::error::{Error, Problem, Stage, cause};
use crate::exit;
use crate::file;
use crate::identity::name::{Distribution, NodeName};
use crate::release::Cookie;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use template::{Fault, Rendered, Syntax, Value, Variables};
use vm_args::{NodeFlags, VmArgs};

/// A rendered `vm.args`, known to be one that the VM accepts.
#[derive(Debug)]
pub struct RenderedVmArgs {
    /// The file as a whole.
    pub text: String,
    /// The file without the name and the cookie of the node.
    pub without_node_flags: String,
    /// The file without the cookie of the node.
    pub without_cookie: String,
    /// The node's name.
    pub node: Option<(Distribution, NodeName)>,
    /// The node's cookie.
    pub cookie: Option<Cookie>,
    /// What its placeholders were replaced by.
    pub filled: Filled,
    /// What works but is hardly meant.
    pub warnings: Vec<Problem>,
}

/// A rendered `sys.config`.
#[derive(Debug)]
pub struct RenderedSysConfig {
    /// The file as a whole.
    pub text: String,
    /// What its placeholders were replaced by.
    pub filled: Filled,
}

/// A template and the values that stand for its placeholders.
#[derive(Debug)]
pub struct Filled {
    /// The template's text.
    pub template: String,
    /// A value for each placeholder, in their order.
    pub values: Vec<Value>,
}

/// What can be told of a `vm.args` that is no template. It may be wrong: then the VM will say so.
#[derive(Debug, Default)]
pub struct UnrenderedVmArgs {
    /// The file as a whole.
    pub text: String,
    /// The file without the cookie of the node.
    pub without_cookie: String,
    /// The node's name, if it is one that the VM accepts.
    pub node: Option<(Distribution, NodeName)>,
    /// Whether it has `-sname`.
    pub has_sname: bool,
    /// The node's cookie, if it is one that the VM accepts.
    pub cookie: Option<Cookie>,
    /// How many cookies of the node it has.
    pub cookies: usize,
    /// Whether it has placeholders, which somebody else fills in.
    pub is_template: bool,
    /// What works but is hardly meant.
    pub warnings: Vec<Problem>,
}

/// Reads a `vm.args` that is no template, if it can be read.
#[must_use]
pub fn read_vm_args(path: &Path) -> Option<UnrenderedVmArgs> {
    let args = VmArgs::read(read(path, vm_args::Scanner::default().longest()).ok()?).ok()?;
    let (node, cookie) = args.node_flags().map_or((None, None), |flags| (flags.node, flags.cookie));
    Some(UnrenderedVmArgs {
        without_cookie: args.without_cookie(),
        node,
        cookie,
        has_sname: args.has("-sname"),
        cookies: args.own_cookies().count(),
        is_template: ["${", "$<"].iter().any(|opening| args.text.contains(opening)),
        warnings: args.warnings(false),
        text: args.text,
    })
}

/// Renders the `vm.args` template at `path`; without `variables` it is taken as it is.
///
/// # Errors
/// It cannot be read (66), or it or what it renders to is wrong (65). Nothing is written.
pub fn vm_args(path: &Path, variables: Option<&Variables<'_>>, ipv6_only: bool) -> Result<RenderedVmArgs, Error> {
    let template = Template::<vm_args::Scanner>::read(path)?;
    let Rendered { text, values } = template.render(variables)?;
    let invalid = |faults| template.invalid(&text, faults);
    let read = VmArgs::read(text.clone()).map_err(|fault| invalid(vec![fault]))?;
    let NodeFlags { node, cookie } = read.node_flags().map_err(invalid)?;
    let missing: Vec<_> =
        read.nested_files().filter(|(nested, _)| !Path::new(nested).is_file()).map(missing_file).collect();
    if !missing.is_empty() {
        return Err(invalid(missing));
    }
    Ok(RenderedVmArgs {
        without_node_flags: read.without_node_flags(),
        without_cookie: read.without_cookie(),
        warnings: read.warnings(ipv6_only),
        filled: Filled { template: template.text, values },
        text,
        node,
        cookie,
    })
}

/// Renders the `sys.config` template at `path`; without `variables` it is taken as it is.
///
/// # Errors
/// As [`vm_args()`].
pub fn sys_config(path: &Path, variables: Option<&Variables<'_>>) -> Result<RenderedSysConfig, Error> {
    let template = Template::<sys_config::Scanner>::read(path)?;
    let rendered = template.render(variables)?;
    let text = terms::read_back(&rendered).map_err(|fault| template.invalid(&rendered.text, vec![fault]))?;
    Ok(RenderedSysConfig { text, filled: Filled { template: template.text, values: rendered.values } })
}

/// A file with placeholders, of the format that `S` reads.
struct Template<S> {
    name: String,
    text: String,
    syntax: PhantomData<S>,
}

impl<S: Syntax + Default> Template<S> {
    fn read(path: &Path) -> Result<Self, Error> {
        let text = read(path, S::default().longest())?;
        Ok(Self { name: path.display().to_string(), text, syntax: PhantomData })
    }

    fn render(&self, variables: Option<&Variables<'_>>) -> Result<Rendered, Error> {
        let Some(variables) = variables else { return Ok(Rendered { text: self.text.clone(), values: Vec::new() }) };
        template::render(&self.text, variables, &mut S::default())
            .map_err(|faults| self.error(faults, |fault, shown| fault.locate(&self.name, &self.text, shown)))
    }

    /// Faults of the rendered text, shown in the template: the rendered line may hold a secret. No value brings a newline
    /// (a default may not either), so lines are the same in both.
    fn invalid(&self, rendered: &str, mut faults: Vec<Fault>) -> Error {
        faults.sort_by_key(|fault| fault.offset);
        self.error(faults, |fault, shown| fault.locate_line(&self.name, rendered, shown))
    }

    fn error(&self, mut faults: Vec<Fault>, problem: impl Fn(Fault, &str) -> Problem) -> Error {
        let more = faults.split_off(faults.len().min(MAX_SHOWN)).len();
        let shown = template::masked(&self.text, &mut S::default());
        let mut problems: Vec<_> = faults.into_iter().map(|fault| problem(fault, &shown)).collect();
        if more > 0 {
            let rest = format!("{}: {more} more of that kind", self.name);
            problems.push(Problem { count: more, ..Problem::new(rest) });
        }
        Error { stage: Stage::Render, code: exit::DATA, problems }
    }
}

/// As many faults of a file as people read.
const MAX_SHOWN: usize = 20;

fn read(path: &Path, longest: usize) -> Result<String, Error> {
    let fail = |code, cause: String| Error::new(Stage::Render, code, format!("{}: {cause}", path.display()));
    let bytes = file::read_at_most(longest as u64, path).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => fail(exit::DATA, cause(&error)).hint("is this the right file?"),
        io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => fail(exit::NO_INPUT, cause(&error))
            .hint("name the file itself; with subPath, the ConfigMap must have that key"),
        _ => fail(exit::NO_INPUT, cause(&error))
            .hint("let the container's user read it: defaultMode: 0444 in the ConfigMap's volume, or fsGroup"),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        fail(exit::DATA, format!("line {line} is not UTF-8")).hint("save the file as UTF-8")
    })
}

fn missing_file((nested, offset): (&str, usize)) -> Fault {
    let hint = Some(format!("give the ConfigMap that file too, or remove -args_file {nested}"));
    Fault { offset, message: format!("-args_file {nested}: no such file"), hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Env;
    use std::fs;

    fn rendered(template: impl AsRef<[u8]>, env: &[(&str, &str)]) -> Result<RenderedVmArgs, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vm.args");
        fs::write(&path, template).unwrap();
        let env = Env::from_pairs(env.iter().copied());
        let variables = Variables { env: &env, derived: vec![], refused: vec![], unset_is_error: true };
        vm_args(&path, Some(&variables), false)
    }

    fn error(template: impl AsRef<[u8]>, env: &[(&str, &str)]) -> (u8, String) {
        let error = rendered(template, env).unwrap_err();
        (error.code, error.to_string())
    }

    fn config(template: &str, env: &[(&str, &str)]) -> Result<RenderedSysConfig, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sys.config");
        fs::write(&path, template).unwrap();
        let env = Env::from_pairs(env.iter().copied());
        sys_config(&path, Some(&Variables { env: &env, derived: vec![], refused: vec![], unset_is_error: true }))
    }

    fn config_error(template: &str, env: &[(&str, &str)]) -> String {
        let error = config(template, env).unwrap_err();
        assert_eq!(error.code, exit::DATA);
        error.to_string()
    }

    #[test]
    fn a_template_is_rendered_and_read_back() {
        let out =
            rendered("-name ${N}@${H}\n-setcookie ${C}\n", &[("N", "app"), ("H", "web-0.web"), ("C", "s")]).unwrap();
        assert_eq!(out.text, "-name app@web-0.web\n-setcookie s\n");
        assert_eq!(out.without_node_flags, "\n\n");
        assert_eq!(out.without_cookie, "-name app@web-0.web\n\n");
        assert_eq!((out.filled.values.len(), out.cookie.unwrap().expose()), (3, "s"));
    }

    #[test]
    fn without_variables_a_file_is_taken_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vm.args");
        fs::write(&path, "-name a@b\n-env A ${NONE}\n").unwrap();
        let args = vm_args(&path, None, false).unwrap();
        assert_eq!((args.text.as_str(), args.filled.values.len()), ("-name a@b\n-env A ${NONE}\n", 0));
    }

    #[test]
    fn of_many_faults_the_first_are_shown_and_the_rest_counted() {
        let error = rendered("${A}\n".repeat(1500), &[]).unwrap_err();
        assert_eq!(error.problems.len(), 21);
        assert!(error.problems[20].message.ends_with("vm.args: 980 more of that kind"));
        assert!(error.to_string().ends_with("beaminit: render: and 992 problems more"), "{error}");
    }

    #[test]
    fn a_sys_config_that_is_not_erlang_is_shown_where_it_ceases_to_be() {
        let text = config_error("[{a,\n  ${V}}].", &[("V", "16#")]);
        assert!(text.contains("sys.config:2") && text.contains("not Erlang: "), "{text}");
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
    fn a_sys_config_is_rendered_and_read_back() {
        let env = [("PORT", "4369"), ("PW", "a\"b\\c\n\u{e9}")];
        let out = config("%% ${NO}\n[{a, [{port, ${PORT}}, {pw, \"${PW}\"}, {b, <<\"$<PW>\">>}]}].", &env).unwrap();
        assert_eq!(
            out.text,
            "%% ${NO}\n[{a, [{port, 4369}, {pw, \"a\\\"b\\\\c\\n\u{e9}\"}, {b, <<\"a\\\"b\\\\c\\n\\x{C3}\\x{A9}\">>}]}]."
        );
        assert_eq!(out.filled.values.len(), 3);
    }

    #[test]
    fn a_fault_of_a_sys_config_shows_its_line_and_no_secret() {
        let text = config_error("[{a, [\n  {pw, \"sesame${V}\", \"${W:-open}\"}, % ${X} sesame\n  {p, ${P}}]}].", &[]);
        assert!(
            text.contains("sys.config:2:15: V is not set\n  \x20 {pw, \"******${V}\", \"${W:-****}\"}, % "),
            "{text}"
        );
        assert!(text.contains("sys.config:3:7: P is not set\n"), "{text}");
        assert!(!text.contains("sesame") && !text.contains("open"), "{text}");
        let text = config_error("[{a, \"${V}\"},\n {b, 'sesame'}, {c, \"sesame}].\n", &[("V", "x\ny")]);
        assert!(text.contains("sys.config:2: the \" is not closed\n   {b, '******'}, {c, \"*********"), "{text}");
        assert!(text.ends_with("hint: write \" at its end"), "{text}");
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
        assert_eq!(vm_args(Path::new("/"), Some(&variables), false).unwrap_err().code, exit::NO_INPUT);
        assert_eq!(vm_args(Path::new("/nonexistent"), Some(&variables), false).unwrap_err().code, exit::NO_INPUT);
    }
}

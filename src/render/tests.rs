//! Whole files, as promises.

use super::*;
use crate::exit;
use crate::variables::Env;
use std::fs;

fn rendered(template: impl AsRef<[u8]>, env: &[(&str, &str)]) -> Result<VmArgsFile, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vm.args");
    fs::write(&path, template).unwrap();
    let env = Env::from_pairs(env.iter().copied());
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    vm_args(&path, Some(&variables), VmSurroundings::default())
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
    sys_config(
        &path,
        Some(&TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error }),
    )
}

fn config_error(template: &str, env: &[(&str, &str)]) -> String {
    let error = config(template, env).unwrap_err();
    assert_eq!(error.code, exit::DATA);
    error.to_string()
}

#[test]
fn a_template_is_rendered_and_read_back() {
    let out = rendered("-name ${N}@${H}\n-setcookie ${C}\n", &[("N", "app"), ("H", "web-0.web"), ("C", "s")]).unwrap();
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
    let args = vm_args(&path, None, VmSurroundings::default()).unwrap();
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
fn a_sys_config_that_is_not_erlang_is_shown_at_the_first_fault() {
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
fn a_cookie_in_the_template_is_not_shown() {
    let (_, text) = error("-setcookie sesame ${NONE}\n-setcookie open -name x y\n", &[]);
    assert!(text.contains("  -setcookie ****** ${NONE}\n                    ^") && !text.contains("sesame"), "{text}");
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
    assert!(text.contains("sys.config:2:15: V is not set\n  \x20 {pw, \"******${V}\", \"${W:-****}\"}, % "), "{text}");
    assert!(text.contains("sys.config:3:7: P is not set\n"), "{text}");
    assert!(!text.contains("sesame") && !text.contains("open"), "{text}");
    let text = config_error("[{a, \"${V}\"},\n {b, 'sesame'}, {c, \"sesame}].\n", &[("V", "x\ny")]);
    assert!(text.contains("sys.config:2: the \" is not closed\n   {b, '******'}, {c, \"*********"), "{text}");
    assert!(text.ends_with("hint: write \" at its end"), "{text}");
}

#[test]
fn what_is_not_a_template_is_reported() {
    assert_eq!(error(b"-name a@b\n\xff", &[]).0, exit::DATA);
    assert!(error(b"-name a@b\n\xff", &[]).1.contains("line 2 is not UTF-8"));
    assert_eq!(error(vec![b'x'; 1 << 21], &[]).0, exit::DATA);
    let variables =
        TemplateVariables { env: &Env::default(), derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    assert_eq!(vm_args(Path::new("/"), Some(&variables), VmSurroundings::default()).unwrap_err().code, exit::NO_INPUT);
    assert_eq!(
        vm_args(Path::new("/nonexistent"), Some(&variables), VmSurroundings::default()).unwrap_err().code,
        exit::NO_INPUT
    );
}

#[test]
fn what_another_file_is_needed_for_is_found_from_the_run_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (config, root) = (dir.path().join("config"), dir.path().join("root"));
    for file in
        ["config/beside.args", "config/extra.config", "root/of_root.args", "config/vm.args", "config/sys.config"]
    {
        fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
        fs::write(dir.path().join(file), "[].").unwrap();
    }
    let env = Env::default();
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    let surroundings = VmSurroundings { working_dir: Some(&root), ..VmSurroundings::default() };
    let path = config.join("vm.args");
    fs::write(&path, "-args_file beside.args\n-args_file of_root.args\n-args_file by_hook.args\n").unwrap();
    let args = vm_args(&path, Some(&variables), surroundings).unwrap();
    let beside = config.join("beside.args");
    let expected = format!("-args_file {}\n-args_file of_root.args\n-args_file by_hook.args\n", beside.display());
    assert_eq!(args.text, expected);
    let warnings: Vec<_> = args.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(warnings, ["line 3: -args_file by_hook.args: no such file"]);
    let path = config.join("sys.config");
    fs::write(&path, "[{a, [\"extra\"]}, \"extra\", \"extra.config\", \"other\"].").unwrap();
    let extra = config.join("extra").display().to_string();
    let text = sys_config(&path, Some(&variables)).unwrap().text;
    assert_eq!(text, format!("[{{a, [\"extra\"]}}, \"{extra}\", \"{extra}.config\", \"other\"]."));
}

#[test]
fn what_nobody_renders_is_not_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vm.args");
    for text in ["-name ${A}@${B}\n-setcookie a b c", "-x \"open", "\u{feff}-name a@b", "-name a -name b -args_file c"]
    {
        fs::write(&path, text).unwrap();
        let args = vm_args(&path, None, VmSurroundings::default()).unwrap();
        assert_eq!((args.text.as_str(), args.node, args.warnings), (text, None, vec![]));
        assert_eq!(sys_config(&path, None).unwrap().text, text);
    }
}

#[test]
fn a_missing_cookie_is_the_only_fault_before_flags_that_are_empty_on_purpose() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vm.args");
    std::fs::write(&path, "-name a@b\n-setcookie ${COOKIE}\n${FLAGS}\n").unwrap();
    let env = crate::variables::Env::from_pairs([("FLAGS", "")]);
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    let error = vm_args(&path, Some(&variables), VmSurroundings::default()).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
}

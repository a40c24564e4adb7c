//! Any text for each reader of text.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use beaminit::testing::State;
use beaminit::testing::identity::ResolvConf;
use beaminit::testing::identity::name::{Fqdn, NodeName};
use beaminit::testing::identity::{Hosts, is_pod_address};
use beaminit::testing::render::render;
use beaminit::testing::render::sys_config::{SysConfigScanner, included_files, read_back};
use beaminit::testing::render::{TemplateVariables, TextFault, UnsetVariable, masked};
use beaminit::testing::render::{VmArgs, VmArgsScanner};
use beaminit::testing::variables::{Config, Env};

use super::input::Input;

/// The first byte is the length of a variable's value; then come the value and the template.
pub fn template(data: &[u8]) {
    let mut input = Input::new(data);
    let length = input.number(64);
    let value = OsString::from_vec(input.take(length).iter().map(|byte| (*byte).max(1)).collect());
    let text = String::from_utf8_lossy(input.take(usize::MAX));
    let env = Env::from_pairs([("V", value), ("LOOP", "${LOOP}".into())]);
    for unset in [UnsetVariable::Error, UnsetVariable::Empty, UnsetVariable::Keep] {
        let variables = TemplateVariables { env: &env, derived: Vec::new(), refused: Vec::new(), unset };
        match render(&text, &variables, &mut VmArgsScanner::default()) {
            Ok(rendered) if rendered.values.is_empty() => assert_eq!(rendered.text, text),
            Ok(_) => assert!(text.contains('$')),
            Err(faults) => check_faults(faults, &text),
        }
    }
}

/// As [`template`], with terms of Erlang.
pub fn sys_config(data: &[u8]) {
    let mut input = Input::new(data);
    let length = input.number(64);
    let value = OsString::from_vec(input.take(length).iter().map(|byte| (*byte).max(1)).collect());
    let text = String::from_utf8_lossy(input.take(usize::MAX));
    let env = Env::from_pairs([("V", value)]);
    let variables =
        TemplateVariables { env: &env, derived: Vec::new(), refused: Vec::new(), unset: UnsetVariable::Error };
    let shown = masked(&text, &mut SysConfigScanner::default());
    let lengths = |text: &str| text.lines().map(|line| line.chars().count()).collect::<Vec<_>>();
    assert_eq!(lengths(&shown), lengths(&text), "a caret would stand elsewhere");
    let rendered = match render(&text, &variables, &mut SysConfigScanner::default()) {
        Ok(rendered) => rendered,
        Err(faults) => return check_faults(faults, &text),
    };
    let lines = |text: &str| text.matches('\n').count();
    let brought: usize = rendered.values.iter().map(|value| lines(&rendered.text[value.in_text.clone()])).sum();
    assert_eq!(lines(&rendered.text), lines(&text) + brought);
    for offset in 0..=rendered.text.len() {
        assert!(rendered.offset_in_template(offset) <= text.len());
    }
    for (place, name) in included_files(&rendered.text) {
        assert_eq!(rendered.text[place], format!("\"{name}\""));
    }
    match read_back(&rendered) {
        Ok(read) if rendered.values.is_empty() => assert_eq!(read, text),
        Ok(_) => {}
        Err(fault) => check_faults(vec![fault], &rendered.text),
    }
}

fn check_faults(faults: Vec<TextFault>, text: &str) {
    assert!(!faults.is_empty());
    for fault in faults {
        assert!(text.is_char_boundary(fault.offset), "{fault:?}");
        assert!(format!("{:?}", fault.locate("vm.args", text, text)).contains("vm.args:"));
    }
}

pub fn vm_args(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let args = match VmArgs::read(text.clone()) {
        Ok(args) => args,
        Err(fault) => return check_faults(vec![fault], &text),
    };
    assert!(args.file_flags().all(|named| text.is_char_boundary(named.offset) && text.get(named.place).is_some()));
    if let Err(faults) = args.node_flags() {
        return check_faults(faults, &text);
    }
    let plain = VmArgs::read(args.edited(&args.plain_node_flags())).expect("it can still be read");
    assert_eq!(plain.node_flags(), args.node_flags());
    let rest = VmArgs::read(args.without_node_flags()).expect("what is left can be read");
    let left = rest.node_flags().expect("what is left is well");
    assert!(left.node.is_none() && left.cookie.is_none(), "{left:?} is left");
}

pub fn hosts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let hosts = Hosts::parse(&text);
    let host_name = text.split_ascii_whitespace().nth(1);
    for line in hosts.own_lines(&["10.0.0.5".parse().expect("an address")], host_name) {
        assert!(is_pod_address(line.address) && !line.names.is_empty(), "{line:?}");
        assert!(line.fqdn().is_none_or(|name| name.is_dotted()), "{line:?}");
    }
}

pub fn resolv_conf(data: &[u8]) {
    let conf = ResolvConf::parse(&String::from_utf8_lossy(data));
    assert!(conf.servers.len() <= ResolvConf::MAX_SERVERS);
    assert!(conf.search.iter().all(|name| Fqdn::parse(name.as_str()).is_ok()));
    let (namespace, domain) = conf.cluster();
    assert!(!conf.search.is_empty() || (namespace, domain) == (None, None));
}

pub fn node_name(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(node) = NodeName::parse(&text) {
        let shown = node.to_string();
        assert!(shown.chars().count() <= NodeName::MAX, "{shown}");
        assert_eq!(NodeName::parse(&shown), Ok(node), "{text:?}");
    }
}

/// Each setting of ours with any value.
pub fn settings(data: &[u8]) {
    let value = OsString::from_vec(data.to_vec());
    for name in Config::NAMES {
        let env = Env::from_pairs([(name, value.clone())]);
        let (config, error) = Config::from_env(&env);
        if let Some(error) = error {
            assert!(error.to_string().contains(name), "{name}: {error}");
            assert_eq!(config, Config::default(), "{name} is wrong, and yet in force");
        }
    }
}

/// The state that a start leaves for `exec`.
pub fn state(data: &[u8]) {
    match State::parse(data) {
        Ok(state) => {
            assert_eq!(State::parse(state.to_json().as_bytes()).as_ref(), Ok(&state));
            assert!(!format!("{:?}{:?}", state.variables, state.command).contains("sesame"));
        }
        Err(reason) => assert!(!reason.contains("sesame") && !reason.contains('\n'), "{reason}"),
    }
}

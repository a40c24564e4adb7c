//! Names in `ERL_FLAGS` and its like, and a cookie that has more than it should.

use super::scripts::relx;
use super::*;

fn raw(flags: &[(&str, &str)]) -> RawEnv {
    let mut raw = RawEnv::default();
    for (variable, value) in flags {
        let field = match *variable {
            "ERL_AFLAGS" => &mut raw.erl_aflags,
            "ERL_FLAGS" => &mut raw.erl_flags,
            "ELIXIR_ERL_OPTIONS" => &mut raw.elixir_erl_options,
            "RELEASE_COOKIE" => &mut raw.release_cookie,
            "RELEASE_DISTRIBUTION" => &mut raw.release_distribution,
            "RELEASE_NODE" => &mut raw.release_node,
            "REPLACE_OS_VARS" => &mut raw.replace_os_vars,
            "HOME" => &mut raw.home,
            _ => panic!("{variable}"),
        };
        *field = Some((*value).to_owned());
    }
    raw
}

/// The node that a mix release has with these variables, whether it gets a name from us, and what is said.
fn of_mix(flags: &[(&str, &str)]) -> (Option<String>, Option<String>, Vec<String>) {
    let (root, raw) = (mix(), raw(flags));
    let release = find(root.path(), "bin/demo", "start", &raw);
    let plan = decide(given(&release, &pod(), &raw)).unwrap();
    let said = plan.warnings.iter().map(|problem| problem.message.clone()).collect();
    (plan.node.as_ref().map(ToString::to_string), text(&plan, "RELEASE_NODE"), said)
}

#[test]
fn a_mix_release_that_is_named_by_flags_gets_no_name_from_us() {
    for flags in ["-name a@b.c", "+K true -name 'a'@b.c -x y"] {
        let (node, ours, said) = of_mix(&[("ERL_FLAGS", flags), ("RELEASE_DISTRIBUTION", "none")]);
        assert_eq!((node.as_deref(), ours, said), (Some("a@b.c"), None, vec![]), "{flags}");
    }
    let (_, ours, said) = of_mix(&[("ELIXIR_ERL_OPTIONS", "-sname blue")]);
    assert_eq!(
        (ours, said),
        (None, vec!["the VM gets two names, blue of ELIXIR_ERL_OPTIONS and the script's own".into()])
    );
    let (node, _, said) = of_mix(&[("ERL_AFLAGS", "-sname blue"), ("RELEASE_NODE", "a@b.c")]);
    assert_eq!((node.as_deref(), said.len()), (Some("a@b.c"), 1), "{said:?}");
    let (node, _, said) = of_mix(&[("ERL_FLAGS", "-proto_dist inet6_tcp")]);
    assert_eq!((node.as_deref(), said), (Some("demo@web-0.web.ns1.svc.cluster.local"), vec![]));
}

#[test]
fn of_two_names_the_one_counts_that_the_vm_takes() {
    let root = relx();
    for (flags, node) in [
        (("ERL_FLAGS", "-name c@d.e"), "a@b.c"),
        (("ERL_AFLAGS", "-name c@d.e"), "c@d.e"),
        (("ERL_FLAGS", "-sname blue"), "blue"),
    ] {
        let raw = raw(&[flags]);
        let release = find(root.path(), "bin/app", "foreground", &raw);
        let (identity, vm_args) = (pod(), Some((template(false), node_args("a@b.c", "sesame"))));
        let cookie_mode = CookieMode::Args;
        let plan = decide(HandOverInput { cookie_mode, vm_args, ..given(&release, &identity, &raw) }).unwrap();
        assert_eq!(plan.node.unwrap().to_string(), node, "{flags:?}");
        assert!(plan.warnings[0].message.contains("two names") && plan.warnings[0].message.contains(flags.0));
    }
}

#[test]
fn a_vm_is_named_wherever_its_name_is() {
    for (command, flags, node) in [
        (&["elixir", "--erl", "-name a@b.c -setcookie x"][..], ("HOME", "/nonexistent"), "a@b.c"),
        (&["elixir", "--name", "a@b.c", "--cookie", "x"], ("ERL_FLAGS", "-name d@e.f"), "a@b.c"),
        (&["erl", "-setcookie", "x"], ("ERL_FLAGS", "-sname blue"), "blue"),
        (&["erl", "-setcookie", "x", "-extra", "-name", "n@o.p"], ("ERL_AFLAGS", "-name a@b.c"), "a@b.c"),
    ] {
        let raw = raw(&[flags]);
        let command = command.iter().map(Into::into).collect();
        let release = Release::find(command, &raw, None, Some(kind("erl"))).unwrap();
        assert_eq!(decide(given(&release, &pod(), &raw)).unwrap().node.unwrap().to_string(), node, "{flags:?}");
    }
    let raw = raw(&[("ERL_FLAGS", "-name a@b.c")]);
    let release = Release::find(vec!["/bin/true".into()], &raw, None, None).unwrap();
    assert_eq!(decide(given(&release, &pod(), &raw)).unwrap().node.unwrap().to_string(), "a@b.c");
}

#[test]
fn a_cookie_with_a_newline_stays_as_it_is() {
    let (root, raw) = (mix(), raw(&[("RELEASE_COOKIE", "sesame\n")]));
    let release = find(root.path(), "bin/demo", "start", &raw);
    let (identity, vm_args) = (pod(), Some((template(true), node_args("a@b.c", "sesame"))));
    for vm_args in [None, vm_args] {
        let plan = decide(HandOverInput { vm_args, ..given(&release, &identity, &raw) }).unwrap();
        assert_eq!(text(&plan, "RELEASE_COOKIE"), None, "all peers have the newline");
        assert!(plan.warnings[0].message.contains("RELEASE_COOKIE has a newline at its end"), "{:?}", plan.warnings);
    }
}

#[test]
fn a_cookie_that_looks_like_a_flag_is_warned_of() {
    let (_, _, said) = of_mix(&[("RELEASE_COOKIE", "-abc")]);
    assert_eq!(said, ["the cookie begins with -: the VM takes it for a flag, and makes up another cookie"]);
}

/// To Distillery's script `false` is as good as `true`; mix has no such variable.
#[test]
fn replace_os_vars_means_what_it_means_to_the_script() {
    let found = |value: &str| {
        let (root, raw) = (mix(), raw(&[("REPLACE_OS_VARS", value)]));
        let release = find(root.path(), "bin/demo", "start", &raw);
        vm_args_template(&release, &raw, true).template.is_some()
    };
    assert!(found("true") && !found("false"));
    let distillery = || {
        let root = mix();
        fs::create_dir(root.path().join("releases/0.1.0/libexec")).unwrap();
        fs::write(root.path().join("releases/0.1.0/libexec/config.sh"), "").unwrap();
        fs::remove_file(root.path().join("releases/0.1.0/env.sh")).unwrap();
        root
    };
    let (root, raw) = (distillery(), raw(&[("REPLACE_OS_VARS", "false")]));
    let release = find(root.path(), "bin/demo", "foreground", &raw);
    assert_eq!(release.kind, kind("distillery"));
    assert!(vm_args_template(&release, &raw, true).template.is_some());
}

#[test]
fn a_command_that_is_not_known_names_its_node_in_a_shells_text_too() {
    let with = |words: &[&str]| {
        let command = words.iter().map(Into::into).collect();
        let release = Release::find(command, &RawEnv::default(), None, None).unwrap();
        let plan = decide(given(&release, &pod(), &RawEnv::default())).unwrap();
        (plan.node.as_ref().map(ToString::to_string), plan.not_distributed)
    };
    let by_address = Some("COMMAND names it by an address");
    let named = |name: &str| (Some(name.to_owned()), None);
    assert_eq!(with(&["sh", "-c", "sleep 1; exec erl -name \"a@10.0.0.1\" -setcookie x"]), named("a@10.0.0.1"));
    assert_eq!(with(&["sh", "-c", "erl -sname blue -s app"]), named("blue"));
    assert_eq!(with(&["sh", "-c", "exec erl -name a@$POD_IP -s app"]), (None, by_address));
    assert_eq!(with(&["sh", "-c", "echo && elixir --name $NS@$POD_IP -S mix run"]), (None, by_address));
    assert_eq!(with(&["sh", "-c", "elixir --name a@10.0.0.1 --cookie x"]), named("a@10.0.0.1"));
    assert_eq!(with(&["sh", "-c", "exec erl -name a@$(hostname -i) -s app"]), (None, by_address));
    assert_eq!(with(&["sh", "-c", "exec erl -name a@$(hostname -f) -s app -ip $POD_IP"]), (None, None));
    assert_eq!(with(&["find", "/tmp", "-name", "a@b.c"]), (None, None), "it is not a VM");
}

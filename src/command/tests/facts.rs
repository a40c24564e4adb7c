//! What is known of a COMMAND beside the script that it leads to.

use super::*;

#[test]
fn the_setting_names_the_script_or_turns_the_search_off() {
    let files = phoenix().with(&[("/opt/run", "ELF")]);
    let named = ReleaseSetting::Script("bin/shop".into());
    assert_eq!(shown(&follow_with(&["/opt/run"], &files, &[], &named)), "/app/bin/shop");
    assert_eq!(shown(&follow_with(&["bin/shop", "rpc", "x"], &files, &[], &named)), "tool /app/bin/shop rpc x");
    assert_eq!(follow_with(&["bin/server"], &files, &[], &ReleaseSetting::Off).script, None);
}

#[test]
fn each_step_has_its_place_and_reason() {
    let files = phoenix().with(&[("/usr/entrypoint.sh", "#!/bin/sh\n\nexec \"$@\"\n")]);
    let followed = follow(&["/usr/entrypoint.sh", "sh", "-c", "exec bin/server"], &files);
    let steps: Vec<_> =
        followed.steps.iter().map(|step| format!("{} -> {} ({})", step.place, step.target, step.reason)).collect();
    assert_eq!(
        steps,
        [
            "COMMAND -> /usr/entrypoint.sh (a script, whose text is followed)",
            "/usr/entrypoint.sh:3 -> exec bin/server (the text of a shell)",
            "/usr/entrypoint.sh:3 -c:1 -> /app/bin/server (a script, whose text is followed)",
            "/app/bin/server:5 -> /app/bin/shop start (the release's start script)",
        ]
    );
    assert!(followed.is_wrapped && !followed.may_switch_user);
    assert!(!follow(&["bin/shop", "start"], &files).is_wrapped);
}

#[test]
fn a_vm_is_in_sight_where_files_or_texts_show_one() {
    let files = phoenix().with(&[
        ("/app/lib/tool/priv/run", "ELF"),
        ("/usr/ejabberdctl", "#!/bin/sh\nERL=/usr/bin/erl\n$ERL -detached\n"),
        ("/srv/erts-13.1/bin/epmd", "ELF"),
        ("/srv/tool/run", "ELF"),
    ]);
    for command in
        [&["/app/lib/tool/priv/run"] as &[_], &["/usr/ejabberdctl"], &["/srv/tool/run"], &["sh", "-c", "erl -noinput"]]
    {
        assert!(follow(command, &files).has_vm_in_sight, "{command:?}");
    }
    for command in [&["sleep", "1000"] as &[_], &["sh", "-c", "sleep 1000"], &["env"], &["perl", "-e", "1"]] {
        assert!(!follow(command, &files).has_vm_in_sight, "{command:?}");
    }
    assert_eq!(end_of(&["env", "A=1", "erl", "-noinput"], &phoenix().with(&[("/usr/bin/erl", "-> /usr/lib/erl")])), "");
    assert_eq!(
        end_of(&["env", "A=1", "erl", "-noinput"], &phoenix().with(&[("/usr/bin/erl", "x")])),
        "/usr/bin/erl -noinput"
    );
}

#[test]
fn who_may_switch_the_user_is_known() {
    let files = phoenix().with(&[
        ("/usr/a", "#!/bin/sh\nexec su-exec app \"$@\"\n"),
        ("/usr/b", "#!/bin/sh\nexec \"$@\"\n"),
        ("/usr/c", "ELF"),
    ]);
    for (command, expected) in [
        (&["gosu", "app", "bin/shop", "start"] as &[_], true),
        (&["/usr/a", "bin/shop", "start"], true),
        (&["/usr/c", "bin/shop", "start"], true),
        (&["/usr/b", "bin/shop", "start"], false),
        (&["sh", "-c", "bin/shop start"], false),
        (&["env", "bin/shop", "start"], false),
        (&["tini", "--", "bin/server"], false),
        (&["bin/server"], false),
    ] {
        assert_eq!(follow(command, &files).may_switch_user, expected, "{command:?}");
    }
}

#[test]
fn bad_input_ends_with_no_release() {
    let begun = std::time::Instant::now();
    let files = phoenix().with(&[
        ("/usr/a", "#!/bin/sh\n/usr/b\n/usr/b\n/usr/b\n"),
        ("/usr/b", "#!/bin/sh\n/usr/a\n/usr/c\n/usr/c\n"),
        ("/usr/c", "#!/bin/sh\n. /usr/c\n/usr/a\n/usr/d\n/usr/d\n"),
        ("/usr/d", "#!/bin/sh\nf() { f; f; f; }\nf\n"),
        ("/usr/loop", "-> loop"),
        ("/usr/candidates", &format!("#!/bin/sh\n{}", "/usr/bin/x y z\n".repeat(30_000))),
        ("/usr/one-line", &format!("#!/bin/sh\n/usr/run {}\n", "a/b ".repeat(100_000))),
        ("/usr/growing", &format!("#!/bin/sh\n{}", "A=\"$A$A x\"; set -- \"$@\" \"$@\" $A\n\"$@\"\n".repeat(5_000))),
        ("/usr/nested", &format!("#!/bin/sh\n{}{}", "$(echo ".repeat(20_000), ")".repeat(20_000))),
        ("/usr/braces", &format!("#!/bin/sh\necho {}", "${A:-".repeat(50_000))),
        ("/usr/substitutions", &format!("#!/bin/sh\n{}", "x `dirname $(dirname $(dirname $0))`\n".repeat(20_000))),
        ("/usr/blocks", &format!("#!/bin/sh\n{}", "if case x in ( { then\n".repeat(20_000))),
        ("/usr/binary", "\u{fffd}\u{1}\u{2}\"\"'`$({"),
    ]);
    for command in
        ["a", "loop", "candidates", "one-line", "growing", "nested", "braces", "substitutions", "blocks", "binary"]
    {
        assert_eq!(end_of(&[&format!("/usr/{command}"), "x"], &files), "", "{command}");
    }
    for text in ["bin/shop start \"", "'", "bin/shop start `", "${", "$(", "bin/shop start ${A"] {
        assert_eq!(end_of(&["sh", "-c", text], &files), "", "{text}");
    }
    // A shell runs a script line by line.
    assert_eq!(end_of(&["sh", "-c", "bin/shop start\n'"], &files), START);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn the_only_start_script_is_found_from_below_too() {
    let start = "#!/bin/sh\ncut -d' ' -f2 releases/start_erl.data\n";
    let files = MadeUpFiles::new(&[
        ("/srv/releases/1/app.rel", ""),
        ("/srv/bin/app", start),
        ("/srv/bin/app-1.0", start),
        ("/srv/bin/server", "#!/bin/sh\nexec ./app start\n"),
    ]);
    for dir in ["/srv", "/srv/releases/1"] {
        let (path, text) = script::only_start_script(Path::new(dir), &files).unwrap();
        assert_eq!((path.as_path(), text.as_str()), (Path::new("/srv/bin/app"), start));
    }
    let several = files.with(&[("/srv/bin/other", start)]);
    assert_eq!(script::only_start_script(Path::new("/srv"), &several), None);
    assert_eq!(script::only_start_script(Path::new("/nonexistent"), &several), None);
}

/// What a branch sets that the environment rules out does not count, and what a tool or a text beside the way sets does.
#[test]
fn the_lines_that_name_the_node_are_kept() {
    let script = "#!/bin/sh\nif [ -n \"$POD_IP\" ]; then\n  HOST=$POD_IP\nelse\n  HOST=$(hostname -f)\nfi\nexport RELEASE_NODE=a@$HOST\n\
                  exec \"$@\"\n";
    let files = phoenix().with(&[("/e.sh", script), ("/plain.sh", "#!/bin/sh\nA=1\nexec \"$@\"\n")]);
    let texts = |command: &[&str], environment: &[(&str, &str)]| {
        let followed = follow_with(command, &files, environment, &ReleaseSetting::Auto);
        followed.naming_texts.into_iter().map(|(place, text)| format!("{place}: {text}")).collect::<Vec<_>>()
    };
    let start = |script: &'static str| [script, "/app/bin/server"];
    assert_eq!(texts(&start("/e.sh"), &[]), ["/e.sh:   HOST=$(hostname -f)\nexport RELEASE_NODE=a@$HOST"]);
    let given = [("POD_IP", "10.0.0.1")];
    assert_eq!(texts(&start("/e.sh"), &given), ["/e.sh:   HOST=$POD_IP\nexport RELEASE_NODE=a@$HOST"]);
    assert_eq!(texts(&start("/plain.sh"), &[]), [""; 0]);
    assert_eq!(texts(&["env", "RELEASE_NODE=a", "/app/bin/server"], &[]), ["COMMAND: RELEASE_NODE=a"]);
    let text = "RELEASE_DISTRIBUTION=sname exec /app/bin/server";
    assert_eq!(texts(&["sh", "-c", text], &[]), [format!("COMMAND -c: {text}")]);
}

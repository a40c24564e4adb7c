//! What `erl -args_file` does, as promises.

use super::super::mask::{masked, masked_text};
use super::super::template::render;
use super::super::variables::{TemplateVariables, UnsetVariable};
use super::*;
use crate::variables::Env;

fn words(text: &str) -> Vec<String> {
    let flags = VmArgsScanner::default().read(text).unwrap();
    flags.words().into_iter().map(|word| word.text.clone()).collect()
}

fn read(text: &str) -> VmArgs {
    VmArgs::read(text.to_owned()).unwrap()
}

fn faults(text: &str) -> Vec<String> {
    read(text).node_flags().unwrap_err().into_iter().map(|fault| fault.message).collect()
}

/// `template` with V set to `value`.
fn with(template: &str, value: &str) -> Result<String, String> {
    let env = Env::from_pairs([("V", value)]);
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    let rendered = render(template, &variables, &mut VmArgsScanner::default());
    rendered.map(|rendered| rendered.text).map_err(|mut faults| faults.remove(0).message)
}

#[test]
fn words_are_those_of_erlexec() {
    let table: [(&str, &[&str]); 13] = [
        ("-name a@b\r\n+K true\t-x\u{c}y", &["-name", "a@b", "+K", "true", "-x", "y"]),
        ("abc#def ghi\nnext", &["abc", "next"]),
        ("# all comment\n -a", &["-a"]),
        (r#""abc#def" 'a"b'"#, &["abc#def", "a\"b"]),
        (r#"a"b c"d e'f'g"#, &["ab cd", "efg"]),
        (r#""a\b" 'a\'"#, &["a\\b", "a\\"]),
        ("\"two\nlines\"", &["two\nlines"]),
        (r#"\#x a\ b \"q \\"#, &["#x", "a b", "\"q", "\\"]),
        ("a\\\nb", &["a\nb"]),
        ("\"\" x ''", &["", "x", ""]),
        ("${HOME} $HOME $<HOME> %HOME% ~ $(id)", &["${HOME}", "$HOME", "$<HOME>", "%HOME%", "~", "$(id)"]),
        ("", &[]),
        (" \n\t ", &[]),
    ];
    for (text, expected) in table {
        assert_eq!(words(text), expected, "{text:?}");
    }
}

#[test]
fn an_open_quote_is_found_where_it_was_opened() {
    let fault = VmArgs::read("-a b\n-c \"d\n".into()).unwrap_err();
    assert_eq!((fault.offset, fault.message.as_str()), (8, "the \" is not closed"));
    assert!(VmArgs::read("# it's a comment\n".into()).is_ok());
}

#[test]
fn a_byte_order_mark_and_a_nul_are_refused() {
    assert!(VmArgs::read("\u{feff}-name a@b".into()).is_err());
    assert!(VmArgs::read("-name a@b\n\0-x".into()).is_err());
}

#[test]
fn name_and_cookie_are_read() {
    let flags = read("-name 'app'@web-0.web # the node\n-setcookie secret\n+K true").node_flags().unwrap();
    assert_eq!(flags.node, Some((Distribution::Long, NodeName::parse("app@web-0.web").unwrap())));
    assert_eq!(flags.cookie.unwrap().expose(), "secret");
    let none = read("+K true\n-setcookie other@node secret").node_flags().unwrap();
    assert_eq!(none, NodeFlags { node: None, cookie: None });
}

#[test]
fn what_the_vm_would_refuse_or_silently_drop_is_an_error() {
    for (text, part) in [
        ("-name", "takes one name"),
        ("-name -setcookie x", "takes one name"),
        ("-name a@b c", "takes one name"),
        ("-name \"\"", "nothing before the @"),
        ("-name a.b@c", "before the host"),
        ("-sname a@b.c", "takes no host with a dot"),
        ("-name a@b -sname c", "a second name"),
        ("-setcookie x\n-setcookie y", "a second cookie"),
        ("-setcookie -heart", "takes one cookie"),
        ("-setcookie ''", "is empty"),
    ] {
        let found = faults(text);
        assert!(found.iter().any(|message| message.contains(part)), "{text}: {found:?}");
    }
}

#[test]
fn lifting_leaves_everything_else_as_it_was() {
    let text = "## Name\n-name a@b.c\n+K true -setcookie x # cookie\n-env A \"b  c\"\n-setcookie n@h y\n";
    assert_eq!(read(text).without_node_flags(), "## Name\n\n+K true  # cookie\n-env A \"b  c\"\n-setcookie n@h y\n");
}

#[test]
fn what_follows_extra_is_not_a_flag() {
    assert_eq!(read("-extra -name x -setcookie y").node_flags().unwrap(), NodeFlags { node: None, cookie: None });
}

#[test]
fn nested_files_and_doubtful_flags_are_seen() {
    let expected = FileFlag { flag: "-args_file", file: "a b", place: 19..24, offset: 8 };
    assert_eq!(read("+K true -args_file 'a b'").file_flags().collect::<Vec<_>>(), [expected]);
    let over_tls = read("-name a@b -proto_dist inet_tls\n-ssl_dist_optfile \"/a b\" # how\n+K true");
    assert_eq!(over_tls.distribution_flags(), "-proto_dist inet_tls\n-ssl_dist_optfile \"/a b\"\n");
    assert_eq!(read("-heart -detached").warnings(true).len(), 3);
    assert_eq!(read("-proto_dist inet6_tcp").warnings(true).len(), 0);
    assert_eq!(read("-name a@b").warnings(false).len(), 0);
}

#[test]
fn no_value_adds_a_word_to_name_or_cookie() {
    for template in
        ["-name ${V}", "-name a@${V}", "-sname ${V}", "-setcookie ${V}", "-setcookie n@h ${V}", "-x \"${V}\""]
    {
        for bad in ["a b", "a#b", "a\"b", "a'b", "a\\b", "a\u{a0}b"] {
            assert!(with(template, bad).is_err(), "{template} {bad}");
        }
        assert!(with(template, "good&%$}|").is_ok(), "{template}");
    }
    for (bad, named) in [("a b", "white space"), ("a#b", "the character #")] {
        let reason = with("-name ${V}", bad).unwrap_err();
        assert_eq!(reason, format!("the value of V has {named}, which cannot be in -name, -sname or -setcookie"));
    }
}

#[test]
fn elsewhere_a_value_may_be_several_flags() {
    for template in ["${V}", "-name a@b\n${V}", "-setcookie c\n${V}", "-name a@b -x ${V}"] {
        assert!(with(template, "-heart +K 'true'").is_ok(), "{template}");
    }
    assert_eq!(with("-setcookie c # ${V}\n", "x y"), Ok("-setcookie c # ${V}\n".into()));
}

#[test]
fn elsewhere_no_value_changes_what_stands_behind_it() {
    for (bad, part) in [
        ("a#b", "comment of the rest"),
        ("-x 'a", "opens a ' and"),
        ("\"", "opens a \" and"),
        ("a\\", "ends with a backslash"),
    ] {
        let message = with("-x ${V} -name a@b ${V}", bad).unwrap_err();
        assert!(message.contains(part), "{message}");
    }
    assert!(with("-x ${V} -name a@b", "'a#b' \\# \"\"").is_ok());
}

#[test]
fn in_quotes_no_value_becomes_a_flag() {
    for template in ["-x \"${V}\"", "-x '${V}' y", "-env A B \"${V}\""] {
        assert!(with(template, "-heart").is_err() && with(template, "+A").is_err(), "{template}");
    }
    for template in ["-x \"a${V}\"", "-x a'${V}'", "-env '${V}' B", "-env A \"${V}\" -y"] {
        assert!(with(template, "-setcookie").is_ok(), "{template}");
    }
    let flags = read("-env A -setcookie -setcookie c -env -name -sname +x").node_flags().unwrap();
    assert_eq!((flags.node, flags.cookie.unwrap().expose()), (None, "c"));
}

#[test]
fn words_belong_to_flags_as_in_the_vm() {
    let cookie = |text: &str| read(text).node_flags().unwrap().cookie.map(|cookie| cookie.expose().to_owned());
    assert_eq!(cookie("+K -setcookie a\n-setcookie b").as_deref(), Some("b"), "+K takes what follows");
    assert_eq!(cookie("-args_file -setcookie -setcookie b").as_deref(), Some("b"));
    assert!(faults("-setcookie a +K true b")[0].contains("+K is between -setcookie and a word"));
    assert!(faults("-setcookie a -env A B b")[0].contains("-env is between"));
    assert!(faults("-name +A 5 a@b").iter().any(|message| message.contains("+A is between -name")));
    assert_eq!(cookie("-setcookie a +swt low -x b +Bd").as_deref(), Some("a"));
}

/// What the emulator does not take as its flag's own goes on with the flag before.
#[test]
fn a_flag_of_the_emulator_takes_its_own_word_and_no_other() {
    for own in ["+Bi", "+B i", "+c true", "+c false", "+c", "+hms 512", "+MBas bf", "+rg 5", "+zdbbl 64", "+U"] {
        assert!(read(&format!("-setcookie a {own}")).node_flags().is_ok(), "{own}");
    }
    for foreign in ["+B x", "+c x", "+U x", "+Bi x", "+hms 512 x", "+c true x"] {
        let found = faults(&format!("-setcookie a {foreign}"));
        assert!(found[0].contains("is between -setcookie and a word"), "{foreign}: {found:?}");
    }
}

#[test]
fn no_value_joins_name_or_cookie_or_takes_in_what_follows() {
    for (template, bad) in [
        ("-setcookie c\n${V}", "d"),
        ("-setcookie c\n${V}", "'d' -x"),
        ("-name a@b\n\n${V}", "d"),
        ("-setcookie n@h ${V}", "-x"),
        ("-setcookie ${V}", "+x"),
        ("${V} -name a@b", "-env A"),
        ("${V} -name a@b", "+K"),
        ("${V} -name a@b", "x -extra"),
    ] {
        assert!(with(template, bad).is_err(), "{template} {bad}");
    }
    let third = with("-setcookie n@h c ${V}", "'x'").unwrap_err();
    assert!(third.ends_with("begins with a word that would join -setcookie"), "{third}");
    let joined = with("-setcookie c\n${V}", "+K true d").unwrap();
    assert!(faults(&joined)[0].contains("+K is between"));
}

#[test]
fn a_newline_at_the_end_is_white_space_outside_quotes() {
    assert_eq!(with("-setcookie ${V}", "secret\n").as_deref(), Ok("-setcookie secret"));
    assert_eq!(with("-name ${V}@b", "a\r\n").as_deref(), Ok("-name a@b"));
    assert_eq!(with("${V} -y", "-x 1 # note\n").as_deref(), Ok("-x 1 # note\n -y"));
    assert_eq!(
        with("-x '${V}'", "a\n").unwrap_err(),
        "the value of V has a newline at its end; vm.args cannot hold one there"
    );
    assert!(with("${V}", "a\nb\n").unwrap_err().contains("has a newline;"));
    assert!(with("-x \\${V}", "\n").unwrap_err().contains("has a newline at its end"));
    assert!(with("${V}", "a\tb").is_err());
}

#[test]
fn name_and_cookie_are_not_empty() {
    for template in ["-name ${V}@b", "-sname ${V}", "-setcookie ${V}", "-setcookie \"${V}\"", "-setcookie n@h ${V}"] {
        for empty in ["", "\n"] {
            assert_eq!(with(template, empty).unwrap_err(), "V is empty", "{template}");
        }
    }
    for template in ["-name a@b ${V}", "-name a@b\n${V}", "-x ${V} -y", "-setcookie c\n${V}", "-x \"${V}\""] {
        assert!(with(template, "").is_ok(), "{template}");
    }
}

#[test]
fn name_and_cookie_are_written_as_start_scripts_read_them() {
    let plain = |text: &str| read(text).edited(&read(text).plain_node_flags());
    assert_eq!(plain("-name\ta@b\n  -setcookie \tc # x\n"), "-name a@b\n-setcookie c # x\n");
    for text in ["-name   a@b\n+K\ttrue\n", "-x \\\n -name a@b", "-x 1\t-name a@b", "-name\n\ta@b"] {
        assert_eq!(plain(text), text);
    }
}

#[test]
fn typographic_characters_are_seen() {
    for (text, part) in [
        ("-x 1\n\u{2013}name a@b", "an en dash"),
        ("\u{2014}name a@b", "an em dash"),
        ("-name \u{201c}a@b\u{201d}", "a curly quote"),
        ("-setcookie \u{2018}c\u{2019}", "a curly quote"),
        ("-name\u{a0}a@b", "a no-break space"),
        ("-x 1\n\u{feff}-name a@b", "a byte order mark"),
    ] {
        let found = read(text).typographic_words();
        assert!(found.len() == 1 && found[0].message.contains(part), "{text}: {found:?}");
        assert!(text.is_char_boundary(found[0].offset));
    }
    assert_eq!(read("-x \u{e9}\u{2013} # \u{2013}name\n-name a@b").typographic_words(), []);
}

#[test]
fn placeholders_that_nobody_renders_are_seen() {
    let found: Vec<_> = read("# ${A}\n-name $<B>@${C}\n-x $D ${}").placeholders();
    let names: Vec<_> =
        found.iter().map(|fault| (fault.offset, fault.message.split_whitespace().last().unwrap())).collect();
    assert_eq!(names, [(13, "B"), (18, "C")]);
}

#[test]
fn a_cookie_is_hidden_and_nothing_else() {
    let shown = |text: &str| masked(text, &mut VmArgsScanner::default());
    assert_eq!(shown("-name a@b -setcookie se cret\n-x 1 # old"), "-name a@b -setcookie ** ****\n-x 1 # ***");
    assert_eq!(shown("-setcookie ${C:-default}"), "-setcookie ${C:-*******}");
    let rendered = "-setcookie ${C:-default} -x ${C}";
    assert_eq!(masked_text(rendered, &mut VmArgsScanner::default(), &[]), "-setcookie ****** -x ${C}");
}

use super::super::facts::{
    Epmd, File, IdentityRow, PlaceholderRow, ReleaseRow, Rewritten, Signals, TemplateRow, VariableRow,
};
use super::*;
use crate::kind::template_search::SkippedTemplate;

/// Nothing is known, and nothing is wrong.
fn nothing() -> Facts {
    Facts {
        schema: 1,
        beaminit: "0",
        exit_code: 0,
        command: None,
        command_from: "nowhere",
        in_kubernetes: false,
        identity: vec![IdentityRow { variable: "MY_POD_NAME", value: None, source: None }],
        release: None,
        templates: Vec::new(),
        passed_over: Vec::new(),
        hand_over: None,
        run_dir: None,
        wait: Wait::default(),
        signals: Signals { decided_by: "the kind", target: "main", rewritten: Vec::new() },
        running: None,
        notes: Vec::new(),
        warnings: Vec::new(),
        errors: Vec::new(),
    }
}

fn finding(message: &str, excerpt: Option<&str>) -> Finding {
    let (message, excerpt) = (message.to_owned(), excerpt.map(str::to_owned));
    Finding { stage: "render", code: None, message, excerpt, hint: Some("the cure".into()) }
}

fn running() -> RunningRow {
    RunningRow {
        state: "running",
        pid: Some(9),
        supervisor: 1,
        since: "2026-01-02T03:04:05Z".into(),
        seconds: 60,
        node: Some("a@web-0.web".into()),
        name_resolves: Some(true),
        epmd: Epmd { port: None, answers: true, knows_node: None, says: "it answers".into() },
    }
}

fn everything() -> Facts {
    Facts {
        exit_code: 65,
        command: Some("bin/app start".into()),
        command_from: "the command line",
        identity: vec![IdentityRow {
            variable: "MY_POD_NAME",
            value: Some("web-0".into()),
            source: Some("the host name".into()),
        }],
        release: Some(ReleaseRow {
            kind: "mix",
            why: "it has env.sh",
            name: "app".into(),
            version: Some("0.1.0".into()),
            root: Some("/app".into()),
            erts: Some(15),
            starts_node: true,
            steps: Vec::new(),
            vm_in_sight: true,
        }),
        templates: vec![TemplateRow {
            file: "vm.args",
            path: "/c/vm.args".into(),
            named_by: "VMARGS_PATH",
            rendered: Some("-name a@web-0.web\n+P 9\n".into()),
            placeholders: vec![PlaceholderRow {
                line: 1,
                column: 9,
                name: "MY_POD_FQDN".into(),
                source: "its default".into(),
            }],
        }],
        passed_over: vec![SkippedTemplate { what: "/c/sys.config".into(), why: "a reason".into() }],
        hand_over: Some(HandOverRow {
            readable_by: "this user alone".into(),
            node: Some("a@web-0.web".into()),
            variables: vec![VariableRow { name: "VMARGS_PATH", value: "/run/d/vm.args".into() }],
            removed: vec!["RELEASE_COOKIE"],
            files: vec![
                File { name: "vm.args".into(), contents: "-name a@web-0.web\n".into() },
                File { name: "sys.config".into(), contents: "unreadable".into() },
            ],
            folders: vec!["tmp"],
            home_cookie: Some("/home/u/.erlang.cookie".into()),
        }),
        run_dir: Some("/run/d".into()),
        wait: Wait {
            name: Some("web-0.web".into()),
            nothing_because: None,
            addresses: vec!["10.0.0.5".into(), "fd00::5".into()],
            servers: vec!["10.96.0.10:53".into(), "10.96.0.11:53".into()],
            published: Some(false),
            says: Some("it does not exist".into()),
            hint: Some("wait".into()),
        },
        signals: Signals {
            decided_by: "BEAMINIT_SIGNALS",
            target: "group",
            rewritten: vec![
                Rewritten { signal: "INT".into(), becomes: Some("TERM".into()) },
                Rewritten { signal: "USR2".into(), becomes: None },
            ],
        },
        running: Some(running()),
        notes: vec!["this is worth a word".into()],
        warnings: vec![finding("odd", None)],
        errors: vec![finding("wrong", Some("1 | -name\n  | ^"))],
        ..nothing()
    }
}

#[test]
fn all_that_is_known_is_on_the_page() {
    let page = "\
start
  outcome  ends with code 65
  command  bin/app start  (from the command line)
  kind     mix: it has env.sh
  release  app 0.1.0 in /app, ERTS 15

errors
  render: wrong
  1 | -name
    | ^
  hint: the cure

warnings
  render: odd
  hint: the cure

notes
  this is worth a word

running
  state     running as process 9, under the beaminit that is process 1
  since     2026-01-02T03:04:05Z (60 s ago)
  node      a@web-0.web
  resolves  to this pod
  epmd      it answers

identity
  MY_POD_NAME  web-0  from the host name

dns
  name       web-0.web
  must have  10.0.0.5 or fd00::5
  servers    10.96.0.10:53, 10.96.0.11:53
  now        it does not exist
  hint       wait

templates
  vm.args  /c/vm.args, by VMARGS_PATH
    1:9  MY_POD_FQDN  from its default
  rendered
    | -name a@web-0.web
    | +P 9
  passed over  /c/sys.config: a reason

hand-over
  run directory   /run/d
  read by         this user alone
  node            a@web-0.web
  VMARGS_PATH     /run/d/vm.args
  RELEASE_COOKIE  is taken away
  directory       tmp
  cookie file     /home/u/.erlang.cookie
  vm.args
    | -name a@web-0.web

signals
  decided by  BEAMINIT_SIGNALS
  to          the release's process group
  INT         becomes TERM
  USR2        dropped
";
    assert_eq!(to_text(&everything(), false), page);
}

#[test]
fn what_is_not_known_is_a_dash() {
    let page = "\
start
  outcome  gets past all stages before the wait
  command  -  (from nowhere)

identity
  MY_POD_NAME  -  not known

dns
  name  -

signals
  decided by  the kind
  to          the release's first process
";
    assert_eq!(to_text(&nothing(), false), page);
}

#[test]
fn a_start_without_a_wait_is_said_to_have_none() {
    let nothing_because = Some("BEAMINIT_WAIT is off".to_owned());
    let wait = Wait { name: Some("web-0.web".into()), nothing_because, ..Wait::default() };
    let text = to_text(&Facts { wait, ..nothing() }, false);
    assert!(text.contains("  outcome  gets past all stages\n"), "{text}");
    let rows = "  no wait    BEAMINIT_WAIT is off\n  name       web-0.web\n  must have  -\n  servers    -\n";
    assert!(text.contains(rows), "{text}");
}

#[test]
fn a_name_that_leads_elsewhere_sends_the_reader_to_dns() {
    let gone = RunningRow { name_resolves: Some(false), ..running() };
    let text = to_text(&Facts { running: Some(gone), ..nothing() }, false);
    assert!(text.contains("  resolves  not to this pod: see dns\n"), "{text}");
}

#[test]
fn colours_tell_what_is_wrong_from_what_is_odd() {
    let text = to_text(&everything(), true);
    let painted = [("1", "errors"), ("31", "render: wrong"), ("33", "render: odd"), ("2", "from the host name")];
    for (code, words) in painted {
        assert!(text.contains(&format!("\u{1b}[{code}m{words}\u{1b}[0m\n")), "{words}: {text}");
    }
}

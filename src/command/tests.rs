mod facts;
mod public_shapes;

use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// Files made up by a test. A text that begins with `-> ` is a link; one that begins with `ELF`, a program.
#[derive(Default)]
struct MadeUpFiles(BTreeMap<PathBuf, String>);

impl MadeUpFiles {
    fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect())
    }

    fn with(mut self, files: &[(&str, &str)]) -> Self {
        self.0.extend(Self::new(files).0);
        self
    }
}

impl FileView for MadeUpFiles {
    fn text(&self, path: &Path) -> Option<String> {
        self.0.get(&self.resolve(path)).filter(|text| !text.starts_with("ELF") && !text.starts_with("-> ")).cloned()
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.get(&self.resolve(path)).is_some_and(|text| !text.starts_with("-> "))
    }

    fn is_dir(&self, path: &Path) -> bool {
        let path = self.resolve(path);
        self.0.keys().any(|file| file != &path && file.starts_with(&path))
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        let mut path = path.to_owned();
        for _ in 0..10 {
            let Some(target) = self.0.get(&path).and_then(|text| text.strip_prefix("-> ")) else { return path };
            path = normalised(&path.parent().unwrap().join(target));
        }
        path
    }

    fn names(&self, dir: &Path) -> Vec<String> {
        let below = self.0.keys().filter_map(|file| file.strip_prefix(dir).ok()?.components().next());
        let names: BTreeSet<_> = below.map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
        names.into_iter().collect()
    }
}

/// A mix release in /app, with the scripts that Phoenix generates.
fn phoenix() -> MadeUpFiles {
    MadeUpFiles::new(&[
        (
            "/app/bin/shop",
            "#!/bin/sh\nset -e\nRELEASE_NAME=\"${RELEASE_NAME:-\"shop\"}\"\nRELEASE_COMMAND=\"$1\"\n\
             cut -d' ' -f2 \"$RELEASE_ROOT/releases/start_erl.data\"\ncase $1 in\n  start)\n    start ;;\n  eval)\n    x ;;\nesac\n",
        ),
        (
            "/app/bin/server",
            "#!/bin/sh\nset -eu\n\ncd -P -- \"$(dirname -- \"$0\")\"\nPHX_SERVER=true exec ./shop start\n",
        ),
        (
            "/app/bin/migrate",
            "#!/bin/sh\nset -eu\n\ncd -P -- \"$(dirname -- \"$0\")\"\nexec ./shop eval Shop.Release.migrate\n",
        ),
        ("/app/releases/start_erl.data", "13.1.5 0.1.0"),
        ("/app/releases/0.1.0/shop.rel", ""),
        ("/app/releases/0.1.0/env.sh", ""),
        ("/app/releases/0.1.0/elixir", ""),
        ("/bin/sh", "ELF"),
        ("/bin/bash", "ELF"),
        ("/bin/busybox", "ELF"),
        ("/usr/bin/env", "ELF"),
        ("/usr/bin/gosu", "ELF"),
        ("/usr/bin/setpriv", "ELF"),
        ("/usr/bin/tini", "ELF"),
        ("/usr/bin/sleep", "ELF"),
        ("/usr/bin/linkerd-await", "ELF"),
        ("/bin/su", "ELF"),
    ])
}

fn follow_with(
    command: &[&str],
    files: &MadeUpFiles,
    environment: &[(&str, &str)],
    setting: &ReleaseSetting,
) -> FollowedCommand {
    let command: Vec<OsString> = command.iter().map(OsString::from).collect();
    let get = |name: &str| {
        let given = environment.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        given.or_else(|| (name == "PATH").then(|| "/usr/bin:/bin".to_owned()))
    };
    FollowedCommand::follow(&CommandSource {
        command: &command,
        setting,
        environment: &get,
        directory: Path::new("/app"),
        files,
    })
}

fn follow(command: &[&str], files: &MadeUpFiles) -> FollowedCommand {
    follow_with(command, files, &[], &ReleaseSetting::Auto)
}

/// The script and its words, with `tool` in front of those that start no node; empty if there is no script.
fn end_of(command: &[&str], files: &MadeUpFiles) -> String {
    shown(&follow(command, files))
}

fn shown(followed: &FollowedCommand) -> String {
    let Some(script) = &followed.script else { return String::new() };
    let tool = if script.role == ScriptRole::Tool { "tool " } else { "" };
    let words = std::iter::once(script.path.display().to_string()).chain(script.arguments.iter().cloned());
    format!("{tool}{}", words.collect::<Vec<_>>().join(" "))
}

const START: &str = "/app/bin/shop start";
const MIGRATE: &str = "tool /app/bin/shop eval Shop.Release.migrate";

#[test]
fn each_way_to_start_a_release_leads_to_its_script() {
    let ways: &[(&[&str], &str)] = &[
        (&["bin/shop", "start"], START),
        (&["/app/bin/shop", "start"], START),
        (&["./bin/shop", "eval", "start"], "tool /app/bin/shop eval start"),
        (&["bin/shop"], "tool /app/bin/shop"),
        (&["bin/server"], START),
        (&["/app/bin/server"], START),
        (&["bin/migrate"], MIGRATE),
        (&["env", "A=1", "bin/shop", "start"], START),
        (&["env", "-i", "PATH=/bin", "bin/server"], START),
        (&["gosu", "app", "bin/shop", "start"], START),
        (&["setpriv", "--reuid", "app", "--clear-groups", "bin/shop", "start"], START),
        (&["tini", "-g", "--", "bin/server"], START),
        (&["linkerd-await", "--shutdown", "--", "bin/shop", "start"], START),
        (&["sh", "-c", "bin/shop start"], START),
        (&["/bin/sh", "-c", "exec bin/server"], START),
        (&["bash", "-exc", "cd /app && ./bin/shop start"], START),
        (&["bash", "-o", "pipefail", "-c", "bin/shop start | cat"], START),
        (&["busybox", "sh", "-c", "bin/shop start"], START),
        (&["sh", "-ce", "bin/shop start"], START),
        (&["sh", "-c", "exec \"$0\" \"$@\"", "bin/shop", "start"], START),
        (&["sh", "-c", "exec \"$@\"", "sh", "bin/shop", "start"], START),
        (&["sh", "-c", "bin/migrate && exec bin/shop start"], START),
        (&["sh", "-c", "/app/bin/migrate && /app/bin/server"], START),
        (&["sh", "-c", "bin/migrate; bin/server"], START),
        (&["sh", "-c", "bin/migrate"], MIGRATE),
        (&["sh", "-c", "trap 'exit' INT; /app/bin/shop start"], START),
        (&["sh", "-c", "trap exit TERM; bin/shop start & wait"], START),
        (&["sh", "-c", "PHX_SERVER=true exec ./bin/shop start"], START),
        (&["su", "-", "app", "-c", "bin/shop start"], START),
        (&["su", "app", "-s", "/bin/sh", "-c", "/app/bin/server"], START),
        (&["env", "sh", "-c", "gosu app bin/shop start"], START),
        (&["sh", "-c", "echo bin/shop start; exec bin/migrate"], MIGRATE),
        (&["sleep", "1000"], ""),
        (&["sh", "-c", "sleep 1000"], ""),
        (&["nothing", "there"], ""),
        (&[], ""),
    ];
    let files = phoenix();
    for (command, expected) in ways {
        assert_eq!(&end_of(command, &files), expected, "{command:?}");
    }
}

#[test]
fn each_entrypoint_leads_to_the_script_that_it_runs() {
    let entrypoints: &[(&str, &[&str], &str)] = &[
        ("exec \"$@\"", &["bin/shop", "start"], START),
        ("exec $@", &["bin/shop", "start"], START),
        ("exec \"${@}\"", &["bin/server"], START),
        ("exec ${1+\"$@\"}", &["bin/server"], START),
        ("\"$@\"", &["bin/server"], START),
        ("set -e\n/app/bin/shop eval \"Shop.Release.migrate\"\n\nexec \"$@\"", &["bin/shop", "start"], START),
        ("bin/shop eval x\nexec /app/bin/shop \"$@\"", &["start"], START),
        ("exec /app/bin/shop \"${@:-start}\"", &[], START),
        ("exec bin/shop ${1:-start}", &[], START),
        ("bin=\"/app/bin/shop\"\n$bin eval x\nexec \"$bin\" \"start\"", &[], START),
        ("bin=\"/app/bin/shop\"\neval \"$bin eval \\\"Shop.Release.migrate\\\"\"\nexec \"$bin\" \"start\"", &[], START),
        ("while ! pg_isready -q -h $DB; do\n  sleep 2\ndone\n/app/bin/server", &[], START),
        ("HERE=\"$(cd \"$(dirname \"$0\")\" && pwd -P)\"\nexec \"$HERE\"/../app/bin/shop start", &[], START),
        ("HERE=${0%/*}\nexec ${HERE}/../app/bin/shop start", &[], START),
        ("cd `dirname $0`/../app\nexec bin/shop start", &[], START),
        ("APP=shop\nexec /app/bin/$APP start", &[], START),
        (
            "APP=\"${APP_NAME:-shop}\"\n. /app/releases/0.1.0/env.sh\nexec \"/app/bin/${APP}\" foreground-or start\n",
            &[],
            "tool /app/bin/shop foreground-or start",
        ),
        ("exec /app/bin/$(ls /app/bin | head -1) start", &[], START),
        ("ROOT=$(some_tool)\nexec \"$ROOT\"/bin/shop start", &[], START),
        (
            "case $1 in\n  run) exec /app/bin/shop start ;;\n  db) exec /app/bin/migrate ;;\n  *) exec \"$@\" ;;\nesac",
            &["run"],
            START,
        ),
        (
            "case $1 in\n  run) exec /app/bin/shop start ;;\n  db) exec /app/bin/migrate ;;\n  *) exec \"$@\" ;;\nesac",
            &["db"],
            MIGRATE,
        ),
        (
            "case $1 in\n  run) exec /app/bin/shop start ;;\n  db) exec /app/bin/migrate ;;\n  *) exec \"$@\" ;;\nesac",
            &["sh"],
            "",
        ),
        (
            "if [ \"$1\" = 'run' ]; then\n  exec /app/bin/shop start\nelif [ \"$1\" = 'db' ]; then\n  exec /app/bin/migrate\nelse\n  exec \"$@\"\nfi",
            &["db"],
            MIGRATE,
        ),
        (
            "if [[ \"$1\" == rabbit* ]] && [ \"$(id -u)\" = '0' ]; then\n  exec gosu rabbitmq \"$0\" \"$@\"\nfi\nexec \"$@\"",
            &["bin/shop", "start"],
            START,
        ),
        ("if [ \"$(id -u)\" = 0 ]; then\n  exec gosu app \"$0\" \"$@\"\nfi\nexec /app/bin/server", &[], START),
        (
            "as_app() {\n  if [ \"$(id -u)\" = 0 ]; then\n    runuser -u app -- \"$@\"\n  else\n    \"$@\"\n  fi\n}\nas_app /app/bin/migrate\nexec \"$@\"",
            &["/app/bin/server"],
            START,
        ),
        ("run_release() {\n  exec gosu app /app/bin/shop \"$@\"\n}\nrun_release start", &[], START),
        ("function run {\n  exec /app/bin/shop start\n}\nrun", &[], START),
        ("shift\nexec \"$@\"", &["ignored", "bin/shop", "start"], START),
        ("set -- bin/shop start\nexec \"$@\"", &[], START),
        ("cat <<EOF > /tmp/x\nexec bin/migrate\nEOF\nexec bin/server", &[], START),
        ("# exec bin/migrate\nexec bin/server # \"quoted\n", &[], START),
        ("exec bin/server\nexec bin/migrate", &[], START),
        ("[ -n \"$NEVER_SET\" ] && exec bin/migrate\nexec bin/server", &[], START),
        (": \"${COMMAND_TO_RUN:=/app/bin/server}\"\nexec $COMMAND_TO_RUN", &[], START),
        ("su - app -c \"/app/bin/shop start\"", &[], START),
        ("su app -s /bin/sh -c \"exec /app/bin/shop ${*:-start}\"", &[], START),
        ("ulimit -n 65536\nexec 2>&1\nexec /app/bin/server >/dev/stdout 2>/tmp/log", &[], START),
        ("(cd /app && bin/migrate) && exec bin/server", &[], START),
        ("cd /nowhere/$(unknown)\nexec ./bin/shop start", &[], START),
        ("tar xf x || exit 1\nexec bin/server", &[], START),
        ("python3 /opt/wait.py; exec bin/shop start", &[], START),
    ];
    for (text, arguments, expected) in entrypoints {
        let files = phoenix().with(&[("/usr/entrypoint.sh", &format!("#!/bin/sh\n{text}\n"))]);
        let command: Vec<_> = std::iter::once("/usr/entrypoint.sh").chain(arguments.iter().copied()).collect();
        assert_eq!(&end_of(&command, &files), expected, "{text}\n{arguments:?}");
    }
}

#[test]
fn variables_of_the_environment_are_put_in() {
    let environment = [("SERVICE_CMD", "/app/bin/shop start"), ("APP", "shop")];
    for text in ["$SERVICE_CMD", "exec $SERVICE_CMD", "exec ${SERVICE_CMD}", "bin/$APP start", "bin/${APP} start"] {
        let followed = follow_with(&["sh", "-c", text], &phoenix(), &environment, &ReleaseSetting::Auto);
        assert_eq!(shown(&followed), START, "{text}");
    }
    // In single quotes, or as one word, a shell would not find it either.
    for text in ["'$SERVICE_CMD'", "\"$SERVICE_CMD\""] {
        assert_eq!(
            shown(&follow_with(&["sh", "-c", text], &phoenix(), &environment, &ReleaseSetting::Auto)),
            "",
            "{text}"
        );
    }
}

#[test]
fn the_name_is_the_one_that_the_script_is_written_for() {
    let files = phoenix().with(&[("/app/bin/shopctl", "-> shop"), ("/usr/bin/shopctl", "-> ../../app/bin/shop")]);
    for command in [["bin/shop", "start"], ["bin/shopctl", "start"], ["shopctl", "start"]] {
        let script = follow(&command, &files).script.unwrap();
        assert_eq!((script.release_name.as_deref(), script.role), (Some("shop"), ScriptRole::Start), "{command:?}");
        assert_eq!(script.root.as_deref(), Some(Path::new("/app")), "{command:?}");
    }
}

#[test]
fn a_script_in_a_releases_own_bin_belongs_to_it() {
    let files = phoenix().with(&[
        ("/app/bin/start.sh", "#!/bin/sh\nexec unknown-launcher\n"),
        ("/app/bin/worker", "ELF"),
        ("/app/bin/wait", "#!/usr/bin/env python3\nos.execv(x)\n"),
        ("/app/bin/rollback", "#!/bin/sh\nexec \"$(dirname \"$0\")/shop\" eval \"Shop.Release.rollback()\"\n"),
    ]);
    for command in ["bin/start.sh", "bin/worker", "bin/wait"] {
        let script = follow(&[command], &files).script.unwrap();
        assert_eq!((script.path.as_path(), script.role), (Path::new("/app/bin/shop"), ScriptRole::Start), "{command}");
    }
    assert_eq!(end_of(&["bin/rollback"], &files), "tool /app/bin/shop eval Shop.Release.rollback()");
    // An image whose release is at its root has every program in the release's bin.
    let at_root = MadeUpFiles::new(&[("/bin/ls", "ELF"), ("/releases/start_erl.data", "13 1")]);
    assert_eq!(end_of(&["/bin/ls"], &at_root), "");
    assert!(follow(&["/bin/ls"], &at_root).has_vm_in_sight);
}

#[test]
fn other_generations_are_known_as_well() {
    let relx = "#!/bin/sh\nexport REL_NAME=\"shop\"\nRELX_CONFIG_PATH=x\nexec \"$BINDIR/erlexec\"\ncase $1 in\nforeground)\n;;\nesac\n";
    let plain = "#!/bin/sh\nexport REL_NAME=\"shop\"\nfind_vm_args() {\n  x\n}\nexec \"$BINDIR/erlexec\" \"$@\"\n";
    let distillery =
        "#!/bin/sh\nREL_NAME=\"${REL_NAME:-shop}\"\nexec \"${SCRIPT_DIR}/${REL_NAME}_rc_exec.sh\" \"$@\"\n";
    let emqx = "#!/usr/bin/env bash\nset -euo pipefail\nROOT=x\ncase \"${COMMAND}\" in\n    start)\n  ;;\n    foreground)\n exec \"$BINDIR/erlexec\" \"$@\"\n ;;\nesac\n";
    let couchdb = "#!/bin/sh\nSTART_ERL=`cat \"$ROOTDIR/releases/start_erl.data\"`\nexec \"$BINDIR/erlexec\" -boot x\n";
    for (text, arguments, expected) in [
        (relx, "foreground", "/app/bin/shop foreground"),
        (relx, "ping", "tool /app/bin/shop ping"),
        (plain, "-noinput", "/app/bin/shop -noinput"),
        (distillery, "foreground", "/app/bin/shop foreground"),
        (distillery, "remote_console", "tool /app/bin/shop remote_console"),
        (emqx, "foreground", "/app/bin/shop foreground"),
        (emqx, "ctl", "tool /app/bin/shop ctl"),
        (couchdb, "", "/app/bin/shop "),
    ] {
        let files = MadeUpFiles::new(&[
            ("/app/bin/shop", text),
            ("/app/bin/shop-0.1.0", text),
            ("/app/bin/shop_ctl", "#!/bin/sh\nexec \"$(dirname \"$0\")/shop\" ctl \"$@\"\n"),
            ("/app/releases/start_erl.data", "13 1"),
            ("/app/releases/0.1.0/shop.rel", ""),
            ("/app/releases/0.1.0/start_clean.rel", ""),
        ]);
        assert_eq!(end_of(&["bin/shop", arguments], &files), expected, "{text}");
        let name = |command| follow(&[command, arguments], &files).script.unwrap().release_name;
        assert_eq!(name("bin/shop").as_deref(), Some("shop"), "{text}");
        assert_eq!(name("bin/shop-0.1.0").as_deref(), Some("shop"), "{text}");
        if text == emqx {
            assert_eq!(end_of(&["bin/shop_ctl", "status"], &files), "tool /app/bin/shop ctl status");
        }
    }
}

#[test]
fn a_broker_is_found_through_its_wrappers() {
    let files = MadeUpFiles::new(&[
        ("/opt/rabbitmq/sbin/rabbitmq-env", ""),
        ("/opt/rabbitmq/sbin/rabbitmq-defaults", ""),
        ("/opt/rabbitmq/sbin/rabbitmq-server", "#!/bin/sh\n. rabbitmq-env\n$RABBITMQ_SERVER_START_ARGS\n"),
        ("/opt/rabbitmq/sbin/rabbitmqctl", "#!/bin/sh\n. rabbitmq-env\n"),
        ("/usr/bin/rabbitmq-server", "-> ../../opt/rabbitmq/sbin/rabbitmq-server"),
        ("/usr/bin/rabbitmqctl", "-> ../../opt/rabbitmq/sbin/rabbitmqctl"),
        (
            "/usr/bin/docker-entrypoint.sh",
            "#!/bin/bash\nif [[ \"$1\" == rabbitmq* ]] && [ \"$(id -u)\" = '0' ]; then\n  exec gosu rabbitmq \"$BASH_SOURCE\" \"$@\"\nfi\nexec \"$@\"\n",
        ),
        (
            "/usr/sbin/rabbitmq-server",
            "#!/bin/sh\nSCRIPT=`basename $0`\nif [ `id -u` = 0 ] ; then\n  su rabbitmq -s /bin/sh -c \"/opt/rabbitmq/sbin/${SCRIPT} ${CMDLINE}\"\nelse\n  /opt/rabbitmq/sbin/${SCRIPT}\nfi\n",
        ),
        ("/opt/run.sh", "#!/bin/bash\nexec \"${RABBITMQ_BIN_DIR}/rabbitmq-server\"\n"),
    ]);
    let server = "/opt/rabbitmq/sbin/rabbitmq-server";
    assert_eq!(end_of(&["docker-entrypoint.sh", "rabbitmq-server"], &files), "/usr/bin/rabbitmq-server");
    assert_eq!(end_of(&["/usr/sbin/rabbitmq-server"], &files), server);
    assert!(follow(&["/usr/sbin/rabbitmq-server"], &files).may_switch_user);
    assert_eq!(end_of(&["rabbitmqctl", "status"], &files), "tool /usr/bin/rabbitmqctl status");
    let environment = [("RABBITMQ_BIN_DIR", "/opt/rabbitmq/sbin")];
    assert_eq!(shown(&follow_with(&["/opt/run.sh"], &files, &environment, &ReleaseSetting::Auto)), server);
}

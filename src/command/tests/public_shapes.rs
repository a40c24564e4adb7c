//! Scripts in the shape of those that public images have, in our words: what they run in the end, and under which name.

use super::*;

/// A release's own script that looks for its version and at its first argument.
fn release_script(name: &str) -> String {
    format!(
        "#!/bin/sh\nset -e\nRELEASE_NAME=\"${{RELEASE_NAME:-\"{name}\"}}\"\nRELEASE_COMMAND=\"$1\"\n\
         cut -d' ' -f2 \"$RELEASE_ROOT/releases/start_erl.data\"\ncase $1 in\n  start)\n    x ;;\nesac\n"
    )
}

/// The machine's programs, and the release `shop` in /app.
fn image(scripts: &[(&str, &str)]) -> MadeUpFiles {
    let files = phoenix().with(&[
        ("/app/bin/shop", &release_script("shop")),
        ("/usr/bin/su-exec", "ELF"),
        ("/usr/bin/runuser", "ELF"),
        ("/usr/bin/sudo", "ELF"),
        ("/usr/bin/litestream", "ELF"),
        ("/usr/bin/dumb-init", "ELF"),
        ("/usr/bin/nc", "ELF"),
        ("/usr/bin/curl", "ELF"),
        ("/usr/bin/sed", "ELF"),
        ("/usr/bin/chown", "ELF"),
        ("/usr/bin/find", "ELF"),
        ("/usr/bin/dirname", "ELF"),
        ("/usr/bin/id", "ELF"),
    ]);
    files.with(scripts)
}

/// What, its files, its COMMAND, and what that runs in the end.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], &'a str);

/// A switch of users, then one word for the start and another for scripts of the database.
const RUN_OR_DB: &str = "#!/bin/sh\nset -e\nif [ \"$(id -u)\" = \"0\" ]; then\n  mkdir -p /data\n  chown -R shop /data\n  exec su-exec shop \
     \"$0\" \"$@\"\nfi\nif [ \"$1\" = 'run' ]; then\n  exec /app/bin/shop start\nelif [ \"$1\" = 'db' ]; then\n  exec /app/\"$2\".sh\nelse\n  \
     exec \"$@\"\nfi\nexec \"$@\"\n";
const MIGRATE_BESIDE: &str =
    "#!/bin/sh\nBIN_DIR=$(dirname \"$0\")\n\"${BIN_DIR}\"/bin/shop eval Shop.Release.migrate\n";
/// Waits for the database, migrates, becomes what follows.
const WAIT_AND_MIGRATE: &str = "#!/usr/bin/env sh\nset -e\n: \"${DATABASE_HOST:=\"127.0.0.1\"}\"\nwhile ! nc -z \"${DATABASE_HOST}\" 5432 \
     2>/dev/null; do\n\tsleep 1s\ndone\nbin/shop eval \"Shop.Release.migrate\"\nexec \"$@\"\n";
/// Functions, a trap, certificates, migrations as another user, and then what follows.
const TRAP_AND_FUNCTIONS: &str = "#!/bin/bash\nset -euo pipefail\nupload() {\n  EXIT_CODE=${?:-0}\n  curl -X PUT -T dump \"https://${HOST}\"\n  exit \
     \"$EXIT_CODE\"\n}\ncertificates() {\n  cat > tls.conf <<EOF\n[{server, [{certfile, \"${CERT}\"}]}].\nEOF\n}\nif [ \"${DUMP:-false}\" = true ]; \
     then\n  trap upload INT TERM EXIT\nfi\nif [[ -n \"${CERTS:-}\" ]] ; then\n  certificates\nfi\nas_nobody() {\n  if [ \"$(id -u)\" = \"0\" ]; \
     then\n    runuser -m -u nobody -- \"$@\"\n  else\n    \"$@\"\n  fi\n}\nas_nobody /app/bin/migrate\nif [ \"${SEED-}\" = true ]; then\n  as_nobody \
     /app/bin/shop eval 'Shop.seeds()'\nfi\nexec \"$@\"\n";
/// Restores a database, migrates, and lets a replicator run the server, whose words are one word.
const REPLICATOR: &str = "#!/bin/bash\nset -e\nif [ -f /data/shop.db ]; then\n  echo there\nelse\n  litestream restore -v /data/shop.db\nfi\n\
     /app/bin/migrate\nexec litestream replicate -exec \"/app/bin/server\"\n";
const REPLICATOR_IF_READY: &str = "#!/bin/sh\nif [ \"$READY\" = \"1\" ]; then\n  exec litestream replicate -exec \"/app/bin/shop start\" -config \
     /etc/l.yml\nelse\n  exec /app/bin/shop start\nfi\n";
const STARTS_AFTER_SU_EXEC: &str =
    "#!/bin/sh\nchown -R app: /data\nsu-exec app bin/shop eval 'Shop.Release.migrate()'\nsu-exec app bin/shop start\n";
const WITH_ROOT_VARIABLE: &str =
    "#!/bin/sh\nWORKDIR=/app\n$WORKDIR/bin/shop_ctl migrate\necho starting\nexec $WORKDIR/bin/shop start\n";
const CASE_OF_WORDS: &str = "#!/bin/sh\nset -e\ncase \"${1:-start}\" in\n  start|server) cd /app; exec bin/shop start ;;\n  migrate) exec \
     bin/shop eval M ;;\n  *) exec bin/shop \"$@\" ;;\nesac\n";
const CONTROL: &str = "#!/bin/sh\nSELF=$(dirname \"$0\")\n\"$SELF/shop\" eval \"Ctl.run(\\\"$*\\\")\"\n";

const ROWS: [Row<'static>; 27] = [
    ("run", &[("/entrypoint.sh", RUN_OR_DB)], &["/entrypoint.sh", "run"], START),
    (
        "db migrate",
        &[("/entrypoint.sh", RUN_OR_DB), ("/app/migrate.sh", MIGRATE_BESIDE)],
        &["/entrypoint.sh", "db", "migrate"],
        MIGRATE,
    ),
    (
        "migrations, then run",
        &[("/entrypoint.sh", RUN_OR_DB), ("/app/migrate.sh", MIGRATE_BESIDE)],
        &["sh", "-c", "/entrypoint.sh db migrate && /entrypoint.sh run"],
        START,
    ),
    (
        "wait and migrate",
        &[("/entrypoint.sh", WAIT_AND_MIGRATE)],
        &["/usr/bin/dumb-init", "--", "/entrypoint.sh", "bin/shop", "start"],
        START,
    ),
    (
        "traps",
        &[("/app/run.sh", TRAP_AND_FUNCTIONS)],
        &["/usr/bin/tini", "-s", "-g", "--", "/app/run.sh", "/app/bin/server"],
        START,
    ),
    ("a replicator", &[("/scripts/run.sh", REPLICATOR)], &["/scripts/run.sh"], START),
    ("a replicator with words", &[("/scripts/run.sh", REPLICATOR_IF_READY)], &["/scripts/run.sh"], START),
    ("a replicator in CMD", &[], &["litestream", "replicate", "-exec", "/app/bin/server"], START),
    ("a replicator with words in CMD", &[], &["litestream", "replicate", "-exec", "/app/bin/shop start"], START),
    ("su-exec without exec", &[("/app/run.sh", STARTS_AFTER_SU_EXEC)], &["/app/run.sh"], START),
    (
        "a variable for the root",
        &[("/run.sh", WITH_ROOT_VARIABLE), ("/app/bin/shop_ctl", CONTROL)],
        &["/run.sh"],
        START,
    ),
    (
        "a control script alone",
        &[("/app/bin/shop_ctl", CONTROL)],
        &["/app/bin/shop_ctl", "migrate"],
        "tool /app/bin/shop eval Ctl.run(\"migrate\")",
    ),
    ("a case, its default", &[("/e.sh", CASE_OF_WORDS)], &["/e.sh"], START),
    ("a case, a tool", &[("/e.sh", CASE_OF_WORDS)], &["/e.sh", "migrate"], "tool /app/bin/shop eval M"),
    ("a case, the rest", &[("/e.sh", CASE_OF_WORDS)], &["/e.sh", "remote"], "tool /app/bin/shop remote"),
    ("shell form", &[], &["/bin/sh", "-c", "/app/bin/migrate && /app/bin/server"], START),
    ("shell form with a variable", &[], &["/bin/sh", "-c", "/app/bin/$SERVICE_NAME start"], START),
    ("a shell as entrypoint", &[], &["/bin/bash", "-c", "sleep 1 & exec /app/bin/server"], START),
    ("sudo", &[], &["sudo", "-E", "-u", "nobody", "/app/bin/shop", "start"], START),
    (
        "chained entrypoints",
        &[("/a.sh", "#!/bin/sh\nexec /b.sh \"$@\"\n"), ("/b.sh", "#!/bin/sh\nexec \"$@\"\n")],
        &["/a.sh", "/b.sh", "bin/server"],
        START,
    ),
    ("remote shell of an image", &[], &["/app/bin/shop", "remote"], "tool /app/bin/shop remote"),
    (
        "a loop until the database is there",
        &[("/e.sh", "#!/bin/sh\nuntil bin/shop eval Ready.check; do sleep 1; done\nbin/migrate\nexec bin/server\n")],
        &["/e.sh"],
        START,
    ),
    ("its own words", &[("/e.sh", "#!/bin/sh\nset -- bin/shop start\nexec \"$@\"\n")], &["/e.sh"], START),
    ("words by default", &[("/e.sh", "#!/bin/sh\nexec ${@:-bin/shop start}\n")], &["/e.sh"], START),
    ("a variable by default", &[("/e.sh", "#!/bin/sh\nexec ${CMD:-bin/shop start}\n")], &["/e.sh"], START),
    ("a default command", &[("/e.sh", "#!/bin/sh\nset -- ${@:-bin/shop start}\nexec \"$@\"\n")], &["/e.sh"], START),
    (
        "an included file",
        &[
            ("/e.sh", "#!/bin/sh\n. /etc/shop.env\nexec \"$APP_HOME/bin/shop\" start\n"),
            ("/etc/shop.env", "APP_HOME=/app\n"),
        ],
        &["/e.sh"],
        START,
    ),
];

#[test]
fn what_public_images_start_is_found() {
    let mut wrong = Vec::new();
    for (what, scripts, command, expected) in ROWS {
        let files = image(scripts);
        let followed = follow_with(command, &files, &[("SERVICE_NAME", "shop")], &ReleaseSetting::Auto);
        let found = shown(&followed);
        let name = followed.script.and_then(|script| script.release_name);
        if found != expected || name.as_deref() != Some("shop") {
            wrong.push(format!("{what}: {found:?} of {name:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Servers with their own scripts: what is found of them, and whether a VM is in sight.
#[test]
fn servers_with_their_own_scripts_have_a_vm_in_sight() {
    let couchdb = "#!/bin/sh\nset -e\nif [ \"$1\" = '/opt/couchdb/bin/couchdb' ] && [ \"$(id -u)\" = '0' ]; then\n  find /opt/couchdb -exec chown \
         couchdb {} +\n  exec setpriv --reuid=couchdb --clear-groups --inh-caps=-all \"$@\"\nfi\nexec \"$@\"\n";
    let own = "#!/bin/sh\nBINDIR=\"$ROOTDIR/erts-13.1/bin\"\nexec \"$BINDIR/erlexec\" -boot \"$ROOTDIR/releases/3.3/couchdb\" -args_file \
         \"$ROOTDIR/etc/vm.args\" \"$@\"\n";
    let broker = "#!/usr/bin/env bash\nIP=$(ip -4 addr show | head -n 1)\nsed -i \"s/x@.*/x@${IP}/\" /vernemq/etc/vm.args\n\
         stop() { kill -s TERM ${pid}; wait ${pid}; exit 143; }\ntrap 'stop' SIGTERM\n/vernemq/bin/vernemq console -noshell -noinput $@ &\n\
         pid=$!\nwait $pid\n";
    let files = image(&[
        ("/docker-entrypoint.sh", couchdb),
        ("/opt/couchdb/bin/couchdb", own),
        ("/opt/couchdb/releases/start_erl.data", "13.1 3.3"),
        ("/opt/couchdb/releases/3.3/couchdb.rel", ""),
        ("/usr/sbin/start_vernemq", broker),
        (
            "/vernemq/bin/vernemq",
            "#!/bin/sh\nRELX_CONFIG_PATH=x\nREL_NAME=\"vernemq\"\ncase \"$1\" in\n  console)\n    erlexec ;;\nesac\n",
        ),
        ("/vernemq/releases/start_erl.data", "13.1 1.13"),
    ]);
    for (command, script, name) in [
        (&["/docker-entrypoint.sh", "/opt/couchdb/bin/couchdb"] as &[_], "/opt/couchdb/bin/couchdb", "couchdb"),
        (&["tini", "--", "/docker-entrypoint.sh", "/opt/couchdb/bin/couchdb"], "/opt/couchdb/bin/couchdb", "couchdb"),
        (&["start_vernemq"], "/vernemq/bin/vernemq", "vernemq"),
    ] {
        let environment = [("PATH", "/usr/sbin:/usr/bin:/bin")];
        let followed = follow_with(command, &files, &environment, &ReleaseSetting::Auto);
        let found = followed.script.expect("a start script");
        assert_eq!((found.path.to_str(), found.release_name.as_deref()), (Some(script), Some(name)), "{command:?}");
        assert!(followed.has_vm_in_sight && found.role == ScriptRole::Start, "{command:?}");
    }
}

#[test]
fn brokers_behind_the_scripts_of_their_images_are_found() {
    let files = MadeUpFiles::new(&[
        ("/opt/bitnami/rabbitmq/sbin/rabbitmq-env", ""),
        ("/opt/bitnami/rabbitmq/sbin/rabbitmq-defaults", ""),
        ("/opt/bitnami/rabbitmq/sbin/rabbitmq-server", "#!/bin/sh\n. rabbitmq-env\n$RABBITMQ_SERVER_START_ARGS\n"),
        (
            "/opt/bitnami/scripts/rabbitmq/run.sh",
            "#!/bin/bash\n. /opt/bitnami/scripts/liblog.sh\n. /opt/bitnami/scripts/rabbitmq-env.sh\nif am_i_root; then\n  exec gosu \
             \"$RABBITMQ_DAEMON_USER\" \"${RABBITMQ_BIN_DIR}/rabbitmq-server\"\nelse\n  exec \"${RABBITMQ_BIN_DIR}/rabbitmq-server\"\nfi\n",
        ),
        (
            "/opt/bitnami/scripts/rabbitmq-env.sh",
            "#!/bin/bash\nexport BITNAMI_ROOT_DIR=\"/opt/bitnami\"\nexport RABBITMQ_BASE_DIR=\"${BITNAMI_ROOT_DIR}/rabbitmq\"\nexport \
             RABBITMQ_BIN_DIR=\"${RABBITMQ_BASE_DIR}/sbin\"\n",
        ),
        (
            "/opt/bitnami/scripts/rabbitmq/entrypoint.sh",
            "#!/bin/bash\nif [[ \"$1\" = \"/opt/bitnami/scripts/rabbitmq/run.sh\" ]]; then\n  /opt/bitnami/scripts/rabbitmq/setup.sh\nfi\nexec \"$@\"\n",
        ),
        ("/usr/bin/gosu", "ELF"),
    ]);
    for command in [
        &["/opt/bitnami/scripts/rabbitmq/entrypoint.sh", "/opt/bitnami/scripts/rabbitmq/run.sh"] as &[_],
        &["/opt/bitnami/scripts/rabbitmq/run.sh"],
    ] {
        assert_eq!(end_of(command, &files), "/opt/bitnami/rabbitmq/sbin/rabbitmq-server", "{command:?}");
        assert!(follow(command, &files).may_switch_user);
    }
}

/// A text of /app/run.sh, and what it runs in the end.
const NOTATIONS: [(&str, &str); 34] = [
    ("exec \"$(dirname \"$0\")/bin/shop\" start", START),
    ("cd \"${0%/*}\"\nexec bin/shop start", START),
    ("cat <<EOF\nbin/shop start\nEOF\nexec sleep 1", ""),
    ("# bin/shop start\nexec sleep 1", ""),
    ("exec nice -n 5 bin/shop start", START),
    ("set -- bin/shop start\n\"${@}\"", START),
    ("if ! bin/shop eval x; then\n  exit 1\nfi\nbin/shop start", START),
    ("bin/shop daemon && tail -f /log", "/app/bin/shop daemon"),
    ("RELEASE_NODE=a@b PORT=1 bin/shop start", START),
    ("exec /usr/bin/env bash -c 'exec bin/shop start'", START),
    ("exec -a shop bin/shop start", START),
    ("( cd /app && bin/shop start )", START),
    ("{ bin/shop start; }", START),
    ("bin/shop start | tee /log", START),
    ("bin/shop start >/proc/1/fd/1 2>&1", START),
    ("bin/shop start >>/log 2>&1 &\nwait $!", START),
    ("function main {\n  exec bin/shop start\n}\nmain \"$@\"", START),
    ("main() { exec bin/shop start; }; main", START),
    ("APP=shop\nexec ./bin/\"$APP\" start", START),
    ("[ -n \"$X\" ] && exec bin/shop start_iex || exec bin/shop start", START),
    ("echo \"usage: bin/shop start\"\nexec sleep 1", ""),
    ("while true; do\n  bin/shop start\n  sleep 1\ndone", START),
    ("pushd /app >/dev/null\nbin/shop start", START),
    ("set -a; . /app/env; set +a\nexec bin/shop start", START),
    ("export PATH=\"/app/bin:$PATH\"\nexec shop start", START),
    ("exec sudo -u app sh -c 'bin/shop start'", START),
    ("exec s6-setuidgid app bin/shop start", START),
    ("exec bin/shop \"${1:-start}\"", START),
    ("CMD=\"bin/shop start\"\nexec $CMD", START),
    ("CMD=(bin/shop start)\nexec \"${CMD[@]}\"", START),
    ("case \"$ROLE\" in\n  worker) exec bin/shop eval W ;;\n  *) exec bin/shop start ;;\nesac", START),
    ("trap 'kill -TERM $pid' TERM\nbin/shop start &\npid=$!\nwait $pid", START),
    ("exec bin/shop start --name \"$(hostname -f)\" -- more", "/app/bin/shop start --name \u{fffd} -- more"),
    // Neither a start nor a tool is known, and the VM is in sight.
    ("for step in migrate server; do\n  bin/$step\ndone", ""),
];

#[test]
fn notations_of_a_shell_lead_to_the_script() {
    let mut wrong = Vec::new();
    for (text, expected) in NOTATIONS {
        let script = format!("#!/bin/bash\n{text}\n");
        let files = image(&[
            ("/app/run.sh", &script),
            ("/app/env", "A=1\n"),
            ("/usr/bin/tee", "ELF"),
            ("/usr/bin/s6-setuidgid", "ELF"),
        ]);
        let found = end_of(&["/app/run.sh"], &files);
        let is_same = found == expected
            || found.starts_with(START) && expected.starts_with(START) && expected.contains('\u{fffd}');
        if !is_same {
            wrong.push(format!("{text}: {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

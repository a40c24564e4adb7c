//! Servers that people run in a `StatefulSet`, behind their images' entrypoints and control scripts: each by the row of its
//! recipe, which gives the pod's name to the node, waits for it, and stops and probes it. Where the server itself cannot be
//! had, a real VM runs behind scripts that do what its image's do.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::brokers::{BROKER_BOOT, DATA};
use crate::support::files::{directory_of, set_mode, shared_dir};
use crate::support::vm::{BOOT, can_connect, vm};
use crate::support::{Accounts, Cluster, DnsSettings, Ended, Pod, RunningPod, wait_until};

const COOKIE: &str = "sesame-4711";
const UID: u32 = 54321;

/// A row of the table of servers.
struct Recipe {
    entrypoint: Vec<String>,
    command: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Recipe {
    fn of(server: &str, pod: &str) -> Self {
        let recipes = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/RECIPES.md")).unwrap();
        let row = recipes.lines().find(|line| line.starts_with(&format!("| {server} |"))).expect("a row");
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, _, entrypoint, command, variables, _] = cells[..] else { panic!("{row}") };
        let words = |cell: &str| serde_json::from_str::<Vec<String>>(cell.trim_matches('`')).expect(cell);
        // As Kubernetes expands them. What stands for a value of a Secret is this test's cookie.
        let value = |text: &str| {
            let text = text.replace("$(MY_POD_NAME)", pod).replace("$(MY_POD_NAMESPACE)", "default");
            text.replace('…', COOKIE)
        };
        let quoted = variables.split('`').skip(1).step_by(2).filter_map(|part| part.split_once('='));
        let variables = quoted.map(|(name, text)| (name.to_owned(), value(text))).collect();
        Self { entrypoint: words(entrypoint), command: words(command), variables }
    }

    fn of_pod(&self, pod: Pod) -> Pod {
        let pod = pod.entrypoint(&self.entrypoint).command(&self.command);
        self.variables.iter().fold(pod, |pod, (name, value)| pod.env(name, value))
    }
}

/// A directory of tests/fixtures/servers with the machine's VM as the server's own, which its user may change.
fn installed(fixture: &str) -> TempDir {
    let dir = shared_dir();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/servers").join(fixture);
    assert!(Command::new("cp").arg("-R").arg(from.join(".")).arg(dir.path()).status().unwrap().success());
    let erlang = Path::new("/usr/lib/erlang");
    let erts = fs::read_dir(erlang).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let erts = erts.into_iter().find(|name| name.starts_with("erts-")).expect("a VM");
    for linked in [erts.as_str(), "lib"] {
        symlink(erlang.join(linked), dir.path().join(linked)).unwrap();
    }
    for made in ["releases/1.0", "data"] {
        fs::create_dir_all(dir.path().join(made)).unwrap();
        fs::set_permissions(dir.path().join(made), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let version = erts.trim_start_matches("erts-");
    fs::write(dir.path().join("releases/start_erl.data"), format!("{version} 1.0\n")).unwrap();
    fs::write(dir.path().join("releases/1.0/sys.config"), "[].\n").unwrap();
    fs::copy(erlang.join("bin/start_clean.boot"), dir.path().join(format!("releases/1.0/{fixture}.boot"))).unwrap();
    assert!(Command::new("chown").args(["-R", &format!("{UID}:{UID}")]).arg(dir.path()).status().unwrap().success());
    dir
}

/// How other nodes find the port of a server's node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FoundBy {
    Epmd,
    /// A module of the server's, which has this port for each node.
    Module(&'static str),
}

/// Where a server is in its pod, and how it shows that it runs and ends.
struct Server<'a> {
    /// The first cell of its row.
    row: &'a str,
    /// The pod's name, whose last part is its ordinal.
    pod: &'a str,
    /// The node's name before the `@`.
    node: &'a str,
    found_by: FoundBy,
}

impl Server<'_> {
    fn host(&self) -> String {
        let service = self.pod.rsplit_once('-').unwrap().0;
        format!("{}.{service}.default.svc.cluster.local", self.pod)
    }

    /// A node that is found by a separate module is not asked.
    fn is_probed(&self, pod: &RunningPod) {
        let probe = |question: &str| pod.exec(["beaminit", "probe", question, "--timeout", "5s"]);
        if self.found_by == FoundBy::Epmd {
            for question in ["ready", "live"] {
                until(pod, question, || probe(question).status.success());
            }
            return;
        }
        for (question, code) in [("ready", 64), ("live", 0)] {
            let output = probe(question);
            let line = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.code() == Some(code) && line.contains("-epmd_module"), "{question}: {line}");
        }
    }

    /// The whole life of a pod.
    fn lives(&self, with: impl FnOnce(Pod) -> Pod) -> RunningPod {
        let cluster = Cluster::start(DnsSettings::default());
        let peer = cluster.pod("peer-0").no_entrypoint().command(["sleep", "1000"]);
        let peer = match self.found_by {
            FoundBy::Epmd => peer,
            FoundBy::Module(port) => peer.env("ERL_FLAGS", &format!("-start_epmd false -erl_epmd_port {port}")),
        };
        let peer = peer.start();
        let recipe = Recipe::of(self.row, self.pod);
        let pod = recipe.of_pod(with(cluster.pod(self.pod)));
        let address = pod.address();
        let pod = pod.start();
        let asked = cluster.dns().wait_for_question(BOOT);
        assert_eq!(asked.name, format!("{}.", self.host()), "{:#?}", pod.log());
        assert!(vm(&pod).is_none(), "started before its record was published");
        cluster.dns().publish(&self.host(), &[address]);

        let node = format!("{}@{}", self.node, self.host());
        if self.found_by == FoundBy::Epmd {
            let registered = format!("name {} at port", self.node);
            until(&pod, &registered, || {
                String::from_utf8_lossy(&pod.exec(["epmd", "-names"]).stdout).contains(&registered)
            });
        } else {
            pod.expect_line(&format!("runs on {node}"), BOOT);
        }
        // A broker has another cookie until it has read its own.
        until(&pod, "a peer", || can_connect(&peer, &node, COOKIE));
        self.is_probed(&pod);
        pod.signal(15);
        assert_eq!(pod.wait(BROKER_BOOT), Ended::Code(0), "{:#?}", pod.log());
        assert!(vm(&pod).is_none());
        pod
    }
}

/// Waits until a pod that runs is so far, which a broker takes longest for.
#[track_caller]
fn until(pod: &RunningPod, what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + BROKER_BOOT;
    wait_until(2 * BROKER_BOOT, what, || pod.ended().is_some() || Instant::now() > deadline || holds());
    assert!(pod.ended().is_none() && Instant::now() < deadline, "{what}: {:?}: {:#?}", pod.ended(), pod.log());
}

#[test]
fn couchdb() {
    let (home, accounts) = (installed("couchdb"), Accounts::new());
    let entrypoint = home.path().join("docker-entrypoint.sh");
    let server = Server { row: "CouchDB", pod: "couchdb-0", node: "couchdb", found_by: FoundBy::Epmd };
    for uid in [Some(UID), None] {
        let pod = server.lives(|pod| {
            let pod = accounts.mounted(pod).mount_writable(home.path(), "/opt/couchdb");
            let pod = pod.mount(&entrypoint, "/docker-entrypoint.sh").env("HOME", "/opt/couchdb");
            match uid {
                Some(uid) => pod.uid(uid).gid(uid),
                None => pod, // its entrypoint becomes another user
            }
        });
        pod.expect_line(&format!("couchdb runs on couchdb@{}", server.host()), BOOT);
    }
}

#[test]
fn emqx() {
    let home = installed("emqx");
    let entrypoint = home.path().join("docker-entrypoint.sh");
    let ebin = home.path().join("ebin");
    fs::create_dir(&ebin).unwrap();
    set_mode(&ebin, 0o755);
    let module = home.path().join("src/emqx_epmd.erl");
    assert!(Command::new("erlc").arg("-o").arg(&ebin).arg(module).status().expect("erlc").success());
    let server = Server { row: "EMQX", pod: "emqx-0", node: "emqx", found_by: FoundBy::Module("4370") };
    let pod = server.lives(|pod| {
        let pod =
            pod.mount_writable(home.path(), "/opt/emqx").mount(&entrypoint, "/usr/local/bin/docker-entrypoint.sh");
        pod.env("HOME", "/opt/emqx").uid(UID)
    });
    pod.expect_line(&format!("emqx runs on emqx@{}", server.host()), BOOT);
}

#[test]
fn vernemq() {
    let home = installed("vernemq");
    let server = Server { row: "VerneMQ", pod: "vernemq-0", node: "VerneMQ", found_by: FoundBy::Epmd };
    let pod = server.lives(|pod| {
        let start = home.path().join("bin/vernemq.sh");
        let path = "/vernemq/bin:/usr/local/bin:/usr/bin:/bin";
        let pod = pod.mount_writable(home.path(), "/vernemq").mount(&start, "/usr/local/bin/start_vernemq");
        pod.env("HOME", "/vernemq").env("PATH", path).uid(UID)
    });
    pod.expect_line(&format!("VerneMQ runs on VerneMQ@{}", server.host()), BOOT);
    pod.expect_line("the trap stops the node", BOOT);
}

#[test]
fn mongooseim() {
    let home = installed("mongooseim");
    let start = home.path().join("start.sh");
    let vm_args = fs::read_to_string(home.path().join("etc/vm.args")).unwrap();
    let member =
        directory_of(&[("vm.args", &vm_args.replace("-setcookie mongooseim", &format!("-setcookie {COOKIE}")))]);
    let server = Server { row: "MongooseIM", pod: "mongooseim-0", node: "mongooseim", found_by: FoundBy::Epmd };
    let pod = server.lives(|pod| {
        let pod = pod.mount_writable(home.path(), "/opt/mongooseim").mount(&start, "/start.sh");
        pod.mount(member.path(), "/member").env("HOME", "/dev/shm").uid(UID)
    });
    pod.expect_line(&format!("mongooseim runs on mongooseim@{}", server.host()), BOOT);
    pod.expect_line("the node has ended", BOOT);
}

/// Debian's, for real.
#[test]
fn ejabberd() {
    let config = directory_of(&[("ejabberd.yml", "hosts: [localhost]\nloglevel: info\nlisten: []\n"), ("inetrc", "")]);
    let users = directory_of(&[("passwd", &format!("root:x:0:0::/:/bin/sh\nejabberd:x:{UID}:{UID}::/:/bin/sh\n"))]);
    let data = shared_dir();
    fs::write(data.path().join(".erlang.cookie"), COOKIE).unwrap();
    chown(data.path().join(".erlang.cookie"), Some(UID), Some(UID)).unwrap();
    set_mode(data.path().join(".erlang.cookie"), 0o400);
    let server = Server { row: "ejabberd", pod: "ejabberd-0", node: "ejabberd", found_by: FoundBy::Epmd };
    let pod = server.lives(|pod| {
        let pod = pod.mount(config.path(), "/etc/ejabberd").mount(&users.path().join("passwd"), "/etc/passwd");
        let pod = pod.mount_writable(data.path(), "/data").env("HOME", "/data").env("SPOOL_DIR", "/data");
        pod.env("LOGS_DIR", "/data").uid(UID).gid(UID)
    });
    pod.expect_line("is stopped in the node", Duration::from_secs(1));
}

/// Debian's package behind a script in the shape of each image's. The first of them starts as root and becomes another user.
#[test]
fn rabbitmq() {
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/servers");
    let broker = fs::canonicalize("/usr/lib/rabbitmq/bin/rabbitmq-server").unwrap();
    let broker = broker.ancestors().nth(2).expect("sbin is in the broker's directory").to_owned();
    let accounts = Accounts::new();
    for (row, uid) in [
        ("RabbitMQ, its own image", None),
        ("RabbitMQ, its own image", Some(UID)),
        ("RabbitMQ, Bitnami", Some(UID)),
        ("RabbitMQ, Debian", Some(UID)),
    ] {
        let volume = shared_dir();
        let server = Server { row, pod: "rabbit-0", node: "rabbit", found_by: FoundBy::Epmd };
        server.lives(|pod| {
            let pod = accounts.mounted(pod).env("RABBITMQ_LOGS", "-");
            let pod = if let Some(uid) = uid { pod.uid(uid).gid(uid) } else { pod };
            if row == "RabbitMQ, Bitnami" {
                return pod
                    .env("HOME", "/")
                    .env("RABBITMQ_LOG_BASE", "/bitnami/rabbitmq/log")
                    .mount_writable(volume.path(), "/bitnami/rabbitmq")
                    .mount(&servers.join("bitnami"), "/opt/bitnami/scripts/rabbitmq")
                    .mount(&servers.join("bitnami/rabbitmq-env.sh"), "/opt/bitnami/scripts/rabbitmq-env.sh")
                    .mount(&broker, "/opt/bitnami/rabbitmq");
            }
            let pod = pod.mount_writable(volume.path(), DATA).env("HOME", DATA);
            let pod = pod.env("RABBITMQ_LOG_BASE", &format!("{DATA}/log"));
            if row == "RabbitMQ, Debian" {
                return pod;
            }
            pod.env("PATH", "/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/bin:/bin")
                .mount(&servers.join("rabbitmq/docker-entrypoint.sh"), "/usr/local/bin/docker-entrypoint.sh")
        });
    }
}

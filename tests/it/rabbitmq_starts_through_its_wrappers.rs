//! A broker gets its name and its cookie, its record is awaited, its tools reach it and a TERM stops it in order, whatever
//! starts it: Debian's wrapper in /usr/sbin, which becomes the broker's user by `su`, and entrypoints that hide the server.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::brokers::{BROKER_BOOT, DATA, rabbitmqctl};
use crate::support::files::{directory_of, set_mode, shared_dir};
use crate::support::vm::{BOOT, ask, environment, vm};
use crate::support::{Accounts, Cluster, DnsSettings, Ended, Pod, RunningPod, SHOP, wait_until};

const COOKIE: &str = "the-hares-cookie-4711";
const NODE: &str = "rabbit@rabbit-0.rabbit.default.svc.cluster.local";
const SOON: Duration = Duration::from_secs(20);

/// One broker, with a volume of its user's and nothing else to write to.
struct Scene {
    cluster: Cluster,
    accounts: Accounts,
    config: TempDir,
    secret: TempDir,
    volume: TempDir,
}

impl Scene {
    fn new() -> Self {
        let volume = shared_dir();
        chown(volume.path(), Some(SHOP), Some(SHOP)).unwrap();
        Self {
            cluster: Cluster::start(DnsSettings::default()),
            accounts: Accounts::new(),
            config: directory_of(&[("rabbitmq.conf", "listeners.tcp.default = 5672\n")]),
            secret: directory_of(&[("cookie", COOKIE)]),
            volume,
        }
    }

    fn pod(&self) -> Pod {
        let pod = self.accounts.mounted(self.cluster.pod("rabbit-0")).read_only_root(true);
        pod.mount(self.config.path(), "/etc/rabbitmq")
            .mount(self.secret.path(), "/secret")
            .mount_writable(self.volume.path(), DATA)
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_LOG_BASE", &format!("{DATA}/log"))
    }

    /// Waits for its record, boots, is reached by its tools and ends in order.
    fn runs(&self, pod: Pod) -> RunningPod {
        let (fqdn, address) = (pod.fqdn(), pod.address());
        let pod = pod.start();
        self.cluster.dns().wait_for_question_that(SOON, "the broker's", |asked| asked.from == address);
        assert!(vm(&pod).is_none(), "{:#?}", pod.log());
        self.cluster.dns().publish(&fqdn, &[address]);
        pod.expect_line("Server startup complete", BROKER_BOOT);
        let seen = rabbitmqctl(&pod, &["eval", "{node(), erlang:get_cookie()}."]);
        assert_eq!(seen, format!("{{'{NODE}','{COOKIE}'}}"));
        pod
    }
}

/// In order: with one of these codes, once the broker has closed what it keeps.
fn ends(pod: &RunningPod, codes: &[i32]) {
    pod.signal(15);
    let ended = pod.wait(BOOT);
    assert!(codes.iter().any(|code| ended == Ended::Code(*code)), "{ended:?} {:#?}", pod.log());
    pod.expect_line("msg_store_persistent' is stopped", SOON);
    assert!(vm(pod).is_none());
    assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)));
}

#[test]
fn by_debians_wrapper() {
    let scene = Scene::new();
    let pod = scene.pod().env("BEAMINIT_COOKIE_FILE", "/secret/cookie").command(["rabbitmq-server"]);
    let pod = scene.runs(pod);
    pod.expect_line("COMMAND leads to /usr/lib/rabbitmq/bin/rabbitmq-server", SOON);
    pod.expect_line("the cookie is passed in RABBITMQ_ERLANG_COOKIE: COMMAND may switch to a user", SOON);
    let readable = ["sh", "-c", "grep -rls -e the-hares-cookie-4711 /dev/shm /run /tmp"];
    assert_eq!(pod.exec_as(65534, readable).stdout, b"");
    // `su` ends with 143 when it got the TERM, whatever its shell ends with.
    ends(&pod, &[0, 143]);
}

#[test]
fn by_an_entrypoint_that_hides_the_server() {
    let scene = Scene::new();
    let scripts = directory_of(&[(
        "run.sh",
        "#!/bin/bash\nset -o errexit\nserver=$(find /usr/lib/rabbitmq/bin -name '*-se*r')\nexec \"$server\"\n",
    )]);
    set_mode(scripts.path().join("run.sh"), 0o755);
    let pod = scene.pod().uid(SHOP).gid(SHOP).mount(scripts.path(), "/opt/scripts").env("HOME", DATA);
    let pod = pod.env("BEAMINIT_KIND", "rabbitmq").env("RABBITMQ_ERLANG_COOKIE", COOKIE);
    let pod = pod.env("PATH", "/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/bin:/bin");
    let pod = scene.runs(pod.command(["/opt/scripts/run.sh"]));
    ends(&pod, &[0]);
}

/// In the shape of the stock image's: root gives the volume to the broker's user, and the script runs once more as that user.
/// HOME is the volume, so the cookie is in a file of the broker's there, and nowhere else.
#[test]
fn by_the_entrypoint_of_the_stock_image() {
    let scene = Scene::new();
    chown(scene.volume.path(), Some(0), Some(0)).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entrypoint = fixtures.join("servers/rabbitmq/docker-entrypoint.sh");
    let pod = scene.pod().mount(&entrypoint, "/usr/local/bin/docker-entrypoint.sh").env("HOME", DATA);
    let pod = pod.env("PATH", "/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/bin:/bin");
    let pod = pod.env("BEAMINIT_COOKIE_FILE", "/secret/cookie");
    let pod = scene.runs(pod.command(["docker-entrypoint.sh", "rabbitmq-server"]));
    let file = format!("{DATA}/.erlang.cookie");
    assert_eq!(pod.exec(["stat", "-c", "%a %u", &file]).stdout, b"400 54321\n");
    for process in pod.processes() {
        assert!(!process.cmdline.iter().any(|word| word.contains(COOKIE)), "{}", process.comm);
    }
    // Without `beaminit exec` the tools of the broker's user find it there too.
    let plain = ["gosu", "rabbitmq", "rabbitmqctl", "--quiet", "--longnames", "-n", NODE, "eval", "1 + 1."];
    assert_eq!(pod.exec(plain).stdout, b"2\n");
    ends(&pod, &[0]);
}

/// Two brokers whose entrypoint is mounted as `/opt/bitnami/scripts/rabbitmq/entrypoint.sh` become a cluster, which they only
/// do with the cookie of the variable.
fn become_a_cluster(entrypoint: &Path, is_bare: bool) {
    let hosts = [0, 1].map(|member| format!("rabbit-{member}.rabbit.default.svc.cluster.local"));
    let node = |member: usize| format!("rabbit@{}", hosts[member]);
    let nodes =
        [0, 1].map(|member| format!("cluster_formation.classic_config.nodes.{} = {}\n", member + 1, node(member)));
    let discovery = "cluster_formation.peer_discovery_backend = classic_config\n";
    let config = directory_of(&[("rabbitmq.conf", &format!("{discovery}{}", nodes.concat()))]);
    let broker = fs::canonicalize("/usr/lib/rabbitmq/bin/rabbitmq-server").unwrap();
    let scripts = Path::new("/opt/bitnami/scripts/rabbitmq");
    let cluster = Cluster::start(DnsSettings { cache: None, ..DnsSettings::default() });
    let volumes = [shared_dir(), shared_dir()];
    let pods = [0, 1].map(|member| {
        let pod = cluster.pod(&format!("rabbit-{member}")).uid(SHOP).gid(SHOP);
        let pod = if is_bare { pod.no_entrypoint() } else { pod };
        cluster.dns().publish(&hosts[member], &[pod.address()]);
        let pod = pod
            .mount(config.path(), "/etc/rabbitmq")
            .mount(entrypoint, "/opt/bitnami/scripts/rabbitmq")
            .mount(&entrypoint.join("rabbitmq-env.sh"), "/opt/bitnami/scripts/rabbitmq-env.sh")
            .mount(broker.ancestors().nth(2).unwrap(), "/opt/bitnami/rabbitmq")
            .mount_writable(volumes[member].path(), "/bitnami/rabbitmq");
        pod.env("HOME", "/bitnami/rabbitmq")
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_LOG_BASE", "/bitnami/rabbitmq/log")
            .env("RABBITMQ_NODENAME", &node(member))
            .env("RABBITMQ_NODE_NAME", &node(member))
            .env("RABBITMQ_USE_LONGNAME", "true")
            .env("RABBITMQ_ERLANG_COOKIE", COOKIE)
            .command([scripts.join("entrypoint.sh"), scripts.join("run.sh")])
            .start()
    });
    for (member, pod) in pods.iter().enumerate() {
        pod.expect_line("Server startup complete", BROKER_BOOT);
        let running = || ask(pod, &node(member), COOKIE, ["length(rabbit_mnesia:cluster_nodes(running))"]);
        wait_until(BROKER_BOOT, "two brokers that run", || running() == ["2"]);
    }
}

/// Its setup reads the variable, makes the cookie's file, and makes up a cookie if it finds neither.
#[test]
fn by_bitnamis_entrypoint_that_makes_the_cookies_file() {
    let bitnami = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/servers/bitnami");
    for is_bare in [true, false] {
        become_a_cluster(&bitnami, is_bare);
    }
}

/// A broker that its operator names and gives a cookie on the VM's command line has both as without beaminit.
#[test]
fn with_a_name_and_a_cookie_among_the_flags() {
    let [bare, ours] = [true, false].map(|is_bare| {
        let scene = Scene::new();
        let pod = scene.pod().uid(SHOP).gid(SHOP).env("HOME", DATA).command(["rabbitmq-server"]);
        let pod = if is_bare { pod.no_entrypoint() } else { pod };
        let pod = pod.env("PATH", "/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/bin:/bin");
        let pod = pod.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-sname rabbit -setcookie of-the-flags");
        let pod = pod.env("RABBITMQ_ERLANG_COOKIE", COOKIE).start();
        pod.expect_line("Server startup complete", BROKER_BOOT);
        assert_eq!(environment(vm(&pod).unwrap().pid)["RABBITMQ_ERLANG_COOKIE"], COOKIE);
        ["node  ", "cookie hash  "].map(|what| {
            let line = pod.expect_line(what, SOON).text;
            line.rsplit_once(": ").expect("what it is").1.to_owned()
        })
    });
    assert_eq!((ours[0].as_str(), &ours), ("rabbit@rabbit-0", &bare));
}

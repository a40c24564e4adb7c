//! RabbitMQ, as Debian packs it, in the pods of a `StatefulSet`: classic peer discovery over the pods' names, each pod with
//! its own volume that outlives it, and nothing else to write to.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::files::{set_mode, shared_dir};
use super::{Cluster, DnsSettings, Pod, RunningPod, wait_until};

/// The cookie of the mounted Secret.
pub const COOKIE: &str = "the-hares-cookie-4711";
/// A broker's start takes 8 s of two cores by itself; others start beside it.
pub const BROKER_BOOT: Duration = Duration::from_secs(90);

const UID: u32 = 54321;
const ENTRYPOINT: &str = "docker-entrypoint.sh";
const MEMBERS: usize = 3;
/// The volume, which is HOME too.
pub const DATA: &str = "/var/lib/rabbitmq";
/// The package's own scripts. Those of the same name in /usr/sbin change the user.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// A cluster with a volume for each broker.
pub struct Brokers {
    pub cluster: Cluster,
    files: BrokerFiles,
}

/// What is mounted into the brokers' pods.
pub struct BrokerFiles {
    config: TempDir,
    secret: TempDir,
    entrypoint: TempDir,
    volumes: [TempDir; MEMBERS],
}

impl Brokers {
    pub fn new() -> Self {
        // What a peer makes of the old address belongs to another test.
        let cluster = Cluster::start(DnsSettings { cache: None, ..DnsSettings::default() });
        Self { cluster, files: BrokerFiles::new() }
    }

    /// A pod of this member's, with an address that no pod had before.
    pub fn pod(&self, member: usize) -> Pod {
        self.files.pod(&self.cluster, member)
    }

    /// The same where root starts a script that gives the volume to the broker's user and becomes the broker, as in the
    /// stock image.
    pub fn pod_with_entrypoint(&self, member: usize) -> Pod {
        self.files.pod_with_entrypoint(&self.cluster, member)
    }
}

impl BrokerFiles {
    pub fn new() -> Self {
        let nodes = (0..MEMBERS)
            .map(|member| format!("cluster_formation.classic_config.nodes.{} = {}\n", member + 1, node_name(member)));
        let discovery = "cluster_formation.peer_discovery_backend = classic_config\n".to_owned();
        let config: String = std::iter::once(discovery).chain(nodes).collect();
        let user = format!("setpriv --reuid {UID} --regid 0 --clear-groups");
        let becomes_the_broker = format!("#!/bin/sh -e\nchown -R {UID} {DATA}\nexec {user} \"$@\"\n");
        Self {
            config: directory_with("rabbitmq.conf", &config),
            secret: directory_with("cookie", COOKIE),
            entrypoint: directory_with(ENTRYPOINT, &becomes_the_broker),
            volumes: std::array::from_fn(|_| shared_dir()),
        }
    }

    pub fn pod(&self, cluster: &Cluster, member: usize) -> Pod {
        self.roots_pod(cluster, member).uid(UID).command(["rabbitmq-server"])
    }

    fn pod_with_entrypoint(&self, cluster: &Cluster, member: usize) -> Pod {
        self.roots_pod(cluster, member)
            .mount(&self.entrypoint.path().join(ENTRYPOINT), &format!("/usr/local/bin/{ENTRYPOINT}"))
            .command([ENTRYPOINT, "rabbitmq-server"])
    }

    fn roots_pod(&self, cluster: &Cluster, member: usize) -> Pod {
        cluster
            .pod(&format!("rabbit-{member}"))
            .read_only_root(true)
            .mount(self.config.path(), "/etc/rabbitmq")
            .mount(self.secret.path(), "/secret")
            .mount_writable(self.volumes[member].path(), DATA)
            .env("PATH", &format!("{SCRIPTS}:/usr/local/bin:/usr/bin:/bin"))
            .env("HOME", DATA)
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_LOG_BASE", &format!("{DATA}/log"))
            .env("BEAMINIT_COOKIE_FILE", "/secret/cookie")
            .env("BEAMINIT_LOG", "trace")
    }
}

/// The node that peers know the member as.
pub fn node_name(member: usize) -> String {
    format!("rabbit@rabbit-{member}.rabbit.default.svc.cluster.local")
}

/// Waits until the broker takes clients.
#[track_caller]
pub fn wait_for_broker(pod: &RunningPod) {
    pod.expect_line("Server startup complete", BROKER_BOOT);
}

/// What `kubectl exec` of `beaminit exec rabbitmqctl` prints, with no variable set by hand.
#[track_caller]
pub fn rabbitmqctl(pod: &RunningPod, arguments: &[&str]) -> String {
    let output = pod.exec(["beaminit", "exec", "rabbitmqctl", "--quiet"].iter().chain(arguments));
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{arguments:?}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The members that run, as this broker sees them.
#[track_caller]
pub fn running_members(pod: &RunningPod) -> String {
    rabbitmqctl(pod, &["eval", "lists:sort(rabbit_mnesia:cluster_nodes(running))."])
}

/// All members, running or not, as this broker knows them.
#[track_caller]
pub fn members(pod: &RunningPod) -> String {
    rabbitmqctl(pod, &["eval", "lists:sort(rabbit_mnesia:cluster_nodes(all))."])
}

/// All three, as Erlang prints them.
pub fn all_members() -> String {
    let names: Vec<_> = (0..MEMBERS).map(|member| format!("'{}'", node_name(member))).collect();
    format!("[{}]", names.join(",\n "))
}

/// Waits until the broker sees all three running.
#[track_caller]
pub fn wait_for_members(pod: &RunningPod) {
    wait_until(BROKER_BOOT, "three members run", || running_members(pod) == all_members());
}

/// Lets the broker connect to each member by its name every second if it is not connected, as plugins and clients of its
/// peers do.
#[track_caller]
pub fn poll_peers(pod: &RunningPod) {
    let names: Vec<_> = (0..MEMBERS).map(|member| format!("'{}'", node_name(member))).collect();
    let poll = format!(
        "[spawn(fun Poll() -> net_kernel:connect_node(Node), timer:sleep(1000), Poll() end) || Node <- [{}]], ok.",
        names.join(",")
    );
    assert_eq!(rabbitmqctl(pod, &["eval", &poll]), "ok");
}

/// Declares a durable queue on this broker and publishes these words; returns once the broker has confirmed that they
/// are on its disk.
#[track_caller]
pub fn publish(pod: &RunningPod, queue: &str, words: &[&str]) {
    // Fields without a name: content type, encoding and headers, then delivery mode 2, which is "persistent".
    let persistent = format!("{{'P_basic',undefined,undefined,undefined,2{}}}", ",undefined".repeat(10));
    let bodies: Vec<_> = words.iter().map(|word| format!("<<\"{word}\">>")).collect();
    let confirmed = client(pod, &format!(
        "amqp_channel:call(Channel, {{'queue.declare',0,<<\"{queue}\">>,false,true,false,false,false,[]}}),
         amqp_channel:call(Channel, {{'confirm.select',false}}),
         [amqp_channel:call(Channel, {{'basic.publish',0,<<>>,<<\"{queue}\">>,true,false}}, {{amqp_msg,{persistent},Body}})
             || Body <- [{}]],
         amqp_channel:wait_for_confirms(Channel, 30)",
        bodies.join(",")
    ));
    assert_eq!(confirmed, "true");
}

/// Takes as many messages from the queue; Erlang's way to print them.
#[track_caller]
pub fn take(pod: &RunningPod, queue: &str, count: usize) -> String {
    client(
        pod,
        &format!(
            "[Body || _ <- lists:seq(1, {count}),
            {{_, {{amqp_msg, _, Body}}}} <- [amqp_channel:call(Channel, {{'basic.get',0,<<\"{queue}\">>,true}})]]"
        ),
    )
}

/// Runs an expression in the broker, with RabbitMQ's own client and a `Channel` of it at hand.
#[track_caller]
fn client(pod: &RunningPod, expression: &str) -> String {
    rabbitmqctl(pod, &["eval", &format!(
        "{{ok, _}} = application:ensure_all_started(amqp_client),
         {{ok, Connection}} = amqp_connection:start({{amqp_params_direct,<<\"guest\">>,<<\"guest\">>,<<\"/\">>,node(),none,[]}}),
         {{ok, Channel}} = amqp_connection:open_channel(Connection),
         Result = begin {expression} end,
         amqp_connection:close(Connection),
         Result."
    )])
}

/// As the kubelet mounts a ConfigMap.
fn directory_with(name: &str, text: &str) -> TempDir {
    let directory = shared_dir();
    fs::write(directory.path().join(name), text).unwrap();
    set_mode(directory.path().join(name), 0o755);
    directory
}

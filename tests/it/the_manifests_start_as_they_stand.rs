//! Each manifest in docker/k8s is what Kubernetes takes, what it promises in its comments, and starts: its pod template,
//! as it is in the YAML, is run in the sandbox.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::brokers::wait_for_broker;
use crate::support::manifest::{Image, Manifest, Volumes, list, number, word};
use crate::support::vm::{BOOT, vm};
use crate::support::{Built, Cluster, DnsSettings, Ended, RunningPod, scratch_dir, wait_until};

const BASES: [&str; 3] = ["statefulset", "deployment", "rabbitmq"];
/// The oldest that knows `unhealthyPodEvictionPolicy`, and the newest that the schemas' package has.
const VERSIONS: [&str; 2] = ["1.26", "1.37"];
/// What a broker waits for the members that it knew: `mnesia_table_loading_retry_timeout`, ten times.
const MEMBERS_TIMEOUT: Duration = Duration::from_secs(300);
/// What a wait takes at most, unless `BEAMINIT_WAIT_TIMEOUT` says otherwise.
const WAIT_TIMEOUT: Duration = Duration::from_secs(120);
/// A broker's stop on two busy cores.
const STOP: Duration = Duration::from_secs(60);

#[test]
fn the_published_schemas_accept_them() {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubernetes-validate/bin/kubernetes-validate");
    assert!(program.exists(), "{} is missing: run `make setup`", program.display());
    for base in BASES {
        let dir = scratch_dir();
        let file = dir.path().join("manifest.yaml");
        fs::write(&file, Manifest::build(base).text).unwrap();
        for version in VERSIONS {
            let output = Command::new(&program).args(["--strict", "-k", version]).arg(&file).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            assert!(output.status.success(), "{base} {version}: {}", String::from_utf8_lossy(&said));
        }
    }
}

#[test]
fn their_parts_fit_together() {
    for base in BASES {
        let manifest = Manifest::build(base);
        let (service, workload) = (&manifest.the("Service")["spec"], &manifest.workload()["spec"]);
        let labels = &workload["template"]["metadata"]["labels"];
        assert_eq!(service["clusterIP"], "None", "{base}");
        assert_eq!(service["publishNotReadyAddresses"], true, "{base}");
        let budget = &manifest.the("PodDisruptionBudget")["spec"];
        // Without it a drain hangs for ever while all pods crash.
        assert_eq!(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow", "{base}");
        let disruption = &budget["selector"]["matchLabels"];
        let spread = &manifest.pod_spec()["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"];
        for selector in [&service["selector"], &workload["selector"]["matchLabels"], disruption, spread] {
            assert_eq!(selector, labels, "{base}");
        }
        if manifest.workload()["kind"] == "StatefulSet" {
            assert_eq!(workload["serviceName"], manifest.the("Service")["metadata"]["name"], "{base}");
        }
    }
}

/// Pod Security Standards, profile `restricted`.
#[test]
fn their_pods_are_restricted() {
    for base in BASES {
        let manifest = Manifest::build(base);
        let spec = manifest.pod_spec();
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{base}");
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{base}");
        assert_eq!(spec["automountServiceAccountToken"], false, "{base}");
        for container in list(&spec["containers"]).iter().chain(list(&spec["initContainers"])) {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{base}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{base}");
            assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}), "{base}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{base}");
        }
        for volume in list(&spec["volumes"]) {
            let kinds = ["configMap", "secret", "emptyDir"];
            assert!(kinds.iter().any(|kind| volume[kind].is_object()), "{base}: {volume}");
        }
        let labels = &manifest.the("Namespace")["metadata"]["labels"];
        assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted", "{base}");
    }
}

/// The kubelet would pull an image without a tag at each start, and these lie on the nodes alone.
#[test]
fn images_that_are_built_here_are_not_pulled() {
    for base in BASES {
        let manifest = Manifest::build(base);
        let spec = manifest.pod_spec();
        for container in list(&spec["containers"]).iter().chain(list(&spec["initContainers"])) {
            let has_tag = word(&container["image"]).contains(':');
            assert!(has_tag || container["imagePullPolicy"] == "IfNotPresent", "{base}: {container}");
        }
    }
}

/// A kubelet that gives up sooner kills the pod before it can say why it waits.
#[test]
fn the_startup_probe_outlasts_the_wait() {
    for base in BASES {
        let manifest = Manifest::build(base);
        let container = manifest.container();
        let variables = list(&container["env"]);
        assert!(
            !variables.iter().any(|variable| variable["name"] == "BEAMINIT_WAIT_TIMEOUT"),
            "{base}: compute with it"
        );
        let probe = &container["startupProbe"];
        let lasts = Duration::from_secs((number(&probe["periodSeconds"]) * number(&probe["failureThreshold"])).into());
        let members = if base == "rabbitmq" { MEMBERS_TIMEOUT } else { Duration::ZERO };
        assert!(lasts >= WAIT_TIMEOUT + members + BOOT, "{base}: {lasts:?}");
    }
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains(&format!("| `BEAMINIT_WAIT_TIMEOUT` | `{}s` |", WAIT_TIMEOUT.as_secs())));
}

#[test]
fn the_stateful_set_starts() {
    let manifest = Manifest::build("statefulset");
    let pod = Started::of(&manifest, "pairing-0", None, &pairing());
    pod.sees_its_record_and_is_ready();
    assert_eq!(pod.names(), ["pairing@pairing-0.pairing.astarte.svc.cluster.local"]);
    pod.hides_its_cookie();
    let output = pod.pod.exec(["beaminit", "exec", "bin/pairing", "rpc", "IO.puts(node())"]);
    let answer = String::from_utf8_lossy(&output.stdout);
    assert_eq!(answer.trim(), "pairing@pairing-0.pairing.astarte.svc.cluster.local", "{output:?}");
    pod.stops();
}

#[test]
fn the_deployment_starts() {
    let manifest = Manifest::build("deployment");
    let host = |address: IpAddr| format!("{}.pairing.astarte.svc.cluster.local", address.to_string().replace('.', "-"));
    let pod = Started::of(&manifest, "pairing-7d4b9c6f5-x2k8q", Some(&host), &pairing());
    pod.sees_its_record_and_is_ready();
    assert_eq!(pod.names(), [format!("pairing@{}", host(pod.address))]);
    pod.hides_its_cookie();
    pod.stops();
}

/// Debian's package stands in for the stock image.
#[test]
fn the_rabbitmq_broker_starts() {
    let manifest = Manifest::build("rabbitmq");
    let variables = [("PATH", "/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/bin:/bin")];
    let image = Image {
        entrypoint: &["docker-entrypoint.sh"],
        command: &["rabbitmq-server"],
        variables: &variables,
        app: None,
    };
    let pod = Started::of(&manifest, "rabbitmq-0", None, &image);
    wait_for_broker(&pod.pod);
    pod.sees_its_record_and_is_ready();
    let eval = ["/beaminit/beaminit", "exec", "rabbitmqctl", "--quiet", "eval"];
    let output = pod.pod.exec([eval.as_slice(), &["node()."]].concat());
    let node = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert_eq!(node, "'rabbit@rabbitmq-0.rabbitmq.astarte.svc.cluster.local'", "{output:?}");
    let output = pod.pod.exec([eval.as_slice(), &["vm_memory_monitor:get_memory_limit()."]].concat());
    let watermark: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of bytes");
    assert_eq!(manifest.container()["resources"]["limits"]["memory"], "1Gi");
    assert!(watermark < (1 << 30) / 2, "{watermark}");
    pod.hides_its_cookie();
    pod.stops();
}

/// docker/demo/Dockerfile, from its own words.
fn pairing() -> Image<'static> {
    let dockerfile = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/demo/Dockerfile")).unwrap();
    for line in ["ENTRYPOINT [\"beaminit\"]", "CMD [\"bin/pairing\", \"start\"]", "WORKDIR /app"] {
        assert!(dockerfile.lines().any(|own| own == line), "{line}");
    }
    let app = Some(Built::Pairing.dir());
    Image { entrypoint: &["beaminit"], command: &["bin/pairing", "start"], variables: &[("LANG", "C.UTF-8")], app }
}

/// A pod whose record was published after it had waited for it.
struct Started<'a> {
    manifest: &'a Manifest,
    cluster: Cluster,
    pod: RunningPod,
    address: IpAddr,
    _volumes: Volumes,
}

impl<'a> Started<'a> {
    /// `host`: the name that its record has, if it is not the one below its service.
    fn of(manifest: &'a Manifest, name: &str, host: Option<&dyn Fn(IpAddr) -> String>, image: &Image<'_>) -> Self {
        let cluster = Cluster::start(DnsSettings::default());
        let volumes = manifest.volumes();
        for init in manifest.init_pods(&cluster, &volumes) {
            assert_eq!(init.start().wait(BOOT), Ended::Code(0));
        }
        let pod = manifest.pod(&cluster, name, &volumes, image);
        let address = pod.address();
        let fqdn = host.map_or_else(|| pod.fqdn(), |host| host(address));
        let pod = pod.start();
        let asked = cluster.dns().wait_for_question(BOOT);
        assert_eq!(asked.name, format!("{fqdn}."));
        assert!(vm(&pod).is_none(), "started before its record was published");
        cluster.dns().publish(&fqdn, &[address]);
        Self { manifest, cluster, pod, address, _volumes: volumes }
    }

    /// All probes of the template succeed, as the kubelet would put them.
    #[track_caller]
    fn sees_its_record_and_is_ready(&self) {
        self.pod.expect_line("answers with", BOOT);
        let container = self.manifest.container();
        for kind in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let probe = &container[kind];
            assert!(probe.is_object(), "{kind}");
            wait_until(BOOT, kind, || self.pod.ended().is_none() && self.probe(probe));
        }
    }

    /// What `ps` and `docker inspect` would show holds no cookie.
    #[track_caller]
    fn hides_its_cookie(&self) {
        let script = "tr '\\0' ' ' < /proc/1/environ; cat /proc/[0-9]*/cmdline | tr '\\0' ' '";
        let output = self.pod.exec(["sh", "-c", script]);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(shown.contains("BEAMINIT_COOKIE_FILE=") && shown.contains("beam.smp"), "{shown}");
        assert!(!shown.contains("replace-me"), "{shown}");
    }

    fn probe(&self, probe: &Value) -> bool {
        if let Some(command) = probe["exec"]["command"].as_array() {
            return self.pod.exec(command.iter().map(word)).status.success();
        }
        let action = if probe["httpGet"].is_object() { &probe["httpGet"] } else { &probe["tcpSocket"] };
        let ports = list(&self.manifest.container()["ports"]);
        let port = ports.iter().find(|port| port["name"] == action["port"]).expect("a port of this name");
        let port = u16::try_from(number(&port["containerPort"])).unwrap();
        match action["path"].as_str() {
            Some(path) => self.get(port, path).starts_with("HTTP/1.1 200 "),
            None => self.connect(port).is_some(),
        }
    }

    fn connect(&self, port: u16) -> Option<TcpStream> {
        self.cluster.on_the_node(|| TcpStream::connect(SocketAddr::new(self.address, port))).ok()
    }

    fn get(&self, port: u16, path: &str) -> String {
        let mut reply = String::new();
        if let Some(mut connection) = self.connect(port) {
            connection.set_read_timeout(Some(BOOT)).unwrap();
            write!(connection, "GET {path} HTTP/1.1\r\nhost: pod\r\n\r\n").unwrap();
            connection.read_to_string(&mut reply).ok();
        }
        reply
    }

    /// The nodes of the cluster, as the demo's page has them.
    fn names(&self) -> Vec<String> {
        let reply = self.get(4000, "/status.json");
        let status: Value = serde_json::from_str(reply.split_once("\r\n\r\n").expect("a body").1).unwrap();
        list(&status["nodes"]).iter().map(|node| word(&node["node"])).collect()
    }

    fn stops(self) {
        self.pod.signal(15);
        assert_eq!(self.pod.wait(STOP), Ended::Code(0));
    }
}

//! The libraries libcluster and `dns_cluster` make their peers' names of what the headless service answers. With the
//! manifests as they are, these are the names that the nodes have. The questions are the libraries' own, put by a node's VM
//! to `BIND` behind unbound.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use crate::support::manifest::{Image, Manifest, Volumes};
use crate::support::real_dns::{Chain, Forwarder};
use crate::support::vm::{BOOT, wait_for_node};
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, PodFile, RunningPod};

const SERVICE: &str = "pairing.astarte.svc.cluster.local";

/// What libcluster's `Kubernetes.DNSSRV` dials, whose `application_name` is the release's.
const DNSSRV: &str = "{:ok, {:hostent, _, _, :srv, _, found}} = :inet_res.getbyname(~c\"SERVICE.\", :srv); \
    for {_, _, _, host} <- found, do: \"pairing@#{host}\"";
/// What `dns_cluster` dials with `{:srv, :hostnames}`, behind the name of the node that asks.
const SRV_HOST_NAMES: &str = "[name, _] = String.split(to_string(node()), \"@\"); \
    {:ok, {:hostent, _, _, :srv, _, found}} = :inet_res.getbyname(~c\"SERVICE\", :srv); \
    for {_, _, _, host} <- found, do: \"#{name}@#{host}\"";
/// What libcluster's `Kubernetes.DNS` dials, and `dns_cluster` by default.
const ADDRESSES: &str = "{:ok, {:hostent, _, [], :inet, _, found}} = :inet_res.getbyname(~c\"SERVICE\", :a); \
    for address <- found, do: \"pairing@#{:inet_parse.ntoa(address)}\"";

/// Two pods of a base, which run.
struct Nodes {
    pods: Vec<RunningPod>,
    names: BTreeSet<String>,
    _volumes: Volumes,
    _chain: Chain,
}

impl Nodes {
    /// `node`: the host that the node of a pod is named by.
    fn start(base: &str, vm_args: Option<&str>, node: impl Fn(&Pod) -> String) -> Self {
        let chain = Chain::start(Cluster::start(DnsSettings::default()), Some(Forwarder::Unbound));
        let manifest = Manifest::build(base);
        let volumes = manifest.volumes();
        if let Some(vm_args) = vm_args {
            fs::write(volumes["config"].path().join("vm.args"), vm_args).unwrap();
        }
        let app = Some(Built::Pairing.dir());
        let variables = [("LANG", "C.UTF-8")];
        let image = Image { entrypoint: &["beaminit"], command: &["bin/pairing", "start"], variables: &variables, app };
        let resolv_conf = format!(
            "search astarte.svc.cluster.local svc.cluster.local cluster.local\nnameserver {}\noptions ndots:5\n",
            chain.server
        );
        let described = ["pairing-0", "pairing-1"].map(|name| manifest.pod(&chain.cluster, name, &volumes, &image));
        let (mut pods, mut names) = (Vec::new(), BTreeSet::new());
        for pod in described {
            let host = if base == "deployment" { dashed(pod.address()) } else { pod.fqdn() };
            chain.publish_member(&host, pod.address());
            chain.publish(&[(SERVICE, pod.address())]);
            names.insert(format!("pairing@{}", node(&pod)));
            pods.push(pod.resolv_conf(PodFile::Custom(resolv_conf.clone())).start());
        }
        for pod in &pods {
            wait_for_node(pod, "pairing");
        }
        Self { pods, names, _volumes: volumes, _chain: chain }
    }

    /// The names that these questions make, each as a peer's name that the first node can connect to or not.
    fn dialled(&self, question: &str) -> BTreeSet<String> {
        let question = question.replace("SERVICE", SERVICE);
        let [first, ..] = self.pods.as_slice() else { panic!("no pods") };
        let expression = format!(
            "names = ({question}); for name <- names, do: IO.puts(\"#{{name}} #{{Node.connect(:\"#{{name}}\")}}\")"
        );
        let output = first.exec(["beaminit", "exec", "bin/pairing", "rpc", &expression]);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.lines().filter_map(|line| Some(line.strip_suffix(" true")?.to_owned())).collect()
    }

    fn stop(self) {
        for pod in self.pods {
            pod.signal(15);
            assert_eq!(pod.wait(BOOT), Ended::Code(0));
        }
    }
}

/// CoreDNS's name for a pod that has none.
fn dashed(address: IpAddr) -> String {
    format!("{}.{SERVICE}", address.to_string().replace('.', "-"))
}

#[test]
fn of_the_stateful_set() {
    let nodes = Nodes::start("statefulset", None, Pod::fqdn);
    for question in [DNSSRV, SRV_HOST_NAMES] {
        assert_eq!(nodes.dialled(question), nodes.names);
    }
    assert!(nodes.dialled(ADDRESSES).is_empty(), "nodes that are named by their pods are not found by address");
    nodes.stop();
}

#[test]
fn of_the_deployment() {
    let nodes = Nodes::start("deployment", None, |pod| dashed(pod.address()));
    for question in [DNSSRV, SRV_HOST_NAMES] {
        assert_eq!(nodes.dialled(question), nodes.names);
    }
    nodes.stop();
}

#[test]
fn of_a_deployment_whose_nodes_are_named_by_address() {
    let vm_args = "-name ${RELEASE_NAME}@${MY_POD_IP}\n";
    let nodes = Nodes::start("deployment", Some(vm_args), |pod| pod.address().to_string());
    assert_eq!(nodes.dialled(ADDRESSES), nodes.names);
    nodes.stop();
}

//! The first line of a failed start has the true cause, and following its hint cures it: each set-up is started as it was
//! reported, and again with what the hint says.

use std::fs;
use std::net::Ipv4Addr;

use tempfile::TempDir;

use crate::support::files::{directory_of, set_mode};
use crate::support::reported::{SECRET, fails};
use crate::support::talk::config_map;
use crate::support::vm::BOOT;
use crate::support::{Built, Cluster, DnsSettings, Pod, PodFile, scratch_dir};

const NAME: &str = "-name demo@${MY_POD_FQDN}\n";
const UID: u32 = 54321;

struct Scene {
    cluster: Cluster,
    built: Built,
}

impl Scene {
    fn new(built: Built) -> Self {
        Self { cluster: Cluster::start(DnsSettings::default()), built }
    }

    /// A pod that does not wait.
    fn pod(&self) -> Pod {
        self.pod_without_record().env("BEAMINIT_WAIT", "off")
    }

    fn pod_with_record(&self) -> Pod {
        let pod = self.pod_without_record();
        self.cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
        pod
    }

    fn pod_without_record(&self) -> Pod {
        let pod = self.cluster.pod("demo-0").uid(UID).release(self.built.dir()).command(self.built.start_command());
        pod.env("UNUSED", SECRET).env("HOME", "/tmp").env("BEAMINIT_WAIT_TIMEOUT", "3s")
    }

    fn with_config(&self, config: &TempDir) -> Pod {
        self.pod().mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig")
    }
}

#[track_caller]
fn runs(pod: Pod) {
    pod.start().expect_line("demo runs on", BOOT);
}

#[test]
fn of_what_a_template_lacks() {
    let scene = Scene::new(Built::RelxWithoutErts);
    let config = config_map(&format!("{NAME}-setcookie ${{ERLANG_COOKIE}}\n${{EXTRA_ERL_ARGS}}\n"));
    let pod = || scene.with_config(&config).env("ERLANG_COOKIE", SECRET);
    fails(pod(), 65).is("vm.args:3:1: EXTRA_ERL_ARGS is not set", "BEAMINIT_UNSET=empty");
    runs(pod().env("BEAMINIT_UNSET", "empty"));
    runs(pod().env("EXTRA_ERL_ARGS", ""));

    let pod = || scene.with_config(&config).env("EXTRA_ERL_ARGS", "");
    fails(pod(), 65).is("vm.args:2:12: ERLANG_COOKIE is not set", "set ERLANG_COOKIE in the container's env");
    runs(pod().env("ERLANG_COOKIE", SECRET));

    let nameless = config_map("+K true\n");
    fails(scene.with_config(&nameless), 65).is("names no node", "write -name ${RELEASE_NAME}@${MY_POD_FQDN}");
    runs(scene.with_config(&config_map("-name ${RELEASE_NAME}@${MY_POD_FQDN}\n")));

    let pod = || scene.pod().env("RELEASE_CONFIG_DIR", "/beamconfig");
    fails(pod(), 66).is("RELEASE_CONFIG_DIR=/beamconfig: no such directory", "mount the ConfigMap there");
    runs(pod().mount_config(config_map(NAME).path()));
}

#[test]
fn of_settings_and_commands() {
    let scene = Scene::new(Built::Mix);
    fails(scene.pod().env("BEAMINIT_TIMEOUT", "9s"), 78)
        .is("BEAMINIT_TIMEOUT: no such setting", "BEAMINIT_WAIT_TIMEOUT and BEAMINIT_STOP_TIMEOUT");
    runs(scene.pod().env("BEAMINIT_WAIT_TIMEOUT", "9s"));

    fails(scene.pod().command(["bin/dmo", "start"]), 127).is("bin/dmo", "");
    let pod = || scene.pod().env("RELEASE_NODE", "demo@demo.example").env("RELEASE_DISTRIBUTION", "sname");
    fails(pod(), 65).is("which RELEASE_DISTRIBUTION=sname refuses", "set RELEASE_DISTRIBUTION=name");
    runs(pod().env("RELEASE_DISTRIBUTION", "name"));
}

#[test]
fn of_cookies() {
    let scene = Scene::new(Built::Mix);
    let image = scratch_dir();
    let copied = std::process::Command::new("cp").arg("-R").arg(scene.built.dir().join(".")).arg(image.path()).status();
    assert!(copied.unwrap().success());
    set_mode(image.path(), 0o755);
    set_mode(image.path().join("releases/COOKIE"), 0o400);
    let pod = || scene.pod().mount(image.path(), "/app");
    fails(pod(), 66).is("/app/releases/COOKIE: permission denied", "set RELEASE_COOKIE from a Secret");
    runs(pod().env("RELEASE_COOKIE", SECRET));
    set_mode(image.path().join("releases/COOKIE"), 0o444);
    runs(pod());

    let scene = Scene::new(Built::RelxWithoutErts);
    let (config, home) = (config_map(&format!("{NAME}-setcookie ${{ERLANG_COOKIE}}\n")), directory_of(&[]));
    let file = home.path().join(".erlang.cookie");
    fs::write(&file, "another").unwrap();
    std::os::unix::fs::chown(&file, Some(UID), None).unwrap();
    set_mode(&file, 0o400);
    let pod = || {
        let pod = scene.with_config(&config).env("ERLANG_COOKIE", SECRET).env("BEAMINIT_COOKIE", "file");
        pod.mount_writable(home.path(), "/home/demo").env("HOME", "/home/demo")
    };
    fails(pod(), 65).is("and /home/demo/.erlang.cookie differ", "remove /home/demo/.erlang.cookie");
    runs(pod().env("BEAMINIT_COOKIE", "args"));
    fs::remove_file(&file).unwrap();
    runs(pod());
}

/// On the machine's network each hint names the next part that is missing, and the last one leads to a start.
#[test]
fn of_the_machines_network() {
    let scene = Scene::new(Built::RelxWithoutErts);
    let config = config_map(NAME);
    let hosts = "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n10.0.0.7\tnode-7\n";
    let pod = || {
        let pod = scene.with_config(&config).hosts(PodFile::Custom(hosts.into()));
        pod.resolv_conf(PodFile::Custom("nameserver 10.96.0.10\n".into()))
    };
    fails(pod(), 65).is("MY_POD_FQDN is not set", "MY_POD_SERVICE");
    let pod = || pod().env("MY_POD_SERVICE", "demo");
    fails(pod(), 65).is("without MY_POD_NAMESPACE", "set MY_POD_NAMESPACE from the downward API");
    let pod = || pod().env("MY_POD_NAMESPACE", "default");
    fails(pod(), 65).is("without MY_POD_NAME", "set MY_POD_NAME from the downward API");
    runs(pod().env("MY_POD_NAME", "demo-0"));
}

/// `dnsPolicy: ClusterFirstWithHostNet`: the search list has the namespace, but the host name is still the machine's.
#[test]
fn of_the_machines_network_with_the_clusters_dns() {
    let scene = Scene::new(Built::RelxWithoutErts);
    let config = config_map(NAME);
    let hosts = "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n10.0.0.7\tnode-7\n";
    let pod = || scene.with_config(&config).hosts(PodFile::Custom(hosts.into()));
    fails(pod(), 65).is("MY_POD_FQDN is not set", "MY_POD_SERVICE");
    let pod = || pod().env("MY_POD_SERVICE", "demo");
    fails(pod(), 65).is("without MY_POD_NAME", "set MY_POD_NAME from the downward API");
    runs(pod().env("MY_POD_NAME", "demo-0"));
}

#[test]
fn of_records_that_do_not_come() {
    let config = config_map(NAME);
    let named = |pod: Pod| pod.mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
    let scene = Scene::new(Built::RelxWithoutErts);
    fails(named(scene.pod_without_record()), 69)
        .is("demo in namespace default does not exist", "publishNotReadyAddresses: true");
    runs(named(scene.pod_with_record()));

    let scene = Scene::new(Built::RelxWithoutErts);
    scene.cluster.dns().silence(true);
    fails(named(scene.pod_without_record()), 69)
        .is("reply from the name server 10.96.0.10", "egress to 10.96.0.10 on port 53");
    scene.cluster.dns().silence(false);
    runs(named(scene.pod_with_record()));
}

/// A selector that matches no pod, though `publishNotReadyAddresses` is true: some servers deny the service's name then,
/// others say that it has no address.
#[test]
fn of_a_selector_that_matches_no_pod() {
    let config = config_map(NAME);
    let service = "demo.default.svc.cluster.local";
    for (says_nodata, cause) in
        [(false, "does not exist or has no ready endpoint"), (true, "demo in namespace default has no IPv4 address")]
    {
        let named = |pod: Pod| pod.mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
        let scene = Scene::new(Built::RelxWithoutErts);
        if says_nodata {
            scene.cluster.dns().publish(service, &[]);
        }
        let cure = if says_nodata { "let the selector of the Service demo" } else { "let its selector" };
        let cure = format!("{cure} match this pod's labels");
        fails(named(scene.pod_without_record()), 69).is(cause, &cure);
        // With that selector the endpoints are there, so the service and the pod have their records.
        let pod = scene.pod_without_record();
        for name in [service, &pod.fqdn()] {
            scene.cluster.dns().publish(name, &[pod.address()]);
        }
        runs(named(pod));
    }
}

/// A service that has other pods, or its own address, in the place of this pod's record.
#[test]
fn of_services_that_leave_this_pod_out() {
    let config = config_map(NAME);
    let named = |pod: Pod| pod.mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
    for (name, cause, cure) in [
        (
            "demo-1.demo.default.svc.cluster.local",
            "publishes another pod, but not this one",
            "selector of the Service demo",
        ),
        ("demo.default.svc.cluster.local", "is not headless: it has the address 10.96.5.5", "clusterIP: None"),
    ] {
        let scene = Scene::new(Built::RelxWithoutErts);
        scene.cluster.dns().publish(name, &["10.96.5.5".parse().unwrap()]);
        fails(named(scene.pod_without_record()), 69).is(cause, cure);
        scene.cluster.dns().withdraw(name);
        runs(named(scene.pod_with_record()));
    }
}

/// What fails without DNS is said before anything is asked, so that silent servers do not hide it.
#[test]
fn of_a_misspelt_path_while_the_servers_are_silent() {
    let scene = Scene::new(Built::Mix);
    scene.cluster.dns().silence(true);
    fails(scene.pod_without_record().command(["bin/dmo", "start"]), 127)
        .is("cannot start bin/dmo: no such file or directory", "is the path right");
    assert!(scene.cluster.dns().questions().is_empty(), "nothing was asked");
    scene.cluster.dns().silence(false);
    runs(scene.pod_with_record());
}

/// `dnsPolicy: Default`: the silent servers are the machine's, and the hint is not about a `NetworkPolicy` alone.
#[test]
fn of_the_machines_silent_servers() {
    let scene = Scene::new(Built::RelxWithoutErts);
    let config = config_map(NAME);
    let machines = scene.cluster.another_dns(Ipv4Addr::new(10, 96, 0, 11), DnsSettings::default());
    machines.silence(true);
    let named = |pod: Pod| pod.mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
    let conf = PodFile::Custom("search corp.example\nnameserver 10.96.0.11\n".into());
    fails(named(scene.pod_without_record()).resolv_conf(conf), 69)
        .is("reply from the name server 10.96.0.11", "dnsPolicy: ClusterFirst");
    runs(named(scene.pod_with_record()));
}

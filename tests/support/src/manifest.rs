//! The manifests of docker/k8s, and pods set up from them as they are in the YAML.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize as _;
use serde_json::Value;
use tempfile::TempDir;

use super::{Cluster, Pod, scratch_dir};
use crate::places;

/// A kustomize base, built.
pub struct Manifest {
    pub text: String,
    documents: Vec<Value>,
}

/// What an image brings along.
pub struct Image<'a> {
    pub entrypoint: &'a [&'a str],
    pub command: &'a [&'a str],
    pub variables: &'a [(&'a str, &'a str)],
    /// A directory of the machine that is /app, and the working directory.
    pub app: Option<&'a Path>,
}

/// A pod's volumes, by name. They are there as long as this value.
pub type Volumes = BTreeMap<String, TempDir>;

pub fn directory(base: &str) -> PathBuf {
    places::project().join("docker/k8s").join(base)
}

impl Manifest {
    pub fn build(base: &str) -> Self {
        let output =
            Command::new("kubectl").arg("kustomize").arg(directory(base)).output().expect("`kubectl` is installed");
        assert!(output.status.success(), "{base}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let documents = serde_yaml_ng::Deserializer::from_str(&text);
        let documents = documents.map(|document| Value::deserialize(document).unwrap()).collect();
        Self { text, documents }
    }

    /// The one object of this kind.
    #[track_caller]
    pub fn the(&self, kind: &str) -> &Value {
        let mut found = self.documents.iter().filter(|document| document["kind"] == kind);
        let (first, second) = (found.next(), found.next());
        assert!(second.is_none(), "more than one {kind}");
        first.unwrap_or_else(|| panic!("no {kind}"))
    }

    /// The `StatefulSet` or `Deployment`.
    pub fn workload(&self) -> &Value {
        let is_workload = |document: &&Value| document["kind"] == "StatefulSet" || document["kind"] == "Deployment";
        self.documents.iter().find(is_workload).expect("a workload")
    }

    /// The pod's `spec`.
    pub fn pod_spec(&self) -> &Value {
        &self.workload()["spec"]["template"]["spec"]
    }

    pub fn container(&self) -> &Value {
        let containers = list(&self.pod_spec()["containers"]);
        assert_eq!(containers.len(), 1);
        &containers[0]
    }

    /// What the kubelet mounts: the content of `ConfigMap` and `Secret`, and empty directories, all of the pod's group.
    pub fn volumes(&self) -> Volumes {
        let group = number(&self.pod_spec()["securityContext"]["fsGroup"]);
        let mut volumes = Volumes::new();
        for volume in list(&self.pod_spec()["volumes"]) {
            let dir = scratch_dir();
            if !volume["configMap"].is_null() {
                self.fill(dir.path(), "ConfigMap", &volume["configMap"]["name"], 0o644, group);
            } else if !volume["secret"].is_null() {
                let secret = &volume["secret"];
                let mode = secret["defaultMode"].as_u64().map_or(0o644, |mode| u32::try_from(mode).unwrap());
                self.fill(dir.path(), "Secret", &secret["secretName"], mode, group);
            } else {
                assert!(volume["emptyDir"].is_object(), "{volume}");
                open_to(dir.path(), group);
            }
            volumes.insert(word(&volume["name"]), dir);
        }
        for claim in list(&self.workload()["spec"]["volumeClaimTemplates"]) {
            let dir = scratch_dir();
            open_to(dir.path(), group);
            volumes.insert(word(&claim["metadata"]["name"]), dir);
        }
        volumes
    }

    fn fill(&self, dir: &Path, kind: &str, name: &Value, mode: u32, group: u32) {
        let object = self.the(kind);
        assert_eq!(&object["metadata"]["name"], name);
        fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
        for (file, content) in object["data"].as_object().expect("data") {
            let content = word(content);
            let content = if kind == "Secret" { decoded(&content) } else { content.into_bytes() };
            let path = dir.join(file);
            fs::write(&path, content).unwrap();
            chown(&path, Some(0), Some(group)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
    }

    /// A pod of the workload with this name in the sandbox: as it is in the template, and as the image has the rest.
    pub fn pod(&self, cluster: &Cluster, name: &str, volumes: &Volumes, image: &Image<'_>) -> Pod {
        let spec = self.pod_spec();
        let namespace = word(&self.workload()["metadata"]["namespace"]);
        let mut pod = cluster.pod(name).namespace(&namespace);
        pod = match self.workload()["spec"]["serviceName"].as_str() {
            Some(service) => pod.service(service),
            None => pod.without_subdomain(),
        };
        if spec["automountServiceAccountToken"] != false {
            pod = pod.service_account();
        }
        if let Some(app) = image.app {
            pod = pod.release(app);
        }
        for (name, value) in image.variables {
            pod = pod.env(name, value);
        }
        let address = pod.address();
        for variable in list(&self.container()["env"]) {
            pod = pod.env(&word(&variable["name"]), &value_of(variable, name, &namespace, address));
        }
        with_container(pod, spec, self.container(), volumes, image)
    }

    /// The init containers, one after the other, each as a separate pod with the same volumes. Their image is beaminit's.
    pub fn init_pods<'a>(&'a self, cluster: &'a Cluster, volumes: &'a Volumes) -> impl Iterator<Item = Pod> + 'a {
        const BINARY: &str = "/beaminit";
        let image = Image { entrypoint: &[BINARY], command: &[], variables: &[], app: None };
        list(&self.pod_spec()["initContainers"]).iter().map(move |container| {
            assert_eq!(container["image"], "beaminit");
            let pod = cluster.pod("init-0").mount(places::beaminit(), BINARY);
            with_container(pod, self.pod_spec(), container, volumes, &image)
        })
    }
}

fn with_container(pod: Pod, spec: &Value, container: &Value, volumes: &Volumes, image: &Image<'_>) -> Pod {
    let context = &spec["securityContext"];
    assert_eq!(context["runAsGroup"], context["fsGroup"], "the sandbox has one group");
    let mut pod = pod
        .uid(number(&context["runAsUser"]))
        .gid(number(&context["runAsGroup"]))
        .read_only_root(container["securityContext"]["readOnlyRootFilesystem"] == true);
    for mount in list(&container["volumeMounts"]) {
        let (from, to) = (volumes[&word(&mount["name"])].path(), word(&mount["mountPath"]));
        pod = if mount["readOnly"] == true { pod.mount(from, &to) } else { pod.mount_writable(from, &to) };
    }
    let (command, arguments) = (words(&container["command"]), words(&container["args"]));
    let image_command = || image.command.iter().map(|word| (*word).to_owned()).collect();
    // As Kubernetes has it: `command` replaces the image's ENTRYPOINT and its CMD, `args` only CMD.
    match (command, arguments) {
        (Some(command), arguments) => pod.entrypoint(command).command(arguments.unwrap_or_default()),
        (None, arguments) => pod.entrypoint(image.entrypoint).command(arguments.unwrap_or_else(image_command)),
    }
}

/// Empty if it is not there.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A string.
#[track_caller]
pub fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string")).to_owned()
}

#[track_caller]
pub fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_else(|| panic!("{value} is not a number"))
}

fn words(value: &Value) -> Option<Vec<String>> {
    value.as_array().map(|values| values.iter().map(word).collect())
}

/// By the downward API, if it is not there.
fn value_of(variable: &Value, pod: &str, namespace: &str, address: IpAddr) -> String {
    match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
        None => word(&variable["value"]),
        Some("metadata.name") => pod.to_owned(),
        Some("metadata.namespace") => namespace.to_owned(),
        Some("status.podIP") => address.to_string(),
        Some(other) => panic!("{other}"),
    }
}

/// Writable for the pod's group, as `fsGroup` has it.
fn open_to(dir: &Path, group: u32) {
    chown(dir, Some(0), Some(group)).unwrap();
    fs::set_permissions(dir, Permissions::from_mode(0o2775)).unwrap();
}

fn decoded(text: &str) -> Vec<u8> {
    let dir = scratch_dir();
    fs::write(dir.path().join("text"), text).unwrap();
    let output = Command::new("base64").arg("-d").arg(dir.path().join("text")).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

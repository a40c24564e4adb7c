//! The settings of the talk that the project began from: a ConfigMap with vm.args in /beamconfig, and four variables.

use std::path::Path;
use tempfile::TempDir;

use super::files::directory_of;
use super::{Cluster, Pod, demo_release};

/// The cookie of the Secret.
pub const COOKIE: &str = "sesame-4711";

/// The ConfigMap's vm.args, word for word.
pub const VM_ARGS: &str = "\
## Name of the node
-name ${RELEASE_NAME}@${MY_POD_NAME}.${MY_POD_BASE_DNS}

## Cookie for distributed erlang
-setcookie ${ERLANG_COOKIE}

# Enable SMP automatically based on availability
-smp auto
";

/// The same in the notation that other tools leave alone.
pub fn with_angle_brackets() -> String {
    VM_ARGS.replace("${", "$<").replace('}', ">")
}

/// A directory to be mounted as /beamconfig.
pub fn config_map(vm_args: &str) -> TempDir {
    directory_of(&[("vm.args", vm_args)])
}

/// The StatefulSet's pod: not root, nothing writable, and the environment of the talk.
pub fn pod(cluster: &Cluster, name: &str, config: &Path) -> Pod {
    pod_without_secret(cluster, name, config).env("ERLANG_COOKIE", COOKIE)
}

/// The same, but the Secret was forgotten.
pub fn pod_without_secret(cluster: &Cluster, name: &str, config: &Path) -> Pod {
    pod_of(cluster, name, config).release(demo_release())
}

/// The same without a release.
pub fn pod_of(cluster: &Cluster, name: &str, config: &Path) -> Pod {
    cluster
        .pod(name)
        .namespace("astarte")
        .uid(54321)
        .read_only_root(true)
        .mount_config(config)
        .env("RELEASE_CONFIG_DIR", "/beamconfig")
        .env("REPLACE_OS_VARS", "true")
        .env("MY_POD_NAME", name)
        .env("RELEASE_NAME", "astarte_pairing")
        .command(["bin/demo", "start"])
}

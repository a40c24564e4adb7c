//! The table of all variables, and what is made of it.
//!
//! Pure: no I/O, no clock.

use super::choices::{
    CookieMode, KindName, ReleaseSetting, RenderMode, RunOwner, SignalTarget, UnsetMode, WaitFailure, WaitPeers,
    WaitPolicy,
};
use super::setting::Setting;
use crate::error::Problem;
use crate::signal::Rewrites;
use crate::telemetry::{Level, LogFormat};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// A row of the README's tables.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The first name that is set wins.
    pub names: &'static [&'static str],
    /// What it says, as the README writes it.
    pub meaning: &'static str,
    /// What holds if it is not set, as the README writes it.
    pub default: &'static str,
    /// Which programs besides beaminit read it.
    pub read_by: &'static str,
}

/// Variables that are read as text. Makes [`RawEnv`], and a list of rows per group.
///
/// Read without envy, which has nothing to check here: a derived reader of so many text fields would be larger than
/// everything that is done with them. The one of the settings, with all that checks them, adds 7 KB.
macro_rules! texts {
    ($($(#[$about:meta])* $group:ident {
        $([$first_field:ident $first:literal $(, $field:ident $name:literal)*]
            $meaning:literal, $default:literal, $read_by:literal;)*
    })*) => {
        $($(#[$about])*
        pub const $group: &[Variable] = &[$(
            Variable { names: &[$first $(, $name)*], meaning: $meaning, default: $default, read_by: $read_by },
        )*];)*

        /// The variables that are read as text. An empty one counts as absent everywhere: Kubernetes turns a missing
        /// optional key into nothing, and `value: ""` in a manifest means the same.
        #[derive(Clone, Debug, Default)]
        pub struct RawEnv {
            $($(
                #[doc = $meaning]
                pub $first_field: Option<String>,
                $(#[doc = $meaning] pub $field: Option<String>,)*
            )*)*
            /// Names of those that are set, but not to UTF-8. Their fields are `None`.
            pub not_utf8: Vec<&'static str>,
        }

        impl RawEnv {
            /// The names of its fields in the environment.
            pub const NAMES: &[&str] = &[$($($first, $($name,)*)*)*];

            /// The value of the variable `name`.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<&str> {
                let value = match name {
                    $($($first => &self.$first_field, $($name => &self.$field,)*)*)*
                    _ => return None,
                };
                value.as_deref()
            }

            pub(super) fn read(mut text: impl FnMut(&'static str) -> Option<String>) -> Self {
                Self {
                    $($($first_field: text($first), $($field: text($name),)*)*)*
                    not_utf8: Vec::new(),
                }
            }
        }
    };
}

/// beaminit's own settings. Makes [`Config`], the struct that envy fills, and the list of rows.
macro_rules! settings {
    ($($field:ident: $type:ty = $value:expr, $name:literal, $default:literal, $meaning:literal;)*) => {
        /// beaminit's own settings, `BEAMINIT_…`.
        pub const SETTINGS: &[Variable] = &[$(
            Variable { names: &[$name], meaning: $meaning, default: $default, read_by: "beaminit" },
        )*];

        /// The settings of a start.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Config {
            $(#[doc = $meaning] pub $field: $type,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($field: $value,)* }
            }
        }

        impl Config {
            /// The names of its fields in the environment.
            pub const NAMES: &[&str] = &[$($name,)*];
        }

        /// The settings as envy fills them.
        #[derive(Default, Deserialize)]
        #[serde(default)]
        pub(super) struct Settings {
            $($field: Setting<$type>,)*
        }

        impl Settings {
            /// Each valid setting is in force even if another is not, so that an error is reported as the settings for
            /// reports say.
            pub(super) fn into_config(self, problems: &mut Vec<Problem>) -> Config {
                Config { $($field: self.$field.unwrap_or($name, $value, problems),)* }
            }
        }
    };
}

texts! {
    /// Who the pod is. What was found out is set for templates and for the release, under the first name of the row.
    POD {
        [my_pod_name "MY_POD_NAME", pod_name "POD_NAME"]
            "the pod's name",
            "the pod's line of `/etc/hosts`; the host name", "templates, the release";
        [my_pod_namespace "MY_POD_NAMESPACE", pod_namespace "POD_NAMESPACE"]
            "its namespace",
            "the service account's file; `/etc/hosts`; the search list of `/etc/resolv.conf`", "templates, the release";
        [my_pod_ip "MY_POD_IP", pod_ip "POD_IP"]
            "its address",
            "`/etc/hosts`; the network interfaces", "templates, the release";
        [my_pod_ips "MY_POD_IPS", pod_ips "POD_IPS"]
            "all its addresses, separated by commas",
            "as `MY_POD_IP`", "templates, the release";
        [my_pod_base_dns "MY_POD_BASE_DNS"]
            "the headless service's full name",
            "`/etc/hosts`; service, namespace, `svc` and cluster domain", "templates, the release";
        [my_pod_service "MY_POD_SERVICE"]
            "the headless service",
            "the first label of `MY_POD_BASE_DNS`", "templates, the release";
        [cluster_domain "CLUSTER_DOMAIN"]
            "the cluster's domain",
            "`/etc/hosts`; the search list; `cluster.local`", "templates, the release";
        [my_pod_fqdn "MY_POD_FQDN"]
            "the pod's full name",
            "`/etc/hosts`; `<pod>.<base DNS>`; without a subdomain `<address-with-dashes>.<base DNS>`",
            "templates, the release";
    }
    /// The release, by the names that its tools have for its parts.
    RELEASE {
        [release_config_dir "RELEASE_CONFIG_DIR"]
            "the directory with `vm.args` and `sys.config`", "", "Distillery";
        [vmargs_path "VMARGS_PATH", release_vm_args "RELEASE_VM_ARGS"]
            "`vm.args` itself", "", "Distillery, relx; mix";
        [sys_config_path "SYS_CONFIG_PATH", relx_config_path "RELX_CONFIG_PATH", release_sys_config "RELEASE_SYS_CONFIG"]
            "`sys.config` itself, the last one without `.config`", "", "Distillery; relx; mix";
        [replace_os_vars "REPLACE_OS_VARS", relx_replace_os_vars "RELX_REPLACE_OS_VARS"]
            "if set, the release's own files are templates", "", "Distillery, relx";
        [release_name "RELEASE_NAME"]
            "the name for templates", "the name that the start script is written for", "mix, Distillery";
        [release_node "RELEASE_NODE", release_distribution "RELEASE_DISTRIBUTION", release_cookie "RELEASE_COOKIE"]
            "kept as given; a template that says otherwise is an error", "", "mix";
        [relx_cookie "RELX_COOKIE", cookie "COOKIE", rabbitmq_erlang_cookie "RABBITMQ_ERLANG_COOKIE"]
            "the cookie", "", "relx; Distillery; RabbitMQ";
        [release_vsn "RELEASE_VSN", release_tmp "RELEASE_TMP", release_remote_vm_args "RELEASE_REMOTE_VM_ARGS"]
            "version, writable directory, `vm.args` of the remote tools", "", "mix";
        [release_mutable_dir "RELEASE_MUTABLE_DIR"]
            "the writable directory", "", "Distillery";
        [rabbitmq_nodename "RABBITMQ_NODENAME", rabbitmq_use_longname "RABBITMQ_USE_LONGNAME",
            rabbitmq_server_additional_erl_args "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            rabbitmq_server_start_args "RABBITMQ_SERVER_START_ARGS"]
            "kept as given", "", "RabbitMQ";
        [rabbitmq_conf_env_file "RABBITMQ_CONF_ENV_FILE"]
            "its settings are kept too", "`/etc/rabbitmq/rabbitmq-env.conf`", "RabbitMQ";
        [rabbitmq_mnesia_base "RABBITMQ_MNESIA_BASE", rabbitmq_mnesia_dir "RABBITMQ_MNESIA_DIR"]
            "where data is looked for: data that the new name would leave behind is an error", "", "RabbitMQ";
        [erl_aflags "ERL_AFLAGS", erl_flags "ERL_FLAGS", erl_zflags "ERL_ZFLAGS", elixir_erl_options "ELIXIR_ERL_OPTIONS"]
            "searched for the node's name; our flags are appended to `ERL_ZFLAGS`", "", "Erlang; Elixir";
        [home "HOME", xdg_config_home "XDG_CONFIG_HOME"]
            "where the VM looks for its cookie", "", "Erlang";
    }
}

/// What is known of the pod, by the names under which templates and the release see it.
pub(crate) const DERIVED: [&str; POD.len()] = {
    let mut names = [""; POD.len()];
    let mut row = 0;
    while row < POD.len() {
        names[row] = POD[row].names[0];
        row += 1;
    }
    names
};

/// Read where they are needed, by every program alike.
pub const OTHERS: &[Variable] = &[Variable {
    names: &["PATH", "TMPDIR", "ERL_CRASH_DUMP", "ERL_EPMD_PORT", "KUBERNETES_SERVICE_HOST", "NO_COLOR"],
    meaning: "the usual",
    default: "",
    read_by: "other programs",
}];

settings! {
    wait: WaitPolicy = WaitPolicy::Auto, "BEAMINIT_WAIT", "`auto`",
        "`always`: nothing to wait for is an error; `off`: start at once";
    wait_timeout: Option<Duration> = Some(Duration::from_secs(120)), "BEAMINIT_WAIT_TIMEOUT", "`120s`",
        "`90s`, `2m`; `0` waits for ever";
    wait_failure: WaitFailure = WaitFailure::Auto, "BEAMINIT_WAIT_FAILURE", "`auto`",
        "what to do when the record does not come: `exit` ends with 69, `start` starts the release; `auto` ends if a name in the cluster was asked for";
    wait_peers: WaitPeers = WaitPeers::Auto, "BEAMINIT_WAIT_PEERS", "`auto`",
        "`auto`: start when no DNS cache that can be asked gives peers another address; `off`: do not wait for that; \
         `45s`: the same as `auto`, at least this long after the record";
    render: RenderMode = RenderMode::Auto, "BEAMINIT_RENDER", "`auto`",
        "`off`: files are handed over as they are, and the release's own are left to it";
    unset: UnsetMode = UnsetMode::Error, "BEAMINIT_UNSET", "`error`",
        "`empty`: an unset variable becomes empty text";
    kind: Option<KindName> = None, "BEAMINIT_KIND", "`auto`",
        "`mix`, `distillery`, `relx`, `erl`, `rabbitmq`, `command`";
    release: ReleaseSetting = ReleaseSetting::Auto, "BEAMINIT_RELEASE", "`auto`",
        "the start script that COMMAND runs in the end, where COMMAND hides it; `off`: do not look for one";
    cookie: CookieMode = CookieMode::Auto, "BEAMINIT_COOKIE", "`auto`",
        "`file`: never on a command line; `args`: always there";
    cookie_file: Option<PathBuf> = None, "BEAMINIT_COOKIE_FILE", "",
        "a mounted Secret with the cookie";
    run_dir: Option<PathBuf> = None, "BEAMINIT_RUN_DIR",
        "the first that can be written of `/run/beaminit`, `/dev/shm`, `$TMPDIR`, `/tmp`",
        "where rendered files are kept, mode 0600 in a directory of mode 0700";
    run_owner: Option<RunOwner> = None, "BEAMINIT_RUN_OWNER", "",
        "`user[:group]` or ids: the user to whom an entrypoint of root's switches; rendered files are that user's alone. \
         Without it every user may read them, and none has the cookie";
    signals: Option<Rewrites> = None, "BEAMINIT_SIGNALS",
        "`INT=TERM,QUIT=TERM,HUP=TERM,USR2=,ALRM=,TSTP=` for a VM without a terminal",
        "signals to replace; an empty right side drops one";
    signal_target: SignalTarget = SignalTarget::Main, "BEAMINIT_SIGNAL_TARGET", "`main`",
        "`group`: the release's whole process group gets them";
    success_codes: Vec<u8> = Vec::new(), "BEAMINIT_SUCCESS_CODES", "",
        "exit codes to replace with 0: `143`";
    stop_timeout: Option<Duration> = None, "BEAMINIT_STOP_TIMEOUT", "",
        "kill the release this long after TERM; without it the kubelet's grace period decides";
    log: Option<Level> = Some(Level::INFO), "BEAMINIT_LOG", "`info`",
        "`error`, `warn`, `debug`, `trace`, `off`";
    log_format: LogFormat = LogFormat::Text, "BEAMINIT_LOG_FORMAT", "`text`",
        "`json`";
    termination_log: PathBuf = PathBuf::from("/dev/termination-log"), "BEAMINIT_TERMINATION_LOG", "`/dev/termination-log`",
        "where `kubectl describe pod` finds the error";
}

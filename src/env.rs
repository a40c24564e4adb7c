//! The environment, read once. The only door of `envy`.

use serde::Deserialize;
use std::ffi::{OsStr, OsString};

/// A snapshot of the environment, in its order and with its bytes: what is no UTF-8 reaches the release unharmed.
#[derive(Clone, Debug, Default)]
pub struct Env(Vec<(OsString, OsString)>);

/// The variables that we read, each as it stands there, but for empty ones, which count as absent everywhere:
/// Kubernetes turns a missing optional key into nothing, a `value: ""` in a manifest means the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "the fields are the variables, and the README describes those")]
pub struct RawEnv {
    pub my_pod_name: Option<String>,
    pub pod_name: Option<String>,
    pub my_pod_namespace: Option<String>,
    pub pod_namespace: Option<String>,
    pub my_pod_ip: Option<String>,
    pub my_pod_ips: Option<String>,
    pub pod_ip: Option<String>,
    pub pod_ips: Option<String>,
    pub my_pod_base_dns: Option<String>,
    pub my_pod_service: Option<String>,
    pub cluster_domain: Option<String>,
    pub my_pod_fqdn: Option<String>,

    pub release_name: Option<String>,
    pub release_vsn: Option<String>,
    pub replace_os_vars: Option<String>,
    pub relx_replace_os_vars: Option<String>,
    pub release_config_dir: Option<String>,
    pub vmargs_path: Option<String>,
    pub release_vm_args: Option<String>,
    pub release_remote_vm_args: Option<String>,
    pub sys_config_path: Option<String>,
    pub relx_config_path: Option<String>,
    pub release_sys_config: Option<String>,
    pub release_mutable_dir: Option<String>,
    pub release_node: Option<String>,
    pub release_distribution: Option<String>,
    pub release_cookie: Option<String>,
    pub release_tmp: Option<String>,
    pub relx_cookie: Option<String>,
    pub cookie: Option<String>,
    pub rabbitmq_nodename: Option<String>,
    pub rabbitmq_use_longname: Option<String>,
    pub rabbitmq_erlang_cookie: Option<String>,
    pub rabbitmq_conf_env_file: Option<String>,
    pub rabbitmq_mnesia_base: Option<String>,
    pub rabbitmq_mnesia_dir: Option<String>,
    pub erl_aflags: Option<String>,
    pub erl_flags: Option<String>,
    pub erl_zflags: Option<String>,
    pub elixir_erl_options: Option<String>,
    pub home: Option<String>,
    pub xdg_config_home: Option<String>,

    pub beaminit_wait: Option<String>,
    pub beaminit_wait_timeout: Option<String>,
    pub beaminit_wait_failure: Option<String>,
    pub beaminit_render: Option<String>,
    pub beaminit_unset: Option<String>,
    pub beaminit_kind: Option<String>,
    pub beaminit_cookie: Option<String>,
    pub beaminit_cookie_file: Option<String>,
    pub beaminit_run_dir: Option<String>,
    pub beaminit_signals: Option<String>,
    pub beaminit_signal_target: Option<String>,
    pub beaminit_success_codes: Option<String>,
    pub beaminit_stop_timeout: Option<String>,
    pub beaminit_log: Option<String>,
    pub beaminit_log_format: Option<String>,
    pub beaminit_termination_log: Option<String>,

    /// Names of those that are set, but not to UTF-8. Their fields are `None`.
    #[serde(skip)]
    pub not_utf8: Vec<&'static str>,
}

/// The variables of [`RawEnv`], in its order.
pub const READ: [&str; 58] = [
    "MY_POD_NAME",
    "POD_NAME",
    "MY_POD_NAMESPACE",
    "POD_NAMESPACE",
    "MY_POD_IP",
    "MY_POD_IPS",
    "POD_IP",
    "POD_IPS",
    "MY_POD_BASE_DNS",
    "MY_POD_SERVICE",
    "CLUSTER_DOMAIN",
    "MY_POD_FQDN",
    "RELEASE_NAME",
    "RELEASE_VSN",
    "REPLACE_OS_VARS",
    "RELX_REPLACE_OS_VARS",
    "RELEASE_CONFIG_DIR",
    "VMARGS_PATH",
    "RELEASE_VM_ARGS",
    "RELEASE_REMOTE_VM_ARGS",
    "SYS_CONFIG_PATH",
    "RELX_CONFIG_PATH",
    "RELEASE_SYS_CONFIG",
    "RELEASE_MUTABLE_DIR",
    "RELEASE_NODE",
    "RELEASE_DISTRIBUTION",
    "RELEASE_COOKIE",
    "RELEASE_TMP",
    "RELX_COOKIE",
    "COOKIE",
    "RABBITMQ_NODENAME",
    "RABBITMQ_USE_LONGNAME",
    "RABBITMQ_ERLANG_COOKIE",
    "RABBITMQ_CONF_ENV_FILE",
    "RABBITMQ_MNESIA_BASE",
    "RABBITMQ_MNESIA_DIR",
    "ERL_AFLAGS",
    "ERL_FLAGS",
    "ERL_ZFLAGS",
    "ELIXIR_ERL_OPTIONS",
    "HOME",
    "XDG_CONFIG_HOME",
    "BEAMINIT_WAIT",
    "BEAMINIT_WAIT_TIMEOUT",
    "BEAMINIT_WAIT_FAILURE",
    "BEAMINIT_RENDER",
    "BEAMINIT_UNSET",
    "BEAMINIT_KIND",
    "BEAMINIT_COOKIE",
    "BEAMINIT_COOKIE_FILE",
    "BEAMINIT_RUN_DIR",
    "BEAMINIT_SIGNALS",
    "BEAMINIT_SIGNAL_TARGET",
    "BEAMINIT_SUCCESS_CODES",
    "BEAMINIT_STOP_TIMEOUT",
    "BEAMINIT_LOG",
    "BEAMINIT_LOG_FORMAT",
    "BEAMINIT_TERMINATION_LOG",
];

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn from_os() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// An environment of these variables.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a variable; of the first, if the environment has it twice, as `getenv` has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
    }

    /// The names that are UTF-8.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(name, _)| name.to_str())
    }

    /// The variables that we read.
    #[must_use]
    pub fn raw(&self) -> RawEnv {
        let set =
            READ.into_iter().filter_map(|name| Some((name, self.get(name)?))).filter(|(_, value)| !value.is_empty());
        let (text, not_utf8): (Vec<_>, Vec<_>) = set.partition(|(_, value)| value.to_str().is_some());
        let text = text.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.to_str()?.to_owned())));
        // Optional strings cannot fail to be read; if they could, nothing would be set and the checks would say so.
        let raw: RawEnv = envy::from_iter(text).unwrap_or_default();
        RawEnv { not_utf8: not_utf8.into_iter().map(|(name, _)| name).collect(), ..raw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn reads_every_variable_of_the_list_and_no_other() {
        let env = Env::from_pairs(READ.map(|name| (name, "x")));
        let raw = format!("{:?}", env.raw());
        assert_eq!(raw.matches("Some(\"x\")").count(), READ.len(), "{raw}");
    }

    #[test]
    fn empty_is_absent_and_the_first_of_two_counts() {
        let env = Env::from_pairs([("MY_POD_NAME", ""), ("POD_NAME", "a"), ("POD_NAME", "b"), ("my_pod_ip", "x")]);
        let raw = env.raw();
        assert_eq!((raw.my_pod_name, raw.pod_name.as_deref(), raw.my_pod_ip), (None, Some("a"), None));
    }

    #[test]
    fn a_value_that_is_not_utf8_is_named_and_not_read() {
        let env = Env::from_pairs([
            ("MY_POD_NAME", OsString::from_vec(vec![0xff])),
            ("OTHER", OsString::from_vec(vec![0xff])),
        ]);
        let raw = env.raw();
        assert_eq!((raw.my_pod_name, raw.not_utf8), (None, vec!["MY_POD_NAME"]));
    }
}

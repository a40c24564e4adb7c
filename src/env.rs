//! The environment, read once. The only door of `envy`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// A snapshot of the environment, in its order and with its bytes: what is no UTF-8 reaches the release unharmed.
#[derive(Clone, Debug, Default)]
pub struct Env(Vec<(OsString, OsString)>);

/// Makes [`RawEnv`] of the variables' names in small letters. A derived reader of so many fields is larger than all that
/// is done with them.
macro_rules! raw_env {
    ($($field:ident)*) => {
        /// The variables that we read, each as it stands there, but for empty ones, which count as absent everywhere:
        /// Kubernetes turns a missing optional key into nothing, a `value: ""` in a manifest means the same.
        #[derive(Clone, Debug, Default)]
        #[expect(missing_docs, reason = "the fields are the variables, and the README describes those")]
        pub struct RawEnv {
            $(pub $field: Option<String>,)*
            /// Names of those that are set, but not to UTF-8. Their fields are `None`.
            pub not_utf8: Vec<&'static str>,
        }

        impl RawEnv {
            fn of(mut values: BTreeMap<String, String>, not_utf8: Vec<&'static str>) -> Self {
                Self { $($field: values.remove(stringify!($field)),)* not_utf8 }
            }
        }
    };
}

raw_env! {
    my_pod_name
    pod_name
    my_pod_namespace
    pod_namespace
    my_pod_ip
    my_pod_ips
    pod_ip
    pod_ips
    my_pod_base_dns
    my_pod_service
    cluster_domain
    my_pod_fqdn

    release_name
    release_vsn
    replace_os_vars
    relx_replace_os_vars
    release_config_dir
    vmargs_path
    release_vm_args
    release_remote_vm_args
    sys_config_path
    relx_config_path
    release_sys_config
    release_mutable_dir
    release_node
    release_distribution
    release_cookie
    release_tmp
    relx_cookie
    cookie
    rabbitmq_nodename
    rabbitmq_use_longname
    rabbitmq_erlang_cookie
    rabbitmq_conf_env_file
    rabbitmq_mnesia_base
    rabbitmq_mnesia_dir
    erl_aflags
    erl_flags
    erl_zflags
    elixir_erl_options
    home
    xdg_config_home

    beaminit_wait
    beaminit_wait_timeout
    beaminit_wait_failure
    beaminit_render
    beaminit_unset
    beaminit_kind
    beaminit_cookie
    beaminit_cookie_file
    beaminit_run_dir
    beaminit_signals
    beaminit_signal_target
    beaminit_success_codes
    beaminit_stop_timeout
    beaminit_log
    beaminit_log_format
    beaminit_termination_log
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
        // Strings cannot fail to be read; if they could, nothing would be set and the checks would say so.
        let values = envy::from_iter(text).unwrap_or_default();
        RawEnv::of(values, not_utf8.into_iter().map(|(name, _)| name).collect())
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

//! A mix release passes a name and a cookie on its VM's command line, whatever `vm.args` says: there, a second name is
//! without effect and a second cookie cancels both. So both go where its script looks for them.

use super::value::quoted;
use super::{CANCELLING, Given, HandOver, IN_A_FILE, SYS_CONFIG, VM_ARGS, Value, data_error, published_name};
use crate::error::{Error, Problem};
use crate::file;
use crate::identity::name::{Distribution, NodeHost, NodeName};
use crate::release::env_sh::{self, Assignment};
use crate::release::{CookieMode, Home, cookie_file};
use crate::sys;
use std::path::PathBuf;

/// What we set and its env.sh may set otherwise.
const SET_BY_US: [&str; 4] = ["RELEASE_NODE", "RELEASE_DISTRIBUTION", "RELEASE_COOKIE", "RELEASE_VM_ARGS"];
const TMP: &str = "tmp";
const REMOTE_VM_ARGS: &str = "remote.vm.args";

impl HandOver {
    pub(super) fn mix(&mut self, given: &mut Given<'_>) -> Result<(), Error> {
        let Some(home) = given.release.home.as_ref() else { return Ok(()) };
        let env_sh = file::read_text(&home.version_dir.join("env.sh")).unwrap_or_default();
        let env_sh = env_sh::assignments(&env_sh, &SET_BY_US);
        let decides = |variable: &str| env_sh.iter().find(|found| found.variable == variable);
        self.move_tmp(home, given);
        self.mix_node(given, decides("RELEASE_NODE"))?;
        self.mix_cookie(given, home, decides("RELEASE_COOKIE").or_else(|| decides("RELEASE_VM_ARGS")))?;
        if let Some((template, args)) = given.vm_args.take() {
            let own = Some(home.version_dir.join(VM_ARGS)).filter(|own| template.adds_to_own && own.is_file());
            let mut text = own.map(|own| nested(&own)).unwrap_or_default() + &args.without_node_flags;
            // What the cookie has added already.
            if let Some(file) = self.files.iter_mut().find(|file| file.name == VM_ARGS) {
                text = with_final_newline(text) + CANCELLING;
                file.contents = text;
            } else {
                self.add_file(VM_ARGS, text);
                self.set("RELEASE_VM_ARGS", Value::in_run_dir(VM_ARGS));
            }
        }
        if let Some((template, text)) = given.sys_config.take() {
            let marker = "RUNTIME_CONFIG=true";
            let own = file::read_text(&home.version_dir.join(SYS_CONFIG)).unwrap_or_default();
            if own.contains(marker) && !text.contains(marker) {
                let message = format!(
                    "{} lacks the line %% {marker} of the release's own: config/runtime.exs will not be read",
                    template.path.display()
                );
                self.warnings.push(Problem::new(message).hint(format!("write %% {marker} as its first line")));
            }
            self.add_file(SYS_CONFIG, text);
            self.set("RELEASE_SYS_CONFIG", Value::in_run_dir("sys"));
        }
        for found in &env_sh {
            let (variable, line) = (found.variable, found.line);
            // The script reads it after us, and what it sets wins.
            self.variables.retain(|(name, _)| *name != variable);
            let what =
                if variable == "RELEASE_NODE" { "the node's name is its affair" } else { "it wins over everything" };
            let message = format!("{}/env.sh:{line} sets {variable}: {what}", home.version_dir.display());
            let hint = format!("write export {variable}=\"${{{variable}:-…}}\" in rel/env.sh.eex, or remove the line");
            self.warnings.push(Problem::new(message).hint(hint));
        }
        Ok(())
    }

    fn mix_node(&mut self, given: &Given<'_>, env_sh: Option<&Assignment>) -> Result<(), Error> {
        let raw = given.raw;
        let mut node = given.vm_args.as_ref().and_then(|(_, args)| args.node.clone());
        if let (Some((template, _)), Some((_, in_template)), Some(in_environment)) =
            (&given.vm_args, &node, raw.release_node.as_deref())
            && in_template.to_string() != in_environment
        {
            let message = format!("-name of {} and RELEASE_NODE of the environment differ", template.path.display());
            return Err(data_error(message).hint("drop one of them, or write -name ${RELEASE_NODE} in the template"));
        }
        if env_sh.is_some() {
            return Ok(());
        }
        if raw.release_distribution.as_deref() == Some("none") && node.is_none() {
            self.not_distributed = Some("RELEASE_DISTRIBUTION is none");
        }
        let unnamed = raw.release_node.is_none() && raw.release_distribution.is_none();
        if node.is_none()
            && unnamed
            && let Some(fqdn) = published_name(given.identity)
        {
            let name = &given.release.name;
            let name = NodeName::on_host(name, fqdn)
                .map_err(|reason| data_error(format!("the node name {name}@{fqdn} {reason}")).hint(NAME))?;
            node = Some((Distribution::Long, name));
            self.named_by_us = true;
        }
        if let Some((distribution, node)) = node {
            self.set("RELEASE_DISTRIBUTION", if distribution == Distribution::Long { "name" } else { "sname" });
            self.set("RELEASE_NODE", node.to_string());
            self.node = Some(node);
            return Ok(());
        }
        self.node = match raw.release_node.as_deref().map(|node| (node, NodeName::parse(node))) {
            Some((node, Err(reason))) if given.release.starts_node && self.not_distributed.is_none() => {
                return Err(data_error(format!("RELEASE_NODE={node} {reason}"))
                    .hint("set RELEASE_NODE=NAME@$(MY_POD_FQDN), or leave it unset: then the pod's name is taken"));
            }
            parsed => parsed.and_then(|(_, node)| node.ok()),
        };
        self.distribution_of_given_node(given)
    }

    /// The script takes `sname` unless it is told otherwise, and with it the VM refuses a host with dots.
    fn distribution_of_given_node(&mut self, given: &Given<'_>) -> Result<(), Error> {
        let is_long = |host: &NodeHost| match host {
            NodeHost::Name(host) => host.is_dotted(),
            NodeHost::Address(_) => true,
            NodeHost::Absent => false,
        };
        let Some(node) = self.node.as_ref().filter(|node| is_long(node.host())) else { return Ok(()) };
        match given.raw.release_distribution.as_deref() {
            None => self.set("RELEASE_DISTRIBUTION", "name"),
            Some("sname") => {
                let message =
                    format!("RELEASE_NODE={node} has a host with dots, which RELEASE_DISTRIBUTION=sname refuses");
                return Err(data_error(message).hint("set RELEASE_DISTRIBUTION=name"));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// On its command line by default: the script passes one there in any case.
    fn mix_cookie(&mut self, given: &Given<'_>, home: &Home, env_sh: Option<&Assignment>) -> Result<(), Error> {
        let variable = ("RELEASE_COOKIE", given.raw.release_cookie.as_deref());
        let found = match Self::the_cookie(given, variable)? {
            None if given.cookie_mode == CookieMode::File => cookie_file::of_image(given.raw, home),
            found => found,
        };
        let Some((cookie, named_by)) = found else { return Ok(()) };
        if given.cookie_mode != CookieMode::File {
            self.set("RELEASE_COOKIE", Value::secret(&cookie));
        } else if let Some(found) = env_sh {
            let place = format!("{}/env.sh:{}", home.version_dir.display(), found.line);
            let message = format!("BEAMINIT_COOKIE=file, but {place} sets {}", found.variable);
            return Err(data_error(message).hint("remove that line, or set BEAMINIT_COOKIE=args"));
        } else {
            // The mode is `file`, so a reason is an error already.
            let _written = self.cookie_file(given, &cookie, &named_by)?;
            let own =
                |name: &str, asked: Option<&str>| asked.map_or_else(|| home.version_dir.join(name), PathBuf::from);
            let vm_args = nested(&own(VM_ARGS, given.raw.release_vm_args.as_deref()));
            let remote = nested(&own(REMOTE_VM_ARGS, given.raw.release_remote_vm_args.as_deref()));
            self.add_file(VM_ARGS, vm_args + CANCELLING);
            self.add_file(REMOTE_VM_ARGS, remote + CANCELLING);
            self.set("RELEASE_VM_ARGS", Value::in_run_dir(VM_ARGS));
            self.set("RELEASE_REMOTE_VM_ARGS", Value::in_run_dir(REMOTE_VM_ARGS));
            self.set("RELEASE_COOKIE", IN_A_FILE);
        }
        self.cookie = Some(cookie);
        Ok(())
    }

    /// With a runtime configuration the script writes to `RELEASE_TMP`, which lies in the release.
    fn move_tmp(&mut self, home: &Home, given: &Given<'_>) {
        let tmp = home.root.join(TMP);
        let writable = if tmp.exists() { sys::may_write(&tmp) } else { sys::may_write(&home.root) };
        if given.raw.release_tmp.is_none() && !writable {
            self.folders.push(TMP);
            self.set("RELEASE_TMP", Value::in_run_dir(TMP));
        }
    }
}

const NAME: &str = "set RELEASE_NAME to letters, digits, - and _, or RELEASE_NODE=NAME@HOST";

/// A line that takes in another file, if there is one.
fn nested(file: &std::path::Path) -> String {
    if file.is_file() { format!("-args_file {}\n", quoted(file)) } else { String::new() }
}

fn with_final_newline(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

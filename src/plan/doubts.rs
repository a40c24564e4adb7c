//! What works, but is hardly meant.

use super::Known;
use crate::error::{Problem, Stage};
use crate::identity::Source;
use crate::identity::name::{Distribution, NodeHost};
use crate::release::Kind;
use crate::release::hand_over::HandOver;
use crate::release::template::Template;
use crate::render::{self, VmArgsFile};
use crate::sys;
use std::fs;
use std::path::Path;

/// Container runtimes mean no limit by 2^30.
const MANY_FILES: u64 = 1 << 26;

impl Known<'_> {
    /// What looks wrong with a rendered `vm.args`.
    pub(super) fn doubts(&self, template: &Template, rendered: &VmArgsFile) -> Vec<(Stage, Problem)> {
        let path = template.path.display();
        let mut problems: Vec<_> = rendered.warnings.iter().map(|problem| about(&path, problem)).collect();
        let fqdn = self.identity.fqdn.as_ref().map(|fqdn| &fqdn.value);
        if let Some((distribution, node)) = &rendered.node {
            let write_fqdn = || format!("write -name {}@${{MY_POD_FQDN}}", node.name());
            let message = match (node.host(), fqdn) {
                (_, Some(fqdn)) if *distribution == Distribution::Short => {
                    Some(format!("-sname {node}: peers cannot look up a host without a dot; this pod is {fqdn}"))
                }
                (NodeHost::Name(host), Some(fqdn)) if host != fqdn => {
                    Some(format!("the node's host is {host}, but this pod is {fqdn}"))
                }
                (NodeHost::Name(host), _) if *distribution == Distribution::Long && !host.is_dotted() => {
                    Some(format!("-name {node}: nodes with -name refuse a host without a dot"))
                }
                // A Deployment's pods are all alike; a StatefulSet's keep what belongs to their names.
                (NodeHost::Address(address), Some(fqdn)) if self.is_named_by_its_service() => Some(format!(
                    "the node is named by its address {address}, and the pod's next one has another: what it keeps by \
                     name (mnesia) is lost; this pod is {fqdn}"
                )),
                (NodeHost::Absent, _) => {
                    Some(format!("the node name {node} has no host; the VM makes one up that peers may not find"))
                }
                _ => None,
            };
            let problem = message.map(|message| Problem::new(format!("{path}: {message}")).hint(write_fqdn()));
            problems.extend(problem);
        }
        problems.into_iter().map(|problem| (Stage::Render, problem)).collect()
    }

    /// Whether the pod has a host name under a service, by which peers can know it for ever.
    fn is_named_by_its_service(&self) -> bool {
        self.identity.fqdn.as_ref().is_some_and(|fqdn| fqdn.source == Source::HostsFile)
    }

    /// What looks wrong with the start as a whole.
    pub(super) fn doubts_about_start(&self, hand_over: &HandOver, own_is_read: bool) -> Vec<(Stage, Problem)> {
        let mut doubts = Vec::new();
        if let Some(shell) = shell_as_pid1() {
            doubts.push((Stage::Supervise, shell));
        }
        if !self.release.kind.is_beam() {
            return doubts;
        }
        doubts.extend(self.in_background().map(|problem| (Stage::Release, problem)));
        let own = if own_is_read { self.own_vm_args() } else { Vec::new() };
        doubts.extend(own.into_iter().map(|problem| (Stage::Release, problem)));
        doubts.extend(self.unread_cookie(hand_over).map(|problem| (Stage::HandOver, problem)));
        let files = sys::open_files_limit().and_then(too_many_files);
        doubts.extend(files.map(|problem| (Stage::Supervise, problem)));
        doubts
    }

    /// The first process is the container's life: with it everything ends.
    fn in_background(&self) -> Option<Problem> {
        let instead = self.release.in_foreground()?;
        let words: Vec<_> = self.release.command.iter().take(2).map(|word| word.to_string_lossy()).collect();
        let message = format!("{} sends the VM to the background, and the container ends at once", words.join(" "));
        let program = words.first().cloned().unwrap_or_default();
        Some(Problem::new(message).hint(format!("write CMD [\"{program}\", \"{instead}\"]")))
    }

    /// The release's own `vm.args`, as far as it is no template: then nobody has looked at it yet.
    fn own_vm_args(&self) -> Vec<Problem> {
        let path = self.release.own_file("vm.args").filter(|_| self.release.starts_node);
        let read = path.as_deref().and_then(|path| Some((path, render::read_vm_args(path)?)));
        let warnings = |(path, args): (&Path, VmArgsFile)| {
            args.warnings.iter().map(|problem| about(&path.display(), problem)).collect()
        };
        // With rendering off its script may replace placeholders, and nothing is checked.
        read.filter(|_| self.config.renders()).map(warnings).unwrap_or_default()
    }

    /// Each tool has another name for the cookie.
    fn unread_cookie(&self, hand_over: &HandOver) -> Option<Problem> {
        let read = match self.release.kind {
            Kind::Mix => "RELEASE_COOKIE",
            Kind::Relx => "RELX_COOKIE",
            Kind::Distillery => "COOKIE",
            Kind::RabbitMq => "RABBITMQ_ERLANG_COOKIE",
            Kind::Erl | Kind::Command => return None,
        };
        let is_set = |name: &&str| self.env.get(name).is_some_and(|value| !value.is_empty());
        let given = ["ERLANG_COOKIE", "RELEASE_COOKIE", "RELX_COOKIE"].into_iter().find(is_set)?;
        if hand_over.cookie.is_some() || is_set(&read) || !self.release.starts_node {
            return None;
        }
        let kind = self.release.kind.name();
        let message = format!("{given} is set, but a {kind} release reads {read}: it starts with another cookie");
        Some(Problem::new(message).hint(format!("name it {read}, or write -setcookie ${{{given}}} in vm.args")))
    }
}

/// In the shell form of ENTRYPOINT, or in a script without `exec`.
fn shell_as_pid1() -> Option<Problem> {
    const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "busybox", "zsh"];
    if std::os::unix::process::parent_id() != 1 {
        return None;
    }
    let words = fs::read("/proc/1/cmdline").ok()?;
    let mut words = words.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let (program, argument) = (words.next()?, words.next().unwrap_or_default());
    let name = Path::new(program.as_ref()).file_name()?.to_str()?;
    // One without a script has a person before it.
    if !SHELLS.contains(&name) || argument.is_empty() || argument.starts_with('-') && !argument.contains('c') {
        return None;
    }
    let message = format!("PID 1 is a shell ({program}), which forwards no signal: a TERM never reaches the release");
    Some(Problem::new(message).hint(if argument.starts_with('-') {
        "write the exec form, in brackets: ENTRYPOINT [\"beaminit\"] and CMD [\"bin/app\", \"start\"]"
    } else {
        "write exec before beaminit in that script"
    }))
}

/// At its start the VM closes each file that it might have inherited, and makes tables with a place for each.
fn too_many_files(limit: u64) -> Option<Problem> {
    let message =
        format!("the limit on open files is {limit}: the VM takes minutes and gigabytes to prepare for so many");
    let hint = "set LimitNOFILE=1048576 in containerd.service; docker run --ulimit nofile=65536:65536";
    (limit >= MANY_FILES).then(|| Problem::new(message).hint(hint))
}

pub(super) fn about(path: &dyn std::fmt::Display, problem: &Problem) -> Problem {
    Problem { message: format!("{path}: {}", problem.message), ..problem.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_on_open_files_is_told() {
        assert!(too_many_files(1 << 30).is_some_and(|problem| problem.message.contains("1073741824")));
        assert_eq!(too_many_files(1 << 20), None);
    }
}

//! What is valid, but probably a mistake.

use super::planner::Planner;
use super::templates::PlannedTemplates;
use crate::error::{Problem, Stage};
use crate::hand_over::HandOver;
use crate::identity::name::{Distribution, NodeHost, NodeName};
use crate::identity::{Identity, Source};
use crate::kind::{OwnVmArgs, Release};
use crate::render;
use crate::sys;
use std::fs;
use std::path::Path;

/// Container runtimes mean no limit by 2^30.
const MANY_FILES: u64 = 1 << 26;

impl Planner<'_> {
    /// Keeps what looks wrong, of the templates first.
    pub(super) fn check_hand_over(
        &mut self,
        hand_over: Option<HandOver>,
        templates: &PlannedTemplates,
    ) -> Option<HandOver> {
        for view in templates.views() {
            let of_node = view.node.and_then(|node| node_warning(node, &self.context.identity));
            for problem in view.warnings.iter().chain(&of_node) {
                self.findings.warn(Stage::Render, about(&view.template.path, problem));
            }
        }
        let mut hand_over = hand_over?;
        for problem in std::mem::take(&mut hand_over.warnings) {
            self.findings.warn(Stage::HandOver, problem);
        }
        if let Some(problem) = shell_as_pid1() {
            self.findings.warn(Stage::Supervise, problem);
        }
        if self.release.kind.is_beam {
            self.check_vm_start(&hand_over, templates);
        }
        Some(hand_over)
    }

    fn check_vm_start(&mut self, hand_over: &HandOver, templates: &PlannedTemplates) {
        if let Some(problem) = background_warning(&self.release) {
            self.findings.warn(Stage::Release, problem);
        }
        // With rendering off its script may replace placeholders, and nothing is checked.
        let is_checked = self.context.environment.config.renders();
        if is_checked && is_own_vm_args_read(&self.release, templates) {
            for problem in own_vm_args_warnings(&self.release) {
                self.findings.warn(Stage::Release, problem);
            }
        }
        if let Some(problem) = self.unread_cookie(hand_over) {
            self.findings.warn(Stage::HandOver, problem);
        }
        if let Some(problem) = sys::open_files_limit().and_then(too_many_files) {
            self.findings.warn(Stage::Supervise, problem);
        }
    }

    /// Each tool has another name for the cookie.
    fn unread_cookie(&self, hand_over: &HandOver) -> Option<Problem> {
        let read = self.release.kind.cookie_variable?;
        let is_set = |name: &&str| self.context.environment.env.get(name).is_some_and(|value| !value.is_empty());
        let given = ["ERLANG_COOKIE", "RELEASE_COOKIE", "RELX_COOKIE"].into_iter().find(is_set)?;
        if hand_over.cookie.is_some() || is_set(&read) || !self.release.starts_node {
            return None;
        }
        let kind = self.release.kind.name;
        let message = format!("{given} is set, but a {kind} release reads {read}: it starts with another cookie");
        Some(Problem::new(message).hint(format!("name it {read}, or write -setcookie ${{{given}}} in vm.args")))
    }
}

/// What looks wrong with the name of a node that a `vm.args` has.
fn node_warning((distribution, node): &(Distribution, NodeName), identity: &Identity) -> Option<Problem> {
    let fqdn = identity.fqdn.as_ref().map(|fqdn| &fqdn.value);
    // By a host name under a service peers can know the pod for ever. A Deployment's pods are all alike; a StatefulSet's
    // keep what belongs to their names.
    let is_named_by_its_service = identity.fqdn.as_ref().is_some_and(|fqdn| fqdn.source == Source::HostsFile);
    let message = match (node.host(), fqdn) {
        (_, Some(fqdn)) if *distribution == Distribution::Short => {
            format!("-sname {node}: peers cannot look up a host without a dot; this pod is {fqdn}")
        }
        (NodeHost::Name(host), Some(fqdn)) if host != fqdn => {
            format!("the node's host is {host}, but this pod is {fqdn}")
        }
        (NodeHost::Name(host), _) if *distribution == Distribution::Long && !host.is_dotted() => {
            format!("-name {node}: nodes with -name refuse a host without a dot")
        }
        (NodeHost::Address(address), Some(fqdn)) if is_named_by_its_service => format!(
            "the node is named by its address {address}, and the pod's next one has another: what it keeps by name \
             (mnesia) is lost; this pod is {fqdn}"
        ),
        (NodeHost::Absent, _) => {
            format!("the node name {node} has no host; the VM makes one up that peers may not find")
        }
        _ => return None,
    };
    Some(Problem::new(message).hint(format!("write -name {}@${{MY_POD_FQDN}}", node.name())))
}

/// The first process is the container's life: with it everything ends.
fn background_warning(release: &Release) -> Option<Problem> {
    let instead = release.foreground_instead()?;
    if let Some(script) = release.followed.script.as_ref().filter(|_| release.followed.is_wrapped) {
        let (path, word) = (script.path.display(), release.first_argument().unwrap_or_default());
        let message = format!("{path} {word} sends the VM to the background, and the container ends with COMMAND");
        return Some(Problem::new(message).hint(format!("let COMMAND run {path} {instead}")));
    }
    let words: Vec<_> = release.command.iter().take(2).map(|word| word.to_string_lossy()).collect();
    let message = format!("{} sends the VM to the background, and the container ends at once", words.join(" "));
    let program = words.first().cloned().unwrap_or_default();
    Some(Problem::new(message).hint(format!("write CMD [\"{program}\", \"{instead}\"]")))
}

/// Whether the VM gets the release's own `vm.args`.
fn is_own_vm_args_read(release: &Release, templates: &PlannedTemplates) -> bool {
    let template = templates.vm_args().map(|(template, _)| template);
    match release.kind.own_vm_args {
        OwnVmArgs::UnlessReplaced => template.is_none_or(|template| template.adds_to_own),
        OwnVmArgs::HandedOverWithoutTemplate => template.is_none(),
        OwnVmArgs::AlwaysRead => true,
    }
}

fn own_vm_args_warnings(release: &Release) -> Vec<Problem> {
    let Some(path) = release.own_file("vm.args").filter(|_| release.starts_node) else { return Vec::new() };
    let args = render::read_vm_args(&path).unwrap_or_default();
    args.warnings.iter().map(|problem| about(&path, problem)).collect()
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

fn about(path: &Path, problem: &Problem) -> Problem {
    Problem { message: format!("{}: {}", path.display(), problem.message), ..problem.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_limit_on_open_files_is_a_warning() {
        assert!(too_many_files(1 << 30).is_some_and(|problem| problem.message.contains("1073741824")));
        assert_eq!(too_many_files(1 << 20), None);
    }
}

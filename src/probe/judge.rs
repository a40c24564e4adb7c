//! The verdict, from the state, the kernel and the node's answers.

use super::ask::{self, Answers, Peer};
use super::deadline::Deadline;
use super::failure::ProbeFailure;
use super::flags::VmFlags;
use super::place;
use super::vm;
use super::{Verdict, boot_mark, cookie};
use crate::cli::{ProbeQuestion, ProbeRequest};
use crate::hand_over::run_dir::RunDirPlaces;
use crate::hand_over::state::{RecordedProcess, Rejected, State};
use crate::kind::find_start;
use crate::sys::{self, Process};
use std::path::Path;
use std::time::Duration;

/// What a verdict needs.
struct ProbeContext<'a> {
    request: &'a ProbeRequest,
    state: &'a State,
    dir: &'a Path,
    deadline: Deadline,
}

pub(super) fn judge(request: &ProbeRequest, places: &RunDirPlaces, deadline: Deadline) -> Verdict {
    let verdict = Verdict::new(&request.question, deadline);
    let (state, dir) = match find_start(places) {
        Ok(found) => found,
        Err(rejected) => return verdict.fail(nothing_runs(&rejected)),
    };
    let context = ProbeContext { request, state: &state, dir: &dir, deadline };
    if state.phase.is_wait() {
        return context.waiting(verdict);
    }
    match state.main {
        None => context.booting(verdict, vm::since(state.supervisor.started), "the release is about to be started"),
        Some(main) if !main.lives() => verdict.in_phase("ended").fail("the release has ended"),
        Some(main) => context.of_release(verdict, main),
    }
}

fn nothing_runs(rejected: &[Rejected]) -> String {
    let mut reason = "no beaminit of this container has started a release".to_owned();
    for rejected in rejected {
        reason = format!("{reason}; {rejected}");
    }
    reason
}

impl ProbeContext<'_> {
    /// The start still waits for its record or for peers.
    fn waiting(&self, verdict: Verdict) -> Verdict {
        let phase = &self.state.phase;
        let verdict = verdict.in_phase(phase.word());
        match self.request.question {
            ProbeQuestion::Live if phase.is_over() => verdict.fail(format!("still {phase}")),
            ProbeQuestion::Live => verdict.pass(phase.to_string()),
            ProbeQuestion::Ready(_) => verdict.fail(phase.to_string()),
        }
    }

    /// The release's first process lives.
    fn of_release(&self, verdict: Verdict, main: RecordedProcess) -> Verdict {
        let Some(vm) = vm::find(main.pid, self.state.supervisor.pid) else {
            if boot_mark::is_any(self.dir) {
                return verdict.in_phase("ended").fail("the VM has ended");
            }
            return self.booting(verdict, vm::since(main.started), "no VM runs yet");
        };
        if vm.is_stopped {
            let message = format!("the VM, process {}, is stopped by a signal", vm.pid);
            return verdict.in_phase("stopped").fail(message);
        }
        let flags = VmFlags::parse(&vm::words(&vm));
        let Some(node) = flags.node.clone().or_else(|| self.state.node.clone()) else {
            return self.unasked(verdict, vm, "has no node name");
        };
        let verdict = verdict.of_node(&node);
        if flags.has_own_epmd_module {
            return self.unasked(verdict, vm, "is found by its own module (-epmd_module)");
        }
        if flags.is_tls {
            return self.over_tls(verdict.in_phase("running"), (vm, &flags), &node);
        }
        let cookie = match cookie::of_node(&flags, self.state, self.dir) {
            Ok(cookie) => cookie,
            Err(reason) => return verdict.in_phase("running").fail(reason),
        };
        let peer = Peer { port: flags.port(), node, cookie };
        let with_applications = matches!(self.request.question, ProbeQuestion::Ready(_));
        let answers = ask::ask(&peer, with_applications, self.deadline);
        match answers.and_then(|answers| is_of(&vm, answers)) {
            Ok(answers) => {
                if answers.status == "started" {
                    boot_mark::set(self.dir, &vm);
                }
                self.by_answers(verdict.in_phase("running"), &peer.node, &answers)
            }
            Err(failure) => self.failed(verdict.in_phase("running"), vm, &failure),
        }
    }

    /// A VM that has not answered yet may still boot.
    fn failed(&self, verdict: Verdict, vm: Process, failure: &ProbeFailure) -> Verdict {
        if failure.may_pass() && !boot_mark::is_set(self.dir, &vm) {
            return self.booting(verdict, vm::since(vm.started), &failure.to_string());
        }
        verdict.fail(failure.to_string())
    }

    fn by_answers(&self, verdict: Verdict, node: &str, answers: &Answers) -> Verdict {
        let wanted = match &self.request.question {
            ProbeQuestion::Live => {
                let message = format!("{node} answered in {}", self.elapsed());
                return verdict.pass(message);
            }
            ProbeQuestion::Ready(applications) => applications,
        };
        let running = answers.running.as_deref().unwrap_or_default();
        let counts = format!("{} of {} applications run", running.len(), answers.loaded.unwrap_or_default());
        match answers.status.as_str() {
            "started" => {}
            "starting" => return verdict.in_phase("booting").fail(format!("still starting: {counts}")),
            other => return verdict.in_phase("ending").fail(format!("{node} is {other}")),
        }
        if let Some(missing) = wanted.iter().find(|wanted| !running.contains(wanted)) {
            return verdict.fail(format!("{missing} does not run: {counts}"));
        }
        let message = format!("{node} has started, answered in {}", self.elapsed());
        verdict.pass(message)
    }

    /// The release has been starting for `age`. `reason` is why no more is known.
    fn booting(&self, verdict: Verdict, age: Duration, reason: &str) -> Verdict {
        let (age, limit) = (age.as_secs(), self.request.boot.as_secs());
        let verdict = verdict.in_phase("booting");
        match self.request.question {
            ProbeQuestion::Live if age < limit => {
                verdict.pass(format!("booting since {age} s, of at most {limit} s: {reason}"))
            }
            ProbeQuestion::Live => verdict.fail(format!("{reason}, after {age} s")),
            ProbeQuestion::Ready(_) => verdict.fail(format!("still starting since {age} s: {reason}")),
        }
    }

    /// The node cannot be asked, whatever its state.
    fn unasked(&self, verdict: Verdict, vm: Process, why: &str) -> Verdict {
        let verdict = verdict.in_phase("running");
        match self.request.question {
            ProbeQuestion::Live => {
                verdict.pass(format!("the VM, process {}, runs; it {why}, so no more was asked", vm.pid))
            }
            ProbeQuestion::Ready(_) => verdict.refuse(format!("the VM {why}, so it cannot be asked; {INSTEAD}")),
        }
    }

    /// A node whose distribution wants a certificate, which we do not have.
    fn over_tls(&self, verdict: Verdict, (vm, flags): (Process, &VmFlags), node: &str) -> Verdict {
        if let ProbeQuestion::Ready(_) = self.request.question {
            let message = format!("distribution of {node} runs over TLS, so it cannot be asked; {INSTEAD}");
            return verdict.refuse(message);
        }
        let short = node.split('@').next().unwrap_or_default();
        let connected = place::find_port(&flags.port(), short, self.deadline)
            .and_then(|port| place::connect_to_node(port, self.deadline));
        match connected {
            Ok(_) => {
                boot_mark::set(self.dir, &vm);
                verdict.pass(format!("{node} accepted a connection; it wants TLS, so no more was asked"))
            }
            Err(failure) => self.failed(verdict, vm, &failure),
        }
    }

    fn elapsed(&self) -> String {
        match self.deadline.elapsed().as_millis() {
            0 => "less than 1 ms".into(),
            milliseconds => format!("{milliseconds} ms"),
        }
    }
}

const INSTEAD: &str =
    "use an httpGet or tcpSocket probe of the application's own port, or exec: beaminit exec bin/app rpc";

/// A node of the same name and cookie may live in another container of the pod.
fn is_of(vm: &Process, answers: Answers) -> Result<Answers, ProbeFailure> {
    let own = vm::mount_namespace(vm).unwrap_or_else(sys::mount_namespace);
    match answers.mount_namespace {
        Some(of_node) if of_node != own && own != 0 => Err(ProbeFailure::OtherContainer),
        _ => Ok(answers),
    }
}

//! The plan of a start: which release, which templates, what the release gets, and what is awaited. Everything is rendered
//! in memory and checked; nothing is written, asked or logged.
//!
//! The plan is total: it goes as far as it can without what failed before, and keeps every error. A start takes it with
//! [`Plan::into_result`], `explain` prints it as it is.

mod awaited;
mod planner;
mod templates;
#[cfg(test)]
mod tests;
mod warnings;

#[cfg(test)]
pub(crate) use awaited::find_awaited;
pub(crate) use awaited::{PlannedWait, record_to_await};
pub(crate) use templates::{PlannedTemplates, TemplateView};

use crate::context::Context;
use crate::error::{Error, Stage};
use crate::executable;
use crate::exit;
use crate::hand_over::HandOver;
use crate::hand_over::access::{FileAccess, Owner};
use crate::hand_over::cookie::SecretFile;
use crate::kind::template_search::ReleaseFile;
use crate::kind::{HandOverInput, Kind, OwnVmArgs, Release, ReleaseQuery, identity_variables, pass_unread};
use crate::release;
use crate::render::{self, VmArgsFile};
use crate::signal::Rewrites;
use crate::sys;
use crate::variables::{Config, WaitFailure, WaitPolicy};
use planner::{Findings, Planner};
use std::io;
use std::path::PathBuf;

/// What a start would do.
#[derive(Debug)]
pub(crate) struct Plan {
    /// [`Release::none`] if no COMMAND was named, or if it was not found.
    pub(crate) release: Release,
    /// Whether the release was found.
    pub(crate) has_release: bool,
    pub(crate) templates: PlannedTemplates,
    /// What the release gets; nothing, if an error is in the way.
    pub(crate) hand_over: HandOver,
    pub(crate) wait: PlannedWait,
    /// COMMAND runs beside the container's init, whose files and orphans are left alone.
    pub(crate) is_guest: bool,
    /// Whether COMMAND gets nothing else than the pod's identity.
    pub(crate) has_identity_alone: bool,
    /// What becomes of signals.
    pub(crate) rewrites: Rewrites,
    pub(crate) findings: Findings,
}

/// Decides everything that can be decided without DNS.
pub(crate) fn plan(context: &Context) -> Plan {
    let mut findings = Findings::default();
    findings.errors.extend(context.environment.config_error.clone());
    let found = find_release(context, &mut findings);
    let has_release = found.is_some();
    // Without a COMMAND the templates are still worth a look; with one that cannot be found they would be another kind's.
    let is_worth_a_look = has_release || context.command.is_empty();
    let release = found.unwrap_or_else(|| Release::none(&context.environment.raw));
    let mut planner = Planner { context, release, findings };
    let (mut templates, mut hand_over) = (PlannedTemplates::default(), None);
    if is_worth_a_look {
        planner.check_vm();
        templates = planner.plan_templates();
        let secret = planner.read_secret();
        hand_over = planner.plan_hand_over(&mut templates, secret);
    }
    let hand_over = planner.check_hand_over(hand_over, &templates);
    let wait = planner.plan_wait(hand_over.as_ref());
    if has_release {
        planner.check_executable();
    }
    let rewrites = planner.plan_signals();
    let Planner { release, findings, .. } = planner;
    let hand_over = hand_over.unwrap_or_default();
    let (is_guest, has_identity_alone) = (false, false);
    Plan { release, has_release, templates, hand_over, wait, is_guest, has_identity_alone, rewrites, findings }
}

fn find_release(context: &Context, findings: &mut Findings) -> Option<Release> {
    if context.command.is_empty() {
        return None;
    }
    let environment = &context.environment;
    findings.ok(Release::find_asked(ReleaseQuery {
        command: context.command.clone(),
        raw: &environment.raw,
        env: &environment.env,
        demanded: environment.config.kind.and_then(|name| Kind::named(name.0)),
        setting: &environment.config.release,
    }))
}

impl Plan {
    /// Whether nothing is handed over after this error.
    pub(crate) fn stops_hand_over(error: &Error) -> bool {
        matches!(error.stage, Stage::Release | Stage::Render | Stage::HandOver)
    }

    /// Whether the start makes a node that `exec` could join.
    pub(crate) fn is_joinable(&self) -> bool {
        self.release.may_become_node()
    }

    /// Whether the start ends if the record does not come. `auto`: if a name in the cluster was asked for, and not where
    /// the name is only beaminit's own choice, or unknown, or of another domain.
    pub(crate) fn is_record_demanded(&self, config: &Config) -> bool {
        let is_named = self.hand_over.node.is_some() && !self.hand_over.named_by_us;
        match config.wait_failure {
            WaitFailure::Exit => true,
            WaitFailure::Start => false,
            WaitFailure::Auto => is_named && self.wait.is_of_cluster || config.wait == WaitPolicy::Always,
        }
    }

    /// The same for a start that does not wait whatever there is.
    pub(crate) fn without_wait(mut self) -> Self {
        self.findings.errors.retain(|error| error.stage != Stage::Wait);
        self.wait = PlannedWait::default();
        self
    }

    /// The same for a command beside the container's init. The node that runs, if one does, has another name than the one
    /// that a start would choose for it now; and a command that is not a release's gets the pod's identity alone, whatever
    /// the templates are that the container's release has.
    pub(crate) fn of_guest(mut self, context: &Context) -> Self {
        self.is_guest = true;
        self.hand_over = self.hand_over.beside_an_init().without_chosen_name();
        if !self.release.kind.is_beam && !self.release.followed.has_vm_in_sight {
            self.findings.errors.retain(|error| !Self::stops_hand_over(error));
            let variables = identity_variables(&context.identity);
            self.hand_over = HandOver { variables, ..HandOver::default() };
            self.has_identity_alone = true;
        }
        self
    }

    /// The plan of a start that may begin.
    ///
    /// # Errors
    /// What is wrong at the first stage that found something.
    pub(crate) fn into_result(mut self) -> Result<Self, Error> {
        let mut errors = std::mem::take(&mut self.findings.errors).into_iter();
        let Some(mut first) = errors.next() else { return Ok(self) };
        for other in errors.filter(|other| other.stage == first.stage) {
            for problem in other.problems {
                if !first.problems.contains(&problem) {
                    first.problems.push(problem);
                }
            }
        }
        Err(first)
    }
}

impl Planner<'_> {
    /// Whether the VM that would be started can run here.
    fn check_vm(&mut self) {
        let Some(layout) = self.release.layout.as_ref().filter(|_| self.release.starts_node) else { return };
        let checked = release::check_vm(layout, &self.context.environment.env);
        if let Some(problem) = self.findings.ok(checked).flatten() {
            self.findings.warn(Stage::Release, problem);
        }
    }

    fn check_executable(&mut self) {
        let Self { context, release, findings } = self;
        findings.ok(executable::check(&context.command, release.file.as_deref()));
    }

    /// Who may read what is written: a wrapper that root started may become another user before it starts the release.
    fn choose_access(&mut self) -> FileAccess {
        let is_root = sys::uid() == 0;
        let Some(asked) = &self.context.environment.config.run_owner else {
            let may_switch = is_root && self.release.followed.may_switch_user;
            return if may_switch { FileAccess::EveryUser } else { FileAccess::Private };
        };
        let (message, hint) = match Owner::find(asked) {
            Ok(owner) if owner.uid == sys::uid() => return FileAccess::Private,
            Ok(owner) if is_root => return FileAccess::Owner(owner),
            Ok(owner) => (
                format!("this is user {}, and only root can give files to user {}", sys::uid(), owner.uid),
                "unset it: as a user that is not root, COMMAND runs as the same user",
            ),
            Err(reason) => (reason, "name a user of the image, or write ids: 1000:1000"),
        };
        let group = asked.group.as_ref().map(|group| format!(":{group}")).unwrap_or_default();
        let message = format!("BEAMINIT_RUN_OWNER={}{group}: {message}", asked.user);
        self.findings.errors.push(Error::new(Stage::Config, exit::CONFIG, message).hint(hint));
        FileAccess::Private
    }

    fn read_secret(&mut self) -> Option<SecretFile> {
        let path = self.context.environment.config.cookie_file.as_deref()?;
        self.findings.ok(SecretFile::read(path))
    }

    /// What the release gets, if nothing is wrong so far.
    fn plan_hand_over(&mut self, templates: &mut PlannedTemplates, secret: Option<SecretFile>) -> Option<HandOver> {
        let environment = &self.context.environment;
        let access = self.choose_access();
        if self.findings.errors.iter().any(Plan::stops_hand_over) {
            return None;
        }
        let own = self.own_vm_args_to_hand_over(templates);
        let input = HandOverInput {
            release: &self.release,
            identity: &self.context.identity,
            raw: &environment.raw,
            access,
            cookie_mode: environment.config.cookie,
            secret,
            render: environment.config.renders(),
            own,
            vm_args: templates.vm_args(),
            sys_config: templates.sys_config(&self.release),
        };
        let decided = input.decide().map(|mut hand_over| {
            pass_unread(&mut hand_over, &input, &templates.unread);
            hand_over
        });
        self.findings.ok(decided)
    }

    /// The release's own `vm.args`, where what it says counts: a script that reads no other passes it on in any case.
    fn own_vm_args_to_hand_over(&self, templates: &PlannedTemplates) -> Option<(PathBuf, VmArgsFile)> {
        let counts = match self.release.kind.own_vm_args {
            OwnVmArgs::UnlessReplaced => false,
            OwnVmArgs::HandedOverWithoutTemplate => templates.vm_args.is_none(),
            OwnVmArgs::AlwaysRead => true,
        };
        let is_replaced = templates.unread.iter().any(|(file, _)| *file == ReleaseFile::VmArgs);
        let path = self.release.own_file("vm.args").filter(|_| counts && !is_replaced)?;
        let own = render::read_vm_args(&path)?;
        Some((path, own))
    }

    /// INT and QUIT mean "end cleanly" to those who send them to a container; a person at a terminal speaks to the VM.
    fn plan_signals(&self) -> Rewrites {
        if let Some(rewrites) = &self.context.environment.config.signals {
            return rewrites.clone();
        }
        let is_on_terminal = io::IsTerminal::is_terminal(&io::stdin());
        if self.release.kind.is_beam && !is_on_terminal { Rewrites::for_beam() } else { Rewrites::default() }
    }
}

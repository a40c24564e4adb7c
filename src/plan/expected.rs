//! What a start waits for, whom it asks, and what it does with signals meanwhile and after.

use super::Known;
use crate::error::{Error, Stage};
use crate::exit;
use crate::identity::name::Fqdn;
use crate::release::hand_over::{Awaited, HandOver};
use crate::signal::Rewrites;
use crate::variables::WaitPolicy;
use crate::wait::{self, WaitError};
use std::io;

impl Known<'_> {
    /// What a start waits for.
    ///
    /// # Errors
    /// `BEAMINIT_WAIT` is `always`, and there is nothing to wait for: exit code 78.
    pub fn expected(&self, hand_over: &HandOver) -> Result<Awaited, Error> {
        match (self.config.wait, hand_over.awaited(&self.release, &self.identity)) {
            (WaitPolicy::Off, _) => Ok(Awaited::Nothing("BEAMINIT_WAIT is off".into())),
            (WaitPolicy::Always, Awaited::Nothing(reason)) => {
                let message = format!("BEAMINIT_WAIT=always, but {reason}");
                Err(Error::new(Stage::Wait, exit::CONFIG, message).hint(self.identity.cure_for_fqdn()))
            }
            (_, expected) => Ok(expected),
        }
    }

    /// Whom to ask for `name`, and what for.
    #[must_use]
    pub fn awaited(&self, name: Fqdn) -> wait::Awaited {
        wait::Awaited {
            search_domain: self.sources.resolv_conf.cluster().1,
            without_subdomain: self.identity.has_no_host_name(&name),
            name,
            cluster_domain: self.identity.cluster_domain.as_ref().map(|domain| domain.value.clone()),
            own: self.identity.own_addresses().to_vec(),
            servers: self.sources.name_servers(),
        }
    }

    /// What a failed wait is reported as.
    #[must_use]
    pub fn wait_error(&self, error: &WaitError) -> Error {
        let code = match error {
            WaitError::NoServer | WaitError::NoOwnAddress => exit::CONFIG,
            WaitError::TimedOut(_) => exit::UNAVAILABLE,
            WaitError::Os(_) => exit::OS,
        };
        let message = match (error, &self.sources.resolv_conf_error) {
            (WaitError::NoServer, Some(cause)) => format!("{error}: /etc/resolv.conf: {cause}"),
            _ => error.to_string(),
        };
        Error::new(Stage::Wait, code, message).hint(error.hint())
    }

    /// What becomes of signals. INT and QUIT mean "end cleanly" to whoever sends them to a container; a person at a
    /// terminal speaks to the VM.
    #[must_use]
    pub fn rewrites(&self) -> Rewrites {
        let beam = self.release.kind.is_beam() && !io::IsTerminal::is_terminal(&io::stdin());
        let by_kind = || if beam { Rewrites::for_beam() } else { Rewrites::default() };
        self.config.signals.clone().unwrap_or_else(by_kind)
    }
}

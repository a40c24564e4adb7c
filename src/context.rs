//! What a start knows before it decides.

use crate::error::Error;
use crate::hand_over::run_dir::RunDirPlaces;
use crate::identity::{Identity, Sources};
use crate::variables::Config;
use crate::variables::{Env, RawEnv};
use std::ffi::OsString;
use std::path::Path;

/// The environment, and what it says about us.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) env: Env,
    /// The variables of it that we read.
    pub(crate) raw: RawEnv,
    /// Our settings. What is well is in force even if something else is wrong.
    pub(crate) config: Config,
    /// What is wrong with them.
    pub(crate) config_error: Option<Error>,
}

/// What a start knows before it decides.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) environment: Environment,
    /// What the identity was found in.
    pub(crate) sources: Sources,
    /// The pod.
    pub(crate) identity: Identity,
    /// COMMAND; empty if none was named.
    pub(crate) command: Vec<OsString>,
}

impl Environment {
    pub(crate) fn read() -> Self {
        let env = Env::from_os();
        let raw = env.raw();
        let (config, config_error) = Config::from_env(&env);
        Self { env, raw, config, config_error }
    }

    pub(crate) fn run_dir_places(&self) -> RunDirPlaces {
        RunDirPlaces::new(self.config.run_dir.as_deref(), self.env.get("TMPDIR").map(Path::new))
    }

    /// # Errors
    /// What is wrong with our settings: exit code 78.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.config_error.clone().map_or(Ok(()), Err)
    }
}

impl Context {
    pub(crate) fn read(environment: Environment, command: Vec<OsString>) -> Self {
        let sources = Sources::read();
        let identity = Identity::find(&environment.raw, &sources);
        Self { environment, sources, identity, command }
    }
}

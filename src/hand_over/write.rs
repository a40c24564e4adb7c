//! Writes what the release gets, and remembers what is to be removed at its end.

use super::contents::{HandOver, ReleaseVariables};
use super::cookie::{self, HomeCookie};
use super::run_dir::{RunDir, RunFileMode};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// What was written. It must outlive the release.
#[derive(Debug)]
pub(crate) struct Written {
    /// The variables, as the release gets them.
    pub(crate) variables: ReleaseVariables,
    /// The run directory, if one was opened.
    pub(crate) run_dir: Option<RunDir>,
    /// The cookie file in HOME, if one was made.
    home_cookie: Option<HomeCookie>,
}

/// What another image of this process is to remove at the end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CleanupPaths {
    run_dir: Option<PathBuf>,
    home_cookie: Option<PathBuf>,
}

impl HandOver {
    /// Writes the files to the run directory, and gives the variables as the release gets them.
    ///
    /// # Errors
    /// There is no place to write to: exit code 73. Then no file is left half-written.
    pub(crate) fn write(&self, run_dir: Option<RunDir>) -> Result<Written, Error> {
        if let Some(dir) = &run_dir {
            let owner = self.access.owner();
            dir.let_others_pass(self.access)?;
            for name in &self.directories {
                let mode = if *name == cookie::DIRECTORY { 0o700 } else { self.access.scratch_dir_mode() };
                dir.make_dir(name, RunFileMode { mode, owner })?;
            }
            for file in &self.files {
                let mode = if file.name == cookie::IN_RUN_DIR { 0o400 } else { self.access.file_mode(file.is_private) };
                dir.write(&file.name, file.contents_in(dir.path()).as_bytes(), RunFileMode { mode, owner })?;
            }
        }
        let home_cookie = match (&self.home_cookie, &self.cookie) {
            (Some(path), Some(cookie)) => HomeCookie::write(path, cookie, self.access.owner_of_home_file(path))?,
            _ => None,
        };
        let root = run_dir.as_ref().map_or(Path::new(""), RunDir::path);
        let variables = self.variables.iter().map(|(name, value)| (*name, value.in_dir(root))).collect();
        Ok(Written { variables, run_dir, home_cookie })
    }
}

impl Written {
    /// Lets what was written outlive this image.
    ///
    /// # Errors
    /// The kernel refuses, which it never does.
    pub(crate) fn preserve(&self) -> io::Result<CleanupPaths> {
        if let Some(dir) = &self.run_dir {
            dir.keep_over_exec()?;
        }
        let run_dir = self.run_dir.as_ref().map(|dir| dir.path().to_owned());
        Ok(CleanupPaths { run_dir, home_cookie: self.home_cookie.as_ref().map(|cookie| cookie.0.clone()) })
    }
}

impl From<CleanupPaths> for Written {
    /// Without the variables: the release has them.
    fn from(paths: CleanupPaths) -> Self {
        let home_cookie = paths.home_cookie.map(HomeCookie);
        Self { variables: Vec::new(), run_dir: paths.run_dir.map(RunDir::resume), home_cookie }
    }
}

//! The cookie as a file: one that is mounted for us, and the one in which the VM looks for it.
//!
//! The VM takes `$HOME/.erlang.cookie`, since OTP 25 (ERTS 13) else `$XDG_CONFIG_HOME/erlang/.erlang.cookie`, and refuses
//! a file that anybody but its owner may touch.

use super::access::{FileAccess, Owner};
pub(crate) use super::contents::IN_RUN_DIR;
use super::contents::{HandOver, data_error};
use super::value::Value;
use crate::cookie::{self, Cookie};
use crate::error::{Error, Problem, Stage, cause};
use crate::exit;
use crate::file;
use crate::sys;
use crate::variables::CookieMode;
use crate::variables::RawEnv;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The directory of [`IN_RUN_DIR`].
pub(crate) const DIRECTORY: &str = "erlang";

const HOME_CURE: &str = "give the user its own HOME that it may write";

/// A secret that is mounted as a file, named by `BEAMINIT_COOKIE_FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it holds.
    pub(crate) cookie: Cookie,
}

/// A cookie that a node shall have, and everything that decides where its VM finds it.
#[derive(Debug)]
pub(crate) struct CookieRequest<'a> {
    /// The variables that we read.
    pub(crate) raw: &'a RawEnv,
    /// The major version of the runtime system, if it is known.
    pub(crate) erts: Option<u32>,
    pub(crate) mode: CookieMode,
    pub(crate) cookie: &'a Cookie,
    /// Where it was given, in words.
    pub(crate) named_by: &'a str,
    pub(crate) lookup: CookieLookup,
    /// Who may read the files that are written.
    pub(crate) access: FileAccess,
}

/// Where a release's own tools look for the cookie when they run without `beaminit exec`. The place must be one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieLookup {
    /// In a variable, or they are none: any file that the VM finds will do.
    Anywhere,
    /// In HOME, where each tool of RabbitMQ that finds no cookie leaves a random one, as a probe would; and the next start
    /// of the broker would take that one.
    HomeFirst,
    /// In `vm.args`, else in `~/.erlang.cookie`, and in no other file.
    HomeOnly,
    /// In `vm.args` alone.
    VmArgsOnly,
}

/// Where the VM finds its cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CookiePlacement {
    /// In a file of the run directory.
    RunDir,
    /// In a file in HOME, where nothing is yet, or what we have left there.
    HomeFile(PathBuf),
    /// In a file in HOME, where it is already.
    Existing,
    /// On its command line, because no file will do, with the cure; `None`: because `BEAMINIT_COOKIE` says so, or because
    /// that is the only place for this start script.
    CommandLine { why: Option<Problem> },
}

impl HandOver {
    /// Puts the cookie into a file where the VM and the release's tools find one, unless `args` was asked for.
    ///
    /// # Errors
    /// `file` was asked for, and HOME has a cookie file that the VM refuses, or another cookie (65), or no place is one (73).
    pub(crate) fn place_cookie(&mut self, request: &CookieRequest<'_>) -> Result<CookiePlacement, Error> {
        let placement = request.find_placement()?;
        match &placement {
            CookiePlacement::HomeFile(path) => self.home_cookie = Some(path.clone()),
            CookiePlacement::RunDir => {
                self.add_cookie_file(request.cookie);
                self.set("XDG_CONFIG_HOME", Value::in_run_dir(""));
            }
            CookiePlacement::Existing | CookiePlacement::CommandLine { .. } => {}
        }
        Ok(placement)
    }

    fn add_cookie_file(&mut self, cookie: &Cookie) {
        self.directories.push(DIRECTORY);
        self.add_file(IN_RUN_DIR, cookie.expose().to_owned());
    }

    /// The same for a command that runs beside the container's init. HOME belongs to the init, so a cookie file there
    /// would be in its way: where the command would get one there, it gets another HOME.
    pub(crate) fn beside_an_init(mut self) -> Self {
        if let (Some(_), Some(cookie)) = (self.home_cookie.take(), self.cookie.clone()) {
            self.add_cookie_file(&cookie);
            self.set("HOME", Value::in_run_dir(DIRECTORY));
        }
        self
    }
}

impl CookieRequest<'_> {
    fn find_placement(&self) -> Result<CookiePlacement, Error> {
        if self.mode == CookieMode::Args {
            return Ok(CookiePlacement::CommandLine { why: None });
        }
        if let Some(why) = self.why_no_file_of_another_user() {
            return Ok(CookiePlacement::CommandLine { why: Some(why) });
        }
        if self.lookup == CookieLookup::VmArgsOnly {
            if self.mode == CookieMode::File {
                let why = "the release's start script takes the cookie from vm.args alone";
                return self.no_file(exit::CANNOT_CREATE, why.into(), "");
            }
            return Ok(CookiePlacement::CommandLine { why: None });
        }
        let Some(home) = self.raw.home.as_deref() else {
            // Without HOME the VM does not start unless the cookie is on its command line.
            return self.no_file(exit::CANNOT_CREATE, "HOME is not set".into(), HOME_CURE);
        };
        let in_home = Path::new(home).join(".erlang.cookie");
        if fs::symlink_metadata(&in_home).is_ok() {
            return self.place_beside_existing(in_home);
        }
        let home_is_writable = sys::may_write(Path::new(home));
        let knows_config_dir = self.erts.is_some_and(|erts| erts >= 13) && self.raw.xdg_config_home.is_none();
        let takes_config_dir = match self.lookup {
            CookieLookup::Anywhere => true,
            CookieLookup::HomeFirst => !home_is_writable,
            CookieLookup::HomeOnly | CookieLookup::VmArgsOnly => false,
        };
        if knows_config_dir && takes_config_dir {
            return Ok(CookiePlacement::RunDir);
        }
        if home_is_writable {
            return Ok(CookiePlacement::HomeFile(in_home));
        }
        let why = if self.lookup == CookieLookup::HomeOnly {
            "the release's start script looks nowhere else"
        } else if self.raw.xdg_config_home.is_some() {
            "XDG_CONFIG_HOME is set"
        } else {
            "this Erlang knows no other place"
        };
        self.no_file(exit::CANNOT_CREATE, format!("HOME={home} cannot be written, and {why}"), HOME_CURE)
    }

    /// Why the user to whom COMMAND switches would not find the cookie in a file. A file that was asked for is written
    /// all the same: COMMAND may not switch after all.
    fn why_no_file_of_another_user(&self) -> Option<Problem> {
        let home = self.raw.home.as_deref().map(Path::new)?;
        if self.lookup == CookieLookup::HomeFirst || self.mode == CookieMode::File {
            return None;
        }
        match self.access {
            FileAccess::EveryUser => {
                let why = "COMMAND may switch to a user who could not read a file of root's";
                Some(Problem::new(why).hint("set BEAMINIT_RUN_OWNER=USER to the user that COMMAND switches to"))
            }
            FileAccess::Owner(owner) if !owner.may_enter(home) => {
                let home = home.display();
                let why = format!("user {} may not enter HOME={home}, and its VM would end at once", owner.uid);
                Some(Problem::new(why).hint("set HOME to that user's home directory"))
            }
            FileAccess::Owner(_) if home.join(".erlang.cookie").exists() => {
                let why = format!("HOME={} has a cookie file of another user", home.display());
                Some(Problem::new(why).hint("set HOME to the home directory of the user that COMMAND switches to"))
            }
            FileAccess::Private | FileAccess::Owner(_) => None,
        }
    }

    /// A cookie file that is in HOME already: the VM looks nowhere else, unless it has the cookie on its command line.
    fn place_beside_existing(&self, path: PathBuf) -> Result<CookiePlacement, Error> {
        let is_same = read(&path).is_ok_and(|text| text == self.cookie.expose());
        let is_ours =
            fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file() && metadata.uid() == sys::uid());
        if self.lookup == CookieLookup::HomeFirst && is_ours && is_same {
            return Ok(CookiePlacement::HomeFile(path));
        }
        match check_closed(&path) {
            Err(refused) if self.mode == CookieMode::File => return Err(refused),
            Err(refused) => return Ok(CookiePlacement::CommandLine { why: refused.problems.into_iter().next() }),
            Ok(()) => {}
        }
        if is_same {
            return Ok(CookiePlacement::Existing);
        }
        let why = format!("the cookies of {} and {} differ", self.named_by, path.display());
        self.no_file(exit::DATA, why, &format!("remove {}", path.display()))
    }

    /// The command line instead, where that is not ruled out.
    fn no_file(&self, code: u8, why: String, cure: &str) -> Result<CookiePlacement, Error> {
        if self.mode != CookieMode::File {
            return Ok(CookiePlacement::CommandLine { why: Some(Problem::new(why).hint(cure)) });
        }
        let or = if cure.is_empty() { String::new() } else { format!("{cure}, or ") };
        Err(Error::new(Stage::HandOver, code, format!("BEAMINIT_COOKIE=file: {why}"))
            .hint(format!("{or}set BEAMINIT_COOKIE=args")))
    }
}

impl SecretFile {
    /// Reads it. Its mode is left to Kubernetes; a newline at the end comes from `echo`.
    ///
    /// # Errors
    /// It cannot be read: exit code 66. It holds no cookie: 65.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let shown = format!("BEAMINIT_COOKIE_FILE={}", path.display());
        let text = read(path).map_err(|cause| {
            Error::new(Stage::HandOver, exit::NO_INPUT, format!("{shown}: {cause}"))
                .hint("mount the Secret there; an fsGroup lets a user who is not root read it")
        })?;
        let cookie = Cookie::parse(&text)
            .map_err(|reason| data_error(format!("{shown}: the cookie {reason}")).hint(cookie::CURE))?;
        Ok(Self { path: path.to_owned(), cookie })
    }
}

/// The text of a cookie file as the VM takes it: without the newline at its end.
fn read(path: &Path) -> Result<String, String> {
    let text = file::read_text(path).map_err(|error| cause(&error))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// The first of these files that holds a cookie, with its path.
pub(crate) fn find_in_files(paths: impl IntoIterator<Item = PathBuf>) -> Option<(Cookie, String)> {
    paths.into_iter().find_map(|path| {
        let cookie = Cookie::parse(&read(&path).ok()?).ok()?;
        Some((cookie, path.display().to_string()))
    })
}

/// Checks that a VM that gets no cookie on its command line finds one in a file, or can make one up.
///
/// # Errors
/// It would refuse the file (65), or has no place for a new one (73): it would end at once.
pub(crate) fn check_vm_finds_one(raw: &RawEnv, erts: Option<u32>) -> Result<(), Error> {
    let hint =
        "give the node a cookie: BEAMINIT_COOKIE_FILE=/path/of/the/secret, or -setcookie ${ERLANG_COOKIE} in vm.args";
    let no_place = |message: String| Err(Error::new(Stage::HandOver, exit::CANNOT_CREATE, message).hint(hint));
    let Some(home) = raw.home.as_deref().map(Path::new) else {
        return no_place("HOME is not set: the VM has no place for the cookie that nobody gives it".into());
    };
    let config = raw.xdg_config_home.as_deref().map_or_else(|| home.join(".config"), PathBuf::from);
    let (in_home, in_config) = (home.join(".erlang.cookie"), config.join(IN_RUN_DIR));
    let known = erts.is_some_and(|erts| erts >= 13);
    match [Some(&in_home), Some(&in_config).filter(|_| known)].into_iter().flatten().find(|path| path.exists()) {
        Some(path) => check_closed(path),
        None if sys::may_write(home) => Ok(()),
        None => no_place(format!("{}: the VM cannot write there the cookie that nobody gives it", in_home.display())),
    }
}

/// Checks what the VM demands of its cookie file.
///
/// # Errors
/// The VM would refuse it: exit code 65.
fn check_closed(path: &Path) -> Result<(), Error> {
    let shown = path.display();
    let (what, cure) = match fs::metadata(path) {
        Err(_) => ("it cannot be read", format!("remove {shown}")),
        Ok(found) if !found.is_file() => ("it is not a file", format!("remove {shown}")),
        Ok(found) if found.mode() & 0o077 != 0 => (
            "others may read it",
            format!("chmod 400 {shown}; a Secret is mounted elsewhere and named by BEAMINIT_COOKIE_FILE"),
        ),
        Ok(_) => return Ok(()),
    };
    Err(data_error(format!("{shown}: {what}, so the VM refuses it")).hint(cure))
}

/// A cookie file in HOME that we made. It goes when we go, so that a new secret finds none of the old.
#[derive(Debug)]
pub(super) struct HomeCookie(pub(super) PathBuf);

impl HomeCookie {
    /// Makes it, if nothing is there. One that is there has the right cookie, as the plan has seen: a predecessor that was
    /// killed has left it, and the kubelet's fsGroup may have opened it to the group, so that the VM would refuse it.
    ///
    /// # Errors
    /// It cannot be made: exit code 73.
    pub(super) fn write(path: &Path, cookie: &Cookie, owner: Option<Owner>) -> Result<Option<Self>, Error> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path);
        let written = match made {
            Ok(mut file) => {
                let ours = Self(path.to_owned());
                let written = file.write_all(cookie.expose().as_bytes());
                written.and_then(|()| owner.map_or(Ok(()), |owner| owner.give(path))).map(|()| Some(ours))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::set_permissions(path, Permissions::from_mode(0o400)).map(|()| None)
            }
            Err(error) => Err(error),
        };
        written.map_err(|error| {
            let message = format!("cannot write {}: {}", path.display(), cause(&error));
            Error::new(Stage::HandOver, exit::CANNOT_CREATE, message)
                .hint(format!("{HOME_CURE}, or set BEAMINIT_COOKIE=args"))
        })
    }
}

impl Drop for HomeCookie {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests;

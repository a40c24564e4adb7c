//! The cookie as a file: one that is mounted for us, and the one in which the VM looks for it.
//!
//! The VM takes `$HOME/.erlang.cookie`, since OTP 25 (ERTS 13) else `$XDG_CONFIG_HOME/erlang/.erlang.cookie`, and refuses
//! a file that anybody but its owner may touch.

use super::{Cookie, Home};
use crate::error::{Error, Stage, cause};
use crate::exit;
use crate::file;
use crate::sys;
use crate::variables::RawEnv;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The cookie file in the run directory, below the folder that becomes `XDG_CONFIG_HOME`.
pub(super) const IN_RUN_DIR: &str = "erlang/.erlang.cookie";
/// The folder of [`IN_RUN_DIR`].
pub(super) const FOLDER: &str = "erlang";

/// A secret that is mounted as a file, named by `BEAMINIT_COOKIE_FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub cookie: Cookie,
}

/// Where the VM will find the cookie as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the run directory.
    RunDir,
    /// In HOME, where nothing is yet, or what we have left there.
    Home(PathBuf),
    /// In HOME, where it is already.
    AlreadyThere,
}

impl SecretFile {
    /// Reads it. Its mode is Kubernetes' affair; a newline at the end is `echo`'s.
    ///
    /// # Errors
    /// It cannot be read: exit code 66. It holds no cookie: 65.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let shown = format!("BEAMINIT_COOKIE_FILE={}", path.display());
        let text = read(path).map_err(|cause| {
            Error::new(Stage::HandOver, exit::NO_INPUT, format!("{shown}: {cause}"))
                .hint("mount the Secret there; an fsGroup lets a user who is not root read it")
        })?;
        let cookie = Cookie::parse(&text).map_err(|reason| {
            Error::new(Stage::HandOver, exit::DATA, format!("{shown}: the cookie {reason}")).hint(super::cookie::CURE)
        })?;
        Ok(Self { path: path.to_owned(), cookie })
    }
}

/// The text of a cookie file as the VM takes it: without the newline at its end.
fn read(path: &Path) -> Result<String, String> {
    let text = file::read_text(path).map_err(|error| cause(&error))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// The cookie that a mix release has when nobody gives one, and where it is: in HOME, else where `mix release` put it.
pub(super) fn of_image(raw: &RawEnv, home: &Home) -> Option<(Cookie, String)> {
    let in_home = raw.home.as_deref().map(|home| Path::new(home).join(".erlang.cookie"));
    let places = in_home.into_iter().chain([home.root.join("releases/COOKIE")]);
    let cookie = |path: PathBuf| Some((Cookie::parse(&read(&path).ok()?).ok()?, path.display().to_string()));
    places.into_iter().find_map(cookie)
}

/// Where the VM will find `cookie`; a reason, where it can find no file.
///
/// `prefers_home`: HOME is the broker's data, in which each tool of RabbitMQ that finds no cookie leaves one of chance, as a
/// probe would that runs without our `exec`; and the next start of the broker would take that one.
///
/// # Errors
/// HOME has a cookie file that the VM refuses, or another cookie than the one of `named_by`: exit code 65.
pub(super) fn place(
    raw: &RawEnv,
    erts: Option<u32>,
    cookie: &Cookie,
    named_by: &str,
    prefers_home: bool,
) -> Result<Result<Place, String>, Error> {
    let Some(home) = raw.home.as_deref() else {
        // Without HOME the VM does not start unless the cookie stands on its command line.
        return Ok(Err("HOME is not set".into()));
    };
    let in_home = Path::new(home).join(".erlang.cookie");
    if let Ok(metadata) = fs::symlink_metadata(&in_home) {
        let is_ours = metadata.is_file() && metadata.uid() == sys::uid();
        if prefers_home && is_ours && read(&in_home).is_ok_and(|text| text == cookie.expose()) {
            return Ok(Ok(Place::Home(in_home)));
        }
        is_closed(&in_home)?;
        return match read(&in_home) {
            Ok(text) if text == cookie.expose() => Ok(Ok(Place::AlreadyThere)),
            _ => {
                let message = format!("the cookies of {named_by} and {} differ", in_home.display());
                Err(Error::new(Stage::HandOver, exit::DATA, message)
                    .hint(format!("remove {}, or set BEAMINIT_COOKIE=args", in_home.display())))
            }
        };
    }
    let home_is_writable = sys::may_write(Path::new(home));
    if erts.is_some_and(|erts| erts >= 13) && raw.xdg_config_home.is_none() && !(prefers_home && home_is_writable) {
        return Ok(Ok(Place::RunDir));
    }
    if home_is_writable {
        return Ok(Ok(Place::Home(in_home)));
    }
    let why = if raw.xdg_config_home.is_some() { "XDG_CONFIG_HOME is set" } else { "this Erlang knows no other place" };
    Ok(Err(format!("HOME={home} cannot be written, and {why}")))
}

/// Says whether a VM that gets no cookie on its command line finds one in a file, or can make one up.
///
/// # Errors
/// It would refuse the file (65), or has no place for a new one (73): it would end at once.
pub(super) fn vm_finds_one(raw: &RawEnv, erts: Option<u32>) -> Result<(), Error> {
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
        Some(path) => is_closed(path),
        None if sys::may_write(home) => Ok(()),
        None => no_place(format!("{}: the VM cannot write there the cookie that nobody gives it", in_home.display())),
    }
}

/// Says what the VM would say of its cookie file.
///
/// # Errors
/// It would refuse it: exit code 65.
fn is_closed(path: &Path) -> Result<(), Error> {
    let refuse = |what: &str, hint: String| {
        Err(Error::new(Stage::HandOver, exit::DATA, format!("{}: {what}, so the VM refuses it", path.display()))
            .hint(hint))
    };
    let Ok(metadata) = fs::metadata(path) else {
        return refuse("it cannot be read", format!("remove {}", path.display()));
    };
    if !metadata.is_file() {
        return refuse("it is no file", format!("remove {}", path.display()));
    }
    if metadata.mode() & 0o077 != 0 {
        return refuse(
            "others may read it",
            format!("chmod 400 {}; a Secret is mounted elsewhere and named by BEAMINIT_COOKIE_FILE", path.display()),
        );
    }
    Ok(())
}

/// A cookie file in HOME. One that we made goes when we go, so that a new secret finds none of the old.
#[derive(Debug)]
pub(super) struct HomeCookie {
    pub(super) ours: Option<PathBuf>,
}

impl HomeCookie {
    /// Makes it, if nothing is there. One that is there has the right cookie, as the plan has seen: a predecessor that was
    /// killed has left it, and the kubelet's fsGroup may have opened it to the group, so that the VM would refuse it.
    ///
    /// # Errors
    /// It cannot be made: exit code 73.
    pub(super) fn write(path: &Path, cookie: &Cookie) -> Result<Self, Error> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path);
        let written = match made {
            Ok(mut file) => file.write_all(cookie.expose().as_bytes()).map(|()| Self { ours: Some(path.to_owned()) }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::set_permissions(path, Permissions::from_mode(0o400)).map(|()| Self { ours: None })
            }
            Err(error) => Err(error),
        };
        written.map_err(|error| {
            Error::new(
                Stage::HandOver,
                exit::CANNOT_CREATE,
                format!("cannot write {}: {}", path.display(), cause(&error)),
            )
            .hint("give the user a HOME of its own that it may write, or set BEAMINIT_COOKIE=args")
        })
    }
}

impl Drop for HomeCookie {
    fn drop(&mut self) {
        let _ = self.ours.as_ref().map(fs::remove_file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn folder_with_cookie(path: &str) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "sesame").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        dir
    }

    fn text(dir: &TempDir) -> String {
        dir.path().to_str().unwrap().to_owned()
    }

    #[test]
    fn only_since_otp_25_a_cookie_in_the_users_configuration_is_found() {
        let config = folder_with_cookie(IN_RUN_DIR);
        let raw =
            RawEnv { home: Some("/nonexistent".into()), xdg_config_home: Some(text(&config)), ..RawEnv::default() };
        assert_eq!(vm_finds_one(&raw, Some(13)), Ok(()));
        for older in [Some(12), None] {
            assert_eq!(vm_finds_one(&raw, older).unwrap_err().code, exit::CANNOT_CREATE);
        }
    }

    #[test]
    fn a_brokers_cookie_behind_a_link_is_nothing_that_we_left() {
        let elsewhere = folder_with_cookie(".erlang.cookie");
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join(".erlang.cookie"), home.path().join(".erlang.cookie"))
            .unwrap();
        let cookie = Cookie::parse("sesame").unwrap();
        let found = |home: &TempDir| {
            let raw = RawEnv { home: Some(text(home)), ..RawEnv::default() };
            place(&raw, Some(13), &cookie, "ERLANG_COOKIE", true).unwrap().unwrap()
        };
        assert_eq!(found(&elsewhere), Place::Home(elsewhere.path().join(".erlang.cookie")));
        assert_eq!(found(&home), Place::AlreadyThere);
    }
}

//! Who may read the files that are written for the release.

use crate::file;
use crate::sys;
use crate::variables::RunOwner;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Who may read the rendered files. The state stays ours alone in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FileAccess {
    /// Our own user.
    #[default]
    Private,
    /// Every user, since COMMAND may switch to one that we do not know. What holds the cookie stays private.
    EveryUser,
    /// The user that `BEAMINIT_RUN_OWNER` names.
    Owner(Owner),
}

/// A user and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl FileAccess {
    /// The mode of the run directory. Others may pass through it, but not list it.
    pub(super) fn run_dir_mode(self) -> u32 {
        if self == Self::Private { 0o700 } else { 0o711 }
    }

    pub(super) fn file_mode(self, is_private: bool) -> u32 {
        if self == Self::EveryUser && !is_private { 0o644 } else { 0o600 }
    }

    /// Of a directory that the release writes into, as it would into `/tmp`.
    pub(super) fn scratch_dir_mode(self) -> u32 {
        if self == Self::EveryUser { 0o1777 } else { 0o700 }
    }

    pub(super) fn owner(self) -> Option<Owner> {
        match self {
            Self::Owner(owner) => Some(owner),
            Self::Private | Self::EveryUser => None,
        }
    }

    /// Who is to have a cookie file in HOME. An image that gives HOME to the user of its server means that user.
    pub(super) fn owner_of_home_file(self, file: &Path) -> Option<Owner> {
        if self != Self::EveryUser {
            return self.owner();
        }
        let home = std::fs::metadata(file.parent()?).ok()?;
        Some(Owner { uid: home.uid(), gid: home.gid() }).filter(|owner| owner.uid != sys::uid())
    }
}

impl fmt::Display for FileAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => f.write_str("this user alone"),
            Self::EveryUser => f.write_str("every user, but without the cookie: COMMAND may switch to another user"),
            Self::Owner(owner) => write!(f, "user {} alone, as BEAMINIT_RUN_OWNER says", owner.uid),
        }
    }
}

impl Owner {
    /// Looks names up where the C library does, without its other sources of accounts: a container has none.
    ///
    /// # Errors
    /// A name is not there: a sentence.
    pub(crate) fn find(asked: &RunOwner) -> Result<Self, String> {
        let read = |path: &str| file::read_text(Path::new(path)).unwrap_or_default();
        Self::find_in(asked, &read("/etc/passwd"), &read("/etc/group"))
    }

    fn find_in(asked: &RunOwner, passwd: &str, group: &str) -> Result<Self, String> {
        let account = find_line(passwd, &asked.user);
        let uid = account.as_ref().and_then(|fields| fields.get(2)?.parse().ok()).or(asked.user.parse().ok());
        let uid: u32 = uid.ok_or_else(|| format!("/etc/passwd has no user {}", asked.user))?;
        let by_number = passwd.lines().map(fields).find(|fields| fields.get(2) == Some(&uid.to_string().as_str()));
        let gid = match &asked.group {
            Some(name) => {
                let found = find_line(group, name).and_then(|fields| fields.get(2)?.parse().ok());
                found.or(name.parse().ok()).ok_or_else(|| format!("/etc/group has no group {name}"))?
            }
            None => account.or(by_number).and_then(|fields| fields.get(3)?.parse().ok()).unwrap_or_default(),
        };
        Ok(Self { uid, gid })
    }

    /// Whether a VM of this user would get as far as looking for its cookie there: it ends at once where it may not.
    pub(super) fn may_enter(self, dir: &Path) -> bool {
        dir.ancestors().all(|dir| {
            std::fs::metadata(dir).is_ok_and(|found| {
                let needed = if found.uid() == self.uid { 0o100 } else { 0o001 };
                found.mode() & needed != 0
            })
        })
    }

    /// Gives the file or directory to the owner.
    pub(super) fn give(self, path: &Path) -> io::Result<()> {
        std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
    }
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

/// The fields of the account or group of this name.
fn find_line<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    text.lines().map(fields).find(|fields| fields.first() == Some(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nshop:x:1000:2000::/app:/bin/sh\n42:x:7:8::/:\nbroken:x\n";
    const GROUP: &str = "root:x:0:\nstaff:x:50:shop\n";

    fn found(user: &str, group: Option<&str>) -> Result<(u32, u32), String> {
        let asked = RunOwner { user: user.to_owned(), group: group.map(str::to_owned) };
        Owner::find_in(&asked, PASSWD, GROUP).map(|owner| (owner.uid, owner.gid))
    }

    #[test]
    fn names_are_looked_up_and_numbers_are_taken_as_they_are() {
        assert_eq!(found("shop", None), Ok((1000, 2000)));
        assert_eq!(found("shop", Some("staff")), Ok((1000, 50)));
        assert_eq!(found("shop", Some("99")), Ok((1000, 99)));
        assert_eq!(found("1000", None), Ok((1000, 2000)));
        assert_eq!(found("1000", Some("3000")), Ok((1000, 3000)));
        assert_eq!(found("54321", None), Ok((54321, 0)));
        // As su and chown do it: a name wins over a number.
        assert_eq!(found("42", None), Ok((7, 8)));
    }

    #[test]
    fn a_name_that_is_not_there_is_an_error() {
        assert_eq!(found("nobody", None), Err("/etc/passwd has no user nobody".to_owned()));
        assert_eq!(found("broken", None), Err("/etc/passwd has no user broken".to_owned()));
        assert_eq!(found("shop", Some("wheel")), Err("/etc/group has no group wheel".to_owned()));
        assert_eq!(found("4294967296", None), Err("/etc/passwd has no user 4294967296".to_owned()));
    }

    #[test]
    fn a_directory_is_entered_by_its_owner_or_where_everybody_may() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let uid = std::fs::metadata(dir.path()).unwrap().uid();
        let (owner, other) = (Owner { uid, gid: 0 }, Owner { uid: uid + 1, gid: 0 });
        assert!(owner.may_enter(dir.path()) && !other.may_enter(dir.path()));
        assert!(other.may_enter(Path::new("/usr")) && !other.may_enter(Path::new("/usr/nothing")));
    }
}

//! What built a release, and by which files that is known.

use super::Home;
use super::rabbitmq::{self, Script};
pub use crate::variables::Kind;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A row of the table by which kinds are recognised: by files, never by the release's name. The first row that fits
/// counts.
struct Recognition {
    kind: Kind,
    fits: fn(&Found<'_>) -> bool,
    /// What was seen, as the end of a sentence.
    why: &'static str,
}

/// What there is to recognise a kind by.
struct Found<'a> {
    /// The file that COMMAND is.
    file: &'a Path,
    /// The release around it.
    home: Option<&'a Home>,
    /// The file's text, if it is a release's start script.
    script: String,
    /// COMMAND's first argument.
    argument: Option<&'a OsStr>,
    /// PATH.
    path: Option<&'a OsStr>,
}

const RECOGNITIONS: [Recognition; 6] = [
    Recognition {
        kind: Kind::Mix,
        fits: |found| found.has("elixir") && found.has("env.sh"),
        why: "its version's folder has elixir and env.sh",
    },
    Recognition {
        kind: Kind::Distillery,
        fits: |found| found.has("libexec/config.sh"),
        why: "its version's folder has libexec/config.sh",
    },
    Recognition {
        kind: Kind::Relx,
        fits: |found| found.script.contains("RELX_CONFIG_PATH"),
        why: "its start script reads RELX_CONFIG_PATH",
    },
    Recognition {
        kind: Kind::Erl,
        fits: |found| found.script.contains("find_vm_args"),
        why: "its start script is relx's plain one, which has find_vm_args",
    },
    Recognition {
        kind: Kind::RabbitMq,
        fits: |found| found.is_rabbitmq(),
        why: "COMMAND or its first argument is a script of RabbitMQ's, with rabbitmq-env and rabbitmq-defaults beside it",
    },
    Recognition {
        kind: Kind::Erl,
        fits: |found| ["erl", "elixir", "iex"].iter().any(|name| found.is_named(name)),
        why: "COMMAND is erl, elixir or iex",
    },
];

impl Found<'_> {
    fn has(&self, file: &str) -> bool {
        self.home.is_some_and(|home| home.version_dir.join(file).is_file())
    }

    fn is_named(&self, name: &str) -> bool {
        self.file.file_name() == Some(OsStr::new(name))
    }

    fn is_rabbitmq(&self) -> bool {
        Script::of(self.file).is_some()
            || self.argument.is_some_and(|argument| rabbitmq::is_entrypoint(self.file, argument, self.path))
    }
}

impl Kind {
    /// The kind of what `file` with this first argument starts, and what tells it. The file lies in `home`, if that is a
    /// release.
    pub(super) fn recognise(
        file: &Path,
        argument: Option<&OsStr>,
        home: Option<&Home>,
        path: Option<&OsStr>,
    ) -> (Self, &'static str) {
        let script = home.map(|_| beginning(file)).unwrap_or_default();
        let found = Found { file, home, script, argument, path };
        let row = RECOGNITIONS.iter().find(|row| (row.fits)(&found));
        row.map_or((Self::Command, "nothing of a release was found around it"), |row| (row.kind, row.why))
    }

    /// Whether COMMAND becomes a BEAM, whose ways with signals are known.
    #[must_use]
    pub fn is_beam(self) -> bool {
        self != Self::Command
    }

    /// Whether it is nothing without a release around COMMAND.
    pub(super) fn needs_home(self) -> bool {
        matches!(self, Self::Mix | Self::Distillery | Self::Relx)
    }

    /// The argument with which the start script makes a node in the foreground.
    #[must_use]
    pub fn foreground(self) -> Option<&'static str> {
        match self {
            Self::Mix => Some("start"),
            Self::Distillery | Self::Relx => Some("foreground"),
            Self::Erl | Self::RabbitMq | Self::Command => None,
        }
    }

    /// What to write in place of this argument of the start script, if it sends the VM to the background.
    pub(super) fn in_foreground(self, argument: Option<&OsStr>) -> Option<&'static str> {
        let background: &[&str] = match self {
            Self::Mix => &["daemon", "daemon_iex"],
            Self::Distillery => &["start", "start_boot"],
            Self::Relx => &["start", "daemon", "daemon_boot"],
            Self::Erl | Self::RabbitMq | Self::Command => &[],
        };
        self.foreground().filter(|_| argument.is_some_and(|argument| background.iter().any(|word| argument == *word)))
    }

    /// Whether this argument of the start script makes it a node. Others, such as `eval`, run a tool of the release; some
    /// tools are a file of their own.
    pub(super) fn starts_node(self, file: Option<&Path>, argument: Option<&OsStr>) -> bool {
        let starts: &[&str] = match self {
            Self::Mix => &["start", "start_iex", "daemon", "daemon_iex"],
            Self::Distillery => &["foreground", "console", "console_boot", "console_clean", "start", "start_boot"],
            Self::Relx => &["foreground", "console", "console_boot", "console_clean", "daemon", "daemon_boot", "start"],
            Self::RabbitMq => return file.and_then(Script::of) != Some(Script::Tool),
            Self::Erl | Self::Command => return true,
        };
        argument.is_some_and(|argument| starts.iter().any(|start| argument == *start))
    }
}

/// As much of a start script as tells whose it is.
pub(super) fn beginning(file: &Path) -> String {
    const ENOUGH: u64 = 1 << 16;
    let mut bytes = Vec::new();
    // A fifo would be waited for until somebody writes to it.
    if !file.is_file() {
        return String::new();
    }
    // What cannot be read cannot be started either, and the start will say so.
    let _ = File::open(file).and_then(|file| file.take(ENOUGH).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_has_no_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        std::os::unix::fs::symlink("/dev/zero", &script).unwrap();
        assert_eq!(beginning(&script), "");
        std::fs::remove_file(&script).unwrap();
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        assert_eq!(beginning(&script), "#!/bin/sh\n");
    }
}

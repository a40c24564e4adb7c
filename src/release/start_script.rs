//! What is known of a start script that is to be started.

use super::layout::ReleaseLayout;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The program that is started in the end, and what shows its kind.
#[derive(Debug, Default)]
pub(crate) struct StartScript {
    /// The file; empty if there is none.
    pub(crate) path: PathBuf,
    /// The beginning of its text.
    pub(crate) text: String,
    /// The words after it.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) layout: Option<ReleaseLayout>,
    /// PATH, in which the script would look for further programs.
    pub(crate) search_path: Option<OsString>,
}

impl StartScript {
    /// Whether the first word after it is one of these.
    pub(crate) fn has_argument_of(&self, words: &[&str]) -> bool {
        self.arguments.first().is_some_and(|argument| words.iter().any(|word| argument == word))
    }

    /// Whether the version that would start has this file.
    pub(crate) fn has_version_file(&self, name: &str) -> bool {
        self.layout.as_ref().is_some_and(|layout| layout.version_dir.join(name).is_file())
    }

    /// The same script of a release, judged by its text: a script outside a release is not of a kind that releases have.
    pub(crate) fn release_text_has(&self, mark: &str) -> bool {
        self.layout.is_some() && self.text.contains(mark)
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.path.file_name() == Some(OsStr::new(name))
    }
}

//! What the report must not show.
//!
//! Pure: no I/O, no clock.

use crate::render::masked_text;

/// Shown in a secret's place.
pub(super) const MASK: &str = "******";

/// The secrets that are known by their text.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Adds some more.
    pub(super) fn add(&mut self, secrets: impl IntoIterator<Item = String>) {
        self.0.extend(secrets.into_iter().filter(|secret| !secret.is_empty()));
        // One may be a part of another.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        self.0.dedup();
    }

    /// The text without them.
    pub(super) fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
    }

    /// A rendered file without them, and without whatever its own rules hide: another cookie, a comment.
    pub(super) fn mask_file(&self, name: &str, text: &str) -> String {
        let text = self.mask(text);
        match name {
            "vm.args" | "remote.vm.args" => masked_text(&text, &mut crate::render::vm_args::VmArgsScanner::default()),
            "sys.config" => masked_text(&text, &mut crate::render::sys_config::SysConfigScanner::default()),
            _ => MASK.to_owned(),
        }
    }
}

/// Whether a variable of this name holds a secret, as far as names tell.
pub(super) fn is_secret(variable: &str) -> bool {
    let upper = variable.to_ascii_uppercase();
    [
        "COOKIE",
        "SECRET",
        "PASSW",
        "PASSPHRASE",
        "TOKEN",
        "CREDENTIAL",
        "PRIVATE",
        "_KEY",
        "APIKEY",
        "_PW",
        "_DSN",
        "_URL",
    ]
    .iter()
    .any(|word| upper.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_shows_neither_known_secrets_nor_what_its_rules_hide() {
        let mut secrets = Secrets::default();
        secrets.add(["open".to_owned(), "open-sesame".to_owned(), String::new()]);
        let shown = secrets.mask_file("vm.args", "-name a@b # old\n-setcookie ${other}\n-app pw open-sesame+open\n");
        assert_eq!(shown, "-name a@b # ***\n-setcookie ********\n-app pw ******+******\n");
        assert_eq!(secrets.mask_file("sys.config", "[{a,\"pw\"}].\n"), "[{a,\"**\"}].\n");
        assert_eq!(secrets.mask_file("erlang/.erlang.cookie", "x"), MASK);
    }

    #[test]
    fn names_tell_secrets() {
        for name in ["ERLANG_COOKIE", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "api_token", "DATABASE_URL"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["MY_POD_FQDN", "RELEASE_NAME", "KEYBOARD", "MAX_PROCESSES"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}

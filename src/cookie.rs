//! The cookie: a secret that no message, log or debug output shows.
//!
//! Pure: no I/O, no clock.

use std::fmt;

/// A cookie that the VM takes: 1 to 255 printable ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie(String);

/// What to do about a cookie that [`Cookie::parse`] refuses.
pub(crate) const CURE: &str = "recreate the Secret with 1 to 255 letters and digits, without a newline: kubectl create secret generic \
                        NAME --from-literal=KEY=VALUE, or echo -n VALUE | base64";

impl Cookie {
    /// Reads a cookie.
    ///
    /// # Errors
    /// Why the VM would refuse it, as the end of a sentence that begins with the cookie. It does not tell the cookie.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            Err("is empty")
        } else if text.len() > 255 {
            Err("has more than 255 characters")
        } else if text.trim_end_matches(['\r', '\n']).len() < text.len() {
            Err("has a newline at its end, as echo makes it")
        } else if text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
            Err("has a character that is not printable ASCII")
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_never_shown() {
        assert_eq!(format!("{:?}", Cookie::parse("sesame").unwrap()), "Cookie(…)");
    }

    #[test]
    fn is_what_the_vm_takes() {
        assert!(Cookie::parse("a b~!").is_ok());
        for bad in ["", "a\n", "é", &"x".repeat(256)] {
            assert!(Cookie::parse(bad).is_err());
        }
    }
}

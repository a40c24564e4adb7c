//! What is valid in a `vm.args` but probably a mistake.
//!
//! Pure: no I/O, no clock.

use super::super::fault::TextFault;
use super::super::placeholder::{Lexed, lex};
use super::super::template::Syntax as _;
use super::{VmArgs, VmArgsScanner};
use crate::error::Problem;

/// Of each sort: nobody reads more.
const MAX_WARNINGS: usize = 20;

/// What slides, blogs and word processors write in place of a hyphen or a quote.
const LOOK_ALIKE: [(char, &str); 11] = [
    ('\u{2010}', "a typographic hyphen"),
    ('\u{2011}', "a typographic hyphen"),
    ('\u{2012}', "a dash"),
    ('\u{2013}', "an en dash"),
    ('\u{2014}', "an em dash"),
    ('\u{2212}', "a minus sign"),
    ('\u{2018}', "a curly quote"),
    ('\u{2019}', "a curly quote"),
    ('\u{201c}', "a curly quote"),
    ('\u{201d}', "a curly quote"),
    ('\u{201e}', "a curly quote"),
];
const INVISIBLE: [(char, &str); 3] =
    [('\u{a0}', "a no-break space"), ('\u{feff}', "a byte order mark"), ('\u{200b}', "a zero-width space")];

impl VmArgs {
    /// What does not fit a container, with the pod's addresses.
    pub(in crate::render) fn warnings(&self, ipv6_only: bool) -> Vec<Problem> {
        let mut warnings = Vec::new();
        if self.has("-heart") {
            let what = "-heart starts a second VM after a crash, when the container is over already";
            warnings.push(Problem::new(what).hint("remove -heart: Kubernetes restarts the container"));
        }
        if self.has("-detached") || self.has("-daemon") {
            let what = "-detached sends the VM to the background: the container ends at once";
            warnings.push(Problem::new(what).hint("remove -detached"));
        }
        let proto = self.named(&["-proto_dist"]).any(|flag| flag.values.iter().any(|value| value.text == "inet6_tcp"));
        if ipv6_only && !proto {
            let what = "the pod has IPv6 addresses only, and the VM speaks IPv4 to its peers";
            warnings.push(Problem::new(what).hint("write -proto_dist inet6_tcp"));
        }
        warnings
    }

    /// Words with a character that only looks like the intended one.
    pub(in crate::render) fn typographic_words(&self) -> Vec<TextFault> {
        let mut found = Vec::new();
        for word in self.flags.words() {
            if found.len() == MAX_WARNINGS {
                break;
            }
            let first = word.text.chars().next();
            let begins = LOOK_ALIKE.iter().find(|(character, _)| first == Some(*character));
            let has = INVISIBLE.iter().find(|(character, _)| word.text.contains(*character));
            let Some((character, name)) = begins.or(has) else { continue };
            let message = format!("{:?} has {name}, which the VM takes literally", word.text);
            let hint = format!("type the word again, without the character {}", character.escape_unicode());
            found.push(TextFault::new(word.span.start, message).hint(hint));
        }
        found
    }

    /// Placeholders outside comments.
    pub(in crate::render) fn placeholders(&self) -> Vec<TextFault> {
        let mut scanner = VmArgsScanner::default();
        let mut found = Vec::new();
        for (offset, character) in self.text.char_indices() {
            if found.len() == MAX_WARNINGS {
                break;
            }
            let rest = self.text.get(offset..).filter(|_| character == '$' && !scanner.in_comment());
            if let Some(Lexed::Placeholder(placeholder)) = rest.map(lex) {
                let message =
                    format!("nothing renders this file, so the VM gets the placeholder of {}", placeholder.name);
                found.push(
                    TextFault::new(offset, message).hint("set REPLACE_OS_VARS=true: then beaminit renders this file"),
                );
            }
            scanner.feed(character);
        }
        found
    }
}

//! `vm.args` as `erl -args_file` reads it: words, flags, and what is wrong with them.
//!
//! Pure: no I/O, no clock.

mod flags;
mod given;
mod lint;
mod scanner;

pub use given::{NamedNode, NodeFlagSources};
pub use scanner::VmArgsScanner;

use super::fault::TextFault;
use super::template::{Edit, edited};
use crate::cookie::{self, Cookie};
use crate::identity::name::{Distribution, NodeHost, NodeName};
use flags::{Flag, Flags};
use std::ops::Range;

#[derive(Debug)]
pub struct VmArgs {
    pub(super) text: String,
    flags: Flags,
}

/// Flags that name a file.
const FILE_FLAGS: [&str; 3] = ["-args_file", "-config", "-ssl_dist_optfile"];

#[derive(Debug, PartialEq, Eq)]
pub struct FileFlag<'a> {
    pub flag: &'static str,
    /// The file, as it is named.
    pub file: &'a str,
    /// The name's place.
    pub place: Range<usize>,
    /// The flag's place.
    pub offset: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub struct NodeFlags {
    pub node: Option<(Distribution, NodeName)>,
    pub cookie: Option<Cookie>,
}

impl VmArgs {
    /// Reads the file.
    ///
    /// # Errors
    /// A quote is not closed, or there is a byte order mark or a NUL, which the VM does not read as people do.
    pub fn read(text: String) -> Result<Self, TextFault> {
        if text.starts_with('\u{feff}') {
            let message = "the file begins with a byte order mark, which the VM takes for a flag";
            return Err(TextFault::new(0, message).hint("save the file as UTF-8 without a byte order mark"));
        }
        if let Some(offset) = text.find('\0') {
            return Err(TextFault::new(offset, "the file has a NUL; the VM reads no further").hint("save it as UTF-8"));
        }
        Ok(Self { flags: VmArgsScanner::default().read(&text)?, text })
    }

    /// The node's name and cookie.
    ///
    /// # Errors
    /// Every reason for which the VM would refuse them, or start silently without them.
    pub fn node_flags(&self) -> Result<NodeFlags, Vec<TextFault>> {
        let mut faults = Vec::new();
        let mut names = self.named(&["-name", "-sname"]);
        let node = names.next().and_then(|flag| keep(flag.node(), &mut faults));
        let second = "a second name; the VM takes one -name or one -sname";
        faults.extend(names.map(|flag| flag.fault(second).hint(format!("remove this {}", flag.name.text))));

        for flag in self.named(&["-setcookie"]).filter(|flag| flag.values.is_empty() || flag.values.len() > 2) {
            faults.push(flag.fault("-setcookie takes one cookie").hint("write -setcookie ${ERLANG_COOKIE}"));
        }
        faults.extend(self.flags.iter().zip(self.flags.iter().skip(1)).filter_map(|(flag, next)| flag.torn_by(next)));
        let mut cookies = self.own_cookies();
        let cookie = cookies.next().and_then(|flag| keep(flag.cookie(), &mut faults));
        // Two are worse than none: the VM silently drops both and makes one up.
        let second = "a second cookie; the VM would then use neither";
        faults.extend(cookies.map(|flag| flag.fault(second).hint("remove this -setcookie, or the other one")));
        if faults.is_empty() { Ok(NodeFlags { node, cookie }) } else { Err(faults) }
    }

    /// The text without the flags of [`VmArgs::node_flags`]; their comments and lines stay.
    #[must_use]
    pub fn without_node_flags(&self) -> String {
        self.edited(&self.edits_without_node_flags())
    }

    /// The text without the node's cookie; comments and lines stay.
    #[must_use]
    pub fn without_cookie(&self) -> String {
        self.edited(&self.edits_without_cookie())
    }

    pub(crate) fn edits_without_node_flags(&self) -> Vec<Edit> {
        self.named(&["-name", "-sname"]).chain(self.own_cookies()).map(Flag::removed).collect()
    }

    pub(crate) fn edits_without_cookie(&self) -> Vec<Edit> {
        self.own_cookies().map(Flag::removed).collect()
    }

    /// The text with other words in these places, which do not overlap.
    #[must_use]
    pub fn edited(&self, edits: &[Edit]) -> String {
        edited(&self.text, edits)
    }

    /// What makes the flags of name and cookie readable for start scripts, which look for `-name VALUE` at the beginning
    /// of a line, where the VM takes any white space before and after the flag.
    #[must_use]
    pub fn plain_node_flags(&self) -> Vec<Edit> {
        let is_blank = |text: &&str| text.chars().all(|c| matches!(c, ' ' | '\t'));
        let mut edits = Vec::new();
        for flag in self.flags.iter().filter(|flag| flag.is_guarded()) {
            let start = flag.name.span.start;
            let line = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
            let begins_line = !self.text[..line].ends_with("\\\n");
            if begins_line && line < start && self.text.get(line..start).is_some_and(|margin| is_blank(&margin)) {
                edits.push((line..start, String::new()));
            }
            let Some(value) = flag.values.first() else { continue };
            let between = flag.name.span.end..value.span.start;
            let is_tab = |text: &&str| is_blank(text) && text.contains('\t');
            if self.text.get(between.clone()).is_some_and(|text| is_tab(&text)) {
                edits.push((between, " ".into()));
            }
        }
        edits
    }

    pub fn file_flags(&self) -> impl Iterator<Item = FileFlag<'_>> {
        self.flags.iter().filter_map(|flag| {
            let name = FILE_FLAGS.into_iter().find(|name| *name == flag.name.text)?;
            let value = flag.values.first()?;
            let (file, place) = (value.text.as_str(), value.span.clone());
            Some(FileFlag { flag: name, file, place, offset: flag.name.span.start })
        })
    }

    /// The flags that say how nodes connect: `-proto_dist` and those of its TLS.
    #[must_use]
    pub fn distribution_flags(&self) -> String {
        let flags = self.named(&["-proto_dist", "-ssl_dist_optfile", "-ssl_dist_opt"]);
        flags.filter_map(|flag| Some(format!("{}\n", self.text.get(flag.span())?))).collect()
    }

    fn named<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Flag> {
        self.flags.iter().filter(|flag| names.contains(&flag.name.text.as_str()))
    }

    /// `-setcookie COOKIE`; with two words it is another node's cookie.
    pub(super) fn own_cookies(&self) -> impl Iterator<Item = &Flag> {
        self.named(&["-setcookie"]).filter(|flag| flag.values.len() == 1)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag.name.text == name)
    }
}

impl Flag {
    fn removed(&self) -> Edit {
        (self.span(), String::new())
    }

    fn node(&self) -> Result<(Distribution, NodeName), TextFault> {
        let flag = &self.name.text;
        let [value] = self.values.as_slice() else {
            // Without a value the VM would run undistributed, after one line in its log.
            return Err(self.fault(format!("{flag} takes one name")).hint(NAME));
        };
        let node = NodeName::parse(&value.text)
            .map_err(|reason| self.fault(format!("the node name {:?} {reason}", value.text)).hint(NAME))?;
        let distribution = if flag == "-name" { Distribution::Long } else { Distribution::Short };
        match node.host() {
            NodeHost::Name(host) if distribution == Distribution::Short && host.is_dotted() => {
                let message = format!("-sname takes no host with a dot, {node} has one");
                Err(self.fault(message).hint("write -name in place of -sname"))
            }
            _ => Ok((distribution, node)),
        }
    }

    fn cookie(&self) -> Result<Cookie, TextFault> {
        let text = self.values.first().map_or("", |value| value.text.as_str());
        Cookie::parse(text).map_err(|reason| self.fault(format!("the cookie {reason}")).hint(cookie::CURE))
    }

    /// The emulator's flags go first, so that words after them join the flag before them.
    fn torn_by(&self, next: &Self) -> Option<TextFault> {
        let torn = self.is_guarded() && next.name.span.start < self.span().end;
        let (flag, next_flag) = (&self.name.text, &next.name.text);
        torn.then(|| {
            next.fault(format!("{next_flag} is between {flag} and a word that the VM gives to it"))
                .hint(format!("write what belongs to {flag} on its own line, before the line of {next_flag}"))
        })
    }
}

const NAME: &str = "write -name ${RELEASE_NAME}@${MY_POD_FQDN}";

fn keep<T>(result: Result<T, TextFault>, faults: &mut Vec<TextFault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

#[cfg(test)]
mod tests;

//! `vm.args` as `erl -args_file` reads it: words, flags, and what is wrong with them.
//!
//! Pure: no I/O, no clock.

mod flags;
mod words;

use super::template::{Fault, Syntax as _};
use crate::error::Problem;
use crate::identity::name::{Distribution, NodeHost, NodeName};
use crate::release::cookie::{self, Cookie};
use flags::{Flag, Flags};
pub use words::{Scanner, Word};

/// Flags that name the node or guard it. Nothing may add a word to them.
const GUARDED: [&str; 3] = ["-name", "-sname", "-setcookie"];

/// A `vm.args`, read.
#[derive(Debug)]
pub struct VmArgs {
    pub(super) text: String,
    flags: Flags,
}

/// What the file says of the node.
#[derive(Debug, PartialEq, Eq)]
pub struct NodeFlags {
    /// `-name` or `-sname`.
    pub node: Option<(Distribution, NodeName)>,
    /// `-setcookie COOKIE`.
    pub cookie: Option<Cookie>,
}

impl VmArgs {
    /// Reads the file.
    ///
    /// # Errors
    /// A quote is not closed, or there is a byte order mark or a NUL, which the VM does not read as people do.
    pub fn read(text: String) -> Result<Self, Fault> {
        if text.starts_with('\u{feff}') {
            let message = "the file begins with a byte order mark, which the VM takes for a flag";
            return Err(fault(0, message.into()).hint("save the file as UTF-8 without a byte order mark"));
        }
        if let Some(offset) = text.find('\0') {
            return Err(fault(offset, "the file has a NUL; the VM reads no further".into()).hint("save it as UTF-8"));
        }
        let mut scanner = Scanner::default();
        text.chars().for_each(|character| scanner.feed(character));
        Ok(Self { flags: scanner.finish()?, text })
    }

    /// The node's name and cookie.
    ///
    /// # Errors
    /// Every reason for which the VM would refuse them, or start silently without them.
    pub fn node_flags(&self) -> Result<NodeFlags, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut names = self.named(&["-name", "-sname"]);
        let node = names.next().and_then(|flag| keep(flag.node(), &mut faults));
        let second = "a second name; the VM takes one -name or one -sname";
        faults.extend(names.map(|flag| flag.fault(second).hint(format!("remove this {}", flag.name.text))));

        for flag in self.named(&["-setcookie"]).filter(|flag| flag.values.is_empty() || flag.values.len() > 2) {
            faults.push(flag.fault("-setcookie wants one cookie").hint("write -setcookie ${ERLANG_COOKIE}"));
        }
        faults.extend(self.flags.iter().zip(self.flags.iter().skip(1)).filter_map(|(flag, next)| flag.torn_by(next)));
        let mut cookies = self.own_cookies();
        let cookie = cookies.next().and_then(|flag| keep(flag.cookie(), &mut faults));
        // Two are worse than none: the VM drops both without a word and makes one up.
        let second = "a second cookie; the VM would then use neither";
        faults.extend(cookies.map(|flag| flag.fault(second).hint("remove this -setcookie, or the other one")));
        if faults.is_empty() { Ok(NodeFlags { node, cookie }) } else { Err(faults) }
    }

    /// The text without the flags of [`VmArgs::node_flags`]; their comments and lines stay.
    #[must_use]
    pub fn without_node_flags(&self) -> String {
        self.without(self.named(&["-name", "-sname"]).chain(self.own_cookies()).collect())
    }

    /// The text without the node's cookie; comments and lines stay.
    #[must_use]
    pub fn without_cookie(&self) -> String {
        self.without(self.own_cookies().collect())
    }

    fn without(&self, mut flags: Vec<&Flag>) -> String {
        flags.sort_by_key(|flag| flag.name.span.start);
        let mut text = self.text.clone();
        for flag in flags.into_iter().rev() {
            text.replace_range(flag.span(), "");
        }
        text
    }

    /// Files that this one names by `-args_file`, with the place of each.
    pub fn nested_files(&self) -> impl Iterator<Item = (&str, usize)> {
        let nested = self.named(&["-args_file"]).filter_map(|flag| Some((flag, flag.values.first()?)));
        nested.map(|(flag, value)| (value.text.as_str(), flag.name.span.start))
    }

    /// What works but is hardly meant in a container.
    #[must_use]
    pub fn warnings(&self, ipv6_only: bool) -> Vec<Problem> {
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
    fn node(&self) -> Result<(Distribution, NodeName), Fault> {
        let flag = &self.name.text;
        let [value] = self.values.as_slice() else {
            // Without a value the VM would run undistributed, after one line in its log.
            return Err(self.fault(format!("{flag} wants one name")).hint(NAME));
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

    fn cookie(&self) -> Result<Cookie, Fault> {
        let text = self.values.first().map_or("", |value| value.text.as_str());
        Cookie::parse(text).map_err(|reason| self.fault(format!("the cookie {reason}")).hint(cookie::CURE))
    }

    /// The emulator's flags go first, so that words behind them join the flag before them.
    fn torn_by(&self, next: &Self) -> Option<Fault> {
        let torn = GUARDED.contains(&self.name.text.as_str()) && next.name.span.start < self.span().end;
        let (flag, next_flag) = (&self.name.text, &next.name.text);
        torn.then(|| {
            next.fault(format!("{next_flag} stands between {flag} and a word that the VM gives it"))
                .hint(format!("write what belongs to {flag} on its own line, before the line of {next_flag}"))
        })
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        fault(self.name.span.start, message.into())
    }
}

const NAME: &str = "write -name ${RELEASE_NAME}@${MY_POD_FQDN}";

fn keep<T>(result: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

fn fault(offset: usize, message: String) -> Fault {
    Fault { offset, message, hint: None }
}

#[cfg(test)]
mod tests;

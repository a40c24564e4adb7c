//! The node's name and cookie where others than beaminit give them to the VM: on the command line, and in `ERL_FLAGS` and
//! its like.
//!
//! Pure: no I/O, no clock.

use super::scanner::VmArgsScanner;
use crate::identity::name::Distribution;

/// The flags that the VM gets, in the order in which it reads them. Each has the place's name for messages.
#[derive(Debug, Default)]
pub struct NodeFlagSources {
    places: Vec<(String, Vec<String>)>,
}

/// A name that some flag gives the node.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedNode {
    pub distribution: Distribution,
    /// As it was given; the VM may refuse it.
    pub name: String,
    pub place: String,
}

impl NodeFlagSources {
    /// Adds a command line: that of `erl`, or of `elixir` and `iex`, whose `--erl` holds more flags.
    pub fn add_command(&mut self, place: &str, words: &[String]) {
        let mut all = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--erl" => all.extend(words.next().into_iter().flat_map(|flags| words_of(flags))),
                "--name" => all.push("-name".into()),
                "--sname" => all.push("-sname".into()),
                "--cookie" => all.push("-setcookie".into()),
                _ => all.push(word.clone()),
            }
        }
        self.places.push((place.to_owned(), all));
    }

    /// Adds the text of a variable such as `ERL_FLAGS`.
    pub fn add_variable(&mut self, variable: &str, text: &str) {
        self.places.push((variable.to_owned(), words_of(text)));
    }

    /// Adds the text of a shell that has such a command line.
    pub fn add_command_text(&mut self, place: &str, text: &str) {
        self.add_command(place, &words_of(text));
    }

    /// The place that gives the node a cookie, if there is one.
    #[must_use]
    pub fn cookie_place(&self) -> Option<&str> {
        let gives = |words: &&[String]| flag_values(words, "-setcookie").any(|values| values.len() == 1);
        self.places.iter().find(|(_, words)| gives(&words.as_slice())).map(|(place, _)| place.as_str())
    }

    /// The name that the VM takes of all that are given: the first `-sname`, else the first `-name`.
    #[must_use]
    pub fn named_node(&self) -> Option<NamedNode> {
        [("-sname", Distribution::Short), ("-name", Distribution::Long)].into_iter().find_map(|(flag, distribution)| {
            let mut named = self.places.iter().filter_map(|(place, words)| {
                let name = flag_values(words, flag).find_map(|values| values.first().cloned())?;
                Some(NamedNode { distribution, name, place: place.clone() })
            });
            named.next()
        })
    }
}

/// The words of a variable such as `ERL_FLAGS`, as `erlexec` splits it: like a `vm.args`, but without comments.
fn words_of(text: &str) -> Vec<String> {
    let flags = VmArgsScanner::without_comments().read(text).unwrap_or_default();
    flags.words().into_iter().map(|word| word.text.clone()).collect()
}

/// The words after each flag of this name, up to `-extra`.
fn flag_values<'a>(words: &'a [String], flag: &'a str) -> impl Iterator<Item = &'a [String]> {
    let end = words.iter().position(|word| word == "-extra" || word == "--extra").unwrap_or(words.len());
    let words = words.get(..end).unwrap_or_default();
    let places = words.iter().enumerate().filter(move |(_, word)| *word == flag).map(|(at, _)| at + 1);
    places.map(|at| {
        let rest = words.get(at..).unwrap_or_default();
        let count = rest.iter().take_while(|word| !word.starts_with(['-', '+'])).count();
        rest.get(..count).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Option<(Distribution, String)> {
        let mut sources = NodeFlagSources::default();
        sources.add_variable("ERL_FLAGS", text);
        sources.named_node().map(|node| (node.distribution, node.name))
    }

    #[test]
    fn a_name_is_found_in_flags() {
        assert_eq!(node("+K true -sname blue"), Some((Distribution::Short, "blue".into())));
        assert_eq!(node("-name 'a'@b.c -setcookie x"), Some((Distribution::Long, "a@b.c".into())));
        assert_eq!(node("-name a#1@b.c").map(|(_, name)| name).as_deref(), Some("a#1@b.c"), "there are no comments");
        for none in ["", "-proto_dist inet6_tcp", "-name", "-name -x", "-extra -name a@b.c", "-named a@b"] {
            assert_eq!(node(none), None, "{none}");
        }
    }

    #[test]
    fn the_vm_takes_the_first_name_and_prefers_a_short_one() {
        let mut sources = NodeFlagSources::default();
        sources.add_variable("ERL_AFLAGS", "-name a@b.c");
        let words = ["elixir", "--erl", "-name d@e.f -setcookie x", "--name", "g@h.i"].map(String::from);
        sources.add_command("COMMAND", &words);
        let found = sources.named_node().unwrap();
        assert_eq!((found.name.as_str(), found.place.as_str()), ("a@b.c", "ERL_AFLAGS"));
        assert_eq!(sources.cookie_place(), Some("COMMAND"));
        sources.add_variable("ERL_FLAGS", "-sname blue");
        assert_eq!(sources.named_node().unwrap().name, "blue");
    }

    #[test]
    fn a_cookie_of_another_node_is_not_the_nodes_own() {
        let mut sources = NodeFlagSources::default();
        sources.add_variable("ERL_ZFLAGS", "-setcookie n@h x");
        assert_eq!(sources.cookie_place(), None);
    }
}

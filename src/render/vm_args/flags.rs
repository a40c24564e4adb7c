//! Which word belongs to which flag, once `erlexec` and the VM have read them.
//!
//! Pure: no I/O, no clock.

use super::super::fault::TextFault;
use std::ops::Range;

/// A word of the file: its text as the VM gets it, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmArgsWord {
    /// Without quotes and backslashes.
    pub text: String,
    /// In bytes, with quotes and backslashes.
    pub span: Range<usize>,
}

/// A flag with the words after it.
#[derive(Debug)]
pub(in crate::render) struct Flag {
    pub(super) name: VmArgsWord,
    pub(super) values: Vec<VmArgsWord>,
}

impl Flag {
    /// Whether it is one of those that name the node or guard it. Nothing may add a word to them.
    pub(super) fn is_guarded(&self) -> bool {
        matches!(self.name.text.as_str(), "-name" | "-sname" | "-setcookie")
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> TextFault {
        TextFault::new(self.name.span.start, message)
    }

    /// From the flag to its last word.
    pub(super) fn span(&self) -> Range<usize> {
        self.name.span.start..self.values.last().map_or(self.name.span.end, |value| value.span.end)
    }
}

/// The flags of a file, in their order. Words before the first flag belong to one that is named like the first of them.
#[derive(Debug, Default)]
pub struct Flags {
    list: Vec<Flag>,
    /// The last flag of those that `erlexec` leaves in their place.
    staying: Option<usize>,
    /// How many words the last flag still takes, whatever they are.
    due: usize,
}

impl Flags {
    pub(super) fn add(&mut self, word: VmArgsWord) {
        if self.next_is_flag(&word.text) {
            self.due = taken(&word.text);
            if !moves(&word.text) {
                self.staying = Some(self.list.len());
            }
            self.list.push(Flag { name: word, values: Vec::new() });
            return;
        }
        let owner = self.owner_index(&word.text);
        self.due = self.due.saturating_sub(1);
        if let Some(owner) = owner.and_then(|index| self.list.get_mut(index)) {
            owner.values.push(word);
        } else {
            self.staying = Some(self.list.len());
            self.list.push(Flag { name: word, values: Vec::new() });
        }
    }

    /// Whether this would be a flag if it were the next word.
    pub(super) fn next_is_flag(&self, word: &str) -> bool {
        is_flag(word) && self.due == 0 && !self.is_over()
    }

    /// The flag that the next word belongs to if it is this one.
    pub(super) fn owner(&self, word: &str) -> Option<&Flag> {
        self.list.get(self.owner_index(word)?)
    }

    /// Whether the next word belongs to the last flag even if it looks like one.
    pub(super) fn takes_next(&self) -> bool {
        self.due > 0 || self.is_over()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Flag> {
        self.list.iter()
    }

    /// The words in their order.
    #[must_use]
    pub fn words(&self) -> Vec<&VmArgsWord> {
        let mut words: Vec<_> = self.iter().flat_map(|flag| std::iter::once(&flag.name).chain(&flag.values)).collect();
        words.sort_by_key(|word| word.span.start);
        words
    }

    /// What follows `-extra` is for the program.
    fn is_over(&self) -> bool {
        self.list.last().is_some_and(|flag| flag.name.text == "-extra")
    }

    /// Flags that move leave the words after them, except their own, to the flag before them.
    fn owner_index(&self, word: &str) -> Option<usize> {
        let last = self.list.last()?;
        let is_of_last = self.due > 0 || last.values.is_empty() && may_take(&last.name.text, word);
        if is_of_last { Some(self.list.len() - 1) } else { self.staying }
    }
}

pub(super) fn is_flag(word: &str) -> bool {
    word.starts_with(['-', '+'])
}

fn is_emulator_flag(flag: &str) -> bool {
    flag.starts_with('+')
}

/// `erlexec` puts the emulator's flags before all others; the other two it removes.
fn moves(flag: &str) -> bool {
    is_emulator_flag(flag) || matches!(flag, "-env" | "-epmd")
}

/// How many words `erlexec` takes after this flag without looking at them.
fn taken(flag: &str) -> usize {
    match flag {
        "-env" => 2,
        "-args_file" | "-epmd" | "+a" | "+A" | "+C" | "+e" | "+i" | "+n" | "+P" | "+Q" | "+t" | "+T" | "+R" | "+W"
        | "+K" | "+S" | "+SP" | "+SDcpu" | "+SDPcpu" | "+SDio" | "+IOt" | "+IOp" | "+IOPt" | "+IOPp" | "+pc" => 1,
        _ => 0,
    }
}

/// Whether the emulator has this flag with this value. Of those below, some have theirs in the same word (`+hms512`); which,
/// differs between versions, and nobody writes another word after those.
fn may_take(flag: &str, word: &str) -> bool {
    match flag {
        "+B" => word.starts_with('i'),
        "+c" => matches!(word, "true" | "false"),
        _ => ["+M", "+h", "+r", "+s", "+z"].iter().any(|family| flag.starts_with(family)),
    }
}

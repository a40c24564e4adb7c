//! The questions that the wait puts, and which of them comes next.
//!
//! A DNS cache keeps its denials by the question's type, DO and CD. So each combination of them is a slot of its own:
//! one that nobody has asked yet cannot hold a denial from before the record was published.
//!
//! Pure: no I/O, no clock.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;

/// First of the record types for private use (RFC 6895, 3.1).
const FIRST_PRIVATE_TYPE: u16 = 65_280;
/// How many record types for private use there are.
const PRIVATE_TYPES: u16 = 255;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4, `A` records.
    V4,
    /// IPv6, `AAAA` records.
    V6,
}

/// What a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// A record type for private use. No name has one, so the answer says only whether the name exists.
    Private(u16),
    /// `A`.
    A,
    /// `AAAA`.
    Aaaa,
    /// `SRV`, for the addresses that come with it: Kubernetes adds them where the service names a port.
    Srv,
}

/// One question about the awaited name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// What is asked for.
    pub record: Record,
    /// The DO bit. It needs EDNS, and nothing else of ours does: without it the question goes out without EDNS.
    pub dnssec_ok: bool,
    /// The CD bit.
    pub checking_disabled: bool,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: &IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The record type that holds addresses of this family.
    #[must_use]
    pub fn record(self) -> Record {
        match self {
            Self::V4 => Record::A,
            Self::V6 => Record::Aaaa,
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

impl Question {
    /// Does the name exist? Asked with a record type that was not used lately.
    #[must_use]
    pub fn existence(private_type: u16) -> Self {
        Self { record: Record::Private(private_type), dnssec_ok: true, checking_disabled: false }
    }

    /// The question that every other client of the resolver puts.
    #[must_use]
    pub fn plain(family: Family) -> Self {
        Self { record: family.record(), dnssec_ok: false, checking_disabled: false }
    }

    /// An address question that no other client puts, if the way to the server lets EDNS pass.
    #[must_use]
    pub fn private(family: Family) -> Self {
        Self { record: family.record(), dnssec_ok: true, checking_disabled: false }
    }

    /// Whether a denial of this question can blind other clients: some caches do not tell questions apart by CD.
    #[must_use]
    pub fn is_ordinary(self) -> bool {
        matches!(self.record, Record::A | Record::Aaaa) && !self.dnssec_ok
    }

    /// The same question without EDNS, and so without DO.
    #[must_use]
    pub fn without_edns(self) -> Self {
        Self { dnssec_ok: false, ..self }
    }
}

/// The record types for private use, in random order, so that a container that is restarted meets few of its own
/// denials. None comes again before all the others were used.
#[derive(Clone, Debug)]
pub struct PrivateTypes {
    numbers: Vec<u16>,
    used: usize,
}

impl PrivateTypes {
    /// All of them, shuffled.
    pub fn shuffled(rng: &mut fastrand::Rng) -> Self {
        let mut numbers: Vec<u16> = (FIRST_PRIVATE_TYPE..FIRST_PRIVATE_TYPE + PRIVATE_TYPES).collect();
        rng.shuffle(&mut numbers);
        Self { numbers, used: 0 }
    }

    /// The next one.
    pub fn draw(&mut self) -> u16 {
        let number = self.numbers[self.used % self.numbers.len()];
        self.used += 1;
        number
    }
}

/// Which of the address questions may be put now.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Questions with DO: EDNS passes, as far as we know.
    pub edns: bool,
    /// Ordinary questions: the name is known to exist, or the server takes no others.
    pub ordinary: bool,
}

/// The address questions, the one that was put longest ago first: its cached answer is the most likely to have gone.
#[derive(Clone, Debug)]
pub struct AddressKeys {
    keys: VecDeque<Question>,
}

impl AddressKeys {
    /// The questions for addresses of `family`, those that nobody else asks first.
    #[must_use]
    pub fn of(family: Family) -> Self {
        let address = family.record();
        let table = [
            (address, true, true),
            (address, true, false),
            (Record::Srv, true, true),
            (Record::Srv, true, false),
            (Record::Srv, false, true),
            (Record::Srv, false, false),
            (address, false, true),
            (address, false, false),
        ];
        let question = |(record, dnssec_ok, checking_disabled)| Question { record, dnssec_ok, checking_disabled };
        Self { keys: table.into_iter().map(question).collect() }
    }

    /// Takes the question that was put longest ago among those that may be put now.
    pub fn draw(&mut self, allowed: Allowed) -> Option<Question> {
        let may = |key: &Question| (allowed.edns || !key.dnssec_ok) && (allowed.ordinary || !key.is_ordinary());
        let question = self.keys.remove(self.keys.iter().position(may)?)?;
        self.keys.push_back(question);
        Some(question)
    }

    /// Asks for `SRV` no more: here it brings no addresses.
    pub fn drop_srv(&mut self) {
        self.keys.retain(|key| key.record != Record::Srv);
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const PRIVATE: Allowed = Allowed { edns: true, ordinary: false };

    fn names(mut keys: AddressKeys, allowed: Allowed, count: usize) -> Vec<String> {
        let name = |key: Question| {
            let bit = |set, name| if set { name } else { "" };
            format!("{:?}{}{}", key.record, bit(key.dnssec_ok, "+DO"), bit(key.checking_disabled, "+CD"))
        };
        (0..count).filter_map(|_| keys.draw(allowed)).map(name).collect()
    }

    #[test]
    fn a_private_type_comes_again_only_after_all_255() {
        let mut types = PrivateTypes::shuffled(&mut fastrand::Rng::with_seed(1));
        let drawn: Vec<u16> = (0..3 * 255).map(|_| types.draw()).collect();
        for window in drawn.windows(255) {
            assert_eq!(window.iter().collect::<HashSet<_>>().len(), 255);
        }
        assert!(drawn.iter().all(|number| (65_280..=65_534).contains(number)));
    }

    #[test]
    fn two_runs_use_the_private_types_in_different_orders() {
        let first_ten = |seed| {
            let mut types = PrivateTypes::shuffled(&mut fastrand::Rng::with_seed(seed));
            (0..10).map(|_| types.draw()).collect::<Vec<_>>()
        };
        assert_ne!(first_ten(1), first_ten(2));
    }

    #[test]
    fn address_questions_take_turns() {
        assert_eq!(
            names(AddressKeys::of(Family::V4), PRIVATE, 8),
            ["A+DO+CD", "A+DO", "Srv+DO+CD", "Srv+DO", "Srv+CD", "Srv", "A+DO+CD", "A+DO"]
        );
    }

    #[test]
    fn ordinary_questions_wait_for_permission() {
        let known = Allowed { edns: true, ordinary: true };
        let all = names(AddressKeys::of(Family::V6), known, 8);
        assert_eq!(all[6..], ["Aaaa+CD", "Aaaa"]);
        assert!(!names(AddressKeys::of(Family::V6), PRIVATE, 20).contains(&"Aaaa".to_owned()));
    }

    #[test]
    fn without_edns_there_is_no_do_bit() {
        let refused = Allowed { edns: false, ordinary: true };
        assert_eq!(names(AddressKeys::of(Family::V4), refused, 5), ["Srv+CD", "Srv", "A+CD", "A", "Srv+CD"]);
    }

    #[test]
    fn srv_is_given_up_for_good() {
        let mut keys = AddressKeys::of(Family::V4);
        keys.drop_srv();
        assert_eq!(names(keys.clone(), PRIVATE, 3), ["A+DO+CD", "A+DO", "A+DO+CD"]);
        assert_eq!(names(keys, Allowed { edns: false, ordinary: false }, 3), Vec::<String>::new());
    }
}

//! The questions that the wait asks, and which of them comes next.
//!
//! A DNS cache keeps its denials by the question's type, DO and CD. So each combination of them is a separate slot:
//! one that nobody has asked yet cannot hold a denial from before the record was published.
//!
//! Pure: no I/O, no clock.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// First of the record types for private use (RFC 6895, 3.1).
const FIRST_PRIVATE_TYPE: u16 = 65_280;
/// How many record types for private use there are.
const PRIVATE_TYPES: u16 = 255;
/// How long each of them has its turn: not longer than the pauses of a long wait, so that a wait does not run ahead of the
/// clock. All their turns together last two minutes, four times as long as caches keep denials.
const NEXT_TYPE_EVERY: Duration = Duration::from_millis(500);

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
    A,
    Aaaa,
    /// `SRV`, for the addresses that come with it: Kubernetes adds them where the service names a port.
    Srv,
}

/// One question about the awaited name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    pub record: Record,
    /// The DO bit. Only it needs EDNS: without it the question is sent without EDNS.
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
    pub(crate) const fn record(self) -> Record {
        match self {
            Self::V4 => Record::A,
            Self::V6 => Record::Aaaa,
        }
    }

    /// The other family.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

impl Question {
    /// Does the name exist? Asked with a record type that was not used lately. With CD, since dnsmasq takes a denial with DO
    /// alone for one of the whole name, and gives it to the peers.
    pub(crate) fn existence(private_type: u16) -> Self {
        Self { record: Record::Private(private_type), dnssec_ok: true, checking_disabled: true }
    }

    /// The question that every other client of the resolver asks.
    #[must_use]
    pub fn ordinary(family: Family) -> Self {
        Self { record: family.record(), dnssec_ok: false, checking_disabled: false }
    }

    /// An address question that no other client asks, if the way to the server lets EDNS pass.
    pub(crate) fn private(family: Family) -> Self {
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

/// The record types for private use. Which one comes next is decided by the clock, so that a container that is
/// restarted meets none of the denials of the container before. None comes again before all the others were used.
#[derive(Clone, Debug)]
pub(crate) struct PrivateTypes {
    /// What the clock showed when the wait began.
    began: Duration,
    used: Vec<bool>,
}

impl PrivateTypes {
    /// All of them, for a wait that began at `clock`. That clock must go on while no container runs; where it begins
    /// does not matter.
    pub(crate) fn new(clock: Duration) -> Self {
        Self { began: clock, used: vec![false; usize::from(PRIVATE_TYPES)] }
    }

    /// The one for `now`, counted from the beginning of the wait.
    pub(crate) fn draw(&mut self, now: Duration) -> u16 {
        if self.used.iter().all(|used| *used) {
            self.used.fill(false);
        }
        let turn = (self.began + now).as_millis() / NEXT_TYPE_EVERY.as_millis();
        let first = u16::try_from(turn % u128::from(PRIVATE_TYPES)).unwrap_or(0);
        let is_free = |number: &u16| !self.used[usize::from(*number)];
        let number = (first..PRIVATE_TYPES).chain(0..first).find(is_free).unwrap_or(first);
        self.used[usize::from(number)] = true;
        FIRST_PRIVATE_TYPE + number
    }
}

/// Which of the address questions may be asked now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// Questions with DO: EDNS passes, as far as we know.
    pub(crate) edns: bool,
    /// Ordinary questions: the name is known to exist, or the server takes no others.
    pub(crate) ordinary: bool,
}

/// The address questions, the one that was asked longest ago first: its cached answer is the most likely to have expired.
#[derive(Clone, Debug)]
pub(crate) struct AddressKeys {
    keys: VecDeque<Question>,
}

impl AddressKeys {
    /// The questions for addresses of `family`, those that nobody else asks first.
    pub(crate) fn of(family: Family) -> Self {
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

    /// Takes the question that was asked longest ago among those that may be asked now.
    pub(crate) fn draw(&mut self, allowed: Allowed) -> Option<Question> {
        let may = |key: &Question| (allowed.edns || !key.dnssec_ok) && (allowed.ordinary || !key.is_ordinary());
        let question = self.keys.remove(self.keys.iter().position(may)?)?;
        self.keys.push_back(question);
        Some(question)
    }

    /// Asks for `SRV` no more: here the answer has no addresses.
    pub(crate) fn drop_srv(&mut self) {
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

    /// What is drawn in this many questions that are `pause` milliseconds apart.
    fn drawn(clock: u64, pause: u64, count: u64) -> Vec<u16> {
        let mut types = PrivateTypes::new(Duration::from_millis(clock));
        (0..count).map(|question| types.draw(Duration::from_millis(question * pause))).collect()
    }

    #[test]
    fn a_private_type_comes_again_only_after_all_255() {
        for pause in [0, 400, 500, 1000, 5000, 127_500] {
            let drawn = drawn(1_800_000_000_000, pause, 3 * 255);
            for cycle in drawn.chunks(255) {
                assert_eq!(cycle.iter().collect::<HashSet<_>>().len(), 255, "{pause}");
            }
            assert!(drawn.iter().all(|number| (65_280..=65_534).contains(number)));
        }
    }

    #[test]
    fn a_container_that_is_restarted_asks_what_the_one_before_it_did_not() {
        for (pause, count) in [(400, 25), (500, 20), (1000, 120)] {
            let first = drawn(7_000_000, pause, count);
            let second = drawn(7_000_000 + pause * count + 5000, 500, 60);
            let lately = first.iter().rev().take(usize::try_from(30_000 / pause).unwrap());
            assert!(lately.into_iter().all(|number| !second.contains(number)), "{pause}");
        }
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
    fn each_family_has_another_one() {
        assert_eq!([Family::V4, Family::V6].map(Family::other), [Family::V6, Family::V4]);
    }

    #[test]
    fn srv_is_given_up_for_good() {
        let mut keys = AddressKeys::of(Family::V4);
        keys.drop_srv();
        assert_eq!(names(keys.clone(), PRIVATE, 3), ["A+DO+CD", "A+DO", "A+DO+CD"]);
        assert_eq!(names(keys, Allowed { edns: false, ordinary: false }, 3), Vec::<String>::new());
    }
}

//! The rules of CoreDNS's `cache` plugin, for real servers and for the simulator.
//!
//! Pure: no I/O, no clock. Times are counted from any moment.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Nothing is kept for a shorter time than this, in seconds.
const SHORTEST: u32 = 5;

/// What a cache can keep.
pub trait CachedAnswer: Clone {
    /// In seconds; none if such an answer is never kept.
    fn ttl(&self) -> Option<u32>;
    fn with_ttl(self, ttl: u32) -> Self;
    fn is_denial(&self) -> bool;
}

/// `K` is what the cache distinguishes questions by.
#[derive(Debug)]
pub struct Cache<K, A> {
    /// For how many seconds a success and a denial are kept at most; 0 keeps none.
    longest: [u32; 2],
    successes: HashMap<K, (Duration, A)>,
    denials: HashMap<K, (Duration, A)>,
}

impl<K: Eq + Hash, A: CachedAnswer> Cache<K, A> {
    pub fn new(success: u32, denial: u32) -> Self {
        Self { longest: [success, denial], successes: HashMap::new(), denials: HashMap::new() }
    }

    /// A denial hides a success of the same key until it expires.
    pub fn get(&self, key: &K, now: Duration) -> Option<A> {
        [&self.denials, &self.successes].into_iter().find_map(|kept| {
            let (since, answer) = kept.get(key)?;
            let age = u32::try_from(now.saturating_sub(*since).as_secs()).unwrap_or(u32::MAX);
            let left = answer.ttl()?.checked_sub(age).filter(|left| *left > 0)?;
            Some(answer.clone().with_ttl(left))
        })
    }

    /// Keeps the answer; returned is what the client sees, with the TTL for which it is kept.
    pub fn store(&mut self, key: K, answer: A, now: Duration) -> A {
        let [success, denial] = self.longest;
        let (map, longest) =
            if answer.is_denial() { (&mut self.denials, denial) } else { (&mut self.successes, success) };
        let Some(ttl) = answer.ttl().filter(|_| longest > 0) else { return answer };
        let kept = answer.with_ttl(ttl.min(longest).max(SHORTEST));
        map.insert(key, (now, kept.clone()));
        kept
    }
}

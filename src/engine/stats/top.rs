//! The keys that are asked for most, and those whose handlers take the longest in all: sketches of a bounded
//! number of keys (space-saving), fed with a sample.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;

use super::shown::shown;
use crate::{
    counting::serialized::seconds,
    key::{CacheKey, KeyParts},
};

/// How many keys one sketch knows.
const KEYS: usize = 64;

/// The keys that are asked for most, and those that cost most. Both are estimates from one in 64 hits, and
/// one in 16 handler calls: what is far ahead is there, the order of what is close is not to be relied on.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopKeys {
    /// By about how many fresh hits they had.
    pub by_hits: Vec<TopKey>,
    /// By about how long their handlers ran in all.
    pub by_handler_time: Vec<CostlyKey>,
}

/// A key that is asked for often.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopKey {
    /// Host, path and query, at most 512 bytes of them; with the beginning of the key's digest where it
    /// has other parts, such as who is asking.
    pub key: String,
    /// About how many hits it had.
    pub hits: u64,
}

/// A key whose handler takes long.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CostlyKey {
    /// As [`TopKey::key`].
    pub key: String,
    /// About how long handlers ran for it in all.
    #[serde(serialize_with = "seconds")]
    pub handler_time: Duration,
}

/// A sketch of the keys with the largest sums.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    hasher: ahash::RandomState,
    counters: Mutex<Vec<Counter>>,
}

#[derive(Clone, Debug)]
struct Counter {
    hash: u64,
    key: String,
    /// The key itself, where only a URL keys it.
    url: Option<CacheKey>,
    sum: u64,
}

impl Counter {
    fn new(hash: u64, key: &CacheKey, sum: u64) -> Self {
        let url = KeyParts::of(key).is_of_url_alone().then(|| key.clone());
        Self { hash, key: shown_key(key), url, sum }
    }
}

impl Sketch {
    /// Adds to the sum of a key. One that is not known takes the place of the one with the smallest sum,
    /// and its sum with it: so a sum is never too small.
    pub(super) fn add(&self, key: &CacheKey, weight: u64) {
        let hash = self.hasher.hash_one(KeyParts::of(key));
        let mut counters = self.lock();
        if let Some(known) = counters.iter_mut().find(|known| known.hash == hash) {
            known.sum = known.sum.saturating_add(weight);
        } else if counters.len() < KEYS {
            counters.push(Counter::new(hash, key, weight));
        } else if let Some(least) = counters.iter_mut().min_by_key(|known| known.sum) {
            *least = Counter::new(hash, key, least.sum.saturating_add(weight));
        }
    }

    /// Takes in the keys of others. The largest sums come first.
    pub(super) fn merged<'s>(sketches: impl Iterator<Item = &'s Self>) -> Vec<(String, u64)> {
        let mut sums = HashMap::<String, u64>::new();
        for Counter { key, sum, .. } in sketches.flat_map(|sketch| sketch.lock().clone()) {
            let all = sums.entry(key).or_default();
            *all = all.saturating_add(sum);
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        sums.truncate(KEYS);
        sums
    }

    /// The keys with the largest sums that only a URL keys, the largest first.
    pub(super) fn urls<'s>(sketches: impl Iterator<Item = &'s Self>) -> Vec<CacheKey> {
        let mut sums = HashMap::<CacheKey, u64>::new();
        for Counter { url, sum, .. } in sketches.flat_map(|sketch| sketch.lock().clone()) {
            if let Some(url) = url {
                let all = sums.entry(url).or_default();
                *all = all.saturating_add(sum);
            }
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
        sums.into_iter().map(|(key, _)| key).take(KEYS).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Counter>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key as operators may see it.
fn shown_key(key: &CacheKey) -> String {
    let mut shown = shown(key.url());
    if !KeyParts::of(key).is_of_url_alone() {
        shown.push_str(" #");
        shown.push_str(&key.short_digest());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyBuilder;

    fn key(path: &str) -> CacheKey {
        KeyBuilder::new(false, "h", path, None).finish()
    }

    #[test]
    fn heavy_keys_are_found_among_many_light_ones() {
        let sketches = [Sketch::default(), Sketch::default()];
        for number in 0..5_000 {
            for sketch in &sketches {
                sketch.add(&key(&format!("/{number}")), 1);
                if number % 5 == 0 {
                    sketch.add(&key("/heavy"), 1);
                }
            }
        }
        let top = Sketch::merged(sketches.iter());
        assert_eq!(top.len(), KEYS);
        assert_eq!(top[0].0, "h/heavy");
        assert!(top[0].1 >= 2000, "{top:?}");
    }

    #[test]
    fn shown_key_is_bounded_and_tells_no_secret() {
        let long = shown_key(&key(&format!("/{}", "ä".repeat(1000))));
        assert!(long.len() < 600 && long.ends_with('…'));
        let personal = key("/me").variant(b"secret");
        let shown = shown_key(&personal);
        assert!(shown.starts_with("h/me #") && !shown.contains("secret"));
    }
}

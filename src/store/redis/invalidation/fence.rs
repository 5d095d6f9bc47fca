//! The fence between purges and fills, and between purges and what they have not removed yet. All of
//! it is one key, so that it is read and written as one and lost as one: a hash of the logical time
//! `now`, and for each purged target a fence: the number of its newest hard purge, and where there
//! has been a soft one since, that one's number and since when it has made stale.
//!
//! A purge is done when its fence stands. A fill stores where nobody looks, reads the fences that
//! concern it, and only then publishes; behind the fence of a soft purge it publishes what is
//! already marked. A read compares what it finds with the fences too, so that it does not matter
//! when what was purged is [removed](super::removal):
//!
//! ```text
//! fill    store ─ read fences ─ publish
//! purge                      P                removed, some time
//! read                          finds it, and that P is newer than its begin
//! ```
//!
//! Fences are [bounded](super::logical_clock), so that older ones go. `seed` is the number of the newest that
//! is gone: a fill from before it is never published, as what became of purges then is not known.
//! An entry from before it was removed by all of them that concerned it, if all its indexes list it;
//! and is never used if it is from before `base`, up to which removals may not be done. A clock that
//! is lost begins anew with both.

use redis::{Cmd, Value};

use super::tags::{self, Tag};
use crate::{
    entry::{Entry, Timestamp},
    purge::PurgeNumber,
    purge_log::PurgeNumbers,
    store::redis::{client::reply::number, names::Names},
};

/// The fences in a page of the clock's fields, each `None` where its value cannot be read.
pub(in crate::store::redis) fn raised_in(
    page: &Value,
    raised: &mut Vec<(Tag, Option<PurgeNumbers>)>,
) -> Option<()> {
    let pairs: Vec<(&Value, &Value)> = match page {
        Value::Array(items) => {
            items.as_chunks().0.iter().map(|[name, value]| (name, value)).collect()
        }
        Value::Map(pairs) => pairs.iter().map(|(name, value)| (name, value)).collect(),
        _ => return None,
    };
    for (name, value) in pairs {
        let Value::BulkString(name) = name else { continue };
        let Ok(tag) = name.as_slice().try_into() else { continue };
        raised.push((tag, fence(value)));
    }
    Some(())
}

/// Reads all fences that concern `entry`; for [`Reading`].
pub(in crate::store::redis) fn read(names: &Names, entry: &Entry) -> Cmd {
    let mut read = redis::cmd("HMGET");
    read.arg(names.clock()).arg("base").arg("seed").arg("now").arg("life");
    for tag in tags::concerning(&entry.key, &entry.groups) {
        read.arg(&tag);
    }
    read
}

/// What the reply to [`read`] says.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::redis) struct Reading<'a> {
    /// No entry from before is served.
    base: u64,
    /// No fill from before is published.
    seed: u64,
    /// The number of the newest purge.
    pub(in crate::store::redis) now: u64,
    /// No entry has been kept for longer so far, in milliseconds.
    pub(in crate::store::redis) life: u64,
    fences: &'a [Value],
}

impl<'a> Reading<'a> {
    /// `None` where there is no clock.
    pub(in crate::store::redis) fn of(reply: &'a Value) -> Option<Self> {
        let Value::Array(values) = reply else { return None };
        let [base, seed, now, life, fences @ ..] = values.as_slice() else { return None };
        let (seed, now) = (number(seed)?, number(now)?);
        let base = number(base).unwrap_or(seed);
        Some(Self { base, seed, now, life: number(life).unwrap_or(0), fences })
    }

    /// How a fill that began at `since` may be published.
    pub(in crate::store::redis) fn of_fill(&self, since: PurgeNumber) -> Admission {
        self.behind_all(since, self.seed)
    }

    /// What purges have left of a published entry whose fill began at `since`, if all its indexes
    /// list it or it does not [need](Self::needs_index) them to.
    pub(in crate::store::redis) fn of_entry(&self, since: PurgeNumber) -> Admission {
        self.behind_all(since, self.base)
    }

    /// Whether fences may be gone that an entry was behind. Its indexes then tell that those purges
    /// have not missed it: an evicted index would not lead to it.
    pub(in crate::store::redis) const fn needs_index(&self, since: PurgeNumber) -> bool {
        since.number() < self.seed
    }

    fn behind_all(&self, since: PurgeNumber, first: u64) -> Admission {
        let since = since.number();
        // a time that has not been is from before the clock went back, as a failover can make it
        if since < first || since > self.now {
            return Admission::Refused;
        }
        let judged = self.fences.iter().map(|fence| behind(fence, since));
        judged.fold(Admission::Fresh, Admission::and)
    }
}

/// What the purges since its begin have left of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::redis) enum Admission {
    /// It may be published.
    Fresh,
    /// It may be published as stale since then.
    Stale(Timestamp),
    /// It may not.
    Refused,
}

/// How a fill that began at `since` may be published behind one fence.
fn behind(value: &Value, since: u64) -> Admission {
    if matches!(value, Value::Nil) {
        return Admission::Fresh;
    }
    match fence(value) {
        Some(PurgeNumbers { hard, .. }) if hard > since => Admission::Refused,
        Some(PurgeNumbers { soft: Some((soft, then)), .. }) if soft > since => {
            Admission::Stale(then)
        }
        Some(_) => Admission::Fresh,
        None => Admission::Refused,
    }
}

/// A fence by its value: the number of a hard purge; or that, the number of a soft one, and since
/// when that makes stale.
fn fence(value: &Value) -> Option<PurgeNumbers> {
    let Value::BulkString(text) = value else { return None };
    let mut numbers = std::str::from_utf8(text).ok()?.split(' ').map(str::parse::<u64>);
    let hard = numbers.next()?.ok()?;
    let soft = match (numbers.next(), numbers.next(), numbers.next()) {
        (None, None, None) => None,
        (Some(Ok(soft)), Some(Ok(then)), None) => {
            let then = i64::try_from(then).unwrap_or(i64::MAX);
            Some((soft, Timestamp::from_millis(then)))
        }
        _ => return None,
    };
    Some(PurgeNumbers { hard, soft })
}

impl Admission {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Refused, _) | (_, Self::Refused) => Self::Refused,
            (Self::Stale(one), Self::Stale(other)) => Self::Stale(one.min(other)),
            (Self::Stale(then), Self::Fresh) | (Self::Fresh, Self::Stale(then)) => {
                Self::Stale(then)
            }
            (Self::Fresh, Self::Fresh) => Self::Fresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;

    use super::*;

    fn text(text: impl Display) -> Value {
        Value::BulkString(text.to_string().into_bytes())
    }

    /// What is read of a clock with this base, seed and time.
    fn clock(base: Value, seed: Value, now: Value, fences: &[Value]) -> Value {
        Value::Array([&[base, seed, now, text(60_000)], fences].concat())
    }

    /// Of a fill that began at 7.
    fn of_fill(seed: u64, now: u64, fences: &[Value]) -> Admission {
        let reply = clock(text(3), text(seed), text(now), fences);
        Reading::of(&reply).expect("a clock").of_fill(PurgeNumber::new(7))
    }

    #[test]
    fn a_fill_is_admitted_when_no_purge_came_after_it() {
        assert_eq!(of_fill(5, 9, &[Value::Nil, text(6), text(7), text("0 7 9")]), Admission::Fresh);
        assert_eq!(of_fill(7, 7, &[]), Admission::Fresh);
        assert_eq!(of_fill(5, 9, &[Value::Nil, text(8)]), Admission::Refused);
    }

    #[test]
    fn behind_a_soft_purge_it_is_stale_and_behind_a_hard_one_refused() {
        let judge = |fences: &[&str]| of_fill(5, 9, &fences.iter().map(text).collect::<Vec<_>>());
        let stale = |then| Admission::Stale(Timestamp::from_millis(then));
        assert_eq!(judge(&["0 8 1000"]), stale(1000));
        assert_eq!(judge(&["7 8 1000", "0 9 900", "3"]), stale(900));
        assert_eq!(judge(&["8 9 1000"]), Admission::Refused);
        assert_eq!(judge(&["0 8 1000", "9"]), Admission::Refused);
        for odd in ["", "x", "0 8", "0 8 x", "0 8 1 1", "0  8 1", "-1"] {
            assert_eq!(judge(&[odd]), Admission::Refused, "{odd:?}");
        }
        assert_eq!(judge(&["0 8 18446744073709551615"]), stale(i64::MAX));
    }

    #[test]
    fn a_published_entry_outlives_fences_that_are_gone_if_they_were_carried_out() {
        let reply = clock(text(3), text(5), text(9), &[text(1)]);
        let reading = Reading::of(&reply).expect("a clock");
        assert_eq!(reading.of_entry(PurgeNumber::new(4)), Admission::Fresh);
        assert!(
            reading.needs_index(PurgeNumber::new(4)) && !reading.needs_index(PurgeNumber::new(5))
        );
        assert_eq!(reading.of_fill(PurgeNumber::new(4)), Admission::Refused);
        assert_eq!(
            reading.of_entry(PurgeNumber::new(2)),
            Admission::Refused,
            "they may not have been"
        );
        let reply = clock(Value::Nil, text(5), text(9), &[]);
        let of_earlier_version = Reading::of(&reply).expect("a clock");
        assert_eq!(of_earlier_version.of_entry(PurgeNumber::new(4)), Admission::Refused);
    }

    #[test]
    fn all_fences_are_read_in_either_protocol() {
        let name = |text: &[u8]| Value::BulkString(text.to_vec());
        let field = *b"0123456789abcdef";
        let read = |fence: Value| {
            let pairs = vec![(name(b"seed"), text(5)), (name(&field), fence)];
            let flat = pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]);
            let (mut flat_raised, mut raised) = (vec![], vec![]);
            raised_in(&Value::Array(flat.collect()), &mut flat_raised).expect("pairs");
            raised_in(&Value::Map(pairs), &mut raised).expect("pairs");
            assert_eq!(raised, flat_raised);
            raised
        };
        assert_eq!(read(text(7)), vec![(field, Some(PurgeNumbers { hard: 7, soft: None }))]);
        let soft = Some((8, Timestamp::from_millis(1000)));
        assert_eq!(read(text("7 8 1000")), vec![(field, Some(PurgeNumbers { hard: 7, soft }))]);
        assert_eq!(read(name(b"foreign")), vec![(field, None)]);
        assert_eq!(raised_in(&Value::Nil, &mut vec![]), None);
    }

    #[test]
    fn a_fill_from_a_time_that_is_not_known_is_not() {
        assert_eq!(of_fill(8, 9, &[]), Admission::Refused, "before the seed");
        assert_eq!(of_fill(5, 6, &[]), Admission::Refused, "after now");
        assert_eq!(of_fill(5, 9, &[text("x")]), Admission::Refused, "no number");
        for none in [Value::Nil, Value::Array(vec![]), clock(text(1), Value::Nil, Value::Nil, &[])]
        {
            assert!(Reading::of(&none).is_none(), "{none:?}");
        }
    }
}

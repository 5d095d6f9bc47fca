//! The fence between purges and fills, and between purges and entries that they have not removed yet.
//!
//! # The problem
//!
//! A handler reads its data, then a purge comes because the data has changed, and then the old response
//! is stored: every read gets what was purged. The purge cannot remove an entry that is not there
//! yet, and the processes have no lock in common. The same happens when a purge takes its time to remove
//! what it names: a read in between finds an entry that counts as gone.
//!
//! # The algorithm
//!
//! Purges are numbered by a [logical clock](super::logical_clock) in Redis. A purge writes its number as
//! a *fence* under the [tag](super::tags) of its target, and is done as soon as the fence stands. A fill
//! notes the time when it begins. It stores its value under a name where no process looks, then reads
//! the fences that concern it, and publishes the value by renaming it, unless a fence is newer than its
//! begin. Behind the fence of a soft purge it publishes a value that is marked as stale. A read compares
//! what it finds with the fences too, so it does not matter when the [removal](super::super::removal)
//! comes.
//!
//! ```text
//!          begins at 7
//! fill     │── handler ──── store ──── read fences: 8 ──── discard
//! purge             fence := 8  (done)          removal, some time
//! read                              finds an entry from before 8: a miss
//! ```
//!
//! Whichever way the steps interleave, one of them sees the other: a fence that stands before the fill
//! reads the fences stops it; one that comes later is newer than the entry, so that no read uses it.
//!
//! # What is forgotten
//!
//! All fences of a prefix are one key, so that they are read and written as one and lost as one: a
//! hash of the time `now`, and for each purged target the number of its newest hard purge, and where
//! there has been a soft one since, that one's number and since when it makes stale. Fences are
//! [bounded](super::logical_clock), so older ones go. `seed` is the number of the newest that is gone: a
//! fill from before it is never published, as it is not known what was purged then. An entry from
//! before it was removed by every purge that concerned it, if all its indexes list it; and it is never
//! used if it is from before `base`, up to which removals may not be done. A clock that is lost begins
//! anew with both. Without these two numbers, a purge whose fence is gone would not have been.

use redis::{Cmd, Value};

use super::tags::{self, Tag};
use crate::{
    entry::{Entry, Timestamp},
    purge::PurgeNumber,
    purge_log::{PurgeNumbers, PurgeState},
    store::{
        error::StoreError,
        redis::{
            client::{RedisClient, reply::number},
            index,
            names::Names,
        },
    },
};

/// Reads all fences that concern `entry`; for [`Fences`].
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
pub(in crate::store::redis) struct Fences<'a> {
    /// No entry from before is served.
    base: u64,
    /// No fill from before is published.
    seed: u64,
    /// The number of the newest purge.
    pub(in crate::store::redis) now: u64,
    /// No entry has been kept for longer so far, in milliseconds.
    pub(in crate::store::redis) life: u64,
    values: &'a [Value],
}

impl<'a> Fences<'a> {
    /// `None` where there is no clock.
    pub(in crate::store::redis) fn of(reply: &'a Value) -> Option<Self> {
        let Value::Array(values) = reply else { return None };
        let [base, seed, now, life, values @ ..] = values.as_slice() else { return None };
        let (seed, now) = (number(seed)?, number(now)?);
        let base = number(base).unwrap_or(seed);
        Some(Self { base, seed, now, life: number(life).unwrap_or(0), values })
    }

    /// What purges have made of a fill that began at `since`: it is published if they leave it valid,
    /// or as stale.
    pub(in crate::store::redis) fn state_of_fill(&self, since: PurgeNumber) -> PurgeState {
        self.state(since, self.seed)
    }

    /// What purges have made of a published entry whose fill began at `since`, if all its indexes
    /// list it or it does not [need](Self::needs_index) them to.
    pub(in crate::store::redis) fn state_of_entry(&self, since: PurgeNumber) -> PurgeState {
        self.state(since, self.base)
    }

    /// Whether fences may be gone that concerned an entry. Its indexes then tell that those purges
    /// have not missed it: an evicted index would not lead to it.
    pub(in crate::store::redis) const fn needs_index(&self, since: PurgeNumber) -> bool {
        since.number() < self.seed
    }

    fn state(&self, since: PurgeNumber, complete_from: u64) -> PurgeState {
        let since = since.number();
        // a time that has not been is from before the clock went back, as a failover can make it
        if since < complete_from || since > self.now {
            return PurgeState::Unknown;
        }
        let states = self.values.iter().map(|fence| match fence {
            Value::Nil => PurgeState::Valid,
            fence => read_fence(fence).map_or(PurgeState::Unknown, |numbers| numbers.state(since)),
        });
        states.fold(PurgeState::Valid, PurgeState::and)
    }
}

/// A second look at an entry that was read while not all purges of its time are known here: asks for
/// its fences. Returns what purges have made of it, and up to which number that counts.
pub(in crate::store::redis) async fn recheck(
    client: &RedisClient,
    names: &Names,
    entry: &Entry,
) -> Result<(PurgeState, u64), StoreError> {
    let mut commands = index::look_up(names, entry);
    commands.push(read(names, entry));
    let mut replies = client.send(commands).await?;
    let reply = replies.pop().unwrap_or_default();
    let Some(fences) = Fences::of(&reply) else { return Ok((PurgeState::Unknown, 0)) };
    let is_listed = |reply: &Value| !matches!(reply, Value::Nil | Value::ServerError(_));
    if fences.needs_index(entry.since) && !replies.iter().all(is_listed) {
        return Ok((PurgeState::Unknown, fences.now));
    }
    Ok((fences.state_of_entry(entry.since), fences.now))
}

/// The fences in a page of the clock's fields, each `None` where its value cannot be read.
pub(super) fn read_page(page: &Value, fences: &mut Vec<(Tag, Option<PurgeNumbers>)>) -> Option<()> {
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
        fences.push((tag, read_fence(value)));
    }
    Some(())
}

/// A fence by its value: the number of a hard purge; or that, the number of a soft one, and since
/// when that makes stale.
fn read_fence(value: &Value) -> Option<PurgeNumbers> {
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

#[cfg(test)]
mod tests;

//! The logical clock in Redis, which numbers purges, and its [fences](super::fence): a purge raises one,
//! a removal that is done says so, fences that are not needed any more go, and all of them can be loaded.
//!
//! A fence is kept for as long as an entry that it forbids may be in Redis. Two bounds let it go
//! earlier or later:
//!
//! - **Time.** Nothing is kept in Redis for longer than `life`, the longest lifetime that was ever
//!   asked for. A fence that is older than that forbids nothing.
//! - **Memory.** Past [`MAX_FENCES`] the older half of their time goes, as far as their removal is
//!   done: no entry that was published is behind them. A fill that began before them might be, and
//!   is not published: `seed`, the number of the newest that went, says so. Past twice as many,
//!   those go too whose removal is not done: no entry from before `base`, the number of the newest
//!   of them, is served.
//!
//! One fence takes about 100 bytes of Redis, so that all of them take 13 MB at most, or 26 MB where
//! no removal is ever done; and about 100 bytes in each process (see [`known_purges`](super::known_purges)).
//! They are swept by purges, a few by each, so that none holds the server up.

use redis::{Cmd, Value};

use super::{
    clock_scripts::{DONE, EXTEND, TICK},
    fence,
    known_purges::LoadedPurges,
    message,
    tags::{self, Tag},
};
use crate::{
    purge::{Purge, PurgeNumber},
    store::{
        error::StoreError,
        redis::{
            client::{
                RedisClient,
                reply::{number, unexpected},
                script,
            },
            names::Names,
        },
    },
};

/// How long a clock is kept that is not used, unless entries are kept for longer. One that begins anew
/// takes its seed from the server's clock, which is always ahead of it.
const CLOCK_TTL_MS: u64 = 24 * 60 * 60 * 1000;
/// How many fences are kept whatever their age: 100,000 purges a minute are remembered for more
/// than a minute.
const MAX_FENCES: u32 = 1 << 17;
/// How many fences each purge looks at while they are being swept.
const SWEPT: u32 = 32;
/// How long a handler runs at most, in microseconds. A fence is kept for at least this time whatever the
/// lifetimes of entries.
const MAX_FILL: u64 = 60 * 60 * 1_000_000;
/// How many fences one step of loading reads.
const PAGE: u32 = 2000;

/// The logical time, for a fill that begins.
pub(in crate::store::redis) async fn purge_number(
    client: &RedisClient,
    names: &Names,
) -> Result<PurgeNumber, StoreError> {
    if let Some(now) = client.send(vec![read_now(names)]).await?.first().and_then(number) {
        return Ok(PurgeNumber::new(now));
    }
    let replies = client.send(vec![begin(names)]).await?;
    replies.first().and_then(number).map(PurgeNumber::new).ok_or_else(unexpected)
}

/// A purge whose fence has been raised.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::redis) struct NumberedPurge {
    /// The purge's number.
    pub(in crate::store::redis) number: PurgeNumber,
    /// The number of the newest purge before it.
    pub(in crate::store::redis) before: u64,
}

/// Raises the fences of several purges in one exchange: fills that began earlier are not published
/// from now on, or by a soft purge as stale, and what was published earlier is not served any more.
pub(in crate::store::redis) async fn raise(
    client: &RedisClient,
    names: &Names,
    purges: &[Purge],
) -> Result<Vec<NumberedPurge>, StoreError> {
    let replies = client
        .send(purges.iter().map(|purge| raise_one(names, purge, MAX_FENCES)).collect())
        .await?;
    replies.iter().map(|reply| numbered(reply).ok_or_else(unexpected)).collect()
}

/// [`raise`] for one purge, as if there were room for only `most` fences.
#[cfg(test)]
pub(in crate::store::redis) async fn raise_bounded(
    client: &RedisClient,
    names: &Names,
    purge: &Purge,
    most: u32,
) -> Result<NumberedPurge, StoreError> {
    let replies = client.send(vec![raise_one(names, purge, most)]).await?;
    replies.first().and_then(numbered).ok_or_else(unexpected)
}

/// Raises the fence of a purge.
fn raise_one(names: &Names, purge: &Purge, most: u32) -> Cmd {
    let mut tick = tick_keeping(names, most);
    tick.arg(&tags::tag_of(purge.target()));
    // no time before 1970, as a sign would be no digit
    tick.arg(purge.stale_since().map(|then| then.as_millis().max(0)));
    tick
}

fn numbered(reply: &Value) -> Option<NumberedPurge> {
    let Value::Array(numbers) = reply else { return None };
    let [first, before] = numbers.as_slice() else { return None };
    Some(NumberedPurge { number: PurgeNumber::new(number(first)?), before: number(before)? })
}

/// Begins a clock where there is none.
pub(in crate::store::redis) fn begin(names: &Names) -> Cmd {
    tick_keeping(names, MAX_FENCES)
}

fn tick_keeping(names: &Names, most: u32) -> Cmd {
    let mut tick = script(TICK, &[names.clock()]);
    tick.arg(CLOCK_TTL_MS).arg(most).arg(SWEPT).arg(MAX_FILL);
    tick.arg(names.channel()).arg(message::PURGED);
    tick
}

/// Nothing of the clock may go before an entry of this lifetime does.
pub(in crate::store::redis) fn extend(names: &Names, life_ms: u64) -> Cmd {
    let mut extend = script(EXTEND, &[names.clock()]);
    extend.arg(CLOCK_TTL_MS).arg(life_ms);
    extend
}

/// The removal of what the purge with this tag and number named is done.
pub(in crate::store::redis) fn done(names: &Names, tag: &Tag, number: PurgeNumber) -> Cmd {
    let mut done = script(DONE, &[names.clock()]);
    done.arg(tag).arg(number.number());
    done
}

/// Reads the time.
pub(in crate::store::redis) fn read_now(names: &Names) -> Cmd {
    let mut read = redis::cmd("HGET");
    read.arg(names.clock()).arg("now");
    read
}

/// Reads the seed and the time.
fn read_seed_and_now(names: &Names) -> Cmd {
    let mut read = redis::cmd("HMGET");
    read.arg(names.clock()).arg("seed").arg("now");
    read
}

/// All fences, in steps that each take the server little time; `None` where the server does not
/// answer, and where there is no clock.
///
/// A process that is subscribed to announcements before this misses no purge: one that comes between two
/// steps is announced, and one whose fence goes meanwhile is older than the seed at the end.
pub(super) async fn load(client: &RedisClient, names: &Names) -> Option<LoadedPurges> {
    let ends = async || {
        let replies = client.send_untracked(vec![read_seed_and_now(names)]).await?;
        match replies.first()? {
            Value::Array(ends) => Some((number(ends.first()?)?, number(ends.get(1)?)?)),
            _ => None,
        }
    };
    let (_, now) = ends().await?;
    let (mut fences, mut cursor) = (Vec::new(), Value::Int(0));
    loop {
        let mut scan = redis::cmd("HSCAN");
        scan.arg(names.clock()).arg(number(&cursor)?).arg("COUNT").arg(PAGE);
        let Value::Array(page) = client.send_untracked(vec![scan]).await?.pop()? else {
            return None;
        };
        let [next, pairs]: [Value; 2] = page.try_into().ok()?;
        fence::read_page(&pairs, &mut fences)?;
        if number(&next)? == 0 {
            break;
        }
        cursor = next;
    }
    let (mut seed, last) = ends().await?;
    // a purge of which the time is not known was after everything
    if fences.iter().any(|(_, fence)| fence.is_none_or(|numbers| numbers.newest() > last)) {
        seed = last;
    }
    let known = fences.into_iter().filter_map(|(tag, numbers)| Some((tag, numbers?)));
    Some(LoadedPurges { seed, now, purges: known.collect() })
}

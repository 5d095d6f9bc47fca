//! The fence between purges and fills. All of it is one key, so that it is read and written as one
//! and lost as one: a hash of the logical time `now`, the time `seed` since which purges are known,
//! and for each purged target a fence: the number of its newest hard purge, and where there has
//! been a soft one since, that one's number and since when it has made stale.
//!
//! A purge raises its fence before it deletes, or marks. A fill stores where nobody looks, reads
//! the fences that concern it, and only then publishes; behind the fence of a soft purge it
//! publishes what is already marked. So either the purge finds what the fill stored, or the fill
//! finds the purge's fence. A fill from before the seed is never published: what became of purges
//! then, nobody knows.

use redis::{Cmd, Value};

use super::{
    fields,
    link::{self, Link, number, unexpected},
    names::Names,
};
use crate::{
    entry::{Entry, Timestamp},
    purge::{Mark, Purge},
    store::StoreError,
};

/// When nobody has purged for so long, the key may go: a seed from the server's clock is always
/// ahead of it.
const CLOCK_TTL_MS: u64 = 24 * 60 * 60 * 1000;
/// Past so many fences all go and the seed is moved up: fills under way are then not stored.
const MOST_FENCES: usize = 1024;

/// Keys: clock. Arguments: its lifetime, the most fences; and for a purge the field to raise, and
/// for a soft one since when it makes stale. Returns the time.
///
/// Seeded with the server's own clock, in microseconds: after data loss it goes on where no purge
/// can have been. Numbers stay below 2^53, where Lua's are exact, until the year 2255.
const TICK: &str = r"
local clock, ttl, most = KEYS[1], ARGV[1], tonumber(ARGV[2])
local read = redis.pcall('HGET', clock, 'now')
local now = type(read) == 'string' and tonumber(read)
local function restart()
  redis.call('DEL', clock)
  redis.call('HSET', clock, 'seed', string.format('%.0f', now))
end
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
  restart()
end
if ARGV[3] then
  now = now + 1
  if redis.call('HLEN', clock) > most then restart() end
  local fence = string.format('%.0f', now)
  if ARGV[4] then
    local hard = string.match(redis.call('HGET', clock, ARGV[3]) or '', '^%d+') or '0'
    fence = hard .. ' ' .. fence .. ' ' .. ARGV[4]
  end
  redis.call('HSET', clock, ARGV[3], fence)
end
redis.call('HSET', clock, 'now', string.format('%.0f', now))
redis.call('PEXPIRE', clock, ttl)
return string.format('%.0f', now)
";

/// The logical time, for a fill that begins.
pub(super) async fn mark(link: &Link, names: &Names) -> Result<Mark, StoreError> {
    let mut read = redis::cmd("HGET");
    read.arg(names.clock()).arg("now");
    if let Some(now) = link.ask(vec![read]).await?.first().and_then(number) {
        return Ok(Mark::new(now));
    }
    tick(link, names, None).await
}

/// Raises the fence of `purge`: fills that began earlier are not published from now on, or by a
/// soft purge as stale. Returns the purge's number.
pub(super) async fn raise(link: &Link, names: &Names, purge: &Purge) -> Result<Mark, StoreError> {
    tick(link, names, Some(purge)).await
}

async fn tick(link: &Link, names: &Names, purge: Option<&Purge>) -> Result<Mark, StoreError> {
    let mut tick = link::script(TICK, &[&names.clock()]);
    tick.arg(CLOCK_TTL_MS).arg(MOST_FENCES);
    if let Some(purge) = purge {
        tick.arg(&fields::raised_by(purge.target()));
        // no time before 1970, as a sign would be no digit
        tick.arg(purge.stale_since().map(|then| then.as_millis().max(0)));
    }
    let replies = link.ask(vec![tick]).await?;
    replies.first().and_then(number).map(Mark::new).ok_or_else(unexpected)
}

/// Reads all fences that concern `entry`; for [`judge`].
pub(super) fn read(names: &Names, entry: &Entry) -> Cmd {
    let mut read = redis::cmd("HMGET");
    read.arg(names.clock()).arg("seed").arg("now");
    for field in fields::concerning(&entry.key, &entry.groups) {
        read.arg(&field);
    }
    read
}

/// What the purges since its begin have left of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may be published.
    Fresh,
    /// It may be published as stale since then.
    Stale(Timestamp),
    /// It may not.
    Refused,
}

/// How a fill that began at `since` may be published, by the reply to [`read`].
pub(super) fn judge(reply: &Value, since: Mark) -> Admission {
    let Value::Array(values) = reply else { return Admission::Refused };
    let Some((seed, [now, fences @ ..])) = values.split_first() else { return Admission::Refused };
    let (Some(seed), Some(now)) = (number(seed), number(now)) else { return Admission::Refused };
    let since = since.number();
    // a time that has not been is from before the clock went back, as a failover can make it
    if !(seed..=now).contains(&since) {
        return Admission::Refused;
    }
    let judged = fences.iter().map(|fence| behind(fence, since));
    judged.fold(Admission::Fresh, Admission::and)
}

/// How a fill that began at `since` may be published behind one fence.
fn behind(fence: &Value, since: u64) -> Admission {
    let numbers = match fence {
        Value::Nil => return Admission::Fresh,
        Value::BulkString(text) => std::str::from_utf8(text).ok().and_then(|text| {
            text.split(' ').map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>()
        }),
        _ => None,
    };
    match numbers.as_deref() {
        Some([hard, ..]) if *hard > since => Admission::Refused,
        Some([_, soft, then]) if *soft > since => {
            Admission::Stale(Timestamp::from_millis(i64::try_from(*then).unwrap_or(i64::MAX)))
        }
        Some([_] | [_, _, _]) => Admission::Fresh,
        _ => Admission::Refused,
    }
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

    fn verdict(values: &[Value]) -> Admission {
        judge(&Value::Array(values.to_vec()), Mark::new(7))
    }

    #[test]
    fn a_fill_is_admitted_when_no_purge_came_after_it() {
        let admitted = [text(5), text(9), Value::Nil, text(6), text(7), text("0 7 1000")];
        assert_eq!(verdict(&admitted), Admission::Fresh);
        assert_eq!(verdict(&[text(7), text(7)]), Admission::Fresh);
        assert_eq!(verdict(&[text(5), text(9), Value::Nil, text(8)]), Admission::Refused);
    }

    #[test]
    fn behind_a_soft_purge_it_is_stale_and_behind_a_hard_one_refused() {
        let judge = |fences: &[&str]| {
            let fences = fences.iter().map(text);
            verdict(&[text(5), text(9)].into_iter().chain(fences).collect::<Vec<_>>())
        };
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
    fn a_fill_from_a_time_that_is_not_known_is_not() {
        let refused = |values: &[Value]| verdict(values) == Admission::Refused;
        assert!(refused(&[text(8), text(9)]), "before the seed");
        assert!(refused(&[text(5), text(6)]), "after now");
        assert!(refused(&[Value::Nil, Value::Nil]), "no clock");
        assert!(refused(&[text(5), text(9), text("x")]), "no number");
        assert!(refused(&[]));
        assert_eq!(judge(&Value::Nil, Mark::new(7)), Admission::Refused);
    }
}

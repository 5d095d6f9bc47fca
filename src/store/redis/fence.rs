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
    announce, fields,
    ledger::{Fences, Raised},
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

/// Keys: clock. Arguments: its lifetime, the most fences, the channel for announcements, what
/// begins one; and for a purge the field to raise, and for a soft one since when it makes stale.
/// Returns the time.
///
/// The time is at least that of the server's own clock, in microseconds, and higher with every
/// purge: after data was lost, by a restart or by a failover, it goes on where no purge has been.
/// Numbers stay below 2^53, where Lua's are exact, until the year 2255.
///
/// A user may be allowed the commands and not the channel: the purge is then found by others when
/// they check the clock.
const TICK: &str = r"
local clock, ttl, most, field, stale = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[5], ARGV[6]
local function text(number) return string.format('%.0f', number) end
local read = redis.pcall('HGET', clock, 'now')
local now = type(read) == 'string' and tonumber(read)
local time = redis.call('TIME')
time = time[1] * 1000000 + time[2]
local function restart()
  redis.call('DEL', clock)
  redis.call('HSET', clock, 'seed', text(now))
end
if not now then
  now = time
  restart()
end
if field then
  local before, number = now, math.max(now + 1, time)
  now = number
  if redis.call('HLEN', clock) > most then restart() end
  local fence = text(number)
  if stale then
    local hard = string.match(redis.call('HGET', clock, field) or '', '^%d+') or '0'
    fence = hard .. ' ' .. fence .. ' ' .. stale
  end
  redis.call('HSET', clock, field, fence)
  local numbers = text(before) .. ' ' .. text(number) .. ' ' .. (stale or '-') .. ' '
  redis.pcall('PUBLISH', ARGV[3], ARGV[4] .. numbers .. field)
end
redis.call('HSET', clock, 'now', text(now))
redis.call('PEXPIRE', clock, ttl)
return text(now)
";

/// The logical time, for a fill that begins.
pub(super) async fn mark(link: &Link, names: &Names) -> Result<Mark, StoreError> {
    if let Some(now) = link.ask(vec![ask(names)]).await?.first().and_then(number) {
        return Ok(Mark::new(now));
    }
    let replies = link.ask(vec![begin(names)]).await?;
    replies.first().and_then(number).map(Mark::new).ok_or_else(unexpected)
}

/// Raises the fences of `purge`: fills that began earlier are not published from now on, or by a
/// soft purge as stale. Returns the purge's number.
pub(super) async fn raise(link: &Link, names: &Names, purge: &Purge) -> Result<Mark, StoreError> {
    let replies = raise_all(link, names, std::slice::from_ref(purge)).await?;
    replies.first().and_then(number).map(Mark::new).ok_or_else(unexpected)
}

/// Raises the fences of several purges. Returns the replies, which are their numbers.
pub(super) async fn raise_all(
    link: &Link,
    names: &Names,
    purges: &[Purge],
) -> Result<Vec<Value>, StoreError> {
    let tick = |purge: &Purge| {
        let mut tick = begin(names);
        tick.arg(&fields::raised_by(purge.target()));
        // no time before 1970, as a sign would be no digit
        tick.arg(purge.stale_since().map(|then| then.as_millis().max(0)));
        tick
    };
    link.ask(purges.iter().map(tick).collect()).await
}

/// Begins a clock where there is none.
pub(super) fn begin(names: &Names) -> Cmd {
    let mut tick = link::script(TICK, &[&names.clock()]);
    tick.arg(CLOCK_TTL_MS).arg(MOST_FENCES).arg(names.news()).arg(announce::PURGED);
    tick
}

/// Asks for the time.
pub(super) fn ask(names: &Names) -> Cmd {
    let mut read = redis::cmd("HGET");
    read.arg(names.clock()).arg("now");
    read
}

/// Asks for all fences; for [`fences`].
pub(super) fn ask_all(names: &Names) -> Cmd {
    let mut read = redis::cmd("HGETALL");
    read.arg(names.clock());
    read
}

/// The fences in the reply to [`ask_all`]; `None` where there is no clock.
pub(super) fn fences(reply: &Value) -> Option<Fences> {
    let pairs: Vec<(&Value, &Value)> = match reply {
        Value::Array(items) => {
            items.as_chunks().0.iter().map(|[name, value]| (name, value)).collect()
        }
        Value::Map(pairs) => pairs.iter().map(|(name, value)| (name, value)).collect(),
        _ => return None,
    };
    let named = |named: &[u8]| {
        let is = |name: &Value| matches!(name, Value::BulkString(name) if name == named);
        pairs.iter().find(|(name, _)| is(name)).and_then(|(_, value)| number(value))
    };
    let (mut seed, now) = (named(b"seed")?, named(b"now")?);
    let mut raised = Vec::new();
    for (name, value) in pairs {
        let Value::BulkString(name) = name else { continue };
        let Ok(field) = name.as_slice().try_into() else { continue };
        match fence(value) {
            Some(fence) if fence.newest() <= now => raised.push((field, fence)),
            // a purge of which the time is not known: so it was after everything
            _ => seed = now,
        }
    }
    Some(Fences { seed, now, raised })
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
    let seed = match reply {
        Value::Array(values) => values.first().and_then(number),
        _ => None,
    };
    // what became of purges before the seed, nobody knows
    if seed.is_none_or(|seed| since.number() < seed) {
        return Admission::Refused;
    }
    judge_since_seed(reply, since)
}

/// What the purges since the seed have left of an entry whose fill began at `since`, by the reply
/// to [`read`].
pub(super) fn judge_since_seed(reply: &Value, since: Mark) -> Admission {
    let Value::Array(values) = reply else { return Admission::Refused };
    let [_, now, fences @ ..] = values.as_slice() else { return Admission::Refused };
    let since = since.number();
    // a time that has not been is from before the clock went back, as a failover can make it
    if number(now).is_none_or(|now| since > now) {
        return Admission::Refused;
    }
    let judged = fences.iter().map(|fence| behind(fence, since));
    judged.fold(Admission::Fresh, Admission::and)
}

/// How a fill that began at `since` may be published behind one fence.
fn behind(value: &Value, since: u64) -> Admission {
    if matches!(value, Value::Nil) {
        return Admission::Fresh;
    }
    match fence(value) {
        Some(Raised { hard, .. }) if hard > since => Admission::Refused,
        Some(Raised { soft: Some((soft, then)), .. }) if soft > since => Admission::Stale(then),
        Some(_) => Admission::Fresh,
        None => Admission::Refused,
    }
}

/// A fence by its value: the number of a hard purge; or that, the number of a soft one, and since
/// when that makes stale.
fn fence(value: &Value) -> Option<Raised> {
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
    Some(Raised { hard, soft })
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
    fn all_fences_are_read_in_either_protocol() {
        let name = |text: &[u8]| Value::BulkString(text.to_vec());
        let field = *b"0123456789abcdef";
        let pairs = |fence: Value| {
            vec![(name(b"seed"), text(5)), (name(&field), fence), (name(b"now"), text(9))]
        };
        let read = |pairs: Vec<(Value, Value)>| {
            let flat = pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]);
            let flat = fences(&Value::Array(flat.collect()));
            assert_eq!(fences(&Value::Map(pairs)), flat);
            flat
        };
        let expected = |raised| Some(Fences { seed: 5, now: 9, raised: vec![(field, raised)] });
        assert_eq!(read(pairs(text(7))), expected(Raised { hard: 7, soft: None }));
        let soft = Some((8, Timestamp::from_millis(1000)));
        assert_eq!(read(pairs(text("7 8 1000"))), expected(Raised { hard: 7, soft }));
        let unknown = Some(Fences { seed: 9, now: 9, raised: vec![] });
        assert_eq!(read(pairs(name(b"foreign"))), unknown);
        assert_eq!(read(pairs(text(10))), unknown, "from the future");
        assert_eq!(read(vec![]), None);
        assert_eq!(read(vec![(name(b"now"), text(9))]), None);
        assert_eq!(fences(&Value::Nil), None);
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

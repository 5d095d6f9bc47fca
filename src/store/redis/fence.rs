//! The fence between purges and fills. All of it is one key, so that it is read and written as one
//! and lost as one: a hash of the logical time `now`, the time `seed` since which purges are known,
//! and for each purged target the number of its newest purge.
//!
//! A purge raises its fence before it deletes. A fill stores where nobody looks, reads the fences
//! that concern it, and only then publishes. So either the purge's deletion finds what the fill
//! stored, or the fill finds the purge's fence. A fill from before the seed is never published:
//! what became of purges then, nobody knows.

use redis::{Cmd, Value};

use super::{
    fields::{self, Field},
    link::{self, Link, number, unexpected},
    names::Names,
};
use crate::{
    entry::Entry,
    purge::{Mark, Purge},
    store::StoreError,
};

/// When nobody has purged for so long, the key may go: a seed from the server's clock is always
/// ahead of it.
const CLOCK_TTL_MS: u64 = 24 * 60 * 60 * 1000;
/// Past so many fences all go and the seed is moved up: fills under way are then not stored.
const MOST_FENCES: usize = 1024;

/// Keys: clock. Arguments: its lifetime, the most fences, fields to raise. Returns the time.
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
if #ARGV > 2 then
  now = now + 1
  if redis.call('HLEN', clock) > most then restart() end
  for i = 3, #ARGV do
    redis.call('HSET', clock, ARGV[i], string.format('%.0f', now))
  end
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

/// Raises the fence of `target`: fills that began earlier are not published from now on.
pub(super) async fn raise(link: &Link, names: &Names, target: &Purge) -> Result<Mark, StoreError> {
    tick(link, names, Some(fields::raised_by(target))).await
}

async fn tick(link: &Link, names: &Names, field: Option<Field>) -> Result<Mark, StoreError> {
    let mut tick = link::script(TICK, &[&names.clock()]);
    tick.arg(CLOCK_TTL_MS).arg(MOST_FENCES);
    if let Some(field) = field {
        tick.arg(&field);
    }
    let replies = link.ask(vec![tick]).await?;
    replies.first().and_then(number).map(Mark::new).ok_or_else(unexpected)
}

/// Reads all fences that concern `entry`; for [`admits`].
pub(super) fn read(names: &Names, entry: &Entry) -> Cmd {
    let mut read = redis::cmd("HMGET");
    read.arg(names.clock()).arg("seed").arg("now");
    for field in fields::concerning(&entry.key, &entry.groups) {
        read.arg(&field);
    }
    read
}

/// Whether a fill that began at `since` may be published, by the reply to [`read`].
pub(super) fn admits(reply: &Value, since: Mark) -> bool {
    let Value::Array(values) = reply else { return false };
    let Some((seed, [now, fences @ ..])) = values.split_first() else { return false };
    let (Some(seed), Some(now)) = (number(seed), number(now)) else { return false };
    let since = since.number();
    // a time that has not been is from before the clock went back, as a failover can make it
    let known = (seed..=now).contains(&since);
    let open = |fence: &Value| {
        matches!(fence, Value::Nil) || number(fence).is_some_and(|purged| purged <= since)
    };
    known && fences.iter().all(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: u64) -> Value {
        Value::BulkString(number.to_string().into_bytes())
    }

    #[test]
    fn a_fill_is_admitted_when_no_purge_came_after_it() {
        let since = Mark::new(7);
        let verdict = |values: &[Value]| admits(&Value::Array(values.to_vec()), since);
        assert!(verdict(&[text(5), text(9), Value::Nil, text(6), text(7)]));
        assert!(verdict(&[text(7), text(7)]));
        assert!(!verdict(&[text(5), text(9), Value::Nil, text(8)]));
    }

    #[test]
    fn a_fill_from_a_time_that_is_not_known_is_not() {
        let since = Mark::new(7);
        let verdict = |values: &[Value]| admits(&Value::Array(values.to_vec()), since);
        assert!(!verdict(&[text(8), text(9)]), "before the seed");
        assert!(!verdict(&[text(5), text(6)]), "after now");
        assert!(!verdict(&[Value::Nil, Value::Nil]), "no clock");
        assert!(!verdict(&[text(5), text(9), Value::BulkString(b"x".to_vec())]), "no number");
        assert!(!verdict(&[]));
        assert!(!admits(&Value::Nil, since));
    }
}

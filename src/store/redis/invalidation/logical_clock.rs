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

/// When the clock has not been used for so long, and nothing is kept for longer, it may go: a seed
/// from the server's clock is always ahead of it.
const CLOCK_TTL_MS: u64 = 24 * 60 * 60 * 1000;
/// How many fences are kept whatever their age: 100,000 purges a minute are remembered for more
/// than a minute.
const MAX_FENCES: u32 = 1 << 17;
/// How many fences each purge looks at while they are being swept.
const SWEPT: u32 = 32;
/// No handler runs for longer, in microseconds: for so long a fence is kept whatever the lifetimes.
const MAX_FILL: u64 = 60 * 60 * 1_000_000;
/// How many fences one step of loading asks for.
const PAGE: u32 = 2000;

/// Keys: clock. Arguments: its lifetime, the most fences, how many to sweep, the longest fill, the
/// channel for announcements, what begins one; and for a purge the field to raise, and for a soft
/// one since when it makes stale. Returns the time, or for a purge its number and the time before.
///
/// The time is at least that of the server's own clock, in microseconds, and higher with every
/// purge: after data was lost, by a restart or by a failover, it goes on where no purge has been.
/// Numbers stay below 2^53, where Lua's are exact, until the year 2255.
///
/// Beside each fence stands, under its field and an `r`, the number of its purge until that one's
/// removal is done.
///
/// A user may be allowed the commands and not the channel: the purge is then found by others when
/// they check the clock.
const TICK: &str = r"
local clock, ttl, most, swept, fill = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local field, stale = ARGV[7], ARGV[8]
local function text(number) return string.format('%.0f', number) end
local function read(name)
  local value = redis.pcall('HGET', clock, name)
  return type(value) == 'string' and tonumber(value) or nil
end
local now, time = read('now'), redis.call('TIME')
time = time[1] * 1000000 + time[2]
if not now or not read('seed') then
  now = math.max(now or 0, time)
  redis.call('DEL', clock)
  redis.call('HSET', clock, 'base', text(now), 'seed', text(now))
end
local life = read('life') or 0
local function newest(fence)
  local hard, soft = string.match(fence, '^(%d+) ?(%d*)')
  return math.max(tonumber(hard) or 0, tonumber(soft) or 0)
end
local function sweep()
  local cursor, count = redis.call('HGET', clock, 'cursor'), redis.call('HLEN', clock)
  local seed = read('seed')
  local base, cut = read('base') or seed, read('cut') or seed
  local dead = time - math.max(life * 1000, tonumber(fill))
  if not cursor then
    if count > most then
      cut = cut + math.ceil((now - cut) / 2)
    elseif dead - cut > tonumber(fill) then
      cut = dead
    else
      return
    end
    cursor = '0'
    redis.call('HSET', clock, 'cut', text(cut))
  end
  local page = redis.call('HSCAN', clock, cursor, 'COUNT', swept)
  for i = 1, #page[2], 2 do
    local name, number = page[2][i], newest(page[2][i + 1])
    if #name == 16 and number < cut then
      local is_done = redis.call('HEXISTS', clock, name .. 'r') == 0
      if is_done or number < dead or count > 2 * most then
        redis.call('HDEL', clock, name, name .. 'r')
        seed = math.max(seed, number)
        if not is_done then base = math.max(base, number) end
      end
    end
  end
  redis.call('HSET', clock, 'seed', text(seed), 'base', text(base))
  if page[1] == '0' then
    redis.call('HDEL', clock, 'cursor')
  else
    redis.call('HSET', clock, 'cursor', page[1])
  end
end
local reply
if field then
  local before, number = now, math.max(now + 1, time)
  now = number
  sweep()
  local fence = text(number)
  if stale then
    local hard = string.match(redis.call('HGET', clock, field) or '', '^%d+') or '0'
    fence = hard .. ' ' .. fence .. ' ' .. stale
  end
  redis.call('HSET', clock, field, fence, field .. 'r', text(number))
  local numbers = text(before) .. ' ' .. text(number) .. ' ' .. (stale or '-') .. ' '
  redis.pcall('PUBLISH', ARGV[5], ARGV[6] .. numbers .. field)
  reply = { text(number), text(before) }
end
redis.call('HSET', clock, 'now', text(now))
redis.call('PEXPIRE', clock, text(math.max(tonumber(ttl), 2 * life)))
return reply or text(now)
";

/// Keys: clock. Arguments: its lifetime, the lifetime of an entry that is to be published. Nothing of
/// what forbids it may go before it does.
const EXTEND: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local life = math.max(tonumber(redis.call('HGET', KEYS[1], 'life') or '0') or 0, tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'life', string.format('%.0f', life))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(tonumber(ARGV[1]), 2 * life)))
return 1
";

/// Keys: clock. Arguments: fields, each with the number of the purge whose removal is done. A purge
/// that came after it is another's to remove.
const DONE: &str = r"
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i] .. 'r') == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i] .. 'r')
  end
end
return 1
";

/// The logical time, for a fill that begins.
pub(in crate::store::redis) async fn purge_number(
    client: &RedisClient,
    names: &Names,
) -> Result<PurgeNumber, StoreError> {
    if let Some(now) = client.ask(vec![ask(names)]).await?.first().and_then(number) {
        return Ok(PurgeNumber::new(now));
    }
    let replies = client.ask(vec![begin(names)]).await?;
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
        .ask(purges.iter().map(|purge| raise_one(names, purge, MAX_FENCES)).collect())
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
    let replies = client.ask(vec![raise_one(names, purge, most)]).await?;
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
    let mut tick = script(TICK, &[&names.clock()]);
    tick.arg(CLOCK_TTL_MS).arg(most).arg(SWEPT).arg(MAX_FILL);
    tick.arg(names.channel()).arg(message::PURGED);
    tick
}

/// Nothing of the clock may go before an entry of this lifetime does.
pub(in crate::store::redis) fn extend(names: &Names, life_ms: u64) -> Cmd {
    let mut extend = script(EXTEND, &[&names.clock()]);
    extend.arg(CLOCK_TTL_MS).arg(life_ms);
    extend
}

/// The removal of what the purge with this tag and number named is done.
pub(in crate::store::redis) fn done(names: &Names, tag: &Tag, number: PurgeNumber) -> Cmd {
    let mut done = script(DONE, &[&names.clock()]);
    done.arg(tag).arg(number.number());
    done
}

/// Asks for the time.
pub(in crate::store::redis) fn ask(names: &Names) -> Cmd {
    let mut read = redis::cmd("HGET");
    read.arg(names.clock()).arg("now");
    read
}

/// Asks for the seed and the time.
fn ask_ends(names: &Names) -> Cmd {
    let mut read = redis::cmd("HMGET");
    read.arg(names.clock()).arg("seed").arg("now");
    read
}

/// All fences, in steps that each take the server little time; `None` where the server does not
/// answer, and where there is no clock.
///
/// A process that is subscribed to announcements before this misses no purge: one that comes between two steps is
/// announced, and one whose fence goes meanwhile is older than the seed at the end.
pub(super) async fn load(client: &RedisClient, names: &Names) -> Option<LoadedPurges> {
    let ends = async || {
        let replies = client.ask_aside(vec![ask_ends(names)]).await?;
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
        let Value::Array(page) = client.ask_aside(vec![scan]).await?.pop()? else { return None };
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

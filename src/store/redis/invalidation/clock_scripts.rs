//! The scripts that change the [logical clock](super::logical_clock) and its fences, each in one step.

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
pub(super) const TICK: &str = r"
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
pub(super) const EXTEND: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local life = math.max(tonumber(redis.call('HGET', KEYS[1], 'life') or '0') or 0, tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'life', string.format('%.0f', life))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(tonumber(ARGV[1]), 2 * life)))
return 1
";

/// Keys: clock. Arguments: fields, each with the number of the purge whose removal is done. A later
/// purge of the same target is removed by itself.
pub(super) const DONE: &str = r"
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i] .. 'r') == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i] .. 'r')
  end
end
return 1
";

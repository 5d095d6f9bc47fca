//! The script that deletes entries or makes them stale, a bounded number at a time.

use redis::Value;

use crate::{
    purge::PurgeNumber,
    store::{
        codec,
        error::StoreError,
        redis::{
            client::{
                RedisClient,
                reply::{self, number},
            },
            reach::Pair,
        },
    },
};

/// How many entries are deleted or made stale at once.
pub(super) const ENTRIES: usize = 512;
/// How many of them by one run of a script.
const ENTRIES_PER_RUN: usize = 64;
/// Keys: staged or live values. Arguments: magic, the purge number, and for a soft purge its time.
///
/// Returns for each value 1 if it was a response and is deleted or has become stale; 2 if it stays
/// because its fill began later; otherwise 0. A value that is no entry is deleted too: it has an entry's
/// name.
const TAKE: &str = r"
local magic, number, soft = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local replies = {}
for i, key in ipairs(KEYS) do
  local head = redis.pcall('GETRANGE', key, 0, 32)
  local is_entry = type(head) == 'string' and #head == 33 and head:sub(1, 4) == magic
  local is_response = not is_entry or head:byte(21) ~= 1
  replies[i] = 0
  if is_entry and struct.unpack('>I8', head, 26) >= number then
    replies[i] = 2
  elseif not soft then
    if redis.call('UNLINK', key) == 1 and is_response then replies[i] = 1 end
  elseif is_entry and is_response and head:sub(5, 12) == ('\0'):rep(8) then
    redis.call('SETRANGE', key, 4, soft)
    replies[i] = 1
  end
end
return replies
";

/// Deletes entries or, for a soft purge, makes them stale.
pub(super) struct Take {
    pub(super) number: PurgeNumber,
    /// The time that a soft purge writes into entries.
    pub(super) soft_since: Option<[u8; 8]>,
}

impl Take {
    /// Deletes these entries or makes them stale, and says what became of each.
    pub(super) async fn entries(
        &self,
        client: &RedisClient,
        pairs: &[Pair],
    ) -> Result<Vec<Taken>, StoreError> {
        let mut taken = Vec::with_capacity(pairs.len());
        for some in pairs.chunks(ENTRIES) {
            let [staged, live] = if client.is_to_several() {
                // a slot on its way is asked for one key at a time
                let of = |nth: usize| some.iter().filter_map(move |pair| pair.get(nth));
                let staged = self.run(client, of(0).map(std::slice::from_ref)).await?;
                [staged, self.run(client, of(1).map(std::slice::from_ref)).await?]
            } else {
                let runs = some.chunks(ENTRIES_PER_RUN).map(<[Pair]>::as_flattened);
                let replies = self.run(client, runs).await?;
                [0, 1].map(|nth| replies.iter().copied().skip(nth).step_by(2).collect())
            };
            if (staged.len(), live.len()) != (some.len(), some.len()) {
                return Err(reply::unexpected());
            }
            taken.extend(staged.into_iter().zip(live).map(|(staged, live)| Taken {
                counts: live == 1,
                stays: staged == STAYS || live == STAYS,
            }));
        }
        Ok(taken)
    }

    /// The replies to runs of [`TAKE`] over these keys.
    async fn run<'k>(
        &self,
        client: &RedisClient,
        runs: impl Iterator<Item = &'k [Vec<u8>]>,
    ) -> Result<Vec<u64>, StoreError> {
        let runs = runs.map(|keys| {
            let mut run = redis::cmd("EVAL");
            run.arg(TAKE).arg(keys.len()).arg(keys);
            run.arg(&codec::MAGIC).arg(self.number.number()).arg(self.soft_since.as_ref());
            run
        });
        let mut all = Vec::new();
        for reply in client.send_in_background(runs.collect()).await? {
            let Value::Array(replies) = reply else { return Err(reply::unexpected()) };
            for reply in &replies {
                all.push(number(reply).ok_or_else(reply::unexpected)?);
            }
        }
        Ok(all)
    }
}

/// What became of an entry.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    /// Whether its live value was a response that is deleted or has become stale.
    counts: bool,
    /// Whether one of its values stays, because its fill began after the purge.
    pub(super) stays: bool,
}

/// See [`TAKE`].
const STAYS: u64 = 2;

/// How many responses were deleted or made stale.
pub(super) fn count(taken: &[Taken]) -> u64 {
    taken.iter().map(|taken| u64::from(taken.counts)).sum()
}

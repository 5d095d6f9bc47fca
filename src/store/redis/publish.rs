//! Writing an entry: it is stored under a temporary name (staged), indexed, checked against the purges
//! that came meanwhile, and only then renamed to the name under which it is read (live).

use std::sync::atomic::Ordering;

use redis::{RedisWrite, ToRedisArgs};

use super::{
    client::{reply, script},
    index,
    invalidation::{
        fence::{self, Fences},
        logical_clock, message,
    },
    large,
    store::RedisStore,
};
use crate::{
    entry::Entry,
    purge_log::PurgeState,
    store::{
        codec::{self, Encoded},
        error::StoreError,
        interface::Put,
    },
};

/// How long a staged value is kept: far longer than it takes to publish it, because operations are
/// bounded.
const STAGED_TTL_MS: u64 = 10_000;
/// How often the lifetime of the purge clock's keys is extended, at least. They outlive every entry by far
/// more than this.
const EXTEND_EVERY_S: u64 = 60 * 60;

/// Keys: staged, live. Arguments: the header of the staged value from behind the time of a soft purge
/// on; lifetime; the channel for announcements and the announcement; the time of a soft purge to write
/// into the value, if any.
///
/// The staged value may have been purged or replaced by another fill's: then nothing is published. A
/// purge may have written the time of a soft purge into it as well. A soft-purged value does not displace
/// one whose fill began later.
/// Returns 1 if it is published as it is, 2 if it is soft-purged. The user may be permitted the commands
/// and not the channel.
const PUBLISH: &str = r"
local staged, live, head, soft, none = KEYS[1], KEYS[2], ARGV[1], ARGV[5], ('\0'):rep(8)
if redis.call('GETRANGE', staged, 12, 11 + #head) ~= head then return 0 end
local purged = redis.call('GETRANGE', staged, 4, 11) ~= none
if soft and not purged then redis.call('SETRANGE', staged, 4, soft) end
if (soft or purged) and redis.pcall('GETRANGE', live, 4, 11) == none then
  local since = redis.call('GETRANGE', live, 25, 32)
  if #since == 8 and struct.unpack('>I8', since) > struct.unpack('>I8', head, 14) then
    redis.call('UNLINK', staged)
    return 2
  end
end
redis.call('UNLINK', live)
redis.call('RENAME', staged, live)
redis.call('PEXPIRE', live, ARGV[2])
redis.pcall('PUBLISH', ARGV[3], ARGV[4])
return (soft or purged) and 2 or 1
";

impl RedisStore {
    /// Stores an entry under a temporary name, indexes it, and says what purges have made of it.
    pub(super) async fn prepare(
        &self,
        entry: &Entry,
        encoded: &Encoded,
        staged: &str,
        keep: u64,
    ) -> Result<PurgeState, StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(staged);
        let is_large = large::is_large(encoded);
        if is_large {
            set.arg(large::part(encoded, 0, large::FIRST_PIECE));
        } else {
            set.arg(Parts(encoded));
        }
        set.arg("PX").arg(STAGED_TTL_MS);
        let mut writes = index::add(&self.names, entry, keep);
        writes.push(set);
        if is_large {
            let replies = self.client.send(std::mem::take(&mut writes)).await?;
            reply::check_no_errors(&replies)?;
            let digest = self.names.digest(&entry.key);
            if !self.large.append(&self.client, digest, staged, encoded).await? {
                return Ok(PurgeState::Unknown);
            }
        }
        let fences = fence::read(&self.names, entry);
        let mut replies = self.client.send_ordered([writes, vec![fences]]).await?;
        let fences = replies.pop().unwrap_or_default();
        // a value that is not in all of its indexes could not be purged
        reply::check_no_errors(&replies)?;
        let Some(fences) = Fences::of(&fences) else { return Ok(PurgeState::Unknown) };
        self.extend(fences.life, keep).await?;
        Ok(fences.state_of_fill(entry.since))
    }

    /// Ensures that nothing of the clock expires before an entry of this lifetime does: the fences
    /// are needed until then, and where the clock is lost no older entry is served.
    async fn extend(&self, life: u64, keep: u64) -> Result<(), StoreError> {
        let now = self.invalidation.now().as_secs() + 1;
        let last = self.extended_at.load(Ordering::Relaxed);
        if life >= keep && last != 0 && now.saturating_sub(last) < EXTEND_EVERY_S {
            return Ok(());
        }
        self.client.send(vec![logical_clock::extend(&self.names, keep)]).await?;
        self.extended_at.store(now, Ordering::Relaxed);
        Ok(())
    }

    /// Ends what [`prepare`](Self::prepare) began.
    pub(super) async fn publish(
        &self,
        encoded: &Encoded,
        state: PurgeState,
        digest: &[u8; 16],
        keep: u64,
    ) -> Result<Put, StoreError> {
        let (staged, live) = (self.names.staged(digest), self.names.live(digest));
        let stale_since = match state {
            PurgeState::Valid => None,
            PurgeState::StaleSince(then) => Some(codec::stale_since_bytes(then)),
            PurgeState::Purged | PurgeState::Unknown => {
                let mut discard = redis::cmd("UNLINK");
                discard.arg(&staged);
                self.client.send(vec![discard]).await?;
                return Ok(Put::Refused);
            }
        };
        let head = encoded.head.get(codec::CHECKSUM_AT..).unwrap_or_default();
        let mut publish = script(PUBLISH, &[&staged, &live]);
        let message = message::stored(digest, self.invalidation.origin());
        publish
            .arg(head)
            .arg(keep)
            .arg(self.names.channel())
            .arg(message)
            .arg(stale_since.as_ref());
        let replies = self.client.send(vec![publish]).await?;
        Ok(match replies.first().and_then(reply::number) {
            Some(1) => Put::Stored,
            Some(2) => Put::Stale,
            _ => Put::Refused,
        })
    }
}

/// The two parts of a value as one argument.
struct Parts<'a>(&'a Encoded);

impl ToRedisArgs for Parts<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        use std::io::Write as _;
        let mut writer = out.writer_for_next_arg();
        // writing to the command's own buffer does not fail
        let _ = writer.write_all(&self.0.head).and_then(|()| writer.write_all(&self.0.body));
    }
}

//! Entries in Redis, shared by all processes that use one prefix.
//!
//! An entry is one value, so that a hit is one exchange. Two kinds of index lead to it, by path and by
//! group. It is stored under a name where nobody looks, indexed, checked against the purges that
//! came meanwhile ([`fence`]) and then renamed to where it is found: at whatever point a fill ends,
//! nothing can be read that a purge would miss. Needs Redis 5 or later and the commands of scripts.

mod age;
mod announce;
mod beat;
mod clock;
mod configuration;
mod confirm;
mod connect;
mod failing;
mod feed;
mod fence;
mod fields;
#[cfg(feature = "memory")]
pub(super) mod here;
mod index;
pub(super) mod known;
mod large;
mod lead;
mod ledger;
mod link;
mod names;
mod options;
mod pending;
mod purge;
mod read;
mod releases;
mod removal;
mod removals;
mod scan;
mod settling;
#[cfg(test)]
mod tests;
#[cfg(feature = "memory")]
pub(super) mod tie;
mod trust;
mod waiting;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{RedisWrite, ToRedisArgs};

pub use self::connect::RedisServers;
use self::{
    configuration::Configuration,
    connect::Bounds,
    feed::Feed,
    fence::{Admission, Reading},
    known::Known,
    large::Large,
    link::Link,
    names::Names,
    pending::Pending,
    removals::Removals,
};
pub(crate) use self::{
    connect::ServersError,
    options::{RedisOptions, Replicas},
};
use super::{
    Lead, Put, Store, StoreError, StoreErrorKind,
    codec::{self, Encoded},
};
use crate::{
    clock::Clock,
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber, Purged},
};

/// How long a value may wait to be published: far longer than a fill takes, as its operations have
/// their bounds.
const WAITING_MS: u64 = 10_000;
/// Nothing is kept for longer, as Redis has a latest date.
const LONGEST_KEEP_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;
/// How often the clock's life is made longer, at least: it outlives every entry by far more.
const EXTEND_EVERY_S: u64 = 60 * 60;
/// Each group of an entry is one more index to write; what rules and responses name fits in.
const MOST_GROUPS: usize = 256;

/// Keys: waiting, live. Arguments: head of the value that waits, from behind the mark of a soft
/// purge on; lifetime; the channel for announcements and what to announce; the mark that it gets,
/// if any.
///
/// What waits may have been purged, or be another fill's by now: that has not been checked. It may
/// have been marked as well. What is marked does not displace what was begun later.
/// Returns 1 where it is published as it is, 2 where it is marked. A user may be allowed the
/// commands and not the channel.
const PUBLISH: &str = r"
local waiting, live, head, mark, none = KEYS[1], KEYS[2], ARGV[1], ARGV[5], ('\0'):rep(8)
if redis.call('GETRANGE', waiting, 12, 11 + #head) ~= head then return 0 end
local marked = redis.call('GETRANGE', waiting, 4, 11) ~= none
if mark and not marked then redis.call('SETRANGE', waiting, 4, mark) end
if (mark or marked) and redis.pcall('GETRANGE', live, 4, 11) == none then
  local since = redis.call('GETRANGE', live, 25, 32)
  if #since == 8 and struct.unpack('>I8', since) > struct.unpack('>I8', head, 14) then
    redis.call('UNLINK', waiting)
    return 2
  end
end
redis.call('UNLINK', live)
redis.call('RENAME', waiting, live)
redis.call('PEXPIRE', live, ARGV[2])
redis.pcall('PUBLISH', ARGV[3], ARGV[4])
return (mark or marked) and 2 or 1
";

/// A [`Store`] in Redis.
pub(crate) struct RedisStore {
    link: Arc<Link>,
    names: Names,
    pending: Arc<Pending>,
    replicas: Option<Replicas>,
    max_body: usize,
    compress_above: Option<usize>,
    known: Arc<Known>,
    feed: Arc<Feed>,
    removals: Arc<Removals>,
    large: Arc<Large>,
    /// When [`Self::extend`] last was done, in seconds, counted from 1; 0 for never.
    extended_at: AtomicU64,
    corrupt: AtomicU64,
    configuration: Arc<Configuration>,
    clock: Clock,
}

impl RedisStore {
    /// A store at these servers. Nothing is connected to before the first operation.
    pub(crate) fn new(
        servers: impl Into<RedisServers>,
        options: &RedisOptions,
    ) -> Result<Self, ServersError> {
        let RedisOptions { prefix, connect_timeout, operate_timeout, access, .. } = options;
        let bounds = Bounds { connect: *connect_timeout, operate: *operate_timeout };
        let link = Arc::new(Link::new(servers.into(), access, bounds)?);
        if link.is_to_several() && !names::keeps_entries_in_a_slot(prefix) {
            return Err(ServersError::new("prefix", names::SPOILS_HASH_TAG));
        }
        let (names, known) = (Names::new(prefix, link.database()), Arc::new(Known::new()));
        let feed = Arc::new(Feed::default());
        let removals = Removals::new(&link, &names, &feed);
        Ok(Self {
            pending: Pending::new(&link, &names, &known, &removals),
            link,
            names,
            replicas: options.replicas,
            max_body: options.max_body,
            compress_above: options.compress_above,
            known,
            feed,
            removals,
            large: Large::new(bounds),
            extended_at: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            configuration: Configuration::new(&options.configuration),
            clock: options.clock.clone(),
        })
    }

    /// What is known of what happens in Redis, kept up to date from the first use on.
    #[cfg(feature = "memory")]
    pub(super) const fn knows(&self) -> &Arc<Known> {
        &self.known
    }

    /// [`Store::purge_number`], and in the same exchange whether an entry that was read before may be renewed.
    pub(super) async fn purge_number_to_renew(
        &self,
        entry: &Entry,
    ) -> Result<(PurgeNumber, bool), StoreError> {
        self.check()?;
        self.known();
        let replies = self.link.ask(vec![fence::read(&self.names, entry)]).await?;
        self.link.check_answer()?;
        match replies.first().and_then(Reading::of) {
            Some(reading) => {
                let is_there = reading.of_fill(entry.since) != Admission::Refused;
                Ok((PurgeNumber::new(reading.now), is_there))
            }
            None => Ok((clock::purge_number(&self.link, &self.names).await?, false)),
        }
    }

    /// Whether a purge that names `key` itself has been heard of that came after this logical time.
    pub(super) fn is_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        self.known.is_purged_since(key, since)
    }

    /// Whether Redis may be asked: every purge of this process is confirmed, and others have had time
    /// to repeat theirs.
    fn check(&self) -> Result<(), StoreError> {
        self.pending.check()?;
        self.link.check_settled()
    }

    /// What is known of what happens in Redis, kept up to date from now on.
    pub(super) fn known(&self) -> &Arc<Known> {
        self.feed.start(&self.known, &self.link, &self.names, &self.configuration);
        &self.known
    }

    /// Whether the server answers, asked even while the breaker is open.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.link.ask_anyway(vec![redis::cmd("PING")]).await.map(drop)
    }

    /// A warning, where another configuration than this process's was the last to use the prefix.
    pub(crate) async fn foreign_configuration(&self) -> Option<String> {
        self.configuration.compare(&self.link, &self.names).await
    }

    /// Drops what is kept under `key`.
    pub(crate) async fn forget(&self, key: &CacheKey) -> Result<(), StoreError> {
        let mut unlink = redis::cmd("UNLINK");
        unlink.arg(self.names.live(&key.digest()));
        self.link.ask(vec![unlink]).await.map(drop)
    }

    /// Whether operations fail at once, because the server has not answered lately.
    pub(crate) fn is_open(&self) -> bool {
        self.link.is_open()
    }

    /// How many values were read that were none of ours, damaged, or of another version.
    pub(crate) fn corrupt(&self) -> u64 {
        self.corrupt.load(Ordering::Relaxed)
    }

    /// Stores and indexes an entry where nobody reads it, and says how it may be published.
    async fn prepare(
        &self,
        entry: &Entry,
        encoded: &Encoded,
        waiting: &str,
        keep: u64,
    ) -> Result<Admission, StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(waiting);
        let is_large = large::is_large(encoded);
        if is_large {
            set.arg(large::part(encoded, 0, large::FIRST_PIECE));
        } else {
            set.arg(Parts(encoded));
        }
        set.arg("PX").arg(WAITING_MS);
        let mut writes = index::add(&self.names, entry, keep);
        writes.push(set);
        if is_large {
            let replies = self.link.ask(std::mem::take(&mut writes)).await?;
            link::check_all(&replies)?;
            let digest = entry.key.digest();
            if !self.large.append(&self.link, digest, waiting, encoded).await? {
                return Ok(Admission::Refused);
            }
        }
        let fences = fence::read(&self.names, entry);
        let mut replies = self.link.ask_in_stages([writes, vec![fences]]).await?;
        let fences = replies.pop().unwrap_or_default();
        // a value that is not in all of its indexes could not be purged
        link::check_all(&replies)?;
        let Some(reading) = Reading::of(&fences) else { return Ok(Admission::Refused) };
        self.extend(reading.life, keep).await?;
        Ok(reading.of_fill(entry.since))
    }

    /// Sees to it that nothing of the clock goes before an entry does that lives so long: the fences
    /// are needed until then, and where the clock is lost no older entry is served.
    async fn extend(&self, life: u64, keep: u64) -> Result<(), StoreError> {
        let now = self.known.now().as_secs() + 1;
        let last = self.extended_at.load(Ordering::Relaxed);
        if life >= keep && last != 0 && now.saturating_sub(last) < EXTEND_EVERY_S {
            return Ok(());
        }
        self.link.ask(vec![clock::extend(&self.names, keep)]).await?;
        self.extended_at.store(now, Ordering::Relaxed);
        Ok(())
    }

    async fn wait_for_replicas(&self) -> Result<(), StoreError> {
        match self.replicas {
            Some(replicas) => self.link.wait_for_replicas(&self.names.wait(), replicas).await,
            None => Ok(()),
        }
    }

    /// Ends what [`prepare`](Self::prepare) began.
    async fn publish(
        &self,
        encoded: &Encoded,
        admission: Admission,
        digest: &[u8; 16],
        keep: u64,
    ) -> Result<Put, StoreError> {
        let (waiting, live) = (self.names.waiting(digest), self.names.live(digest));
        let stale_since = match admission {
            Admission::Fresh => None,
            Admission::Stale(then) => Some(codec::mark_of(then)),
            Admission::Refused => {
                let mut discard = redis::cmd("UNLINK");
                discard.arg(&waiting);
                self.link.ask(vec![discard]).await?;
                return Ok(Put::Refused);
            }
        };
        let head = encoded.head.get(codec::CHECKSUM_AT..).unwrap_or_default();
        let mut publish = link::script(PUBLISH, &[&waiting, &live]);
        let news = announce::stored(digest, self.known.origin());
        publish.arg(head).arg(keep).arg(self.names.news()).arg(news).arg(stale_since.as_ref());
        let replies = self.link.ask(vec![publish]).await?;
        Ok(match replies.first().and_then(link::number) {
            Some(1) => Put::Kept,
            Some(2) => Put::Stale,
            _ => Put::Refused,
        })
    }
}

impl Store for RedisStore {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        self.check()?;
        self.known();
        let mark = clock::purge_number(&self.link, &self.names).await?;
        self.link.check_answer().map(|()| mark)
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.get_as_of(key).await?.map(|(entry, _)| entry))
    }

    async fn put(&self, entry: Arc<Entry>, keep_for: Duration) -> Result<Put, StoreError> {
        let keep = u64::try_from(keep_for.as_millis()).unwrap_or(u64::MAX).min(LONGEST_KEEP_MS);
        if keep == 0 {
            return Ok(Put::Refused);
        }
        if entry.groups.len() > MOST_GROUPS {
            return Err(StoreError::with_source(StoreErrorKind::Refused, "too many groups"));
        }
        self.check()?;
        let digest = entry.key.digest();
        if self.large.is_left_alone(&digest) {
            let problem = "a large value has not come in time, and is left alone for a while";
            return Err(StoreError::with_source(StoreErrorKind::Unavailable, problem));
        }
        if entry.response().is_some_and(|response| response.body.len() > self.max_body) {
            // what it was to replace is not to outlive it
            self.forget(&entry.key).await?;
            return Err(StoreError::new(StoreErrorKind::TooLarge));
        }
        let encoded = codec::encode_above(&entry, self.compress_above)?;
        let admission = self.prepare(&entry, &encoded, &self.names.waiting(&digest), keep).await?;
        self.link.check_answer()?;
        self.publish(&encoded, admission, &digest, keep).await
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        self.purge_together(std::slice::from_ref(purge), true).await
    }

    async fn lead(&self, key: &CacheKey, at_most: Duration) -> Result<Lead, StoreError> {
        self.ask_for_lead(key, at_most).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RedisStore");
        debug.field("address", &self.link.address()).field("names", &self.names);
        debug.field("is_open", &self.is_open()).field("corrupt", &self.corrupt());
        debug.field("pending", &self.pending);
        debug.finish_non_exhaustive()
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

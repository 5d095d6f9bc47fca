//! Reading an entry: in one exchange its value and the time, by which it is known whether a purge has
//! taken it.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use redis::Value;

use super::{
    connect::{EntryRead, Reply},
    invalidation::fence,
    large::{FIRST_PIECE, FirstPiece},
    store::RedisStore,
};
use crate::{
    clock::Stopwatch,
    entry::Entry,
    key::CacheKey,
    purge_log::PurgeState,
    store::{StoreError, StoreErrorKind, codec},
};

impl RedisStore {
    /// [`Store::get`], and the number up to which purges count in what it returns. The value and the
    /// time come in one exchange: a purge that has returned by now is no later than that.
    ///
    /// What a hit does not need is boxed: its future carries no room for it.
    ///
    /// [`Store::get`]: crate::store::Store::get
    pub(in crate::store) async fn get_as_of(
        &self,
        key: &CacheKey,
    ) -> Result<Option<(Arc<Entry>, u64)>, StoreError> {
        self.check()?;
        let before = self.invalidation().complete_up_to();
        let digest = self.names.digest(key);
        let Some(length) = self.large.known().first_piece(&digest) else { return Ok(None) };
        let name = self.names.live(&digest);
        let start = Stopwatch::start();
        let expected = if length > FIRST_PIECE { length } else { 0 };
        let read = EntryRead { name: &name, length, expected, clock: self.names.clock() };
        let [begin, now] = self.client.read_entry(read).await.inspect_err(|error| {
            if error.kind() == StoreErrorKind::TimedOut {
                self.large.known().begin_timed_out(&digest);
            }
        })?;
        self.large.known().read_at_once(length, start);
        self.client.check_answer()?;
        let value = match begin {
            Reply::Bytes(begin) if is_part(&begin, length) => {
                Box::pin(self.whole(name, digest, begin)).await
            }
            begin => Some(begin),
        };
        let Some(mut entry) = value.and_then(|value| self.read(key, value)) else {
            return Ok(None);
        };
        // without a clock it is not known what was purged
        let Some(now) = now.number() else { return Ok(None) };
        if !self.note_receipt(&mut entry) {
            match Box::pin(self.with_receipt_by_expiry(entry)).await? {
                Some(received) => entry = received,
                None => return Ok(None),
            }
        }
        let (state, now) = match self.invalidation.state_of_read(&entry, before, now) {
            PurgeState::Unknown => {
                Box::pin(fence::recheck(&self.client, &self.names, &entry)).await?
            }
            state => (state, now),
        };
        Ok(match state {
            PurgeState::Valid => Some((Arc::new(entry), now)),
            PurgeState::StaleSince(then) => Some((Arc::new(entry.stale_since(then)), now)),
            PurgeState::Purged | PurgeState::Unknown => None,
        })
    }

    /// A value of which this is the begin; nothing where it does not come in time.
    async fn whole(&self, name: String, digest: [u8; 16], begin: Bytes) -> Option<Reply> {
        let length = codec::length(&begin)?;
        let runtime = self.subscriber.runtime();
        let first = FirstPiece { name, digest, bytes: begin, length };
        self.large.whole(&self.client, runtime, first).await.map(Reply::Bytes)
    }

    /// The entry in a reply. What is no entry is none, and will be overwritten.
    fn read(&self, key: &CacheKey, reply: Reply) -> Option<Entry> {
        let entry = match reply {
            Reply::Value(Value::Nil) => return None,
            Reply::Bytes(bytes) if bytes.is_empty() => return None,
            Reply::Bytes(bytes) => codec::decode_entry_of(key, bytes),
            Reply::Value(_) => {
                Err(StoreError::with_source(StoreErrorKind::Corrupt, "not a string"))
            }
        };
        entry.inspect_err(|error| self.count_corrupt(error)).ok()
    }

    fn count_corrupt(&self, error: &StoreError) {
        let is_first = self.corrupt.fetch_add(1, Ordering::Relaxed) == 0;
        let source = std::error::Error::source(error).map(ToString::to_string);
        let address = self.client.address();
        if is_first {
            // further ones are in the statistics: there may be one with every request
            tracing::warn!(address, source, "a stored value is not an entry");
        } else {
            tracing::debug!(address, source, "a stored value is not an entry");
        }
    }
}

/// Whether more of a value follows these bytes, of which no more than `length` were asked for.
fn is_part(begin: &[u8], length: usize) -> bool {
    begin.len() == length && codec::length(begin).is_some_and(|whole| whole > length)
}

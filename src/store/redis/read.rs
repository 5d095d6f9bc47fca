//! Reading an entry: in one exchange its value and the time, by which it is known whether a purge has
//! taken it.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use redis::Value;

use super::{
    client::reply,
    invalidation::{fence, logical_clock},
    large::FirstPiece,
    store::RedisStore,
};
use crate::{
    entry::Entry,
    key::CacheKey,
    purge_log::PurgeState,
    store::{StoreError, StoreErrorKind, codec},
};

impl RedisStore {
    /// [`Store::get`], and the number up to which purges count in what it returns. The value and the
    /// time come in one exchange: a purge that has returned by now is no later than that.
    pub(in crate::store) async fn get_as_of(
        &self,
        key: &CacheKey,
    ) -> Result<Option<(Arc<Entry>, u64)>, StoreError> {
        self.check()?;
        let before = self.invalidation().complete_up_to();
        let digest = key.digest();
        if self.large.is_backing_off(&digest) {
            return Ok(None);
        }
        let name = self.names.live(&digest);
        let (mut begin, mut length) = (redis::cmd("GETRANGE"), redis::cmd("STRLEN"));
        begin.arg(&name).arg(0).arg(self.large.first_piece(&digest) - 1);
        length.arg(&name);
        let asked =
            self.client.send(vec![begin, length, logical_clock::read_now(&self.names)]).await;
        let replies = asked.inspect_err(|error| {
            if error.kind() == StoreErrorKind::TimedOut {
                self.large.begin_timed_out(&digest);
            }
        })?;
        self.client.check_answer()?;
        let [begin, length, now]: [Value; 3] =
            replies.try_into().map_err(|_| reply::unexpected())?;
        let Some(value) = self.whole(name, digest, begin, &length).await else { return Ok(None) };
        let Some(entry) = self.read(key, value) else { return Ok(None) };
        let Some(entry) = self.with_receipt(entry).await? else { return Ok(None) };
        // without a clock it is not known what was purged
        let Some(now) = reply::number(&now) else { return Ok(None) };
        let (state, now) = match self.invalidation.state_of_read(&entry, before, now) {
            PurgeState::Unknown => fence::recheck(&self.client, &self.names, &entry).await?,
            state => (state, now),
        };
        Ok(match state {
            PurgeState::Valid => Some((entry, now)),
            PurgeState::StaleSince(then) => Some((Arc::new(entry.stale_since(then)), now)),
            PurgeState::Purged | PurgeState::Unknown => None,
        })
    }

    /// A value of which the begin and the length are known; nothing where it is not there, or does not
    /// come in time. What is no string stays as it is.
    async fn whole(
        &self,
        name: String,
        digest: [u8; 16],
        begin: Value,
        length: &Value,
    ) -> Option<Value> {
        let Value::BulkString(begin) = begin else { return Some(begin) };
        let length = usize::try_from(reply::number(length).unwrap_or(0)).unwrap_or(usize::MAX);
        if begin.len() >= length || !begin.starts_with(&codec::MAGIC) {
            return (!begin.is_empty()).then_some(Value::BulkString(begin));
        }
        let runtime = self.subscriber.runtime();
        let first = FirstPiece { name, digest, bytes: begin, length };
        let whole = self.large.whole(&self.client, runtime, first);
        Some(Value::BulkString(whole.await?))
    }

    /// The entry in a reply to `GET`. What is no entry is none, and will be overwritten.
    fn read(&self, key: &CacheKey, reply: Value) -> Option<Arc<Entry>> {
        let entry = match reply {
            Value::Nil => return None,
            Value::BulkString(bytes) => codec::decode(&Bytes::from(bytes)),
            _ => Err(StoreError::with_source(StoreErrorKind::Corrupt, "not a string")),
        };
        let entry = entry.and_then(|entry| {
            if entry.key == *key {
                return Ok(Arc::new(entry));
            }
            Err(StoreError::with_source(StoreErrorKind::Corrupt, "the entry of another key"))
        });
        entry.inspect_err(|error| self.count_corrupt(error)).ok()
    }

    fn count_corrupt(&self, error: &StoreError) {
        self.corrupt.fetch_add(1, Ordering::Relaxed);
        let source = std::error::Error::source(error).map(ToString::to_string);
        tracing::debug!(address = self.client.address(), source, "a stored value is not an entry");
    }
}

//! How long ago an entry that was read from Redis was received.
//!
//! As a rule its date tells, as the wall clocks of hosts agree. A date that lies ahead does not, nor one
//! that may be from before this host's wall clock was set back: such an entry would count as new when
//! the clock comes to its date again, however long it had been stored by then. Then Redis is asked: every
//! entry expires there after a time that the entry itself states, so the time that remains tells how long
//! it has been stored, whatever the clocks of all hosts say.

use std::{sync::Arc, time::Duration};

use super::{
    client::reply,
    store::{MAX_TTL_MS, RedisStore},
};
use crate::{
    entry::{Entry, Kind, StoredResponse},
    semantics::date::MAX_DELTA,
    store::StoreError,
};

impl RedisStore {
    /// The entry with the time of its receipt; nothing where it has gone meanwhile.
    pub(super) async fn with_receipt(
        &self,
        entry: Arc<Entry>,
    ) -> Result<Option<Arc<Entry>>, StoreError> {
        let Some(response) = entry.response() else { return Ok(Some(entry)) };
        let (now, then) = (self.clock.quick_moment(), response.terms.response_time);
        let stored_for = if self.clock.is_unsure_of(then, now.date) {
            match self.remaining(&entry).await? {
                Remaining::Gone => return Ok(None),
                Remaining::Forever => MAX_DELTA,
                Remaining::Time(remains) => stored_for(response, remains),
            }
        } else {
            now.date.since(then)
        };
        let mut entry = Arc::unwrap_or_clone(entry);
        if let Kind::Response(response) = &mut entry.kind {
            response.terms.received = Some(now.monotonic.before(stored_for));
        }
        Ok(Some(Arc::new(entry)))
    }

    async fn remaining(&self, entry: &Entry) -> Result<Remaining, StoreError> {
        let mut remaining = redis::cmd("PTTL");
        remaining.arg(self.names.live(&entry.key.digest()));
        match self.client.send(vec![remaining]).await?.first() {
            Some(redis::Value::Int(-1)) => Ok(Remaining::Forever),
            Some(redis::Value::Int(millis @ 0..)) => {
                Ok(Remaining::Time(Duration::from_millis(millis.unsigned_abs())))
            }
            Some(redis::Value::Int(_)) => Ok(Remaining::Gone),
            _ => Err(reply::unexpected()),
        }
    }
}

/// What Redis says of when a value expires.
enum Remaining {
    Gone,
    /// It does not: its expiry has been removed from outside.
    Forever,
    Time(Duration),
}

/// For how long a response has been stored that is to be kept for as long as `remains`.
fn stored_for(response: &StoredResponse, remains: Duration) -> Duration {
    if response.terms.soft_purged {
        // a soft purge has ended its lifetime, so how long that was is not known any more
        return MAX_DELTA;
    }
    let kept_for = response.useful_for().min(Duration::from_millis(MAX_TTL_MS));
    kept_for.saturating_sub(remains)
}

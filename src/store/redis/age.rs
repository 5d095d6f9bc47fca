//! How long ago an entry that was read from Redis was received.
//!
//! Its date tells, as a rule: hosts' wall clocks agree. It does not where it lies ahead, or may be one
//! of before this host's wall clock was set back. Such an entry would be as good as new when the clock
//! comes to its date once more, however long it had been stored by then. Redis knows better: every
//! entry is stored to expire after a time that the entry itself tells, so what remains of that tells the
//! rest, whatever the clocks of all hosts say.

use std::{sync::Arc, time::Duration};

use super::{
    client::reply,
    store::{LONGEST_KEEP_MS, RedisStore},
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
        match self.client.ask(vec![remaining]).await?.first() {
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
    let kept_for = response.useful_for().min(Duration::from_millis(LONGEST_KEEP_MS));
    kept_for.saturating_sub(remains)
}

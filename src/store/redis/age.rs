//! How long ago an entry that was read from Redis was received.
//!
//! As a rule its date tells, as the wall clocks of hosts agree. A date that lies ahead does not, nor one
//! that may be from before this host's wall clock was set back: such an entry would count as new when
//! the clock comes to its date again, however long it had been stored by then. Then Redis is asked: every
//! entry expires there after a time that the entry itself states, so the time that remains tells how long
//! it has been stored, whatever the clocks of all hosts say.

use std::time::Duration;

use super::{
    client::reply,
    store::{MAX_TTL_MS, RedisStore},
};
use crate::{
    entry::{Entry, Kind, Monotonic, StoredResponse, Terms},
    semantics::date::MAX_DELTA,
    store::StoreError,
};

impl RedisStore {
    /// Notes in a response when it was received, where its date tells. `false` where Redis has to be
    /// [asked](Self::with_receipt_by_expiry).
    pub(super) fn note_receipt(&self, entry: &mut Entry) -> bool {
        let Kind::Response(response) = &mut entry.kind else { return true };
        let (now, then) = (self.clock.quick_moment(), response.terms().response_time);
        if self.clock.is_unsure_of(then, now.date) {
            return false;
        }
        set_receipt(response, now.monotonic.before(now.date.since(then)));
        true
    }

    /// The entry with the time of its receipt; nothing where it has gone meanwhile.
    pub(super) async fn with_receipt_by_expiry(
        &self,
        mut entry: Entry,
    ) -> Result<Option<Entry>, StoreError> {
        let remains = self.remaining(&entry).await?;
        if let Kind::Response(response) = &mut entry.kind {
            let stored_for = match remains {
                Remaining::Gone => return Ok(None),
                Remaining::Forever => MAX_DELTA,
                Remaining::Time(remains) => stored_for(response, remains),
            };
            set_receipt(response, self.clock.monotonic().before(stored_for));
        }
        Ok(Some(entry))
    }

    async fn remaining(&self, entry: &Entry) -> Result<Remaining, StoreError> {
        let mut remaining = redis::cmd("PTTL");
        remaining.arg(self.names.live(&self.names.digest(&entry.key)));
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

fn set_receipt(response: &mut StoredResponse, received: Monotonic) {
    let terms = Terms { received: Some(received), ..response.terms() };
    response.set_terms(&terms);
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
    if response.terms().soft_purged {
        // a soft purge has ended its lifetime, so how long that was is not known any more
        return MAX_DELTA;
    }
    let kept_for = response.useful_for().min(Duration::from_millis(MAX_TTL_MS));
    kept_for.saturating_sub(remains)
}

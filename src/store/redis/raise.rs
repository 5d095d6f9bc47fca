//! Raising the fences of purges, by which they are done.

use super::{
    client::RedisClient,
    invalidation::{
        logical_clock::{self, NumberedPurge},
        state::InvalidationState,
    },
    names::Names,
    removal::Removal,
};
use crate::{
    purge::{Purge, PurgeNumber},
    store::error::{StoreError, StoreErrorKind},
};

/// Raises the fences of purges, which are `known` here from the begin on; returns their numbers.
pub(super) async fn fences(
    client: &RedisClient,
    names: &Names,
    invalidation: &InvalidationState,
    purges: &[Purge],
) -> Result<Vec<PurgeNumber>, StoreError> {
    for purge in purges {
        invalidation.purge_begun(purge);
    }
    let raised = match logical_clock::raise(client, names, purges).await {
        Err(error) if error.kind() == StoreErrorKind::Refused => {
            make_room(client, names, purges).await?;
            logical_clock::raise(client, names, purges).await?
        }
        raised => raised?,
    };
    let numbers = purges.iter().zip(raised).map(|(purge, NumberedPurge { number, before })| {
        invalidation.purge_numbered(purge, before, number);
        number
    });
    Ok(numbers.collect())
}

/// A server that is full has no room for a fence: what hard purges name is deleted first.
async fn make_room(
    client: &RedisClient,
    names: &Names,
    purges: &[Purge],
) -> Result<(), StoreError> {
    for purge in purges.iter().filter(|purge| purge.stale_since().is_none()) {
        // whatever is there, when ever it was begun
        let mut removal = Removal::new(names, purge, PurgeNumber::new(u64::MAX));
        while !removal.is_done() {
            removal.step(client, names).await?;
        }
    }
    Ok(())
}

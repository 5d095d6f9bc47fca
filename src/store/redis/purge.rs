//! A purge: it is done when its fence stands. What it named is then removed, for a few steps while
//! the caller waits for a count, and the rest [behind](super::removal) it.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{
    client::RedisClient,
    names::Names,
    pending_purges::PurgeAttempt,
    raise,
    removal::{Removal, Removals},
    store::RedisStore,
};
use crate::{
    purge::{Purge, PurgeNumber, Purged},
    store::error::{StoreError, StoreErrorKind},
};

/// For how many steps of a removal its purge waits, so that it can tell how much went: enough for
/// some thousand entries of an index, and a few round trips.
const COUNTED_STEPS: usize = 8;
/// How often fences are raised at once where the primary changes meanwhile; after that they are repeated
/// behind.
const MAX_RAISES: usize = 3;

impl RedisStore {
    /// Carries out several purges: their fences are raised together. If one is counted, removes and
    /// counts for a few steps what they named.
    pub(crate) async fn purge_together(&self, purges: &[Purge]) -> Result<Purged, StoreError> {
        let attempts: Vec<_> = purges.iter().map(|purge| self.pending.attempt(purge)).collect();
        let put_off = |attempts: Vec<PurgeAttempt<'_>>, error: &StoreError| {
            let put_off = |_, attempt: PurgeAttempt<'_>| attempt.put_off(error);
            Ok(attempts.into_iter().fold(Purged::default(), put_off))
        };
        let (numbers, replicas) = match self.raise_at_primary(purges).await {
            Ok(raised) => raised,
            Err(error) => return put_off(attempts, &error),
        };
        attempts.into_iter().for_each(PurgeAttempt::confirm);
        let removals = purges.iter().zip(numbers);
        let removals =
            removals.map(|(purge, number)| Removal::new(&self.names, purge, number)).collect();
        let counts = purges.iter().any(Purge::is_counted);
        let mut rest = Rest { behind: &self.removals, removals };
        if counts {
            rest.count(&self.client, &self.names).await;
        }
        replicas.map(|()| rest.counted(counts))
    }

    /// Raises the fences of purges, and again where the primary was replaced meanwhile: the old one loses
    /// what it accepts after that, and the new one never gets it. Returns their numbers, and whether
    /// replicas have them.
    async fn raise_at_primary(
        &self,
        purges: &[Purge],
    ) -> Result<(Vec<PurgeNumber>, Result<(), StoreError>), StoreError> {
        for _ in 0..MAX_RAISES {
            let before = self.client.connection_number();
            let numbers =
                raise::fences(&self.client, &self.names, self.invalidation(), purges).await?;
            let replicas = self.wait_for_replicas().await;
            if !self.client.was_replaced(before).await {
                return Ok((numbers, replicas));
            }
        }
        Err(StoreError::with_source(StoreErrorKind::Unavailable, "the primary is being replaced"))
    }
}

/// What is left to remove when the caller goes on, or away.
struct Rest<'a> {
    behind: &'a Arc<Removals>,
    removals: Vec<Removal>,
}

impl Rest<'_> {
    async fn count(&mut self, client: &RedisClient, names: &Names) {
        let count = async |removal: &mut Removal| {
            for _ in 0..COUNTED_STEPS {
                // what fails here goes on behind
                if removal.is_done() || removal.step(client, names).await.is_err() {
                    return;
                }
            }
        };
        join_all(self.removals.iter_mut().map(count)).await;
    }

    fn counted(&self, counts: bool) -> Purged {
        let entries = self.removals.iter().map(|removal| removal.gone).sum();
        if !counts {
            return Purged::uncounted();
        }
        let removing = !self.removals.iter().all(Removal::is_counted);
        Purged { removing, ..Purged::of(entries) }
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        for removal in self.removals.drain(..).filter(|removal| !removal.is_done()) {
            self.behind.push(removal);
        }
    }
}

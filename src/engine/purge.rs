//! One purge, whoever asks for it.

use super::Engine;
use crate::{
    purge::{Purge, Purged},
    store::StoreError,
};

impl Engine {
    /// Purges and counts. An error means that the purge may not have reached the store.
    pub(crate) async fn purge(&self, target: &Purge) -> Result<Purged, StoreError> {
        let purged = self.purge_all_spellings(target).await;
        match &purged {
            Ok(purged) => {
                self.counters.purged(*purged);
                tracing::debug!(?target, entries = purged.entries, "purged");
            }
            Err(error) => drop(self.failed("purge", error)),
        }
        purged
    }

    async fn purge_all_spellings(&self, target: &Purge) -> Result<Purged, StoreError> {
        let mut entries = self.store.purge(target).await?.entries;
        for spelling in self.search.spellings(target) {
            entries += self.store.purge(&spelling).await?.entries;
        }
        Ok(Purged::of(entries))
    }

    /// A purge whose count nobody wants, such as that of an unsafe request (RFC 9111 s.4.4).
    pub(crate) async fn purge_uncounted(&self, target: &Purge) {
        match self.store.purge_uncounted(target).await {
            Ok(()) => self.counters.purged(Purged::default()),
            Err(error) => drop(self.failed("purge", &error)),
        }
    }
}

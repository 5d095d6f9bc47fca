//! What an entry in memory remembers of its original in Redis, so that whether it may still be used is
//! a comparison of numbers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    message::Digest,
    state::InvalidationState,
    tags::{self, Tag},
};
use crate::{
    entry::{Entry, allocated},
    purge::PurgeNumber,
    purge_log::PurgeState,
};

/// The version of an entry in Redis that a copy of it in memory is of.
#[derive(Debug)]
pub(in crate::store) struct RemoteVersion {
    tags: Box<[Tag]>,
    digest: Digest,
    /// See [`InvalidationState::stored_elsewhere`].
    stored: u32,
    /// The version of what is known at which no purge concerned the entry.
    version: AtomicU64,
    /// The number of a purge up to which none does.
    checked: AtomicU64,
}

impl RemoteVersion {
    /// The bytes of memory that it takes beside itself.
    pub(in crate::store) fn weight(&self) -> usize {
        allocated(size_of_val(&*self.tags))
    }
}

impl InvalidationState {
    /// The entry with its version, if it may be used; as stale if a soft purge says so. It already
    /// reflects the purges up to the number `as_of`. `stored` was [asked for](InvalidationState::stored_elsewhere)
    /// before it was read or published.
    pub(in crate::store) fn remote_version(
        &self,
        entry: Arc<Entry>,
        as_of: PurgeNumber,
        digest: Digest,
        stored: u32,
    ) -> Option<(Arc<Entry>, RemoteVersion)> {
        let tags = tags::concerning(&entry.key, &entry.groups);
        let since = as_of.number();
        let purges = self.purges();
        let (entry, checked) = match purges.state(since, &tags) {
            PurgeState::Valid => (entry, since),
            PurgeState::StaleSince(then) => {
                (Arc::new(entry.stale_since(then)), purges.complete_up_to().max(since))
            }
            PurgeState::Purged | PurgeState::Unknown => return None,
        };
        drop(purges);
        let (version, checked) = (AtomicU64::new(0), AtomicU64::new(checked));
        let remote = RemoteVersion { tags: tags.into(), digest, stored, version, checked };
        self.is_current(&remote).then_some((entry, remote))
    }

    /// Whether a copy may still be used as it is: no further purge concerns it, and the entry was not
    /// stored elsewhere since.
    pub(in crate::store) fn is_current(&self, remote: &RemoteVersion) -> bool {
        if self.stored_elsewhere(&remote.digest) != remote.stored {
            return false;
        }
        if remote.version.load(Ordering::Acquire) == self.version() {
            return true;
        }
        let purges = self.purges();
        // read under the lock, as it only changes under it
        let version = self.version();
        let checked = remote.checked.load(Ordering::Relaxed);
        if purges.state(checked, &remote.tags) != PurgeState::Valid {
            return false;
        }
        remote.checked.fetch_max(purges.complete_up_to(), Ordering::Relaxed);
        remote.version.fetch_max(version, Ordering::Release);
        true
    }
}

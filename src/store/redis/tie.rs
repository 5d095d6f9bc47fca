//! What an entry that is kept beside Redis remembers of it, so that a look at whether it may still be
//! used is a comparison of numbers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    announce::Digest,
    fields::{self, Field},
    known::Known,
    ledger::Standing,
};
#[cfg(feature = "memory")]
use crate::entry::allocated;
use crate::{entry::Entry, purge::PurgeNumber};

/// The tie between an entry and what is known of Redis.
#[derive(Debug)]
pub(in crate::store) struct Tie {
    fields: Box<[Field]>,
    digest: Digest,
    stored: u32,
    /// The ledger's version at which no purge concerned the entry.
    version: AtomicU64,
    /// The number of a purge up to which none does.
    checked: AtomicU64,
}

#[cfg(feature = "memory")]
impl Tie {
    /// The bytes of memory that it takes beside itself.
    pub(in crate::store) fn weight(&self) -> usize {
        allocated(size_of_val(&*self.fields))
    }
}

impl Known {
    /// Ties an entry to what is known, if it may be used, as stale if a soft purge says so. Purges up
    /// to the number `as_of` count in it already. `stored` was [asked for](Known::stored_elsewhere)
    /// before it was read or published.
    pub(in crate::store) fn tie(
        &self,
        entry: Arc<Entry>,
        as_of: PurgeNumber,
        digest: Digest,
        stored: u32,
    ) -> Option<(Arc<Entry>, Tie)> {
        let fields = fields::concerning(&entry.key, &entry.groups);
        let since = as_of.number();
        let ledger = self.read();
        let (entry, checked) = match ledger.standing(since, &fields) {
            Standing::Alive => (entry, since),
            Standing::Stale(then) => (Arc::new(entry.stale_since(then)), ledger.last().max(since)),
            Standing::Purged | Standing::Unknown => return None,
        };
        drop(ledger);
        let (version, checked) = (AtomicU64::new(0), AtomicU64::new(checked));
        let tie = Tie { fields: fields.into(), digest, stored, version, checked };
        self.holds(&tie).then_some((entry, tie))
    }

    /// Whether an entry may still be used as it is: no further purge concerns it, and it was not
    /// stored elsewhere since.
    pub(in crate::store) fn holds(&self, tie: &Tie) -> bool {
        if self.stored_elsewhere(&tie.digest) != tie.stored {
            return false;
        }
        if tie.version.load(Ordering::Acquire) == self.version() {
            return true;
        }
        let ledger = self.read();
        // read under the lock, as it only changes under it
        let version = self.version();
        if ledger.standing(tie.checked.load(Ordering::Relaxed), &tie.fields) != Standing::Alive {
            return false;
        }
        tie.checked.fetch_max(ledger.last(), Ordering::Relaxed);
        tie.version.fetch_max(version, Ordering::Release);
        true
    }
}

//! What a store is: the trait that every one of them implements, and what its methods return.

use std::{future::Future, sync::Arc, time::Duration};

use super::{
    error::StoreError,
    lease::{Lease, LeaseGuard},
};
use crate::{
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber, Purged},
};

/// A place to keep entries: memory, Redis, or your own.
///
/// # The contract
///
/// - **A purge is a fence.** An entry whose [`since`](Entry::since) is lower than the number of
///   a purge that concerns it is never returned by a [`get`](Store::get) that begins after that
///   [`purge`](Store::purge) returned; not even when it is [`put`](Store::put) later. The easiest
///   way: [`purge_number`](Store::purge_number) reads a counter, `purge` increments it and remembers the number
///   with the target, `put` and `get` compare.
/// - **A soft purge makes stale.** What [`Purge::stale_since`] is told for is not gone but returned
///   as [`Entry::stale_since`] makes it, however late it is put, and does not displace an entry that
///   was begun later. A hard purge takes it all the same. A store that does not tell the two apart
///   treats all purges as hard ones.
/// - **A purge need not wait for its removals**, unless it [is counted](Purge::is_counted): what `get`
///   does not return may be removed later.
/// - **A purge that is [pending](Purged::pending) holds here.** A store that tells so returns nothing
///   from then on, until it has carried the purge out.
/// - **A `get` returns what was `put`** under an equal key (compare
///   [`as_bytes`](CacheKey::as_bytes), not a hash), or nothing. A damaged entry is nothing.
/// - **Forgetting is always allowed**; keeping longer than `ttl` is not needed.
/// - **No call waits without bound.** A store that does I/O limits its time.
/// - **Futures may be dropped** at any point and leave nothing half-written that could be read.
///
/// # Testing a store
///
/// With the feature `testing`, `store::acceptance::examine` checks a store against this contract: call
/// it from a test with a function that makes an empty store, such as
/// `examine(async || MyStore::empty().await).await`.
pub trait Store: Send + Sync + 'static {
    /// The number of the newest purge, or any number that grows with each. Called once before a handler runs, never for a hit.
    fn purge_number(&self) -> impl Future<Output = Result<PurgeNumber, StoreError>> + Send;

    /// The entry that is stored under `key`.
    fn get(
        &self,
        key: &CacheKey,
    ) -> impl Future<Output = Result<Option<Arc<Entry>>, StoreError>> + Send;

    /// Stores `entry` under its key for about `ttl`, unless a purge forbids it, which is no
    /// error. What is not [`Put::Stored`] is not given to other requests that wait for it either.
    fn put(
        &self,
        entry: Arc<Entry>,
        ttl: Duration,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// Sees to it that what `purge` names is not returned any more, or only as stale, and says how
    /// many responses that were where the purge [is counted](Purge::is_counted), or where that is
    /// known anyway. What is stale by an earlier soft purge does not count again.
    fn purge(&self, purge: &Purge) -> impl Future<Output = Result<Purged, StoreError>> + Send;

    /// Asks for the lease of `key`, to be held for this time at most. Of several processes that miss
    /// the same response, the one that gets the lease calls its handler, and the others wait for it;
    /// by default, and on an error, each process calls its own.
    fn lease(
        &self,
        key: &CacheKey,
        at_most: Duration,
    ) -> impl Future<Output = Result<Lease, StoreError>> + Send {
        let _ = (key, at_most);
        std::future::ready(Ok(Lease::Granted(LeaseGuard::free())))
    }

    /// How much is stored, where the store knows that without I/O.
    fn size(&self) -> Option<Size> {
        None
    }
}

/// What became of an entry that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Put {
    /// No purge that had returned by then concerns it. Whether it is found again is another matter:
    /// a store may forget at any time.
    Stored,
    /// A soft purge which concerns it came after its fill had begun: it is stored as stale, unless
    /// there is a fresher one.
    Stale,
    /// A purge which concerns it came after its fill had begun.
    Refused,
}

/// How much is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Size {
    /// Entries: stored responses, and one more for each URL that has variants.
    pub entries: u64,
    /// Bytes that they take. For entries in memory all of it counts: keys, header fields, bodies,
    /// and what the tables and the allocator add.
    pub bytes: u64,
}

impl Size {
    /// This many entries, which take this many bytes.
    pub const fn new(entries: u64, bytes: u64) -> Self {
        Self { entries, bytes }
    }
}

//! What decides whether an entry of the [local tier](super::local) may be used.

use std::time::Duration;

use crate::{entry::allocated, store::redis::invalidation::remote_version::RemoteVersion};

/// How long an entry of the local tier may be used, and what it depends on.
#[derive(Debug)]
pub(in crate::store) struct Validity {
    /// What Redis had when the entry was kept; `None` for an entry that only this process has.
    pub(super) remote: Option<RemoteVersion>,
    /// The [period of trust](crate::store::redis::invalidation::trust) in which it was kept. The entry
    /// may be used for as long as that lasts.
    pub(super) trust_period: Option<u64>,
    /// Until when it may be used while announcements are not trusted.
    pub(super) offline_until: Duration,
}

impl Validity {
    /// The bytes of memory that it takes.
    pub(in crate::store) fn weight(&self) -> usize {
        allocated(size_of::<Self>()) + self.remote.as_ref().map_or(0, RemoteVersion::weight)
    }
}

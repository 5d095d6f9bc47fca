//! `Sweep`: entries that a purge may have taken, looked at some at a time, so that no request waits for
//! the lock of the table while many are.

use super::{departures::PlaceNumber, tags::Tag};
use crate::entry::Timestamp;

/// Which entries are looked at, and how far that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Sweep {
    /// Those with this tag; without one, all.
    pub(super) tag: Option<Tag>,
    /// The first place that has not been looked at.
    pub(super) next: PlaceNumber,
}

impl Sweep {
    pub(super) const fn of(tag: Option<Tag>) -> Self {
        Self { tag, next: 0 }
    }

    /// Every entry.
    pub(in crate::store) const fn all() -> Self {
        Self::of(None)
    }
}

/// What is to become of an entry that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Fate {
    Keep,
    /// It is of no use after this time, which is earlier than it was.
    EndEarly(Timestamp),
    Remove,
}

#[cfg(any(test, feature = "redis"))]
impl Fate {
    /// Removed or kept.
    pub(in crate::store) const fn remove_if(condition: bool) -> Self {
        if condition { Self::Remove } else { Self::Keep }
    }
}

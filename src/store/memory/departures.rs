//! What has left a table: each entry adds itself when it is dropped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::tags::{Tag, Tags};
use crate::entry::{Entry, Timestamp};

/// What stands for an entry of a table while it is there.
pub(super) type PlaceNumber = u32;

/// Where an entry was found that has left.
#[derive(Debug)]
pub(super) struct Departed {
    pub(super) place: PlaceNumber,
    pub(super) end: Timestamp,
    /// When its response was received; for a note of variants, its end.
    pub(super) received: Timestamp,
    pub(super) tags: Vec<Tag>,
}

/// The entries that have left since the index looked last.
#[derive(Debug)]
pub(super) struct Departures {
    tags: Tags,
    /// `None` after the index was closed.
    list: Mutex<Option<Vec<Departed>>>,
}

impl Departures {
    pub(super) fn new(tags: Tags) -> Self {
        Self { tags, list: Mutex::new(Some(Vec::new())) }
    }

    pub(super) const fn tags(&self) -> &Tags {
        &self.tags
    }

    /// An entry is about to be dropped.
    pub(super) fn add(&self, entry: &Entry, end: Timestamp, place: PlaceNumber) {
        if self.lock().is_none() {
            return;
        }
        let received = entry.response().map_or(end, |response| response.terms().response_time);
        let tags = self.tags.tags_of_entry(entry).collect();
        let departed = Departed { place, end, received, tags };
        if let Some(list) = &mut *self.lock() {
            list.push(departed);
        }
    }

    pub(super) fn take(&self) -> Vec<Departed> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Departed>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

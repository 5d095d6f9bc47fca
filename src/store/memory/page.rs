//! Entries listed some at a time, and counted, for operators: nothing is removed.

use std::sync::Arc;

use super::{
    counting::{PAUSE, run_behind},
    slot::Slot,
    store::MemoryStore,
    sweep::{Fate, Sweep},
    table::Table,
};
use crate::{
    entry::Entry,
    purge::Purge,
    store::{
        error::{StoreError, StoreErrorKind},
        listing::{Listed, Listing, NO_PLACE},
    },
};

/// How many steps one listing takes at most, as a request waits for it: a search that finds few entries goes
/// on with the next page.
const MAX_STEPS: usize = 64;

impl Table {
    /// The entries that `read` gives, from this place on.
    fn list(&self, from: u32, limit: usize, read: impl Fn(&Slot) -> Option<Arc<Entry>>) -> Listing {
        let mut next = None;
        let mut sweep = Sweep { next: from, ..Sweep::all() };
        let mut listing = Listing::default();
        for _ in 0..MAX_STEPS {
            let is_last = self.step(&mut sweep, |slot| {
                if next.is_none()
                    && let Some(entry) = read(slot)
                {
                    if listing.entries.len() < limit {
                        listing.entries.push(listed(entry, slot.weight()));
                    } else {
                        next = slot.place();
                    }
                }
                Fate::Keep
            });
            if is_last || next.is_some() {
                return Listing { next: next.map(|place: u32| place.to_string()), ..listing };
            }
        }
        Listing { next: Some(sweep.next.to_string()), ..listing }
    }
}

impl MemoryStore {
    /// The entries for which `takes` holds, from this place on.
    pub(in crate::store) fn list(
        &self,
        from: Option<&str>,
        limit: usize,
        takes: impl Fn(&Entry) -> bool,
    ) -> Result<Listing, StoreError> {
        let from = from.map_or(Ok(0), str::parse);
        let from = from.map_err(|_| StoreError::with_source(StoreErrorKind::NoTarget, NO_PLACE))?;
        Ok(self.table().list(from, limit, |slot| {
            // before it is read, which may copy it
            if takes(&slot.entry) { slot.read(self.purges()) } else { None }
        }))
    }

    /// How many responses any of these purges of one target would take.
    pub(in crate::store) async fn count(&self, purges: Vec<Purge>) -> u64 {
        let Some(mut sweep) = purges.first().map(|purge| self.table().sweep_of(purge.target()))
        else {
            return 0;
        };
        let store = self.clone();
        run_behind(move || {
            let mut count = 0;
            let mut step = || {
                store.table().step(&mut sweep, |slot| {
                    let is_taken = purges.iter().any(|purge| takes(purge, slot));
                    count += u64::from(is_taken && slot.check(store.purges()));
                    Fate::Keep
                })
            };
            while !step() {
                std::thread::sleep(PAUSE);
            }
            count
        })
        .await
    }
}

fn listed(entry: Arc<Entry>, bytes: u64) -> Listed {
    let body_bytes = entry.response().map_or(0, |response| response.stored_body().len() as u64);
    Listed { entry, body_bytes, bytes }
}

/// Whether the purge would take the response, or make it stale for the first time.
fn takes(purge: &Purge, slot: &Slot) -> bool {
    let Entry { key, groups, .. } = slot.entry.as_ref();
    slot.entry.response().is_some()
        && purge.concerns(key, groups)
        && (purge.stale_since().is_none() || !slot.is_stale())
}

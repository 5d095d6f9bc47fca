//! Where the entries of a table are found other than by their keys: by when they end, by path and by
//! group, and one after the other.
//!
//! The cache tells of no evictions. An entry says so itself when it is dropped ([`Departures`]), and
//! then leaves the index too, so that the index is never larger than the table.
//!
//! ```text
//! places   0: slot of /a   1: slot of /b   2: free   …          numbers that stand for entries
//! ends     (12:00, 1) (12:05, 0)                                the next to end comes first
//! members  (tag of /a, 0) (tag of /b, 1) (tag of group g, 0)    a tag's entries lie side by side
//! ```

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use super::{
    departures::{Departed, Departures, PlaceNumber},
    slot::Slot,
    sweep::Sweep,
    tags::{Tag, Tags},
};
use crate::{counting::histogram::OwnHistogram, entry::Timestamp, store::health::Evictions};

/// How many entries are asked whether they are dead with each put. Purges look for what they take: this
/// finds what is dead for other reasons, such as announcements that were missed.
const INSPECTED_PER_PUT: usize = 1;
/// The same, while a purge has left dead ones behind.
const INSPECTED_OF_SUSPECTS: usize = 64;
/// How many puts, and how many bytes of them, the cache takes before it is synced, while it has room.
const MAX_UNSYNCED_PUTS: u32 = 16;
const MAX_UNSYNCED_BYTES: u64 = 1024 * 1024;

/// The entries of a table, without keeping them alive.
#[derive(Debug)]
pub(super) struct Index {
    places: Vec<Weak<Slot>>,
    free: Vec<PlaceNumber>,
    ends: BTreeSet<End>,
    /// Two groups or paths may have one tag: who looks for one finds a few entries too many.
    members: BTreeSet<(Tag, PlaceNumber)>,
    departures: Arc<Departures>,
    /// The place that is looked at next when nothing in particular is looked for.
    next: PlaceNumber,
    /// How many places are still to be looked at soon, as any entry may be dead.
    suspects: usize,
    /// What was put since the cache was synced.
    unsynced_puts: u32,
    unsynced_bytes: u64,
    /// The places of entries that are leaving, and of which it has been counted why.
    leaving: BTreeSet<PlaceNumber>,
    evictions: Evictions,
    ages_for_room: OwnHistogram,
}

/// Why an entry leaves that does not make room for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    Expired,
    Purged,
    Replaced,
}

/// When an entry ends, and its place: 12 bytes instead of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End([u32; 3]);

impl End {
    #[expect(clippy::cast_possible_truncation, reason = "it is split")]
    const fn new(end: Timestamp, place: PlaceNumber) -> Self {
        // so that the order is that of signed numbers
        let millis = end.as_millis().cast_unsigned() ^ (1 << 63);
        Self([(millis >> 32) as u32, millis as u32, place])
    }

    fn is_by(self, now: Timestamp) -> bool {
        self <= Self::new(now, PlaceNumber::MAX)
    }

    const fn place(self) -> PlaceNumber {
        let Self([_, _, place]) = self;
        place
    }
}

impl Index {
    pub(super) fn new(tags: Tags) -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            ends: BTreeSet::new(),
            members: BTreeSet::new(),
            departures: Arc::new(Departures::new(tags)),
            next: 0,
            suspects: 0,
            unsynced_puts: 0,
            unsynced_bytes: 0,
            leaving: BTreeSet::new(),
            evictions: Evictions::default(),
            ages_for_room: OwnHistogram::default(),
        }
    }

    /// Gives the slot a place; `None` where there are too many.
    pub(super) fn add(&mut self, slot: Slot) -> Option<Arc<Slot>> {
        let place = match self.free.pop() {
            Some(place) => place,
            None => PlaceNumber::try_from(self.places.len()).ok()?,
        };
        let slot = Arc::new(slot.in_place(place, &self.departures));
        match self.places.get_mut(place as usize) {
            Some(free) => *free = Arc::downgrade(&slot),
            None => self.places.push(Arc::downgrade(&slot)),
        }
        self.ends.insert(End::new(slot.end(), place));
        for tag in self.departures.tags().tags_of_entry(&slot.entry) {
            self.members.insert((tag, place));
        }
        Some(slot)
    }

    /// An empty one for the entries that come after all of these were purged.
    pub(super) fn emptied(&mut self, tags: Tags) -> Self {
        let entries = self.places.len() - self.free.len();
        self.evictions.purged += entries.saturating_sub(self.leaving.len()) as u64;
        let evictions = std::mem::take(&mut self.evictions);
        let ages_for_room = std::mem::take(&mut self.ages_for_room);
        Self { evictions, ages_for_room, ..Self::new(tags) }
    }

    /// An entry is about to be taken out of the cache.
    pub(super) fn leaves(&mut self, slot: &Slot, why: Leaving) {
        let is_new = slot.place().is_some_and(|place| self.leaving.insert(place));
        let counter = match why {
            Leaving::Expired => &mut self.evictions.expired,
            Leaving::Purged => &mut self.evictions.purged,
            Leaving::Replaced => &mut self.evictions.replaced,
        };
        *counter += u64::from(is_new);
    }

    /// How entries have left.
    pub(super) fn evictions(&self) -> Evictions {
        Evictions { ages_for_room: self.ages_for_room.read(), ..self.evictions.clone() }
    }

    /// Removes the entries that have left the table, evicted ones too.
    pub(super) fn clear_departed(&mut self, now: Timestamp) {
        for Departed { place, end, received, tags } in self.departures.take() {
            if !self.leaving.remove(&place) {
                self.evictions.for_room += 1;
                self.ages_for_room.add(now.since(received));
            }
            self.ends.remove(&End::new(end, place));
            for tag in tags {
                self.members.remove(&(tag, place));
            }
            if let Some(place) = self.places.get_mut(place as usize) {
                *place = Weak::new();
            }
            self.free.push(place);
        }
        if self.free.len() == self.places.len() {
            (self.places, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// What leaves from now on is of no interest, as the whole table does.
    pub(super) fn close(&self) {
        self.departures.close();
    }

    /// Takes out the next entry that has come to its end by `now`.
    pub(super) fn pop_expired(&mut self, now: Timestamp) -> Option<Arc<Slot>> {
        while let Some(first) = self.ends.first().copied().filter(|end| end.is_by(now)) {
            self.ends.remove(&first);
            if let Some(slot) = self.slot(first.place()) {
                return Some(slot);
            }
        }
        None
    }

    /// The entry ends earlier than it was to.
    pub(super) fn end_early(&mut self, slot: &Slot, end: Timestamp) {
        let Some(place) = slot.place().filter(|_| end < slot.end()) else { return };
        if self.ends.remove(&End::new(slot.end(), place)) {
            slot.set_end(end);
            self.ends.insert(End::new(end, place));
        }
    }

    /// The next places of a sweep.
    pub(super) fn some_of(&self, sweep: &Sweep, at_most: usize) -> Vec<PlaceNumber> {
        let Some(tag) = sweep.tag else {
            let end = PlaceNumber::try_from(self.places.len()).unwrap_or(PlaceNumber::MAX);
            return (sweep.next..end).take(at_most).collect();
        };
        let range = (tag, sweep.next)..=(tag, PlaceNumber::MAX);
        self.members.range(range).take(at_most).map(|(_, place)| *place).collect()
    }

    /// How many places there are, free ones too.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Arc<Slot>> {
        self.places.iter().filter_map(Weak::upgrade)
    }

    /// The entry in this place, if there is one.
    pub(super) fn slot(&self, place: PlaceNumber) -> Option<Arc<Slot>> {
        self.places.get(place as usize)?.upgrade()
    }

    /// Any entry may be dead by now.
    pub(super) const fn suspect(&mut self) {
        self.suspects = self.places.len();
    }

    /// How many entries in the next places are to be asked whether they are dead: a few, or more while
    /// there are suspects.
    pub(super) fn inspections(&mut self) -> usize {
        let count = if self.suspects > 0 { INSPECTED_OF_SUSPECTS } else { INSPECTED_PER_PUT };
        self.suspects = self.suspects.saturating_sub(count);
        count.min(self.places.len())
    }

    /// Another entry has been put. Whether the cache is to be synced now.
    pub(super) const fn count_unsynced(&mut self, bytes: u64) -> bool {
        self.unsynced_puts += 1;
        self.unsynced_bytes = self.unsynced_bytes.saturating_add(bytes);
        self.unsynced_puts >= MAX_UNSYNCED_PUTS || self.unsynced_bytes >= MAX_UNSYNCED_BYTES
    }

    /// How many bytes the cache does not count yet, at most.
    pub(super) const fn unsynced_bytes(&self) -> u64 {
        self.unsynced_bytes
    }

    /// The cache has been synced.
    pub(super) const fn forget_unsynced(&mut self) {
        (self.unsynced_puts, self.unsynced_bytes) = (0, 0);
    }

    /// The entry in the next place, in turn.
    pub(super) fn next(&mut self) -> Option<Arc<Slot>> {
        let place = if (self.next as usize) < self.places.len() { self.next } else { 0 };
        self.next = place + 1;
        self.slot(place)
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> Counts {
        let (ends, members) = (self.ends.len(), self.members.len());
        Counts { entries: self.iter().count(), ends, members }
    }
}

/// How much an index has of each.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) entries: usize,
    pub(super) ends: usize,
    pub(super) members: usize,
}

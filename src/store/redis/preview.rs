//! How many responses a purge would take, without purging. It goes the way of a
//! [removal](super::removal), reads of each value whether it is a response, and removes nothing.
//!
//! What an earlier purge has named and not removed yet is counted too.

use std::{collections::HashSet, time::Duration};

use redis::Value;

use super::{
    client::reply, index::Member, listing::MAX_TIME, names::Named, reach::Reach, store::RedisStore,
};
use crate::{
    clock::Stopwatch,
    purge::{Purge, Target},
    store::{codec, error::StoreError, listing::Count},
};

/// How many values are looked at at once.
const AT_ONCE: usize = 256;
/// How many indexes are read at once.
const INDEXES: usize = 64;
/// How many are counted at most: their digests are remembered, so that none counts twice.
const MAX_COUNTED: usize = 1 << 18;

/// A count that is under way.
struct Counting<'a> {
    store: &'a RedisStore,
    begun: Stopwatch,
    within: Duration,
    seen: HashSet<[u8; 16]>,
    /// Seen, and not looked at yet.
    found: Vec<[u8; 16]>,
    responses: u64,
}

impl RedisStore {
    /// How many responses any of these purges would take.
    pub(in crate::store) async fn count(&self, purges: &[Purge]) -> Result<Count, StoreError> {
        self.count_within(MAX_TIME, purges).await
    }

    /// [`count`](Self::count), for as long as this.
    pub(super) async fn count_within(
        &self,
        within: Duration,
        purges: &[Purge],
    ) -> Result<Count, StoreError> {
        self.check()?;
        let mut counting = Counting {
            store: self,
            begun: Stopwatch::start(),
            within,
            seen: HashSet::new(),
            found: Vec::new(),
            responses: 0,
        };
        let mut at_least = false;
        for purge in purges {
            at_least |= !counting.run(purge).await?;
        }
        self.client.check_answer()?;
        Ok(Count { responses: counting.responses, at_least })
    }
}

impl Counting<'_> {
    /// Whether all was counted that the purge would take.
    async fn run(&mut self, purge: &Purge) -> Result<bool, StoreError> {
        let is_soft = purge.stale_since().is_some();
        let mut reach = Reach::of(&self.store.names, purge.target());
        // each value of everything is found by its own name
        let has_indexes = *purge.target() != Target::All;
        if let Target::Entry(key) = purge.target() {
            self.find(self.store.names.digest(key));
        }
        loop {
            if self.begun.elapsed() >= self.within || self.seen.len() >= MAX_COUNTED {
                return Ok(false);
            }
            // few at a time only where no more are looked for
            let is_scanning = !reach.scans.is_empty();
            let are_enough = |count, most| count >= if is_scanning { most } else { 1 };
            if are_enough(reach.indexes.len(), INDEXES) {
                self.read_indexes(&mut reach).await?;
            } else if are_enough(self.found.len(), AT_ONCE) {
                self.look(is_soft).await?;
            } else if is_scanning {
                self.scan(&mut reach, has_indexes).await?;
            } else {
                return Ok(true);
            }
        }
    }

    fn find(&mut self, digest: [u8; 16]) {
        if self.seen.insert(digest) {
            self.found.push(digest);
        }
    }

    /// Looks for more names.
    async fn scan(&mut self, reach: &mut Reach, has_indexes: bool) -> Result<(), StoreError> {
        let Some(scan) = reach.scans.front_mut() else { return Ok(()) };
        let found = scan.step(&self.store.client).await?;
        if scan.is_done() {
            reach.scans.pop_front();
        }
        for name in found {
            match self.store.names.named(&name) {
                Some(Named::Index) if has_indexes => {
                    reach.indexes.push_back((name, super::index::Page::first()));
                }
                Some(Named::Live) => {
                    if let Some(digest) = self.store.names.digest_of_live(&name) {
                        self.find(digest);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads a page of some indexes.
    async fn read_indexes(&mut self, reach: &mut Reach) -> Result<(), StoreError> {
        let count = reach.indexes.len().min(INDEXES);
        let pages: Vec<_> = reach.indexes.drain(..count).collect();
        let reads = pages.iter().map(|(index, page)| page.read(index)).collect();
        let replies = self.store.client.send_in_background(reads).await?;
        for ((index, page), reply) in pages.into_iter().zip(replies) {
            // what is no sorted set is not an index of ours, whatever its name
            let is_index = !matches!(reply, Value::ServerError(_));
            let items = if is_index { reply::scored(reply)? } else { vec![] };
            if let Some(next) = page.next(&items) {
                reach.indexes.push_front((index, next));
            }
            let members = items.iter().filter_map(|[member, _]| Member::from_bytes(member));
            for member in members.filter(|member| member.is_response && reach.filter.takes(member))
            {
                self.find(member.digest);
            }
        }
        Ok(())
    }

    /// Counts those that are there.
    async fn look(&mut self, is_soft: bool) -> Result<(), StoreError> {
        let some = self.found.drain(..self.found.len().min(AT_ONCE));
        let reads = some.map(|digest| {
            let mut read = redis::cmd("GETRANGE");
            read.arg(self.store.names.live(&digest)).arg(0).arg(codec::HEADER - 1);
            read
        });
        let reads = reads.collect();
        for reply in self.store.client.send_in_background(reads).await? {
            let Value::BulkString(begin) = reply else { continue };
            let goes = match codec::kind_of(&begin) {
                Some((is_response, is_fresh)) => is_response && (is_fresh || !is_soft),
                None => false,
            };
            self.responses += u64::from(goes);
        }
        Ok(())
    }
}

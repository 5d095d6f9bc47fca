//! Removing the entries that a purge named, after its fence was written. Correctness does not depend on
//! it: entries that are still there are not served. So it goes in steps that take the server milliseconds
//! each, and can stop after any of them and go on later.
//!
//! It walks indexes and deletes values, or makes them stale for a soft purge. Only a purge of a prefix or
//! of everything scans for names, and only for those of this prefix. Entries whose fill began after the
//! purge stay.
//!
//! Of each entry the staged value is deleted before the live one: in the other order it could be
//! published in between.

use std::collections::VecDeque;

use redis::{Cmd, Value};

use super::take::{ENTRIES, Take, count};
use crate::{
    purge::{Purge, PurgeNumber, Target},
    store::{
        codec,
        error::StoreError,
        redis::{
            client::{
                RedisClient,
                reply::{self, Scored},
            },
            index::{self, Filter, Member, Page},
            invalidation::{logical_clock, tags},
            names::{Named, Names},
            reach::{Pair, Reach},
            scan::Scan,
        },
    },
};

/// How many indexes are walked at once.
const INDEXES: usize = 256;
/// How many members are removed by one run of a script.
const MEMBERS_PER_RUN: usize = 128;
/// How many of these runs wait at most.
const MAX_RUNS: usize = 64;

/// What remains to be removed for a purge.
pub(in crate::store::redis) struct Removal {
    target: Target,
    take: Take,
    filter: Filter,
    scans: VecDeque<Scan>,
    indexes: VecDeque<(Vec<u8>, Page)>,
    entries: Vec<Pair>,
    /// Members that are to be removed from their indexes. Last, so that what fails on the way is
    /// done again.
    unlist: Vec<Cmd>,
    is_done: bool,
    /// How many responses were deleted or made stale.
    pub(in crate::store::redis) gone: u64,
}

impl Removal {
    /// Of what `purge` named, which has this number.
    pub(in crate::store::redis) fn new(names: &Names, purge: &Purge, number: PurgeNumber) -> Self {
        let Reach { scans, indexes, entries, filter } = Reach::of(names, purge.target());
        Self {
            target: purge.target().clone(),
            take: Take { number, soft_since: purge.stale_since().map(codec::stale_since_bytes) },
            filter,
            scans,
            indexes,
            entries,
            unlist: Vec::new(),
            is_done: false,
            gone: 0,
        }
    }

    /// What its fence stands under.
    pub(in crate::store::redis) fn tag(&self) -> tags::Tag {
        tags::tag_of(&self.target)
    }

    /// Whether everything has been counted that goes.
    pub(in crate::store::redis) fn is_counted(&self) -> bool {
        self.scans.is_empty() && self.indexes.is_empty() && self.entries.is_empty()
    }

    /// Whether nothing is left to do.
    pub(in crate::store::redis) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// Does the next part of it, in a few exchanges. What fails may be tried again.
    pub(in crate::store::redis) async fn step(
        &mut self,
        client: &RedisClient,
        names: &Names,
    ) -> Result<(), StoreError> {
        let is_scanning = !self.scans.is_empty();
        if self.unlist.len() >= MAX_RUNS {
            self.unlist(client).await
        } else if self.indexes.len() >= if is_scanning { INDEXES } else { 1 } {
            self.take_listed(client, names).await
        } else if self.entries.len() >= if is_scanning { ENTRIES } else { 1 } {
            self.take_found(client).await
        } else if is_scanning {
            self.scan(client, names).await
        } else {
            self.end(client, names).await
        }
    }

    /// Looks for more names.
    async fn scan(&mut self, client: &RedisClient, names: &Names) -> Result<(), StoreError> {
        let Some(scan) = self.scans.front_mut() else { return Ok(()) };
        let found = scan.step(client).await?;
        if scan.is_done() {
            self.scans.pop_front();
        }
        for name in found {
            match names.named(&name) {
                Some(Named::Index) => self.indexes.push_back((name, Page::first())),
                Some(_) => self.entries.extend(names.pair(&name)),
                // what is not ours stays
                None => {}
            }
        }
        Ok(())
    }

    /// Takes entries by their names.
    async fn take_found(&mut self, client: &RedisClient) -> Result<(), StoreError> {
        let some = self.entries.get(..ENTRIES).unwrap_or(&self.entries).to_vec();
        let taken = self.take.entries(client, &some).await?;
        self.gone += count(&taken);
        self.entries.drain(..some.len());
        Ok(())
    }

    /// Takes the entries that are listed on the next pages of some indexes.
    async fn take_listed(&mut self, client: &RedisClient, names: &Names) -> Result<(), StoreError> {
        let pages: Vec<_> = self.indexes.iter().take(INDEXES).cloned().collect();
        let reads = pages.iter().map(|(index, page)| page.read(index)).collect();
        let replies = client.send_in_background(reads).await?;
        let (mut next, mut listed) = (Vec::new(), Vec::new());
        let count_of_pages = pages.len();
        for ((index, page), reply) in pages.into_iter().zip(replies) {
            // what is no sorted set is not an index of ours, whatever its name
            let is_index = !matches!(reply, Value::ServerError(_));
            let items = if is_index { reply::scored(reply)? } else { vec![] };
            if let Some(page) = page.next(&items) {
                next.push((index.clone(), page));
            }
            listed.extend(items.into_iter().map(|item| (index.clone(), item)));
        }
        let unlist = self.listed(client, names, listed).await?;
        self.unlist.extend(unlist);
        self.indexes.drain(..count_of_pages);
        // one index after the other, so that few are open at a time
        next.into_iter().rev().for_each(|page| self.indexes.push_front(page));
        Ok(())
    }

    /// Takes the entries that these members of indexes stand for, as far as they are meant; returns
    /// what removes the members of those that are gone, and those that stand for none.
    async fn listed(
        &mut self,
        client: &RedisClient,
        names: &Names,
        listed: Vec<(Vec<u8>, Scored)>,
    ) -> Result<Vec<Cmd>, StoreError> {
        let (mut entries, mut others) = (Vec::new(), Vec::new());
        for (index, item) in listed {
            match Member::from_bytes(&item[0]) {
                Some(member) if self.filter.takes(&member) => {
                    let pair = [names.staged(&member.digest), names.live(&member.digest)];
                    entries.push((pair.map(String::into_bytes), index, item));
                }
                Some(_) => {}
                None => others.push((index, item)),
            }
        }
        let pairs: Vec<Pair> = entries.iter().map(|(pair, ..)| pair.clone()).collect();
        let taken = self.take.entries(client, &pairs).await?;
        self.gone += count(&taken);
        if self.take.soft_since.is_some() {
            return Ok(vec![]);
        }
        let gone = entries.into_iter().zip(taken).filter(|(_, taken)| !taken.stays);
        others.extend(gone.map(|((_, index, item), _)| (index, item)));
        let runs = others.chunk_by(|(one, _), (other, _)| one == other);
        let runs = runs.flat_map(|of_one| of_one.chunks(MEMBERS_PER_RUN));
        Ok(runs.filter_map(remove).collect())
    }

    async fn unlist(&mut self, client: &RedisClient) -> Result<(), StoreError> {
        client.send_in_background(self.unlist.clone()).await?;
        self.unlist.clear();
        Ok(())
    }

    async fn end(&mut self, client: &RedisClient, names: &Names) -> Result<(), StoreError> {
        let mut commands = self.unlist.clone();
        commands.push(logical_clock::done(names, &self.tag(), self.take.number));
        client.send_in_background(commands).await?;
        self.unlist.clear();
        self.is_done = true;
        Ok(())
    }
}

/// Removes these members, which are of one index.
fn remove(members: &[(Vec<u8>, Scored)]) -> Option<Cmd> {
    let (index, _) = members.first()?;
    let items: Vec<Vec<u8>> = members.iter().flat_map(|(_, item)| item.clone()).collect();
    Some(index::remove(index, &items))
}

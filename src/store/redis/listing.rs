//! Entries listed a page at a time, for people who look: the names of all nodes are scanned, and of each
//! entry the begin of its value is read.
//!
//! A page ends when it is full, and after a second however few it has; the next one goes on where it ended.
//! A name that comes or moves to another node meanwhile may be missed or come twice. Where the servers
//! change between two pages, their cursors mean nothing any more, and the next page begins anew.

use std::{str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;
use redis::{Cmd, Value};

use super::{
    client::reply::number,
    connect::Node,
    invalidation::{fence, logical_clock},
    scan,
    store::RedisStore,
};
use crate::{
    clock::Stopwatch,
    entry::Entry,
    purge_log::PurgeState,
    store::{
        codec::{self, Begin},
        error::{StoreError, StoreErrorKind},
        listing::{Listed, Listing, NO_PLACE},
    },
};

/// How long a page may take, beside one exchange. Also how long a count may.
pub(super) const MAX_TIME: Duration = Duration::from_secs(1);
/// How many values are read at once.
const READ_AT_ONCE: usize = 50;
/// How much of each is read at first: mostly all but the body.
const FIRST_READ: usize = 2048;

type Digest = [u8; 16];

/// Where a page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The number of a node among all.
    node: usize,
    /// Where to go on in it.
    cursor: u64,
    /// Of the names that are found there, those up to this one have been listed.
    after: Option<Digest>,
    /// What tells the servers from others.
    servers: u64,
}

impl RedisStore {
    /// Entries for which `takes` holds, from where an earlier page has ended.
    pub(in crate::store) async fn list(
        &self,
        from: Option<&str>,
        limit: usize,
        takes: impl Fn(&Entry) -> bool,
    ) -> Result<Listing, StoreError> {
        self.list_within(MAX_TIME, from, limit, takes).await
    }

    /// [`list`](Self::list), for as long as this.
    pub(super) async fn list_within(
        &self,
        within: Duration,
        from: Option<&str>,
        limit: usize,
        takes: impl Fn(&Entry) -> bool,
    ) -> Result<Listing, StoreError> {
        self.check()?;
        let nodes = self.client.nodes().await?;
        let mut place = self.resume(from, &nodes).await?;
        let mut page = Page { entries: Vec::new(), limit, begun: Stopwatch::start(), within };
        while let Some(node) = nodes.get(place.node) {
            if !self.step(node, &mut place, &mut page, &takes).await? {
                return self.end(page, place, &nodes).await;
            }
        }
        Ok(Listing { entries: page.entries, next: None })
    }

    /// Goes on with the names of a node. Whether the page has room and time for more.
    async fn step(
        &self,
        node: &Node,
        place: &mut Place,
        page: &mut Page,
        takes: &impl Fn(&Entry) -> bool,
    ) -> Result<bool, StoreError> {
        let pattern = self.names.all_live();
        let (next, found) = scan::page(&self.client, node, place.cursor, &pattern).await?;
        for some in self.digests(&found, place.after).chunks(READ_AT_ONCE) {
            let read = self.entries(some, takes, page).await?;
            place.after = page.take(read).or(place.after);
            if page.is_full() || page.is_late() {
                return Ok(false);
            }
        }
        place.after = None;
        (place.node, place.cursor) =
            if next == 0 { (place.node + 1, 0) } else { (place.node, next) };
        Ok(!page.is_late())
    }

    /// Where the page begins that follows on an earlier one.
    async fn resume(&self, from: Option<&str>, nodes: &[Node]) -> Result<Place, StoreError> {
        let Some(from) = from else { return Ok(Place::default()) };
        let place: Place = from.parse()?;
        let is_same = place.servers == self.servers(&place, nodes).await?;
        Ok(if is_same { place } else { Place::default() })
    }

    /// A page that has not come to the end of all entries.
    async fn end(
        &self,
        page: Page,
        mut place: Place,
        nodes: &[Node],
    ) -> Result<Listing, StoreError> {
        place.servers = self.servers(&place, nodes).await?;
        let next = (place.node < nodes.len()).then(|| place.to_string());
        Ok(Listing { entries: page.entries, next })
    }

    /// What tells the servers from others in which a place means something else.
    async fn servers(&self, place: &Place, nodes: &[Node]) -> Result<u64, StoreError> {
        let run = match nodes.get(place.node) {
            Some(node) if place.cursor != 0 => scan::run_of(&self.client, node).await?,
            _ => vec![],
        };
        Ok(Node::fingerprint(nodes, &run))
    }

    /// The digests of these names, those up to `after` left out, in their order.
    fn digests(&self, names: &[Vec<u8>], after: Option<Digest>) -> Vec<Digest> {
        let digests = names.iter().filter_map(|name| self.names.digest_of_live(name));
        let mut digests: Vec<_> = digests.filter(|digest| Some(*digest) > after).collect();
        digests.sort_unstable();
        digests.dedup();
        digests
    }

    /// The entries of these digests, as far as time allows.
    async fn entries(
        &self,
        digests: &[Digest],
        takes: &impl Fn(&Entry) -> bool,
        page: &Page,
    ) -> Result<Vec<(Digest, Option<Listed>)>, StoreError> {
        let before = self.invalidation().complete_up_to();
        let mut reads: Vec<_> =
            digests.iter().map(|digest| self.read_begin(digest, FIRST_READ)).collect();
        reads.push(logical_clock::read_now(&self.names));
        let mut replies = self.client.send_in_background(reads).await?;
        self.client.check_answer()?;
        // without a clock it is not known what was purged
        let Some(now) = replies.pop().as_ref().and_then(number) else {
            return Ok(digests.iter().map(|digest| (*digest, None)).collect());
        };
        let mut read = Vec::with_capacity(digests.len());
        for (digest, reply) in digests.iter().zip(replies) {
            let listed = match self.decoded(digest, reply).await? {
                Some(listed) if takes(&listed.entry) => self.alive(listed, before, now).await?,
                _ => None,
            };
            read.push((*digest, listed));
            if page.is_late() {
                break;
            }
        }
        Ok(read)
    }

    fn read_begin(&self, digest: &Digest, length: usize) -> Cmd {
        let mut read = redis::cmd("GETRANGE");
        read.arg(self.names.live(digest)).arg(0).arg(length - 1);
        read
    }

    /// The entry in a reply; the rest of what it needs is asked for.
    async fn decoded(&self, digest: &Digest, reply: Value) -> Result<Option<Listed>, StoreError> {
        let mut begin = begin(reply);
        if let Ok(Begin::Longer(length)) = codec::decode_begin(&begin) {
            let replies = self.client.send_in_background(vec![self.read_begin(digest, length)]);
            begin = self::begin(replies.await?.pop().unwrap_or_default());
        }
        // what has gone meanwhile or cannot be read is not listed, as it is not served
        let Ok(Begin::Entry { entry, length, body_length }) = codec::decode_begin(&begin) else {
            return Ok(None);
        };
        let bytes = body_length + length as u64;
        let listed = Listed { entry: Arc::from(entry), body_bytes: body_length, bytes };
        Ok(Some(listed).filter(|listed| self.names.digest(&listed.entry.key) == *digest))
    }

    /// The entry as it would be served, unless it was purged or is gone.
    async fn alive(
        &self,
        listed: Listed,
        before: u64,
        now: u64,
    ) -> Result<Option<Listed>, StoreError> {
        let mut entry = Arc::unwrap_or_clone(listed.entry);
        if !self.note_receipt(&mut entry) {
            match Box::pin(self.with_receipt_by_expiry(entry)).await? {
                Some(received) => entry = received,
                None => return Ok(None),
            }
        }
        let state = match self.invalidation.state_of_read(&entry, before, now) {
            PurgeState::Unknown => fence::recheck(&self.client, &self.names, &entry).await?.0,
            state => state,
        };
        let entry = match state {
            PurgeState::Valid => entry,
            PurgeState::StaleSince(then) => entry.stale_since(then),
            PurgeState::Purged | PurgeState::Unknown => return Ok(None),
        };
        Ok(Some(Listed { entry: Arc::new(entry), ..listed }))
    }
}

/// The page that is being filled.
struct Page {
    entries: Vec<Listed>,
    limit: usize,
    begun: Stopwatch,
    within: Duration,
}

impl Page {
    /// Takes what fits, and says up to where that is.
    fn take(&mut self, read: Vec<(Digest, Option<Listed>)>) -> Option<Digest> {
        let mut after = None;
        for (digest, listed) in read {
            if self.is_full() {
                break;
            }
            self.entries.extend(listed);
            after = Some(digest);
        }
        after
    }

    fn is_late(&self) -> bool {
        self.begun.elapsed() >= self.within
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= self.limit
    }
}

fn begin(reply: Value) -> Bytes {
    match reply {
        Value::BulkString(bytes) => bytes.into(),
        _ => Bytes::new(),
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { node, cursor, after, servers } = self;
        write!(f, "{node}-{cursor}-{servers:x}")?;
        match after {
            Some(digest) => write!(f, "-{:x}", u128::from_be_bytes(*digest)),
            None => Ok(()),
        }
    }
}

impl FromStr for Place {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let read = || {
            let mut parts = text.splitn(4, '-');
            let (node, cursor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let servers = u64::from_str_radix(parts.next()?, 16).ok()?;
            let after = match parts.next() {
                Some(digest) => Some(u128::from_str_radix(digest, 16).ok()?.to_be_bytes()),
                None => None,
            };
            Some(Self { node, cursor, after, servers })
        };
        read().ok_or_else(|| StoreError::with_source(StoreErrorKind::NoTarget, NO_PLACE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back_and_nothing_else_is() {
        for after in [None, Some([0xab; 16]), Some([0; 16])] {
            let place = Place { node: 2, cursor: u64::MAX, after, servers: 0xf0 };
            assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        }
        for text in ["", "1", "1-2", "a-2-3", "1-2-3-", "1-2-3-4-5", "1-2-3-xyz", "-1-2-3"] {
            let error = text.parse::<Place>().unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::NoTarget, "{text}");
        }
    }
}

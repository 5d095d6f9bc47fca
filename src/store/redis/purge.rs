//! Hard purges. Indexes are walked and values deleted in batches, each a matter of milliseconds to
//! the server; only a purge of a prefix or of all scans for names, and only for ours.
//!
//! Whatever is deleted, the value that waits to be published goes before the one that is live: the
//! other way round it could be published in between.

use redis::{Cmd, Value};

use super::{
    index::{self, Filter, Member},
    link::{Link, page, sum},
    names::{Named, Names},
};
use crate::{
    key::CacheKey,
    purge::Purge,
    store::{StoreError, codec},
};

/// How many names one step of a scan looks at.
const SCAN: usize = 1000;
/// How many members one step of a walk reads of an index.
const WALK: usize = 256;
/// So many indexes are walked at once.
const INDEXES: usize = 64;
/// So many entries are deleted at once.
const ENTRIES: usize = 512;
/// So many members are removed by one run of a script.
const MEMBERS: usize = 128;

/// Deletes what `target` names, as far as it was indexed before its fence was raised, and says how
/// many responses that were.
pub(super) async fn delete(link: &Link, names: &Names, target: &Purge) -> Result<u64, StoreError> {
    let all = Filter::default();
    let walk = Walk { link, names };
    match target {
        Purge::Entry(key) => walk.delete_entry(key).await,
        Purge::Path(path) => walk.indexes(vec![names.path(path).into_bytes()], all).await,
        Purge::Group(group) => walk.indexes(vec![names.group(group).into_bytes()], all).await,
        Purge::Url { host, path, query } => {
            let url = Filter::url(host.as_deref(), query);
            walk.indexes(vec![names.path(path).into_bytes()], url).await
        }
        Purge::Prefix(prefix) => {
            let prefix = prefix.trim_end_matches('/');
            let mut gone = walk.indexes(vec![names.path(prefix).into_bytes()], all).await?;
            for pattern in names.paths_below(prefix) {
                gone += walk.scan(&pattern).await?;
            }
            Ok(gone)
        }
        Purge::All => walk.scan(&names.everything()).await,
    }
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    link: &'a Link,
    names: &'a Names,
}

impl Walk<'_> {
    async fn delete_entry(self, key: &CacheKey) -> Result<u64, StoreError> {
        self.delete_named(vec![self.names.live(&key.digest()).into_bytes()]).await
    }

    /// Deletes everything whose name is ours and matches `pattern`.
    async fn scan(self, pattern: &str) -> Result<u64, StoreError> {
        let (mut cursor, mut gone) = (0, 0);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN);
            let reply = self.link.ask(vec![scan]).await?.pop().unwrap_or_default();
            let (next, found) = page(reply)?;
            let is_index = |name: &Vec<u8>| self.names.named(name) == Some(Named::Index);
            let (indexes, values): (Vec<_>, Vec<_>) = found.into_iter().partition(is_index);
            // first by index, which finds what is being published while the scan looks elsewhere
            gone += self.indexes(indexes, Filter::default()).await?;
            gone += self.delete_named(values).await?;
            if next == 0 {
                return Ok(gone);
            }
            cursor = next;
        }
    }

    /// Deletes values by name; what is not a value of ours stays.
    async fn delete_named(self, values: Vec<Vec<u8>>) -> Result<u64, StoreError> {
        let commands = values.iter().filter_map(|name| self.deletion(name)).flatten().collect();
        let replies = self.link.ask_in_turns(commands, 3 * ENTRIES).await?;
        let (replies, _) = replies.as_chunks::<3>();
        let is_response = |flags: &Value| *flags != Value::BulkString(vec![codec::VARIES]);
        sum(replies.iter().filter(|[flags, ..]| is_response(flags)).map(|[.., live]| live))
    }

    fn deletion(self, name: &[u8]) -> Option<[Cmd; 3]> {
        self.names.named(name).filter(|named| *named != Named::Index)?;
        let [waiting, live] = self.names.pair(name)?;
        let mut flags = redis::cmd("GETRANGE");
        flags.arg(&live).arg(codec::FLAGS_AT).arg(codec::FLAGS_AT);
        Some([flags, unlink(&waiting), unlink(&live)])
    }

    /// Deletes the entries that `filter` takes from these indexes, and removes them from there.
    async fn indexes(self, indexes: Vec<Vec<u8>>, filter: Filter) -> Result<u64, StoreError> {
        let mut gone = 0;
        let mut rest: Vec<(Vec<u8>, u64)> = indexes.into_iter().map(|index| (index, 0)).collect();
        while !rest.is_empty() {
            let step: Vec<_> = rest.split_off(rest.len().saturating_sub(INDEXES));
            let mut found = Vec::with_capacity(step.len());
            for ((index, _), reply) in step.iter().zip(self.link.ask(step_of_walk(&step)).await?) {
                // what is no sorted set is not an index of ours, whatever its name
                let (next, items) = if is_wrong_type(&reply) { (0, vec![]) } else { page(reply)? };
                found.push((index.clone(), taken(&items, filter)));
                if next != 0 {
                    rest.push((index.clone(), next));
                }
            }
            gone += self.delete_members(&found).await?;
        }
        Ok(gone)
    }

    async fn delete_members(self, found: &[(Vec<u8>, Vec<Vec<u8>>)]) -> Result<u64, StoreError> {
        let items = found.iter().flat_map(|(_, items)| items.iter().step_by(2));
        let members: Vec<Member> = items.filter_map(|item| Member::from_bytes(item)).collect();
        let values = members.iter().flat_map(|Member { digest, .. }| {
            [self.names.waiting(digest), self.names.live(digest)]
        });
        let commands = values.map(|name| unlink(name.as_bytes())).collect();
        let replies = self.link.ask_in_turns(commands, 2 * ENTRIES).await?;
        let (replies, _) = replies.as_chunks::<2>();
        let counted = members.iter().zip(replies).filter(|(member, _)| member.is_response);
        let gone = sum(counted.map(|(_, [_, live])| live))?;
        // last, so that a purge that fails on the way can be done again
        let removals = found.iter().flat_map(|(index, items)| {
            items.chunks(2 * MEMBERS).map(|some| index::remove(index, some))
        });
        let removals = removals.collect();
        self.link.ask_in_turns(removals, INDEXES).await?;
        Ok(gone)
    }
}

fn step_of_walk(indexes: &[(Vec<u8>, u64)]) -> Vec<Cmd> {
    let step = |(index, cursor): &(Vec<u8>, u64)| {
        let mut step = redis::cmd("ZSCAN");
        step.arg(index).arg(*cursor).arg("COUNT").arg(WALK);
        step
    };
    indexes.iter().map(step).collect()
}

/// Of members each followed by its score, those that `filter` takes, and those that are none.
fn taken(items: &[Vec<u8>], filter: Filter) -> Vec<Vec<u8>> {
    let takes = |item: &[u8]| Member::from_bytes(item).is_none_or(|member| filter.takes(&member));
    let (pairs, _) = items.as_chunks::<2>();
    pairs.iter().filter(|[item, _]| takes(item)).flatten().cloned().collect()
}

fn unlink(name: &[u8]) -> Cmd {
    let mut unlink = redis::cmd("UNLINK");
    unlink.arg(name);
    unlink
}

fn is_wrong_type(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(_))
}

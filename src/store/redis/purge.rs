//! Hard purges. Indexes are walked and values deleted in batches, each a matter of milliseconds to
//! the server; only a purge of a prefix or of all scans for names, and only for ours.
//!
//! Whatever is deleted, the value that waits to be published goes before the one that is live: the
//! other way round it could be published in between.

use redis::{Cmd, Value};

use super::{
    connect::Node,
    index::{self, Filter, Member, Page, Scored},
    link::{self, Link, sum},
    names::{Named, Names},
};
use crate::{
    key::CacheKey,
    purge::Purge,
    store::{StoreError, codec},
};

/// How many names one step of a scan looks at.
const SCAN: usize = 1000;
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
    ///
    /// A key that moves between nodes meanwhile can be on each when the other is looked at. It
    /// does not move twice in that time: a second look finds it.
    async fn scan(self, pattern: &str) -> Result<u64, StoreError> {
        let before = self.link.nodes().await?;
        let mut gone = self.scan_nodes(&before, pattern).await?;
        let after = self.link.nodes().await?;
        if Node::may_have_moved_keys(&before, &after) {
            gone += self.scan_nodes(&after, pattern).await?;
        }
        Ok(gone)
    }

    async fn scan_nodes(self, nodes: &[Node], pattern: &str) -> Result<u64, StoreError> {
        let mut gone = 0;
        for node in nodes {
            gone += self.scan_node(node, pattern).await?;
        }
        Ok(gone)
    }

    async fn scan_node(self, node: &Node, pattern: &str) -> Result<u64, StoreError> {
        let (mut cursor, mut gone) = (0, 0);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN);
            let (next, found) = link::page(self.link.ask_node(node, scan).await?)?;
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
        let is_value =
            |name: &&Vec<u8>| !matches!(self.names.named(name), None | Some(Named::Index));
        let pairs = values.iter().filter(is_value).filter_map(|name| self.names.pair(name));
        let pairs: Vec<[Vec<u8>; 2]> = pairs.collect();
        let mut gone = 0;
        for some in pairs.chunks(ENTRIES) {
            let flags = some.iter().map(|[_, live]| {
                let mut flags = redis::cmd("GETRANGE");
                flags.arg(live).arg(codec::FLAGS_AT).arg(codec::FLAGS_AT);
                flags
            });
            let [waiting, live] = unlinks(some);
            let stages = [flags.collect(), waiting, live];
            let replies = self.link.ask_in_stages(stages).await?;
            let is_response = |flags: &Value| *flags != Value::BulkString(vec![codec::VARIES]);
            let deleted = replies.iter().zip(replies.iter().skip(2 * some.len()));
            gone += sum(deleted.filter(|(flags, _)| is_response(flags)).map(|(_, live)| live))?;
        }
        Ok(gone)
    }

    /// Deletes the entries that `filter` takes from these indexes, and removes them from there.
    async fn indexes(self, indexes: Vec<Vec<u8>>, filter: Filter) -> Result<u64, StoreError> {
        let mut gone = 0;
        let mut rest: Vec<(Vec<u8>, Page)> =
            indexes.into_iter().map(|index| (index, Page::first())).collect();
        while !rest.is_empty() {
            let step: Vec<_> = rest.split_off(rest.len().saturating_sub(INDEXES));
            let reads = step.iter().map(|(index, page)| page.read(index)).collect();
            let mut found = Vec::with_capacity(step.len());
            for ((index, page), reply) in step.into_iter().zip(self.link.ask(reads).await?) {
                // what is no sorted set is not an index of ours, whatever its name
                let items = if is_wrong_type(&reply) { vec![] } else { link::scored(reply)? };
                if let Some(next) = page.next(&items) {
                    rest.push((index.clone(), next));
                }
                found.push((index, taken(items, filter)));
            }
            gone += self.delete_members(&found).await?;
        }
        Ok(gone)
    }

    async fn delete_members(self, found: &[(Vec<u8>, Vec<Scored>)]) -> Result<u64, StoreError> {
        let items = found.iter().flat_map(|(_, items)| items);
        let members: Vec<Member> = items.filter_map(|[item, _]| Member::from_bytes(item)).collect();
        let mut gone = 0;
        for some in members.chunks(ENTRIES) {
            let pairs = some.iter().map(|Member { digest, .. }| {
                [self.names.waiting(digest), self.names.live(digest)].map(String::into_bytes)
            });
            let stages = unlinks(&pairs.collect::<Vec<_>>());
            let replies = self.link.ask_in_stages(stages).await?;
            let deleted = some.iter().zip(replies.iter().skip(some.len()));
            gone += sum(deleted.filter(|(member, _)| member.is_response).map(|(_, live)| live))?;
        }
        // last, so that a purge that fails on the way can be done again
        let removals = found.iter().flat_map(|(index, items)| {
            items.chunks(MEMBERS).map(|some| index::remove(index, some.as_flattened()))
        });
        let removals = removals.collect();
        self.link.ask_in_turns(removals, INDEXES).await?;
        Ok(gone)
    }
}

/// Of members each with its score, those that `filter` takes, and those that are none.
fn taken(items: Vec<Scored>, filter: Filter) -> Vec<Scored> {
    let takes = |item: &[u8]| Member::from_bytes(item).is_none_or(|member| filter.takes(&member));
    items.into_iter().filter(|[item, _]| takes(item)).collect()
}

/// Deletes entries by both of their names, the one that waits first.
fn unlinks(pairs: &[[Vec<u8>; 2]]) -> [Vec<Cmd>; 2] {
    let waiting = pairs.iter().map(|[waiting, _]| unlink(waiting)).collect();
    [waiting, pairs.iter().map(|[_, live]| unlink(live)).collect()]
}

fn unlink(name: &[u8]) -> Cmd {
    let mut unlink = redis::cmd("UNLINK");
    unlink.arg(name);
    unlink
}

fn is_wrong_type(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(_))
}

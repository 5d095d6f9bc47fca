//! Carrying purges out. Indexes are walked and values deleted, or by a soft purge marked, in
//! batches, each a matter of milliseconds to the server; only a purge of a prefix or of all scans
//! for names, and only for ours.
//!
//! Whatever is deleted or marked, the value that waits to be published comes before the one that is
//! live: the other way round it could be published in between.

use redis::{Cmd, Value};

use super::{
    connect::Node,
    fence,
    index::{self, Filter, Member, Page, Scored},
    known::Known,
    link::{self, Link, sum},
    names::{Named, Names},
};
use crate::{
    key::CacheKey,
    purge::{Mark, Purge, Target},
    store::{StoreError, StoreErrorKind, codec},
};

/// How many names one step of a scan looks at.
const SCAN: usize = 1000;
/// So many indexes are walked at once.
const INDEXES: usize = 64;
/// So many entries are deleted at once.
const ENTRIES: usize = 512;
/// So many members are removed by one run of a script.
const MEMBERS: usize = 128;

/// Keys: waiting, live. Arguments: magic, the mark of a soft purge, its number. Whether the live
/// value is a response that has not been marked before.
///
/// Only what was begun before the purge is marked; lifetimes stay.
const MARK: &str = r"
local marked = 0
for i = 1, 2 do
  local head = redis.pcall('GETRANGE', KEYS[i], 0, 32)
  if type(head) == 'string' and #head == 33 and head:sub(1, 4) == ARGV[1]
    and head:sub(5, 12) == ('\0'):rep(8) and head:byte(21) == 0
    and struct.unpack('>I8', head, 26) < tonumber(ARGV[3]) then
    redis.call('SETRANGE', KEYS[i], 4, ARGV[2])
    marked = i - 1
  end
end
return marked
";

/// Raises the fence of `purge` and carries it out; says how many responses it took. It is `known`
/// here from the begin on.
pub(super) async fn run(
    link: &Link,
    names: &Names,
    known: &Known,
    purge: &Purge,
) -> Result<u64, StoreError> {
    known.begun(purge);
    let number = match fence::raise(link, names, purge).await {
        Err(error) if error.kind() == StoreErrorKind::Refused && purge.stale_since().is_none() => {
            // a server that is full has no room for a fence; what is deleted makes some
            carry_out(link, names, purge, Mark::default()).await?;
            fence::raise(link, names, purge).await?
        }
        number => number?,
    };
    known.stamp(purge, number);
    carry_out(link, names, purge, number).await
}

/// Deletes or marks what `purge` names, as far as it was indexed before its fence was raised under
/// this `number`, and says how many responses that were.
pub(super) async fn carry_out(
    link: &Link,
    names: &Names,
    purge: &Purge,
    number: Mark,
) -> Result<u64, StoreError> {
    let all = Filter::default();
    let soft = purge.stale_since().map(|then| (codec::mark_of(then), number));
    let walk = Walk { link, names, soft };
    match purge.target() {
        Target::Entry(key) => walk.entry(key).await,
        Target::Path(path) => walk.indexes(vec![names.path(path).into_bytes()], all).await,
        Target::Group(group) => walk.indexes(vec![names.group(group).into_bytes()], all).await,
        Target::Url { host, path, query } => {
            let url = Filter::url(host.as_deref(), query);
            walk.indexes(vec![names.path(path).into_bytes()], url).await
        }
        Target::AnyQuery { host, path } => {
            let any = Filter::any_query(host.as_deref());
            walk.indexes(vec![names.path(path).into_bytes()], any).await
        }
        Target::Prefix(prefix) => {
            let prefix = prefix.trim_end_matches('/');
            let mut gone = walk.indexes(vec![names.path(prefix).into_bytes()], all).await?;
            for pattern in names.paths_below(prefix) {
                gone += walk.scan(&pattern).await?;
            }
            Ok(gone)
        }
        Target::All => walk.scan(&names.everything()).await,
    }
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    link: &'a Link,
    names: &'a Names,
    /// What a soft purge writes, and its number.
    soft: Option<([u8; 8], Mark)>,
}

impl Walk<'_> {
    async fn entry(self, key: &CacheKey) -> Result<u64, StoreError> {
        self.named(vec![self.names.live(&key.digest()).into_bytes()]).await
    }

    /// Takes everything whose name is ours and matches `pattern`.
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
            gone += self.named(values).await?;
            if next == 0 {
                return Ok(gone);
            }
            cursor = next;
        }
    }

    /// Deletes or marks values by name; what is not a value of ours stays.
    async fn named(self, values: Vec<Vec<u8>>) -> Result<u64, StoreError> {
        let is_value =
            |name: &&Vec<u8>| !matches!(self.names.named(name), None | Some(Named::Index));
        let pairs = values.iter().filter(is_value).filter_map(|name| self.names.pair(name));
        let pairs: Vec<[Vec<u8>; 2]> = pairs.collect();
        if let Some(soft) = self.soft {
            return self.mark(&pairs, soft).await;
        }
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

    async fn mark(
        self,
        pairs: &[[Vec<u8>; 2]],
        (mark, number): ([u8; 8], Mark),
    ) -> Result<u64, StoreError> {
        let commands = pairs.iter().map(|pair| {
            let mut command = redis::cmd("EVAL");
            command.arg(MARK).arg(pair.len()).arg(pair);
            command.arg(&codec::MAGIC).arg(&mark).arg(number.number());
            command
        });
        sum(&self.link.ask_in_turns(commands.collect(), ENTRIES).await?)
    }

    /// Deletes the entries that `filter` takes from these indexes, and removes them from there; or
    /// marks them, and leaves them there.
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
            gone += self.members(&found).await?;
        }
        Ok(gone)
    }

    async fn members(self, found: &[(Vec<u8>, Vec<Scored>)]) -> Result<u64, StoreError> {
        let items = found.iter().flat_map(|(_, items)| items);
        let members: Vec<Member> = items.filter_map(|[item, _]| Member::from_bytes(item)).collect();
        let pair = |Member { digest, .. }: &Member| {
            [self.names.waiting(digest), self.names.live(digest)].map(String::into_bytes)
        };
        if let Some(soft) = self.soft {
            return self.mark(&members.iter().map(pair).collect::<Vec<_>>(), soft).await;
        }
        let mut gone = 0;
        for some in members.chunks(ENTRIES) {
            let stages = unlinks(&some.iter().map(pair).collect::<Vec<_>>());
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

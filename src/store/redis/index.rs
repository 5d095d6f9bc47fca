//! Indexes from a path or a group to entries: sorted sets of members scored by expiry, on the
//! server's clock. A member can be removed only by who read its score, so that an entry which is
//! stored again meanwhile keeps its place.

use redis::Cmd;

use super::{
    client::{reply::Scored, script},
    names::Names,
};
use crate::{
    entry::{Entry, Kind},
    key::{self, CacheKey, host, query},
};

/// Servers' clocks may differ by so much after a failover: members and indexes are kept longer.
const MARGIN_MS: u64 = 60_000;
/// So many expired members at most go with one addition; as each addition adds but one, no index
/// grows.
const TRIM: usize = 64;

/// Keys: index. Arguments: lifetime, margin, trim, member, the same entry as another kind.
///
/// The score only grows, as the value before this one may yet be read for its longer lifetime; and
/// it is another one than before, whatever the clock says, for [`REMOVE`]. `PEXPIRE GT` would need
/// Redis 7.
const ADD: &str = r"
local index, lifetime, margin = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local score = now + lifetime
for i = 4, 5 do
  local before = tonumber(redis.call('ZSCORE', index, ARGV[i]) or 0)
  if before >= score then score = before + 0.25 end
end
redis.call('ZADD', index, string.format('%.17g', score), ARGV[4])
redis.call('ZREM', index, ARGV[5])
local past = string.format('%.17g', now - margin)
local expired = redis.call('ZRANGEBYSCORE', index, '-inf', past, 'LIMIT', 0, ARGV[3])
if #expired > 0 then redis.call('ZREM', index, unpack(expired)) end
if redis.call('PTTL', index) < lifetime + margin then
  redis.call('PEXPIRE', index, string.format('%.0f', lifetime + margin))
end
return 1
";

/// Keys: index. Arguments: members, each followed by its score. Removes those that still have it.
const REMOVE: &str = r"
for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return 1
";

/// What an index says about an entry: enough to delete it, to count it and to know its URL again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) is_response: bool,
    /// Whether it is an answer to other queries as well.
    answers_others: bool,
    pub(super) digest: [u8; 16],
    host: [u8; 8],
    query: [u8; 8],
}

/// What a member begins with: whether it is a response or a note of variants, and in capitals where it
/// answers other queries as well.
const KINDS: [(u8, bool, bool); 4] =
    [(b'r', true, false), (b'v', false, false), (b'R', true, true), (b'V', false, true)];
const LENGTH: usize = 1 + 16 + 8 + 8;

impl Member {
    fn of(names: &Names, key: &CacheKey, is_response: bool) -> Self {
        let host = of_host(key.host());
        let (answers_others, query) = (key.answers_other_queries(), of_query(key.query()));
        Self { is_response, answers_others, digest: names.digest(key), host, query }
    }

    fn to_bytes(self) -> [u8; LENGTH] {
        let is_kind = |(_, is_response, answers_others): &&(u8, bool, bool)| {
            (*is_response, *answers_others) == (self.is_response, self.answers_others)
        };
        let kind = KINDS.iter().find(is_kind).map(|(kind, ..)| *kind);
        let parts = kind.into_iter().chain(self.digest).chain(self.host).chain(self.query);
        let mut bytes = [0; LENGTH];
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (digest, rest) = rest.split_first_chunk()?;
        let (host, query) = rest.split_first_chunk()?;
        let (digest, host, query) = (*digest, *host, query.try_into().ok()?);
        let (_, is_response, answers_others) = *KINDS.iter().find(|(known, ..)| known == kind)?;
        Some(Self { is_response, answers_others, digest, host, query })
    }
}

/// Which members of a path's index are meant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    host: Option<[u8; 8]>,
    query: Option<[u8; 8]>,
    /// Only those that answer other queries as well.
    only_any_query: bool,
}

impl Filter {
    /// Those of one URL.
    pub(super) fn url(host: Option<&str>, query: &str) -> Self {
        Self { host: host.map(of_host), query: Some(of_query(query)), only_any_query: false }
    }

    /// Those that answer other queries as well.
    pub(super) fn any_query(host: Option<&str>) -> Self {
        Self { host: host.map(of_host), query: None, only_any_query: true }
    }

    pub(super) fn takes(&self, member: &Member) -> bool {
        self.host.is_none_or(|host| host == member.host)
            && self.query.is_none_or(|query| query == member.query)
            && (member.answers_others || !self.only_any_query)
    }
}

/// The indexes that list an entry.
fn of(names: &Names, entry: &Entry) -> impl Iterator<Item = String> {
    let groups = entry.groups.iter().map(|group| names.group(group));
    std::iter::once(names.path(entry.key.path())).chain(groups)
}

/// Asks each index of an entry whether it lists it.
pub(super) fn look_up(names: &Names, entry: &Entry) -> Vec<Cmd> {
    let is_response = matches!(entry.kind, Kind::Response(_));
    let member = Member::of(names, &entry.key, is_response).to_bytes();
    let score = |index| {
        let mut score = redis::cmd("ZSCORE");
        score.arg(index).arg(&member);
        score
    };
    of(names, entry).map(score).collect()
}

/// Adds an entry to all its indexes.
pub(super) fn add(names: &Names, entry: &Entry, lifetime_ms: u64) -> Vec<Cmd> {
    let is_response = matches!(entry.kind, Kind::Response(_));
    let member = Member::of(names, &entry.key, is_response).to_bytes();
    let other = Member::of(names, &entry.key, !is_response).to_bytes();
    of(names, entry)
        .map(|index| {
            let mut add = script(ADD, &[&index]);
            add.arg(lifetime_ms).arg(MARGIN_MS).arg(TRIM).arg(&member).arg(&other);
            add
        })
        .collect()
}

/// Removes members, given each with the score it was read with, unless they were added again.
pub(super) fn remove(index: &[u8], members_and_scores: &[Vec<u8>]) -> Cmd {
    let mut remove = redis::cmd("EVAL");
    remove.arg(REMOVE).arg(1).arg(index).arg(members_and_scores);
    remove
}

/// How many members a page has.
const PAGE: usize = 256;

/// A part of an index, in the order of scores. A place between scores means the same on every
/// server, which a cursor would not when the index moves to another node or its server fails over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page {
    from: Vec<u8>,
    length: usize,
}

impl Page {
    pub(super) fn first() -> Self {
        Self { from: b"-inf".to_vec(), length: PAGE }
    }

    pub(super) fn read(&self, index: &[u8]) -> Cmd {
        let mut read = redis::cmd("ZRANGEBYSCORE");
        read.arg(index).arg(&self.from).arg("+inf").arg("WITHSCORES");
        read.arg("LIMIT").arg(0).arg(self.length);
        read
    }

    /// The page after this one, by the members of this one with their scores. It begins with those
    /// of the same score as the last, of which there may be more.
    pub(super) fn next(&self, members: &[Scored]) -> Option<Self> {
        let [_, last] = members.last().filter(|_| members.len() >= self.length)?;
        let is_new = *last != self.from;
        let length = if is_new { PAGE } else { self.length.saturating_mul(2) };
        Some(Self { from: last.clone(), length })
    }
}

fn of_host(host: &str) -> [u8; 8] {
    short(&host::canonical(host))
}

fn of_query(query: &str) -> [u8; 8] {
    short(&query::canonical(query))
}

fn short(text: &str) -> [u8; 8] {
    let mut short = [0; 8];
    short.iter_mut().zip(key::digest(text.as_bytes())).for_each(|(to, from)| *to = from);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyBuilder;

    #[test]
    fn members_are_read_back_and_nothing_else_is() {
        let key = KeyBuilder::new(false, "Shop", "/a", Some("q")).finish();
        let merged = key.for_queries(Some("q"));
        for (key, is_response) in [(&key, true), (&key, false), (&merged, true), (&merged, false)] {
            let member = Member::of(&Names::new("", 0), key, is_response);
            let bytes = member.to_bytes();
            assert_eq!(Member::from_bytes(&bytes), Some(member));
            assert_eq!(Member::from_bytes(&bytes[1..]), None);
            assert_eq!(Member::from_bytes(&[&bytes[..], b"x"].concat()), None);
        }
        assert_eq!(Member::from_bytes(&[b'x'; LENGTH]), None);
    }

    #[test]
    fn pages_end_and_never_stand_still() {
        let members = |score: &str, count| vec![[vec![], score.as_bytes().to_vec()]; count];
        let first = Page::first();
        assert_eq!(first.next(&members("1", PAGE - 1)), None);
        let second = first.next(&members("1", PAGE)).expect("a full page");
        assert_eq!((second.from.as_slice(), second.length), (&b"1"[..], PAGE));
        let third = second.next(&members("1", PAGE)).expect("a full page");
        assert_eq!((third.from.as_slice(), third.length), (&b"1"[..], 2 * PAGE));
        assert_eq!(third.next(&members("1", PAGE)), None, "all of one score");
        let fourth = third.next(&members("2", 2 * PAGE)).expect("a full page");
        assert_eq!((fourth.from.as_slice(), fourth.length), (&b"2"[..], PAGE));
    }

    #[test]
    fn a_filter_takes_one_url() {
        let member = Member::of(
            &Names::new("", 0),
            &KeyBuilder::new(false, "Shop", "/a", Some("q")).finish(),
            true,
        );
        assert!(Filter::default().takes(&member));
        assert!(Filter::url(None, "?q").takes(&member));
        assert!(Filter::url(Some("sHOP:80"), "?%71").takes(&member));
        assert!(!Filter::url(Some("other"), "?q").takes(&member));
        assert!(!Filter::url(None, "").takes(&member));
        let merged = KeyBuilder::new(false, "Shop", "/a", None).finish().for_queries(Some("q"));
        let merged = Member::of(&Names::new("", 0), &merged, true);
        assert!(Filter::any_query(Some("shop")).takes(&merged));
        assert!(!Filter::any_query(Some("other")).takes(&merged));
        assert!(!Filter::any_query(None).takes(&member));
        assert!(Filter::url(None, "?q").takes(&merged));
    }
}

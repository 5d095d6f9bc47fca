//! The processes that share a prefix, as each of them writes it into Redis: for people who look. Nothing
//! else depends on it, so whatever fails here is left.
//!
//! They are one sorted set, scored by when each was last seen on the server's clock: one key, as a Cluster
//! needs it. A process that ends removes itself, and one that is killed is not listed any more after
//! [`LISTED_FOR`].

use std::{
    borrow::Cow,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::Value;
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::timeout};

use super::{
    client::{
        RedisClient,
        reply::{self, Scored, number},
        script,
    },
    names::Names,
};
use crate::store::{
    Timestamp,
    error::StoreError,
    process::{Process, SeenProcess},
};

/// How often a process says that it is there.
const EVERY: Duration = Duration::from_secs(30);
/// How long it is listed since it did.
const LISTED_FOR: Duration = Duration::from_secs(90);
/// How many are listed: those seen last.
const MAX_PROCESSES: usize = 256;
/// No process of ours writes more about itself.
const MAX_MEMBER: usize = 1024;

/// Keys: processes. Arguments: the process, for how long it is listed in milliseconds, how many are.
const ANNOUNCE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
";

/// Keys: processes. Arguments: for how long they are listed in milliseconds, how many are. Returns the time,
/// and the processes with when they were last seen.
const LIST: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local past = '(' .. string.format('%.0f', now - ARGV[1])
local seen = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', past, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
return { string.format('%.0f', now), seen }
";

/// This process among those that share a prefix.
#[derive(Debug)]
pub(super) struct Processes {
    key: String,
    own: Vec<u8>,
    /// Redis may not know it: it is new, or Redis was away.
    is_due: Notify,
    /// Whether Redis has known it.
    was_seen: AtomicBool,
}

/// A process as it stands in Redis.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    pid: u32,
    /// In milliseconds since the Unix epoch.
    started: i64,
}

impl Processes {
    pub(super) fn new(names: &Names, own: &Process) -> Arc<Self> {
        let own = to_bytes(own).unwrap_or_default();
        Arc::new(Self {
            key: names.processes(),
            own,
            is_due: Notify::new(),
            was_seen: AtomicBool::new(false),
        })
    }

    /// Redis is there, perhaps without what was in it.
    pub(super) fn subscribed(&self) {
        self.is_due.notify_one();
    }

    /// Says again and again that this process is there.
    pub(super) async fn run(&self, client: &RedisClient) -> Infallible {
        loop {
            let _ = timeout(EVERY, self.is_due.notified()).await;
            self.announce(client).await;
        }
    }

    /// Says that this process is there.
    pub(super) async fn announce(&self, client: &RedisClient) {
        let mut announce = script(ANNOUNCE, &[&self.key]);
        announce.arg(&self.own).arg(millis(LISTED_FOR)).arg(MAX_PROCESSES);
        let replies = client.send_untracked(vec![announce]).await;
        let is_seen = matches!(replies.as_deref(), Some([Value::Int(1)]));
        self.was_seen.fetch_or(is_seen, Ordering::Relaxed);
    }

    /// Says that it is not any more, where there is somebody to tell.
    pub(super) async fn leave(&self, client: &RedisClient) {
        if client.is_open() || !self.was_seen.load(Ordering::Relaxed) {
            return;
        }
        let mut leave = redis::cmd("ZREM");
        leave.arg(&self.key).arg(&self.own);
        let _ = client.send_untracked(vec![leave]).await;
    }

    /// The processes that were seen lately, the last one first.
    pub(super) async fn list(&self, client: &RedisClient) -> Result<Vec<SeenProcess>, StoreError> {
        let mut list = script(LIST, &[&self.key]);
        list.arg(millis(LISTED_FOR)).arg(MAX_PROCESSES);
        let reply = client.send_in_background(vec![list]).await?.pop().unwrap_or_default();
        let Value::Array(parts) = reply else { return Err(reply::unexpected()) };
        let [now, seen]: [Value; 2] = parts.try_into().map_err(|_| reply::unexpected())?;
        let now = number(&now).ok_or_else(reply::unexpected)?;
        // what cannot be read is of another version, or none of ours
        Ok(reply::scored(seen)?.iter().filter_map(|seen| read(seen, now)).collect())
    }
}

fn to_bytes(Process { id, name, version, pid, started }: &Process) -> Option<Vec<u8>> {
    let (id, name, version) = (id.into(), name.into(), version.into());
    let record = Record { id, name, version, pid: *pid, started: started.as_millis() };
    serde_json::to_vec(&record).ok()
}

fn read([member, last_seen]: &Scored, now: u64) -> Option<SeenProcess> {
    let Record { id, name, version, pid, started } =
        serde_json::from_slice((member.len() <= MAX_MEMBER).then_some(member)?).ok()?;
    let last_seen: u64 = std::str::from_utf8(last_seen).ok()?.parse().ok()?;
    let process = Process {
        id: id.into_owned(),
        name: name.into_owned(),
        version: version.into_owned(),
        pid,
        started: Timestamp::from_millis(started),
    };
    Some(SeenProcess { process, ago: Duration::from_millis(now.saturating_sub(last_seen)) })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_is_read_back_and_nothing_else_is() {
        let process = Process::new("shop \"ü\"", "1.2", Timestamp::from_millis(1_700_000_000_000));
        let member = to_bytes(&process).unwrap();
        let seen = |member: &[u8]| read(&[member.to_vec(), b"1000".to_vec()], 3_500);
        let expected = SeenProcess { process, ago: Duration::from_millis(2_500) };
        assert_eq!(seen(&member), Some(expected));
        for other in [b"".as_slice(), b"{}", b"\xff", &[b' '; 2000], b"[1]"] {
            assert_eq!(seen(other), None);
        }
        assert_eq!(read(&[member, b"soon".to_vec()], 3_500), None);
    }

    #[test]
    fn longest_name_and_version_fit() {
        let long = "\u{1}".repeat(64);
        let member = to_bytes(&Process::new(&long, &long, Timestamp::from_millis(i64::MIN)));
        assert!(member.unwrap().len() < MAX_MEMBER);
    }
}

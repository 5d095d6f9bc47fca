//! The lease of a key over all processes: the process that holds it calls the handler. It is a key in
//! Redis that the first process sets and that expires, in case the process ends.
//!
//! Processes that wait are woken by an announcement. They also look by themselves now and then: if the
//! announcement is lost with a server, they would wait for the rest of the lease.

use std::{
    hash::{BuildHasher, RandomState},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::future::select;
use redis::{Cmd, Value};
use tokio::time::{sleep, timeout};

use super::releases::{Release, Token};
use crate::{
    key::CacheKey,
    purge::PurgeNumber,
    store::{
        breaker::jittered,
        codec,
        error::StoreError,
        lease::{Lease, LeaseGuard, LeaseWait},
        redis::{
            client::{RedisClient, reply},
            invalidation::logical_clock,
            names::Names,
            store::RedisStore,
        },
    },
};

/// The longest time for which a lease is held or waited for.
const MAX_LEASE: Duration = Duration::from_secs(60 * 60);
/// A key still exists in the millisecond in which it expires.
const MARGIN: Duration = Duration::from_millis(2);
/// How long a waiting process waits before its first look; each further wait is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// The longest wait between two looks.
const MAX_LOOK: Duration = Duration::from_millis(400);
/// After how many looks in a row without a reply a waiting process gives up.
const MAX_UNANSWERED: u32 = 2;
/// How many bytes of a value, from its checksum on, distinguish it from the previous one.
const HEAD: usize = 32;

impl RedisStore {
    /// Requests the lease of `key` and, in the same exchange, the purge number. While announcements do not
    /// arrive, no process could be woken: then each of them gets a lease.
    pub(in crate::store::redis) async fn request_lease(
        &self,
        key: &CacheKey,
        at_most: Duration,
    ) -> Result<Lease, StoreError> {
        let at_most = at_most.min(MAX_LEASE);
        let invalidation = self.invalidation();
        if !invalidation.is_trusted() {
            return Ok(Lease::Granted(LeaseGuard::free()));
        }
        let digest = self.names.digest(key);
        // before the request is sent, as the reply may be old when it arrives
        let mut listener = invalidation.listen(digest);
        let token: Token = RandomState::new().hash_one(0_u8).to_ne_bytes();
        // released also when no caller waits for the reply any more
        let lease = self.lease(digest, token, at_most);
        let name = self.names.lease(&digest);
        let mut take = redis::cmd("SET");
        take.arg(&name).arg(&token).arg("NX").arg("PX");
        take.arg(at_most.as_millis().max(1).to_string());
        let look = Look::new(&self.names, &digest);
        // a number counts only if Redis can be relied on, now and when it has replied
        let is_reliable = self.check().is_ok();
        let stages = [vec![take, logical_clock::read_now(&self.names)], look.commands()];
        let replies = self.client.send_ordered(stages).await?;
        let [reply, number, left, head]: [Value; 4] =
            replies.try_into().map_err(|_| reply::unexpected())?;
        if reply == Value::Okay {
            let is_reliable = is_reliable && self.client.check_answer().is_ok();
            let number = reply::number(&number).filter(|_| is_reliable).map(PurgeNumber::new);
            return Ok(Lease::Granted(match number {
                Some(number) => lease.with_purge_number(number),
                None => lease,
            }));
        }
        lease.forget();
        let left =
            reply::number(&left).map_or(at_most, Duration::from_millis).min(at_most) + MARGIN;
        let client = Arc::clone(&self.client);
        Ok(Lease::HeldElsewhere(LeaseWait::new(async move {
            let (announced, looked) =
                (pin!(listener.announced()), pin!(look.until_over(&client, &head)));
            // bounded, whatever is announced or seen
            let _ = timeout(left, select(announced, looked)).await;
        })))
    }

    /// A lease that is released in the background when it is dropped. It expires after `at_most`.
    fn lease(&self, digest: [u8; 16], token: Token, at_most: Duration) -> LeaseGuard {
        let Some(runtime) = self.subscriber.runtime() else { return LeaseGuard::free() };
        let (client, names) = (Arc::clone(&self.client), self.names.clone());
        let (invalidation, releases) =
            (Arc::clone(&self.invalidation), Arc::clone(self.subscriber.releases()));
        // it is held from the reply on, which arrives in time or not at all
        let until = invalidation.now().saturating_add(self.client.bound()).saturating_add(at_most);
        LeaseGuard::new(move || {
            runtime.spawn(async move {
                let release = Release { digest, token, until };
                releases.release(&client, &names, &invalidation, release).await;
            });
        })
    }
}

/// What a waiting process looks at: the lease, and the value that it is for.
struct Look {
    lease: String,
    live: String,
}

impl Look {
    fn new(names: &Names, digest: &[u8; 16]) -> Self {
        Self { lease: names.lease(digest), live: names.live(digest) }
    }

    fn commands(&self) -> Vec<Cmd> {
        let mut left = redis::cmd("PTTL");
        left.arg(&self.lease);
        let mut head = redis::cmd("GETRANGE");
        head.arg(&self.live).arg(codec::CHECKSUM_AT).arg(codec::CHECKSUM_AT + HEAD - 1);
        vec![left, head]
    }

    /// Looks until the lease is gone or the value has changed. Gives up when Redis does not reply, as while
    /// a slot moves: the end of the lease would not be announced then either.
    async fn until_over(&self, client: &RedisClient, before: &Value) {
        let (mut wait, mut unanswered) = (FIRST_LOOK, 0);
        while unanswered < MAX_UNANSWERED {
            sleep(jittered(wait)).await;
            wait = MAX_LOOK.min(wait * 2);
            let Some(replies) = client.send_untracked(self.commands()).await else {
                unanswered += 1;
                continue;
            };
            unanswered = 0;
            let is_over = match replies.as_slice() {
                // no such key
                [Value::Int(-2), _] => true,
                [_, Value::BulkString(head)] => {
                    !head.is_empty() && *before != Value::BulkString(head.clone())
                }
                _ => false,
            };
            if is_over {
                return;
            }
        }
    }
}

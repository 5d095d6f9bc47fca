//! The lead in a fill over all processes: a key that the first of them sets and that ends by itself,
//! in case its holder does.
//!
//! Those who wait are woken by an announcement, and look by themselves now and then, as one that is
//! lost with a server would cost them the rest of the lease.

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

/// No lead is held or waited for for longer.
const MAX_LEASE: Duration = Duration::from_secs(60 * 60);
/// A key lives on in the millisecond in which it ends.
const MARGIN: Duration = Duration::from_millis(2);
/// How long who waits does before looking by itself; each time twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// The longest wait between two looks.
const MAX_LOOK: Duration = Duration::from_millis(400);
/// After how many looks in a row without an answer a waiter gives up.
const MAX_UNANSWERED: u32 = 2;
/// How many bytes of a value, from its checksum on, tell it from the one before.
const HEAD: usize = 32;

impl RedisStore {
    /// Asks for the lead in filling `key`, and in the same exchange for the purge number. While announcements are not heard nobody could be told
    /// to wait for one: then each process leads.
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
        let digest = key.digest();
        // before the question, as the answer may be old when it comes
        let mut listener = invalidation.listen(digest);
        let token: Token = RandomState::new().hash_one(0_u8).to_ne_bytes();
        // released also when no caller waits for the reply any more
        let lease = self.lease(digest, token, at_most);
        let name = self.names.lease(&digest);
        let mut take = redis::cmd("SET");
        take.arg(&name).arg(&token).arg("NX").arg("PX");
        take.arg(at_most.as_millis().max(1).to_string());
        let look = Look::new(&self.names, &digest);
        // a number counts only where Redis can be relied on, now and when it answers
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
            // over in time, whatever is heard and seen
            let _ = timeout(left, select(announced, looked)).await;
        })))
    }

    /// A lease which is given up in the background when it is dropped. It ends by itself after `at_most`.
    fn lease(&self, digest: [u8; 16], token: Token, at_most: Duration) -> LeaseGuard {
        let Some(runtime) = self.subscriber.runtime() else { return LeaseGuard::free() };
        let (client, names) = (Arc::clone(&self.client), self.names.clone());
        let (invalidation, releases) =
            (Arc::clone(&self.invalidation), Arc::clone(self.subscriber.releases()));
        // taken once the answer is there, which it is in time or not at all
        let until = invalidation.now().saturating_add(self.client.bound()).saturating_add(at_most);
        LeaseGuard::new(move || {
            runtime.spawn(async move {
                let release = Release { digest, token, until };
                releases.release(&client, &names, &invalidation, release).await;
            });
        })
    }
}

/// What those who wait look at: the lease, and the value that it is for.
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

    /// Looks until the lease is gone, or another value is there than the one that was; or until it is
    /// in vain, as while a slot moves: then nothing would be heard of the lease's end either.
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

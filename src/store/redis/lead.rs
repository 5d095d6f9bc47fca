//! The lead in a fill over all processes: a key that the first of them sets and that ends by itself,
//! in case its holder does.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use redis::Value;
use tokio::time::timeout;

use super::{RedisStore, announce, link};
use crate::{
    key::CacheKey,
    store::{Lead, Lease, StoreError, Wait},
};

/// No lead is held or waited for for longer.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A key lives on in the millisecond in which it ends.
const MARGIN: Duration = Duration::from_millis(2);

/// Keys: lease. Arguments: token, the channel for announcements, what to announce.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', ARGV[2], ARGV[3])
return 1
";

impl RedisStore {
    /// Asks for the lead in filling `key`. While announcements are not heard nobody could be told
    /// to wait for one: then each process leads.
    pub(super) async fn ask_for_lead(
        &self,
        key: &CacheKey,
        at_most: Duration,
    ) -> Result<Lead, StoreError> {
        let at_most = at_most.min(LONGEST);
        let known = self.known();
        if !known.is_trusted() {
            return Ok(Lead::Yours(Lease::free()));
        }
        let digest = key.digest();
        // before the question, as the answer may be old when it comes
        let mut listener = known.listen(digest);
        let token: [u8; 8] = RandomState::new().hash_one(0_u8).to_ne_bytes();
        // given up also when nobody waits for the answer any more
        let lease = self.lease(digest, token);
        let name = self.names.lease(&digest);
        let mut take = redis::cmd("SET");
        take.arg(&name).arg(&token).arg("NX").arg("PX");
        take.arg(at_most.as_millis().max(1).to_string());
        let mut left = redis::cmd("PTTL");
        left.arg(&name);
        let replies = self.link.ask_in_stages([vec![take], vec![left]]).await?;
        let [reply, left]: [Value; 2] = replies.try_into().map_err(|_| link::unexpected())?;
        if reply == Value::Okay {
            return Ok(Lead::Yours(lease));
        }
        lease.forget();
        let left = link::number(&left).map_or(at_most, Duration::from_millis).min(at_most) + MARGIN;
        Ok(Lead::Elsewhere(Wait::new(async move {
            // over in time, whatever is heard
            let _ = timeout(left, listener.heard()).await;
        })))
    }

    /// A lease which is given up behind whoever drops it.
    fn lease(&self, digest: [u8; 16], token: [u8; 8]) -> Lease {
        let Some(runtime) = self.feed.runtime() else { return Lease::free() };
        let (link, names) = (Arc::clone(&self.link), self.names.clone());
        Lease::new(move || {
            runtime.spawn(async move {
                let mut release = link::script(RELEASE, &[&names.lease(&digest)]);
                release.arg(&token).arg(names.news()).arg(announce::released(&digest));
                // what is not given up ends by itself
                let _ = link.ask_aside(vec![release]).await;
            });
        })
    }
}

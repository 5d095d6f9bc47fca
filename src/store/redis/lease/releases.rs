//! Leads that this process has given up lately. A primary that is replaced, or a node whose slot
//! moves, may be told so and forget it: its heir has the lease and not its release, and all who ask
//! it for the lead wait until the lease ends by itself. So each release is known until then, and
//! [repeated](Releases::repeat) wherever keys are found anew:
//!
//! ```text
//! process   takes the lead       gives it up                finds the heir, gives it up again
//! primary   lease ─ replicated   released ─ not replicated ─ replaced
//! heir              lease ································································ gone
//! ```
//!
//! A release names the lease's token, so that it never ends the lead of another.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{Cmd, Value};
use tokio::time::sleep;

use crate::store::redis::{
    client::{RedisClient, script},
    invalidation::{
        message::{self, Digest},
        state::InvalidationState,
    },
    names::Names,
};

/// How many releases are known; past that the oldest go, and their leases end by themselves.
const MAX_RELEASES: usize = 2048;
/// How many releases are repeated in one exchange.
const BATCH: usize = 128;
/// How long to wait before a release is repeated that was not confirmed; each time twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// The longest wait between two attempts.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// Keys: lease. Arguments: token, the channel for announcements, what to announce.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', ARGV[2], ARGV[3])
return 1
";

/// Tells the lease of one process from that of another.
pub(in crate::store::redis) type Token = [u8; 8];

/// The release of a lease.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::redis) struct Release {
    pub(in crate::store::redis) digest: Digest,
    pub(in crate::store::redis) token: Token,
    /// When the lease has ended by itself, on the clock of [`InvalidationState::now`].
    pub(in crate::store::redis) until: Duration,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::store::redis) struct Releases(Mutex<VecDeque<Release>>);

impl Releases {
    /// Gives up a lead, and tries again until that is confirmed or the lease has ended.
    pub(in crate::store::redis) async fn release(
        &self,
        client: &RedisClient,
        names: &Names,
        invalidation: &InvalidationState,
        own: Release,
    ) {
        self.add(own, invalidation.now());
        let mut wait = FIRST_WAIT;
        loop {
            let replies = client.send_untracked(vec![own.command(names)]).await;
            let is_confirmed =
                replies.is_some_and(|replies| matches!(replies[..], [Value::Int(_)]));
            if is_confirmed || invalidation.now() >= own.until {
                return;
            }
            sleep(wait).await;
            wait = MAX_WAIT.min(wait * 2);
        }
    }

    /// Repeats what may not have arrived where the keys are now.
    pub(in crate::store::redis) async fn repeat(
        &self,
        client: &RedisClient,
        names: &Names,
        invalidation: &InvalidationState,
    ) {
        let releases = self.recent(invalidation.now());
        for some in releases.chunks(BATCH) {
            let commands = some.iter().map(|own| own.command(names)).collect();
            if client.send_untracked(commands).await.is_none() {
                // the keys are found anew once more, or the leases end by themselves
                return;
            }
        }
    }

    fn add(&self, release: Release, now: Duration) {
        let mut releases = self.lock();
        while releases.front().is_some_and(|oldest| oldest.until <= now) {
            releases.pop_front();
        }
        if releases.len() >= MAX_RELEASES {
            releases.pop_front();
        }
        releases.push_back(release);
    }

    /// Those whose leases may still be there.
    fn recent(&self, now: Duration) -> Vec<Release> {
        self.lock().iter().filter(|release| release.until > now).copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Release>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Release {
    fn command(&self, names: &Names) -> Cmd {
        let mut release = script(RELEASE, &[&names.lease(&self.digest)]);
        release.arg(&self.token).arg(names.channel()).arg(message::released(&self.digest));
        release
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(until: u64) -> Release {
        Release { digest: [0; 16], token: [0; 8], until: Duration::from_secs(until) }
    }

    #[test]
    fn release_is_known_until_its_lease_has_ended() {
        let releases = Releases::default();
        for until in [5, 7, 6] {
            releases.add(release(until), Duration::from_secs(1));
        }
        let known = |now| releases.recent(Duration::from_secs(now)).len();
        assert_eq!([4, 5, 6, 7].map(known), [3, 2, 1, 0]);
    }

    #[test]
    fn number_of_known_releases_is_bounded() {
        let releases = Releases::default();
        for until in 0..=MAX_RELEASES as u64 {
            releases.add(release(100 + until), Duration::ZERO);
        }
        let known = releases.recent(Duration::ZERO);
        assert_eq!(known.len(), MAX_RELEASES);
        assert_eq!(known[0].until, release(101).until, "the oldest went");
    }
}

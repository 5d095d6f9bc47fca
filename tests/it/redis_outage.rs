//! Redis away for a while, seen by two processes. One changes and purges items all the time,
//! whether Redis is there or not, and serves nothing that it has purged; what the other one serves
//! was replaced a second before at most, during the outage and after it. No request fails, and in
//! the end the processes share responses again.

#![cfg(unix)]

mod fleet;

use std::time::Duration;

use actix_response_cache::ResponseCache;
use tokio::{task::spawn_blocking, time::sleep};

use self::fleet::{DEADLINE, Fleet};
use crate::support::redis::RedisServer;

/// Between the end of one outage and the begin of the next.
const BETWEEN: Duration = Duration::from_secs(2);
/// How long the load goes on after the last outage before the processes have to share again.
const RECOVERY: Duration = Duration::from_secs(3);
/// How long a busy machine may try that for.
const RETRIES: Duration = Duration::from_secs(2);

/// What becomes of Redis, and for how many milliseconds.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// `SIGSTOP`, `SIGCONT`.
    Frozen(u64),
    /// `kill -9`, and back without data.
    Killed(u64),
}

impl Outage {
    async fn happen(self, server: RedisServer) -> RedisServer {
        match self {
            Self::Frozen(millis) => {
                let server = aside(server, |server| server.signal("STOP")).await;
                sleep(Duration::from_millis(millis)).await;
                aside(server, |server| server.signal("CONT")).await
            }
            Self::Killed(millis) => {
                let server = aside(server, RedisServer::kill).await;
                sleep(Duration::from_millis(millis)).await;
                aside(server, RedisServer::restart).await
            }
        }
    }
}

/// Does what blocks on a thread where the load does not run.
async fn aside(
    mut server: RedisServer,
    action: impl FnOnce(&mut RedisServer) + Send + 'static,
) -> RedisServer {
    let done = spawn_blocking(move || {
        action(&mut server);
        server
    });
    done.await.expect("no panic")
}

/// Lets outages happen under load, one after the other.
async fn examine(cache: fn(String) -> ResponseCache, outages: &[Outage]) {
    let mut server = RedisServer::start();
    let fleet = Fleet::start([cache(server.url()), cache(server.url())]);
    let load = fleet.load();
    fleet.wait_until_shared(DEADLINE).await;
    for outage in outages {
        let errors = fleet.errors();
        server = outage.happen(server).await;
        assert!(fleet.errors() > errors, "{outage:?} was not felt");
        sleep(BETWEEN).await;
    }
    sleep(RECOVERY.saturating_sub(BETWEEN)).await;
    fleet.wait_until_shared(RETRIES).await;
    fleet.check_purge().await;
    fleet.end(load).await;
    fleet.check_ages();
}

/// The second and third begin while the processes have hardly found Redis again.
const SHORT_FREEZES: [Outage; 3] = [Outage::Frozen(400), Outage::Frozen(700), Outage::Frozen(1200)];

#[actix_rt::test]
async fn long_freeze_leaves_nothing_older_than_a_second() {
    examine(ResponseCache::redis, &[Outage::Frozen(4000)]).await;
}

#[actix_rt::test]
async fn long_freeze_leaves_nothing_older_than_a_second_in_two_tiers() {
    examine(ResponseCache::tiered, &[Outage::Frozen(4000)]).await;
}

#[actix_rt::test]
async fn short_freezes_leave_nothing_older_than_a_second() {
    examine(ResponseCache::redis, &SHORT_FREEZES).await;
}

#[actix_rt::test]
async fn short_freezes_leave_nothing_older_than_a_second_in_two_tiers() {
    examine(ResponseCache::tiered, &SHORT_FREEZES).await;
}

#[actix_rt::test]
async fn restart_at_once_without_data_leaves_nothing_older_than_a_second() {
    examine(ResponseCache::redis, &[Outage::Killed(300)]).await;
}

#[actix_rt::test]
async fn restart_at_once_without_data_leaves_nothing_older_than_a_second_in_two_tiers() {
    examine(ResponseCache::tiered, &[Outage::Killed(300)]).await;
}

#[actix_rt::test]
async fn restart_after_a_while_without_data_leaves_nothing_older_than_a_second() {
    examine(ResponseCache::redis, &[Outage::Killed(2000)]).await;
}

#[actix_rt::test]
async fn restart_after_a_while_without_data_leaves_nothing_older_than_a_second_in_two_tiers() {
    examine(ResponseCache::tiered, &[Outage::Killed(2000)]).await;
}

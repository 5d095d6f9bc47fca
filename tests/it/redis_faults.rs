//! A fault of Redis costs hits and nothing else: under load, for each fault, no request fails, none
//! gets a wrong response or one that was purged before it began, connections to Redis stay few,
//! and when the fault is over, stored responses answer again.

#![cfg(unix)]

use std::time::{Duration, Instant};

use actix_response_cache::{Memory, Redis, ResponseCache, Tiered};
use futures_util::future::{join, join_all};

use crate::support::{
    Origin, app,
    fault::{Fault, FaultyRedis},
    get, load,
    proxy::{Mode, Proxy},
    redis::RedisServer,
    send, settle,
};

/// For how long anything may take, on a machine that does much else.
const BOUND: Duration = Duration::from_secs(60);
/// How many requests see the fault: far more than open the breaker.
const REQUESTS: usize = 250;
/// How many connections are made at most, probes among them: far fewer than there are requests.
const CONNECTIONS: usize = 40;

/// Examines a cache in Redis, and one with memory before it.
async fn examine(fault: Fault) {
    join(examine_one(fault, ResponseCache::redis), examine_one(fault, ResponseCache::tiered)).await;
}

/// Runs the load before, during and after a fault.
async fn examine_one(fault: Fault, cache: fn(String) -> ResponseCache) {
    let scene = FaultyRedis::new(fault);
    let cache = cache(scene.url());
    let errors = || cache.handle().unwrap().stats().errors;
    load::run(&cache, async |load| {
        load.all_hit(BOUND).await;
        let (before, errors_before, made) = (load.take(), errors(), scene.connections());
        scene.begin();
        load.answered(REQUESTS, BOUND).await;
        let (during, errors_after) = (load.take(), errors());
        let is_felt = match fault {
            Fault::Subscribers => scene.connections() > made,
            _ => errors_after > errors_before,
        };
        assert!(is_felt, "{fault:?} was not felt");
        scene.end();
        load.all_hit(BOUND).await;
        load.answered(REQUESTS, BOUND).await;
        let connections = scene.connections();
        assert!(connections <= CONNECTIONS, "{connections} connections for {fault:?}");
        for (seen, when) in [(before, "before"), (during, "during"), (load.take(), "after")] {
            let faults = (seen.failed, seen.wrong, seen.stale);
            assert_eq!(faults, (0, 0, 0), "{when} {fault:?}");
        }
    })
    .await;
}

/// All that one request asks of a Redis that hangs takes as long as one exchange may.
#[actix_rt::test]
async fn silent_redis_delays_request_by_one_timeout() {
    const EACH: Duration = Duration::from_millis(500);
    let makes: [fn(Redis) -> ResponseCache; 2] =
        [ResponseCache::new, |redis| ResponseCache::new(Tiered::new(Memory::new(), redis))];
    for make in makes {
        let server = RedisServer::start();
        let proxy = Proxy::start(server.address());
        let redis = Redis::new(proxy.url()).connect_timeout(EACH).response_timeout(EACH);
        let cache = make(redis);
        let app = app(&cache, &Origin::counting()).await;
        send(&app, get("/there")).await;
        settle(&cache).await;
        proxy.set_mode(Mode::Silent);
        let begun = Instant::now();
        assert_eq!(send(&app, get("/missing")).await.status.as_u16(), 200);
        let took = begun.elapsed();
        assert!(took < 3 * EACH, "two bounds, and what a busy machine adds: {took:?}");
    }
}

#[actix_rt::test]
async fn load_survives_refused_connections() {
    examine(Fault::Refused).await;
}

#[actix_rt::test]
async fn load_survives_silent_connections() {
    examine(Fault::Silent).await;
}

#[actix_rt::test]
async fn load_survives_replies_cut_in_the_middle() {
    examine(Fault::Cut).await;
}

#[actix_rt::test]
async fn load_survives_replies_of_one_byte_per_10_ms() {
    examine(Fault::Slow).await;
}

#[actix_rt::test]
async fn load_survives_garbage_replies() {
    examine(Fault::Garbage).await;
}

#[actix_rt::test]
async fn load_survives_error_replies() {
    let errors = [
        "OOM command not allowed when used memory > 'maxmemory'.",
        "READONLY You can't write against a read only replica.",
        "LOADING Redis is loading the dataset in memory",
        "NOAUTH Authentication required.",
        "NOPERM this user has no permissions",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "MISCONF Redis is configured to save RDB snapshots",
        "BUSY Redis is busy running a script.",
        "MOVED 3999 127.0.0.1:1",
        "ASK 3999 127.0.0.1:1",
        "CLUSTERDOWN The cluster is down",
        "ERR max number of clients reached",
        "",
    ];
    join_all(errors.map(|error| examine_one(Fault::Error(error), ResponseCache::redis))).await;
}

#[actix_rt::test]
async fn load_survives_full_memory_without_eviction() {
    examine(Fault::Full).await;
}

#[actix_rt::test]
async fn load_survives_read_only_primary() {
    examine(Fault::ReadOnly).await;
}

#[actix_rt::test]
async fn load_survives_unknown_password() {
    examine(Fault::Password).await;
}

#[actix_rt::test]
async fn load_survives_restart_without_data() {
    examine(Fault::Killed).await;
}

#[actix_rt::test]
async fn load_survives_restart_with_data() {
    examine(Fault::KilledPersistent).await;
}

#[actix_rt::test]
async fn load_survives_frozen_server() {
    examine(Fault::Stopped).await;
}

#[actix_rt::test]
async fn load_survives_cut_subscriptions() {
    examine_one(Fault::Subscribers, ResponseCache::tiered).await;
}

//! What it takes to reach Redis by TLS, and what a Cluster costs whose slots move, as tables:
//! `cargo bench --bench topologies`, followed by `-- slots` or `-- tls` for one of them.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_response_cache::{Redis, ResponseCache};
use test_support::{
    load::Seen,
    redis::{
        RedisServer,
        cluster::RedisCluster,
        sentinel::{SERVICE, SentinelSetup},
        tls::TlsServer,
    },
};
use tokio::time::sleep;

mod support;

use support::load;

const BOUND: Duration = Duration::from_secs(60);
const SPAN: Duration = Duration::from_secs(5);
const BETWEEN_MOVES: Duration = Duration::from_millis(50);
/// How often each way to connect, and each kind of purge, is measured.
const TIMES: usize = 40;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted));
    actix_rt::System::new().block_on(async {
        if is_wanted("slots") {
            println!("| Cluster | requests | failed | p50 | p99 | p99.9 | slowest |");
            println!("|---|--:|--:|--:|--:|--:|--:|");
            let plain = RedisCluster::start();
            let cache = ResponseCache::new(Redis::cluster(plain.urls()));
            move_slots("plain", cache, plain).await;
            let tls = RedisCluster::start_with_tls();
            let ca = tls.authority().pem();
            let cache = ResponseCache::new(Redis::cluster(tls.urls()).ca(ca));
            move_slots("by TLS", cache, tls).await;
        }
        if is_wanted("tls") {
            println!("| way | until the first answer, p50 | slowest | a purge, p50 | slowest |");
            println!("|---|--:|--:|--:|--:|");
            let server = RedisServer::start();
            reach("one server", || ResponseCache::redis(server.url())).await;
            let server = TlsServer::start(false);
            let ca = server.authority().pem();
            let make = || ResponseCache::new(Redis::new(server.url("secret")).ca(&ca));
            reach("one server by TLS", make).await;
            let cluster = RedisCluster::start_with_tls();
            let ca = cluster.authority().pem();
            let make = || ResponseCache::new(Redis::cluster(cluster.urls()).ca(&ca));
            reach("Cluster by TLS", make).await;
            let watched = SentinelSetup::start();
            let make = || ResponseCache::new(Redis::sentinel(SERVICE, watched.urls()));
            reach("Sentinel", make).await;
            let watched = SentinelSetup::start_with_tls();
            let ca = watched.authority().pem();
            let make = || ResponseCache::new(Redis::sentinel(SERVICE, watched.urls()).ca(&ca));
            reach("Sentinel by TLS", make).await;
        }
    });
}

/// Moves every slot that has keys, one after the other, under the load of `load.rs`.
async fn move_slots(name: &str, cache: ResponseCache, cluster: RedisCluster) {
    load::run(&cache, async |load| {
        load.all_hit(BOUND).await;
        load.take();
        sleep(SPAN).await;
        row(&format!("{name}, at rest"), &load.take());
        let cluster = Arc::new(cluster);
        let moving = std::thread::spawn(move || {
            let (begun, mut moves) = (Instant::now(), 0);
            let slots = cluster.slots();
            let mut at: Vec<_> = slots.iter().map(|&slot| RedisCluster::holder(slot)).collect();
            while begun.elapsed() < SPAN {
                for (&slot, from) in slots.iter().zip(&mut at) {
                    let to = (*from + 1) % 3;
                    cluster.begin_to_move(slot, *from, to);
                    // a key may come while others are moved
                    while cluster.move_keys(slot, *from, to) > 0 {}
                    cluster.end_move(slot, to);
                    *from = to;
                    moves += 1;
                    // nodes tell each other of it in their own time
                    std::thread::sleep(BETWEEN_MOVES);
                }
            }
            moves
        });
        while !moving.is_finished() {
            sleep(Duration::from_millis(10)).await;
        }
        let moves = moving.join().expect("slots move");
        row(&format!("{name}, {moves} slots moved"), &load.take());
    })
    .await;
}

fn row(name: &str, seen: &Seen) {
    let at = |rank: f64| millis(percentile(&seen.latencies, rank));
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} |",
        seen.requests,
        seen.failed + seen.wrong + seen.stale,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
    );
}

/// Asks until there is an answer, each time with a cache of its own; and purges with the last.
async fn reach(name: &str, make: impl Fn() -> ResponseCache) {
    let mut reached = Vec::new();
    for _ in 0..TIMES {
        let cache = make();
        let begun = Instant::now();
        while cache.check().await.expect("settings are right").store.is_err() {
            assert!(begun.elapsed() < BOUND, "{name} is not reached");
        }
        reached.push(begun.elapsed());
    }
    let handle = make().handle().expect("settings are right");
    while handle.purge_path("/").await.expect("purged").pending {
        sleep(Duration::from_millis(10)).await;
    }
    let mut purged = Vec::new();
    for number in 0..TIMES {
        let begun = Instant::now();
        let path = format!("/{number}");
        assert!(!handle.purge_path(&path).await.expect("purged").pending, "{name}");
        purged.push(begun.elapsed());
    }
    let of = |spans: &[Duration], rank| millis(percentile(spans, rank));
    println!(
        "| {name} | {} | {} | {} | {} |",
        of(&reached, 0.5),
        of(&reached, 1.0),
        of(&purged, 0.5),
        of(&purged, 1.0),
    );
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn percentile(spans: &[Duration], rank: f64) -> Duration {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    let at = (spans.len() as f64 * rank).ceil() as usize;
    spans[at.max(1) - 1]
}

fn millis(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1000.0)
}

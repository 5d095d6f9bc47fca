//! What a fault of Redis costs, as a table: `cargo bench --bench faults`, followed by `-- silent` for
//! the rows that say so. The tests of the same name assert what has to hold; here is measured how
//! long it takes.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench"
)]

use std::time::{Duration, Instant};

use actix_response_cache::{CacheHandle, ResponseCache};
use futures_util::future::join_all;
use test_support::{
    fault::{Fault, FaultyRedis},
    load::Seen,
};
use tokio::time::sleep;

mod support;

use support::load;

const SPAN: Duration = Duration::from_secs(5);
const BOUND: Duration = Duration::from_secs(60);

const FAULTS: [(&str, Fault); 18] = [
    ("connections refused", Fault::Refused),
    ("accepted and silent", Fault::Silent),
    ("replies cut in the middle", Fault::Cut),
    ("replies at 1 byte per 10 ms", Fault::Slow),
    ("garbage replies", Fault::Garbage),
    ("memory full, `noeviction`", Fault::Full),
    ("primary turned read-only replica", Fault::ReadOnly),
    ("password set and unknown", Fault::Password),
    ("`OOM` to every command", Fault::Error("OOM command not allowed")),
    ("`READONLY` to every command", Fault::Error("READONLY a replica")),
    ("`LOADING` to every command", Fault::Error("LOADING the dataset")),
    ("`MOVED` to every command", Fault::Error("MOVED 3999 127.0.0.1:1")),
    ("`ASK` to every command", Fault::Error("ASK 3999 127.0.0.1:1")),
    ("restarted empty: killed with -9, back without data", Fault::Killed),
    ("killed with -9, back with its data", Fault::KilledPersistent),
    ("frozen: stopped (`SIGSTOP`) and continued", Fault::Stopped),
    ("thin line: replies at 1 Mbit/s in all", Fault::Limited(125_000)),
    ("many purges: 1,700 a second of other paths", Fault::Purges),
];

/// With memory before Redis.
const TIERED: [(&str, Fault); 6] = [
    ("two tiers: connections refused", Fault::Refused),
    ("two tiers: accepted and silent", Fault::Silent),
    ("two tiers: killed with -9, back with its data", Fault::KilledPersistent),
    ("two tiers: pub/sub cut while commands work", Fault::Subscribers),
    ("two tiers: frozen (`SIGSTOP`) and continued", Fault::Stopped),
    ("two tiers: many purges, 1,700 a second of other paths", Fault::Purges),
];

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted));
    actix_rt::System::new().block_on(async {
        println!(
            "| fault, for {} s | requests | failed | wrong or stale | hits meanwhile | added p99 | \
             slowest | recovered after |\n|---|--:|--:|--:|--:|--:|--:|--:|",
            SPAN.as_secs()
        );
        for (name, fault) in FAULTS.into_iter().filter(|(name, _)| is_wanted(name)) {
            measure(name, fault, ResponseCache::redis).await;
        }
        for (name, fault) in TIERED.into_iter().filter(|(name, _)| is_wanted(name)) {
            measure(name, fault, ResponseCache::tiered).await;
        }
    });
}

async fn measure(name: &str, fault: Fault, cache: fn(String) -> ResponseCache) {
    let scene = FaultyRedis::new(fault);
    let cache = cache(scene.url());
    let handle = cache.handle().expect("settings are right");
    load::run(&cache, async |load| {
        load.all_hit(BOUND).await;
        // what the handler takes without the cache
        handle.set_enabled(false);
        load.take();
        sleep(SPAN).await;
        let alone = load.take();
        handle.set_enabled(true);
        load.all_hit(BOUND).await;
        let before = load.take();
        scene.begin();
        match fault {
            Fault::Purges => purge_others(&handle).await,
            _ => sleep(SPAN).await,
        }
        let during = load.take();
        scene.end();
        let recovered = load.all_hit(BOUND).await;
        sleep(Duration::from_secs(1)).await;
        let after = load.take();
        let sum =
            |count: fn(&Seen) -> usize| [&before, &during, &after].map(count).iter().sum::<usize>();
        println!(
            "| {name} | {} | {} | {} | {} % | {} | {} | {} |",
            sum(|seen| seen.requests),
            sum(|seen| seen.failed),
            sum(|seen| seen.wrong + seen.stale),
            during.hits * 100 / during.requests,
            millis(percentile(&during, 99).saturating_sub(percentile(&alone, 99))),
            millis(percentile(&during, 100)),
            millis(recovered),
        );
    })
    .await;
}

/// Purges paths that no client asks for, for as long as a fault lasts.
async fn purge_others(handle: &CacheHandle) {
    let begun = Instant::now();
    let mut purged = 0;
    while begun.elapsed() < SPAN {
        let due = begun.elapsed().as_millis() * 17 / 10;
        while purged < due {
            let some = (0..16).map(|_| {
                purged += 1;
                handle.purge_path(format!("/others/{purged}"))
            });
            join_all(some.collect::<Vec<_>>()).await;
        }
        sleep(Duration::from_millis(2)).await;
    }
}

fn percentile(seen: &Seen, percent: usize) -> Duration {
    let mut latencies = seen.latencies.clone();
    latencies.sort_unstable();
    let rank = (latencies.len() * percent).div_ceil(100).max(1) - 1;
    latencies[rank]
}

fn millis(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1000.0)
}

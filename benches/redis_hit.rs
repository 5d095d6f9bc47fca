//! A hit in Redis beside a bare handler that makes one `GET`, a hit of two tiers beside one in memory,
//! over HTTP on loopback; and what purges of a large group cost their callers. As tables:
//! `cargo bench --bench redis_hit`, followed by `-- hits` or `-- purges` for one of them. Servers take
//! turns, so that what else the machine does falls on all of them alike.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench"
)]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use actix_response_cache::{CacheHandle, Purge, ResponseCache, Rule};
use actix_web::{App, HttpResponse, HttpServer, test, web};
use bytes::Bytes;
use futures_util::future::join_all;
use test_support::{redis::RedisServer, server::serve};

mod support;

use support::{
    SIZES, bare_get, body,
    http::{Round, Threads, round},
};

const CONNECTIONS: usize = 32;
const SPAN: Duration = Duration::from_millis(700);
const ROUNDS: usize = 7;
const ENTRIES: usize = 100_000;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted));
    actix_rt::System::new().block_on(async {
        if is_wanted("hits") {
            println!("| body | server | requests/s | CPU | to the first, requests/s | CPU |");
            println!("|---|---|--:|--:|--:|--:|");
            for (length, name) in SIZES {
                hits(length, name).await;
            }
        }
        if is_wanted("purges") {
            println!("\n| purge of {ENTRIES} | until the caller knows | counted | removed |");
            println!("|---|--:|--:|--:|");
            purges().await;
        }
    });
}

type Server = (&'static str, SocketAddr, Threads);

/// Pairs, of which the second is to be no slower than the first.
async fn hits(length: usize, size: &str) {
    let redis = RedisServer::start();
    let body = body(length);
    let get = {
        let (url, body) = (redis.url(), body.clone());
        let server = HttpServer::new(move || bare_get(&url, &body)).workers(1);
        let ((address, _), threads) = Threads::of(|| serve(server)).await;
        ("bare `GET`", address, threads)
    };
    let pair = [
        get,
        cached("hit in Redis", ResponseCache::redis(redis.url()), &body).await,
        cached("hit in memory", ResponseCache::memory(), &body).await,
        cached("hit of two tiers", ResponseCache::tiered(redis.url()), &body).await,
    ];
    compare(size, length, &pair).await;
}

async fn cached(name: &'static str, cache: ResponseCache, body: &Bytes) -> Server {
    let body = body.clone();
    let server = HttpServer::new(move || {
        let body = body.clone();
        let handler = move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("text/html").body(body) }
        };
        App::new().wrap(cache.clone()).route("/products/{id}", web::get().to(handler))
    });
    let ((address, _), threads) = Threads::of(|| serve(server.workers(1))).await;
    (name, address, threads)
}

async fn compare(size: &str, length: usize, servers: &[Server]) {
    let mut rounds = vec![Vec::new(); servers.len()];
    for number in 0..=ROUNDS {
        for ((_, address, threads), rounds) in servers.iter().zip(&mut rounds) {
            let round = round(*address, threads, CONNECTIONS, length, SPAN).await;
            // the first warms up
            if number > 0 {
                rounds.push(round);
            }
        }
    }
    for (nth, (name, ..)) in servers.iter().enumerate() {
        let (own, first) = (&rounds[nth], &rounds[nth - nth % 2]);
        let ratios = own.iter().zip(first).map(|(own, first)| Round {
            per_second: own.per_second / first.per_second,
            cpu: own.cpu / first.cpu,
        });
        let ratios: Vec<_> = ratios.collect();
        println!(
            "| {size} | {name} | {:.0} | {:.1} µs | {:.3} | {:.3} |",
            median(own, |round| round.per_second),
            median(own, |round| round.cpu),
            median(&ratios, |round| round.per_second),
            median(&ratios, |round| round.cpu),
        );
    }
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut numbers: Vec<_> = rounds.iter().map(of).collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The same group, filled anew before each purge.
async fn purges() {
    let redis = RedisServer::start();
    for (name, cache) in [
        ("Redis", ResponseCache::redis(redis.url())),
        ("two tiers", ResponseCache::tiered(redis.url())),
    ] {
        let cache = cache.rule("/products/{id}", Rule::new().groups(["products"]));
        let handle = cache.handle().expect("settings are right");
        let handler = || async { HttpResponse::Ok().body("a product") };
        let app = App::new().wrap(cache).route("/products/{id}", web::get().to(handler));
        let app = test::init_service(app).await;
        let group = || Purge::group("products");
        for (kind, purge) in [
            ("", group()),
            (", soft", group().soft()),
            (", counted", group().counted()),
            (", all", Purge::all()),
        ] {
            for some in (0..ENTRIES).collect::<Vec<_>>().chunks(64) {
                let fills = some.iter().map(|number| {
                    let request = test::TestRequest::get().uri(&format!("/products/{number}"));
                    test::call_service(&app, request.to_request())
                });
                for res in join_all(fills).await {
                    assert!(res.status().is_success());
                }
            }
            measure(&format!("{name}{kind}"), &redis, &handle, &purge).await;
        }
    }
}

async fn measure(name: &str, redis: &RedisServer, handle: &CacheHandle, purge: &Purge) {
    let keys = || redis.command::<u64>(&["DBSIZE"]);
    let before = keys();
    // values, and an index for each path, which stays for as long as its entries would
    assert!(before > 2 * ENTRIES as u64, "{before} keys");
    let start = Instant::now();
    let purged = handle.purge(purge).await.expect("purged");
    let took = millis(start);
    assert!(!purged.pending);
    while purge.stale_since().is_none() && keys() + ENTRIES as u64 > before + 10 {
        assert!(start.elapsed() < Duration::from_secs(120), "it is removed behind");
        actix_rt::time::sleep(Duration::from_millis(20)).await;
    }
    let counted = purged.entries.map_or_else(|| "-".to_owned(), |entries| entries.to_string());
    println!("| {name} | {took:.2} ms | {counted} | {:.0} ms |", millis(start));
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

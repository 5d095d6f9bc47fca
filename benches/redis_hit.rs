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

use actix_response_cache::{CacheHandle, ResponseCache, Rule};
use actix_web::{App, HttpResponse, HttpServer, test, web};
use bytes::Bytes;
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
            println!(
                "\n| purge of a group of {ENTRIES} in Redis | until the caller knows | counted |"
            );
            println!("|---|--:|--:|");
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
        for _ in 0..3 {
            for number in 0..ENTRIES {
                let request = test::TestRequest::get().uri(&format!("/products/{number}"));
                assert!(test::call_service(&app, request.to_request()).await.status().is_success());
            }
            purge(name, &redis, &handle).await;
        }
    }
}

async fn purge(name: &str, redis: &RedisServer, handle: &CacheHandle) {
    let begun = Instant::now();
    let purged = handle.purge_group("products").await.expect("purged");
    let took = begun.elapsed();
    assert!(!purged.pending);
    println!("| {name} | {:.2} ms | {purged:?} |", took.as_secs_f64() * 1000.0);
    let begun = Instant::now();
    while redis.command::<u64>(&["DBSIZE"]) > 10 {
        assert!(begun.elapsed() < Duration::from_secs(120), "it is removed behind");
        actix_rt::time::sleep(Duration::from_millis(50)).await;
    }
    println!("| {name}, removed behind | {:.0} ms | |", begun.elapsed().as_secs_f64() * 1000.0);
}

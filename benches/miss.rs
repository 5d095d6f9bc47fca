//! A miss beside the same handler without a cache: what storing costs.

#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::panic, reason = "a bench")]

use actix_response_cache::{Redis, ResponseCache};
use actix_web::{App, HttpResponse, test::init_service, web};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use test_support::redis::RedisServer;

mod support;

use support::{SIZES, ask, body};

fn misses(criterion: &mut Criterion) {
    let runtime = actix_rt::System::new();
    let server =
        RedisServer::start_with(&["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]);
    for (length, name) in SIZES {
        let mut group = criterion.benchmark_group(format!("miss/{name}"));
        group.throughput(Throughput::Elements(1));
        let body = body(length);
        let handler = move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("text/html").body(body) }
        };
        let route = || web::get().to(handler.clone());
        let mut next = 0;
        let mut fresh = move |times: u64| {
            next += times;
            let first = next - times;
            move |n: u64| format!("/products/{}", first + n)
        };

        let bare = runtime.block_on(init_service(App::new().route("/products/{id}", route())));
        group.bench_function("bare handler", |bench| {
            bench.iter_custom(|times| runtime.block_on(ask(&bare, times, fresh(times))));
        });

        let cache = ResponseCache::memory();
        let memory = App::new().wrap(cache.clone()).route("/products/{id}", route());
        let memory = runtime.block_on(init_service(memory));
        group.bench_function("memory", |bench| {
            bench.iter_custom(|times| runtime.block_on(ask(&memory, times, fresh(times))));
        });
        assert_eq!(
            cache.handle().expect("settings are right").stats().hits,
            0,
            "hits were measured"
        );

        let passing = App::new().wrap(ResponseCache::memory().exclude("/"));
        let passing = runtime.block_on(init_service(passing.route("/products/{id}", route())));
        group.bench_function("excluded", |bench| {
            bench.iter_custom(|times| runtime.block_on(ask(&passing, times, fresh(times))));
        });

        let cache = ResponseCache::new(Redis::new(server.url()).key_prefix(format!("{length}:")));
        let redis = App::new().wrap(cache.clone()).route("/products/{id}", route());
        let redis = runtime.block_on(init_service(redis));
        group.sample_size(20);
        group.bench_function("redis", |bench| {
            bench.iter_custom(|times| runtime.block_on(ask(&redis, times, fresh(times))));
        });
        group.finish();
    }
}

criterion_group!(benches, misses);
criterion_main!(benches);

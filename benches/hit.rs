//! A hit beside a handler that returns a constant: in memory, in memory before Redis, and in Redis on
//! loopback.

#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::panic, reason = "a bench")]

use std::time::Duration;

use actix_http::Request;
use actix_response_cache::{Memory, Redis, ResponseCache, Tiered};
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    test::init_service,
    web,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use test_support::redis::RedisServer;

mod support;

use support::{SIZES, ask, body};

fn hits(criterion: &mut Criterion) {
    let runtime = actix_rt::System::new();
    let server = RedisServer::start();
    for (length, name) in SIZES {
        let mut group = criterion.benchmark_group(format!("hit/{name}"));
        group.throughput(Throughput::Elements(1));
        let body = body(length);
        let handler = move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("text/html").body(body) }
        };
        let route = || web::get().to(handler.clone());

        let bare = runtime.block_on(init_service(App::new().route("/products/{id}", route())));
        group.bench_function("bare handler", |bench| {
            bench
                .iter_custom(|times| runtime.block_on(ask(&bare, times, |_| "/products/7".into())));
        });

        let memory = App::new().wrap(ResponseCache::memory()).route("/products/{id}", route());
        let memory = runtime.block_on(init_service(memory));
        group.bench_function("memory", |bench| {
            bench.iter_custom(|times| {
                runtime.block_on(ask(&memory, times, |_| "/products/7".into()))
            });
        });

        let many = |n: u64| format!("/products/{}", n % 500);
        runtime.block_on(ask(&memory, 500, many));
        group.bench_function("memory, 500 URLs in turn", |bench| {
            bench.iter_custom(|times| runtime.block_on(ask(&memory, times, many)));
        });

        let cache = ResponseCache::new(Redis::new(server.url()).key_prefix(format!("{length}:")));
        let redis = App::new().wrap(cache.clone()).route("/products/{id}", route());
        let redis = runtime.block_on(init_service(redis));
        runtime.block_on(async {
            ask(&redis, 1, |_| "/products/7".into()).await;
            cache.handle().expect("settings are right").settle().await;
        });
        group.bench_function("redis", |bench| {
            bench.iter_custom(|times| {
                runtime.block_on(ask(&redis, times, |_| "/products/7".into()))
            });
        });

        let near = ResponseCache::new(Tiered::new(
            Memory::new(),
            Redis::new(server.url()).key_prefix(format!("near {length}:")),
        ));
        let tiered = App::new().wrap(near.clone()).route("/products/{id}", route());
        let tiered = runtime.block_on(init_service(tiered));
        runtime.block_on(hear(&tiered, &near, &server));
        group.bench_function("memory before redis", |bench| {
            bench.iter_custom(|times| {
                runtime.block_on(ask(&tiered, times, |_| "/products/7".into()))
            });
        });
        group.finish();
        let stats = cache.handle().expect("settings are right").stats();
        assert!(stats.misses <= 1 && stats.errors == 0, "not hits were measured: {stats:?}");
    }
}

/// Asks until a hit asks Redis for nothing.
async fn hear<S, B>(app: &S, cache: &ResponseCache, server: &RedisServer)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    for _ in 0..1000 {
        let before = server.calls("get");
        ask(app, 2, |_| "/products/7".into()).await;
        cache.handle().expect("settings are right").settle().await;
        if cache.handle().expect("settings are right").stats().hits > 2
            && server.calls("get") == before
        {
            return;
        }
        actix_rt::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("hits ask Redis");
}

criterion_group!(benches, hits);
criterion_main!(benches);

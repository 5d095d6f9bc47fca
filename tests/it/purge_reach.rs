//! Which stored responses a purge reaches: every spelling of a URL, every query that a response also
//! answers, every way in which clones make their keys. In memory, and in Redis through another process.

use std::time::{Duration, Instant};

use actix_response_cache::{
    CacheHandle, Memory, Query, Redis, ResponseCache, StoreErrorKind, Tiered,
};
use actix_web::{
    App, HttpResponse,
    test::{TestRequest, init_service},
    web,
};
use tokio::task::yield_now;

use crate::support::{Origin, TestApp, app, get, redis::RedisServer, send, settle};

/// Two caches over one store, as two processes have them, or the one cache twice; and how long the
/// first may take to hear of the other's purges.
type Pair = (ResponseCache, ResponseCache, Duration);

fn pairs(server: &RedisServer) -> [Pair; 3] {
    let memory = ResponseCache::memory();
    let store = |prefix: &str| {
        Redis::new(server.url()).response_timeout(Duration::from_secs(2)).key_prefix(prefix)
    };
    let redis = || ResponseCache::new(store("plain:"));
    let tiered = || ResponseCache::new(Tiered::new(Memory::new(), store("tiered:")));
    [
        (memory.clone(), memory, Duration::ZERO),
        (redis(), redis(), Duration::ZERO),
        (tiered(), tiered(), Duration::from_secs(1)),
    ]
}

/// What a request is answered with once the purge has been heard of.
async fn word_within(
    heard: Duration,
    app: &impl TestApp,
    request: fn() -> TestRequest,
) -> &'static str {
    let begun = Instant::now();
    loop {
        let word = send(app, request()).await.word();
        if word != "HIT" || begun.elapsed() >= heard {
            return word;
        }
        yield_now().await;
    }
}

async fn purge_url(handle: &CacheHandle, url: &str) -> u64 {
    handle.counted().purge_url(url).await.unwrap().entries.expect("counted")
}

/// Stores the answer to a request, purges `url` by the other process, and says how many responses
/// went and what the request is answered with then.
async fn after_purge(
    (cache, other, heard): &Pair,
    app: &impl TestApp,
    request: fn() -> TestRequest,
    url: &str,
) -> (u64, &'static str) {
    send(app, request()).await;
    settle(cache).await;
    assert_eq!(send(app, request()).await.word(), "HIT", "before {url}");
    let purged = purge_url(&other.handle().unwrap(), url).await;
    (purged, word_within(*heard, app, request).await)
}

#[actix_rt::test]
async fn purge_reaches_all_spellings_of_url() {
    type Case = (fn() -> TestRequest, &'static str);
    fn on(host: &'static str, uri: &str) -> TestRequest {
        TestRequest::get().uri(uri).insert_header(("host", host))
    }
    let cases: [Case; 14] = [
        (|| get("/gr%C3%BCn"), "/grün"),
        (|| get("/gr%c3%bcn"), "/gr%C3%BCn"),
        (|| get("/a%20b?q=c%20d"), "/a b?q=c d"),
        (|| get("/s?q=%C3%BC"), "/s?q=ü"),
        (|| get("/s?q=a+b"), "/s?q=a b"),
        (|| get("/a?"), "/a"),
        (|| get("/a"), "/a?"),
        (|| get("/a"), "/a#top"),
        (|| get("/a?x=1"), "//shop.example/a?x=1#top"),
        (|| get("/a"), "http://shop.example:80/a"),
        (|| get("/a"), "https://SHOP.example:443/a"),
        (|| on("shop.example:80", "/a"), "http://shop.example/a"),
        (|| on("Shop.Example.", "/a"), "http://shop.example/a"),
        (|| get("/a%2Ab"), "/a%2Ab"),
    ];
    let server = RedisServer::start();
    for pair in pairs(&server) {
        let app = app(&pair.0, &Origin::counting()).await;
        for (request, url) in cases {
            let outcome = after_purge(&pair, &app, request, url).await;
            assert_eq!(outcome, (1, "MISS"), "{url}");
            pair.0.handle().unwrap().purge_all().await.unwrap();
        }
    }
}

#[actix_rt::test]
async fn purge_keeps_other_urls() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    let handle = cache.handle().unwrap();
    send(&app, get("/a?x=1")).await;
    for other in ["/a", "/a?x=2", "/A?x=1", "//other.example/a?x=1", "//shop.example:8080/a?x=1"] {
        assert_eq!(purge_url(&handle, other).await, 0, "{other}");
    }
    assert_eq!(send(&app, get("/a?x=1")).await.word(), "HIT");
}

#[actix_rt::test]
async fn targets_that_match_nothing_are_errors() {
    let handle = ResponseCache::memory().handle().unwrap();
    let failed = [
        handle.purge_url("*").await,
        handle.purge_url("products/7").await,
        handle.purge_url("/products/*").await,
        handle.purge_url("ftp://shop.example/").await,
        handle.purge_path("products").await,
        handle.purge_path("/products/*").await,
        handle.purge_prefix("").await,
        handle.soft().purge_path("relative").await,
    ];
    for outcome in failed {
        let error = outcome.expect_err("nothing can be stored there");
        assert_eq!(error.kind(), StoreErrorKind::NoTarget);
        assert!(error.to_string().contains('`'), "{error}");
    }
    assert_eq!(handle.stats().purges, 0);
}

#[actix_rt::test]
async fn purge_url_reaches_entries_by_no_vary_search() {
    let server = RedisServer::start();
    for (cache, other, heard) in pairs(&server) {
        let origin = Origin::with_fields(&[("no-vary-search", "key-order")]);
        let app = app(&cache, &origin).await;
        let handle = other.handle().unwrap();
        for url in ["/s?b=2&a=1", "/s?a=1&b=2", "/s?%61=1&b=2#x"] {
            for stored in ["/s?b=2&a=1", "/s?plain"] {
                send(&app, get(stored)).await;
                settle(&cache).await;
            }
            assert_eq!(send(&app, get("/s?a=1&b=2")).await.word(), "HIT");
            assert!(purge_url(&handle, url).await >= 1, "{url}");
            assert_eq!(word_within(heard, &app, || get("/s?b=2&a=1")).await, "MISS", "{url}");
        }
    }
}

#[actix_rt::test]
async fn purge_url_reaches_entries_of_earlier_no_vary_search() {
    let cache = ResponseCache::memory();
    let origin = Origin::new(|req, _| {
        let mut res = HttpResponse::Ok();
        if req.query_string() != "plain" {
            res.insert_header(("no-vary-search", "key-order"));
        }
        res.finish()
    });
    let app = app(&cache, &origin).await;
    let handle = cache.handle().unwrap();
    send(&app, get("/s?b=2&a=1")).await;
    send(&app, get("/s?plain")).await;
    assert_eq!(purge_url(&handle, "/s?b=2&a=1").await, 1);
    assert_eq!(send(&app, get("/s?plain")).await.word(), "HIT");
    assert_eq!(send(&app, get("/s?b=2&a=1")).await.word(), "MISS");
}

#[actix_rt::test]
async fn handle_uses_key_rules_of_every_clone() {
    let cache = ResponseCache::memory();
    let origin = Origin::counting();
    let reports = web::scope("/reports")
        .wrap(cache.clone().query(Query::as_received().ignoring(["utm"])))
        .default_service(origin.route());
    let sorted = web::scope("/sorted")
        .wrap(cache.clone().query(Query::sorted()))
        .default_service(origin.route());
    let app = init_service(App::new().service(reports).service(sorted)).await;
    let handle = cache.handle().unwrap();
    for (stored, named) in [
        ("/reports/s?utm=1", "/reports/s?utm=1"),
        ("/reports/s?utm=1", "/reports/s"),
        ("/reports/s?utm=1&a=1", "/reports/s?a=1&utm=2"),
        ("/sorted/s?b=2&a=1", "/sorted/s?b=2&a=1"),
        ("/sorted/s?b=2&a=1", "/sorted/s?a=1&b=2"),
    ] {
        send(&app, get(stored)).await;
        assert_eq!(send(&app, get(stored)).await.word(), "HIT");
        assert_eq!(purge_url(&handle, named).await, 1, "{stored} by {named}");
        assert_eq!(send(&app, get(stored)).await.word(), "MISS", "{stored} by {named}");
    }
}

#[actix_rt::test]
async fn fill_that_brings_no_vary_search_is_refused_after_purge() {
    let server = RedisServer::start();
    for (cache, other, heard) in pairs(&server) {
        let handle = other.handle().unwrap();
        let purging = handle.clone();
        let route = web::get().to(move || {
            let handle = purging.clone();
            async move {
                handle.purge_url("/s?a=1&b=2").await.unwrap();
                HttpResponse::Ok().insert_header(("no-vary-search", "key-order")).finish()
            }
        });
        let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
        send(&app, get("/s?b=2&a=1")).await;
        settle(&cache).await;
        assert_eq!(word_within(heard, &app, || get("/s?a=1&b=2")).await, "MISS");
    }
}

#[actix_rt::test]
async fn purge_reaches_query_settings_and_no_vary_search_together() {
    let server = RedisServer::start();
    for (cache, other, heard) in pairs(&server) {
        let cache = cache.query(Query::as_received().ignoring(["utm"]));
        let origin = Origin::with_fields(&[("no-vary-search", "key-order")]);
        let app = app(&cache, &origin).await;
        let handle = other.handle().unwrap();
        for url in ["/s?b=2&utm=9&a=1", "/s?a=1&b=2", "/s?utm=1&a=1&b=2"] {
            send(&app, get("/s?b=2&a=1&utm=3")).await;
            settle(&cache).await;
            assert_eq!(send(&app, get("/s?a=1&utm=7&b=2")).await.word(), "HIT");
            assert!(purge_url(&handle, url).await >= 1, "{url}");
            assert_eq!(word_within(heard, &app, || get("/s?a=1&b=2")).await, "MISS", "{url}");
        }
    }
}

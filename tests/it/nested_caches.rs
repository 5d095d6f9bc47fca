//! Caches inside one another: nothing is stored twice, reported twice or mixed up.

use std::time::Duration;

use actix_response_cache::{Auth, Clock, ResponseCache, Rule};
use actix_web::{App, HttpRequest, HttpResponse, test::init_service, web};

use crate::support::{Origin, get, get_with, redis::RedisServer, request, send};

#[actix_rt::test]
async fn inner_clone_decides_and_requests_count_once() {
    let clock = Clock::manual();
    let outer = ResponseCache::memory().clock(clock.clone()).ttl(Duration::from_secs(10));
    let inner = outer.clone().ttl(Duration::from_secs(100));
    let origin = Origin::counting();
    let app = init_service(
        App::new()
            .service(web::scope("/reports").wrap(inner).default_service(origin.route()))
            .default_service(origin.route())
            .wrap(outer.clone()),
    )
    .await;
    for path in ["/reports/1", "/"] {
        let miss = send(&app, get(path)).await;
        assert_eq!(miss.field("cache-status"), "actix-response-cache; fwd=uri-miss; stored");
        assert_eq!(send(&app, get(path)).await.field("cache-status").matches("hit").count(), 1);
    }
    clock.advance(Duration::from_secs(50));
    assert_eq!(send(&app, get("/reports/1")).await.word(), "HIT", "the inner cache's lifetime");
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
    let stats = outer.handle().unwrap().stats();
    assert_eq!((stats.requests(), stats.hits, stats.misses, stats.stores), (6, 3, 3, 3));
    assert_eq!(stats.entries, Some(2));
}

#[actix_rt::test]
async fn inner_cache_stores_and_outer_cache_passes() {
    let (outer, inner) = (ResponseCache::memory(), ResponseCache::memory());
    let origin = Origin::counting();
    let app = init_service(
        App::new().wrap(inner.clone()).wrap(outer.clone()).default_service(origin.route()),
    )
    .await;
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.text(), origin.calls()), ("HIT", "answer 1", 1));
    assert_eq!(hit.all("cache-status").len(), 1);
    assert_eq!(hit.all("age").len(), 1);
    assert_eq!(
        (inner.handle().unwrap().stats().stores, outer.handle().unwrap().stats().stores),
        (1, 0)
    );
    assert_eq!(
        (inner.handle().unwrap().stats().hits, outer.handle().unwrap().stats().misses),
        (1, 2)
    );
}

#[actix_rt::test]
async fn outer_cache_does_not_store_what_inner_cache_refuses() {
    type Make = fn(&ResponseCache) -> ResponseCache;
    let ways: [Make; 6] = [
        |base| base.clone().exclude("/reports"),
        |base| base.clone().only_if(|_| false),
        |base| base.clone().rule("/{tail:.*}", Rule::bypass()),
        |base| base.clone().key_fn(|_| None),
        |base| base.clone().vary_by_auth(Auth::from_fn(|_| None)),
        |_| ResponseCache::memory().exclude("/"),
    ];
    for make in ways {
        let outer = ResponseCache::memory();
        let reports =
            web::scope("/reports").wrap(make(&outer)).default_service(Origin::counting().route());
        let app = init_service(App::new().service(reports).wrap(outer.clone())).await;
        for call in 1..4 {
            let seen = send(&app, get("/reports/1")).await;
            assert_eq!((seen.word(), seen.text()), ("BYPASS", format!("answer {call}").as_str()));
            assert_eq!(seen.all("cache-status").len(), 1);
        }
        assert_eq!(outer.handle().unwrap().stats().stores, 0);
    }
}

#[actix_rt::test]
async fn outer_cache_does_not_merge_keys_of_inner_cache() {
    let tenant = |req: &HttpRequest| Some(req.headers().get("x-tenant")?.to_str().ok()?.to_owned());
    let who = || {
        Origin::new(|req, _| {
            let tenant = req.headers().get("x-tenant").map(|value| value.to_str().unwrap());
            HttpResponse::Ok().body(tenant.unwrap_or("nobody").to_owned())
        })
    };
    let server = RedisServer::start();
    let (base, redis) = (ResponseCache::memory(), || ResponseCache::redis(server.url()));
    // clones share a store, and so do caches of their own over one Redis
    for (base, inner) in [
        (base.clone(), base.clone().vary_by_auth(Auth::from_fn(tenant))),
        (base.clone(), base.clone().key_fn(tenant)),
        (base.clone(), base.clone().vary_by_header("x-tenant")),
        (redis(), redis().key_fn(tenant)),
    ] {
        let settle = inner.handle().unwrap();
        let scope = web::scope("/t").wrap(inner).default_service(who().route());
        let app = init_service(App::new().service(scope).wrap(base.clone())).await;
        for round in 0..3 {
            assert_eq!(send(&app, get("/t/page")).await.text(), "nobody", "{round}");
            for name in ["a", "b"] {
                let seen = send(&app, get_with("/t/page", ("x-tenant", name))).await;
                settle.settle().await;
                let word = if round == 0 { "MISS" } else { "HIT" };
                assert_eq!((seen.text(), seen.word()), (name, word), "{round}");
            }
        }
        base.handle().unwrap().purge_all().await.unwrap();
    }
}

#[actix_rt::test]
async fn inner_entries_are_not_served_to_requests_that_bypass_inside() {
    let staff = |req: &HttpRequest| req.headers().contains_key("x-staff");
    let base = ResponseCache::memory();
    let inner = base.clone().only_if(move |req| !staff(req));
    let origin = Origin::new(|req, _| {
        let is_staff = req.headers().contains_key("x-staff");
        HttpResponse::Ok().body(if is_staff { "draft" } else { "page" })
    });
    let scope = web::scope("/t").wrap(inner).default_service(origin.route());
    let app = init_service(App::new().service(scope).wrap(base.clone())).await;
    for _ in 0..3 {
        assert_eq!(send(&app, get("/t/page")).await.text(), "page");
        assert_eq!(send(&app, get_with("/t/page", ("x-staff", "1"))).await.text(), "draft");
    }
    assert_eq!(send(&app, get("/t/page")).await.word(), "HIT");
    assert_eq!(
        base.handle().unwrap().counted().purge_url("/t/page").await.unwrap().entries,
        Some(1)
    );
}

#[actix_rt::test]
async fn burst_on_inner_cache_with_own_keys_calls_handler_once() {
    let base = ResponseCache::memory();
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&calls);
    let slow = web::to(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            "page"
        }
    });
    let scope =
        web::scope("/t").wrap(base.clone().vary_by_header("x-tenant")).default_service(slow);
    let app = init_service(App::new().service(scope).wrap(base.clone())).await;
    send(&app, get("/t/first")).await;
    // the cache outside has learned that it stores nothing here, so no request waits for it
    let burst = (0..20).map(|_| send(&app, get_with("/t/first", ("x-tenant", "a"))));
    let seen = futures_util::future::join_all(burst).await;
    assert!(seen.iter().all(|seen| seen.text() == "page"));
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[actix_rt::test]
async fn inner_cache_stores_where_outer_cache_passes() {
    let outer = ResponseCache::memory().exclude("/reports");
    let inner = outer.clone().ttl(Duration::from_secs(100));
    // a clone excludes what its original does, unless it is made before
    assert_eq!(word_of_second(&outer, &inner).await, "BYPASS");
    let base = ResponseCache::memory();
    let (outer, inner) = (base.clone().exclude("/reports"), base.clone());
    assert_eq!(word_of_second(&outer, &inner).await, "HIT");
    let stats = base.handle().unwrap().stats();
    assert_eq!((stats.requests(), stats.hits, stats.misses), (2, 1, 1));
}

async fn word_of_second(outer: &ResponseCache, inner: &ResponseCache) -> &'static str {
    let reports =
        web::scope("/reports").wrap(inner.clone()).default_service(Origin::counting().route());
    let app = init_service(App::new().service(reports).wrap(outer.clone())).await;
    send(&app, get("/reports/1")).await;
    send(&app, get("/reports/1")).await.word()
}

#[actix_rt::test]
async fn unsafe_request_purges_both_caches() {
    let (outer, inner) = (ResponseCache::memory().exclude("/b"), ResponseCache::memory());
    let app = init_service(
        App::new().wrap(inner).wrap(outer).default_service(Origin::counting().route()),
    )
    .await;
    for path in ["/a", "/b"] {
        send(&app, get(path)).await;
        send(&app, request("DELETE", path)).await;
        assert_eq!(send(&app, get(path)).await.word(), "MISS");
    }
}

#[actix_rt::test]
async fn clones_with_different_keys_share_no_entries() {
    let base = ResponseCache::memory();
    let strict =
        init_service(App::new().wrap(base.clone()).default_service(Origin::counting().route()))
            .await;
    let by_tenant = base.clone().vary_by_header("x-tenant");
    let keyed = init_service(
        App::new().wrap(by_tenant.clone()).default_service(Origin::counting().route()),
    )
    .await;
    send(&keyed, get_with("/", ("x-tenant", "a"))).await;
    assert_eq!(send(&strict, get_with("/", ("x-tenant", "a"))).await.word(), "MISS");
    for cache in [&base, &by_tenant] {
        let warnings = cache.check().await.unwrap().warnings;
        assert!(warnings.is_empty(), "a scope's clone may have keys of its own: {warnings:?}");
    }
}

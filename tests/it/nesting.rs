//! Caches inside one another: nothing is stored twice, told twice or mixed up.

use std::time::Duration;

use actix_response_cache::{Clock, ResponseCache};
use actix_web::{App, test::init_service, web};

use crate::support::{Origin, get, get_with, request, send};

#[actix_rt::test]
async fn of_two_clones_the_inner_one_decides_and_one_counts() {
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
    let stats = outer.stats().unwrap();
    assert_eq!((stats.requests(), stats.hits, stats.misses, stats.stores), (6, 3, 3, 3));
    assert_eq!(stats.entries, Some(2));
}

#[actix_rt::test]
async fn of_two_caches_the_inner_one_stores_and_the_outer_one_passes() {
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
    assert_eq!((inner.stats().unwrap().stores, outer.stats().unwrap().stores), (1, 0));
    assert_eq!((inner.stats().unwrap().hits, outer.stats().unwrap().misses), (1, 2));
}

#[actix_rt::test]
async fn where_the_inner_cache_passes_the_outer_one_stores() {
    let outer = ResponseCache::memory();
    let inner = ResponseCache::memory().exclude("/");
    let app = init_service(
        App::new()
            .wrap(inner.clone())
            .wrap(outer.clone())
            .default_service(Origin::counting().route()),
    )
    .await;
    let miss = send(&app, get("/")).await;
    assert_eq!(miss.field("cache-status"), "actix-response-cache; fwd=uri-miss; stored");
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.all("cache-status").len()), ("HIT", 1));
    assert_eq!(inner.stats().unwrap().bypassed(), 1);
}

#[actix_rt::test]
async fn where_the_outer_cache_passes_the_inner_one_stores() {
    let outer = ResponseCache::memory().exclude("/reports");
    let inner = outer.clone().ttl(Duration::from_secs(100));
    // a clone excludes what its original does, unless it is made before
    assert_eq!(word_of_second(&outer, &inner).await, "BYPASS");
    let base = ResponseCache::memory();
    let (outer, inner) = (base.clone().exclude("/reports"), base.clone());
    assert_eq!(word_of_second(&outer, &inner).await, "HIT");
    let stats = base.stats().unwrap();
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
async fn an_unsafe_request_purges_in_both() {
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
async fn clones_with_other_keys_share_no_answers() {
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
    let warnings = async |cache: &ResponseCache| cache.check().await.unwrap().warnings;
    assert_eq!(warnings(&base).await.len() + warnings(&by_tenant).await.len(), 1);
}

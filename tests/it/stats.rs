//! The counters: every request is counted once.

use actix_response_cache::{Memory, Reason, ResponseCache};
use actix_web::{HttpResponse, error::ErrorInternalServerError};

use crate::support::{Origin, app, get, get_with, request, send};

#[actix_rt::test]
async fn every_request_is_counted_once() {
    let cache = ResponseCache::memory().exclude("/private");
    let origin = Origin::new(|req, _| match req.path() {
        "/error" => ErrorInternalServerError("no").into(),
        "/cookie" => HttpResponse::Ok().insert_header(("set-cookie", "a=b")).finish(),
        _ => HttpResponse::Ok().body("x"),
    });
    let app = app(&cache, &origin).await;
    let requests = [
        get("/"),
        get("/"),
        get("/"),
        get("/error"),
        get("/cookie"),
        get("/private"),
        get_with("/", ("authorization", "x")),
        request("PUT", "/put"),
        request("HEAD", "/head"),
    ];
    let sent = requests.len() as u64;
    for req in requests {
        send(&app, req).await;
    }
    let stats = cache.handle().unwrap().stats();
    assert_eq!(stats.requests(), sent);
    assert_eq!((stats.hits, stats.misses, stats.stale, stats.bypassed()), (2, 4, 0, 3));
    assert_eq!(
        stats.bypasses,
        [(Reason::Method, 1), (Reason::Excluded, 1), (Reason::Authorization, 1)]
    );
    let refused: Vec<_> = stats.not_stored.iter().map(|(why, _)| *why).collect();
    assert_eq!(refused, [Reason::Authorization, Reason::SetCookie, Reason::Status]);
    assert_eq!((stats.stores, stats.purges, stats.errors), (1, 1, 0));
    assert_eq!((stats.hit_times.count(), stats.handler_times.count()), (1, sent - 4));
    assert_eq!(stats.entries, Some(1));
}

#[actix_rt::test]
async fn memory_is_bounded_by_bytes() {
    let capacity = 200_000;
    let cache = ResponseCache::new(Memory::new().max_capacity(capacity));
    let origin = Origin::new(|_, _| HttpResponse::Ok().body("x".repeat(5000)));
    let app = app(&cache, &origin).await;
    for n in 0..500 {
        send(&app, get(&format!("/{n}"))).await;
        if n % 50 == 0 {
            let bytes = cache.handle().unwrap().stats().bytes.unwrap();
            assert!(bytes <= capacity, "{bytes} bytes");
        }
    }
    let stats = cache.handle().unwrap().stats();
    let (entries, bytes) = (stats.entries.unwrap(), stats.bytes.unwrap());
    assert!(bytes <= capacity && entries > 10, "{entries} entries, {bytes} bytes");
    assert!(bytes / entries > 5000, "bodies count");
}

#[actix_rt::test]
async fn one_entry_may_be_larger_than_the_cache() {
    let cache = ResponseCache::new(Memory::new().max_capacity(1000));
    let origin = Origin::new(|_, _| HttpResponse::Ok().body("x".repeat(5000)));
    let app = app(&cache, &origin).await;
    for _ in 0..3 {
        assert_eq!(send(&app, get("/")).await.body.len(), 5000);
    }
    assert!(cache.handle().unwrap().stats().bytes.unwrap() <= 1000);
}

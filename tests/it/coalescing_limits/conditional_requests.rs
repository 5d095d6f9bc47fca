//! Conditional requests for what is not stored: the handler is called without the condition, and
//! the cache answers it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_response_cache::{ResponseCache, Responses};
use actix_web::{App, Error, HttpResponse, test::init_service, web};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use crate::support::{Origin, app, get, get_with, send, settle};

use super::{MILLISECOND, Slow, slowest, tenths, timed};

#[actix_rt::test]
async fn conditional_burst_on_cold_key_calls_handler_once() {
    tokio::time::pause();
    let conditions =
        [("if-none-match", "\"1\""), ("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT")];
    for (name, value) in conditions {
        let cache = ResponseCache::memory();
        // as actix-files does: a 304 where the condition matches
        let slow = Slow::new(400 * MILLISECOND, move |req, _| {
            let mut res = HttpResponse::Ok();
            if req.headers().contains_key(name) {
                return Ok(HttpResponse::NotModified().finish());
            }
            res.insert_header(("etag", "\"1\""));
            res.insert_header(("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"));
            Ok(res.body("whole"))
        });
        let app = slow.serve(&cache).await;
        let requests = (0..20).map(|_| get_with("/", (name, value))).collect();
        let answers = timed(&app, requests).await;
        assert!(answers.iter().all(|(seen, _)| seen.status == 304 && seen.body.is_empty()));
        assert_eq!((slow.calls(), tenths(slowest(&answers))), (1, 4), "{name}");
        assert_eq!(cache.handle().unwrap().stats().stores, 1);
        let hit = send(&app, get("/")).await;
        assert_eq!((hit.word(), hit.text()), ("HIT", "whole"));
    }
}

#[actix_rt::test]
async fn cache_evaluates_client_condition_on_unstorable_response() {
    let private = [("cache-control", "private"), ("etag", "\"1\"")];
    let seen_by_handler = Arc::new(AtomicUsize::new(0));
    let conditions = Arc::clone(&seen_by_handler);
    let origin = Origin::new(move |req, call| {
        if req.headers().contains_key("if-none-match") {
            conditions.fetch_add(1, Ordering::SeqCst);
        }
        let mut res = HttpResponse::Ok();
        for field in private {
            res.insert_header(field);
        }
        res.insert_header(("content-language", "en")).body(format!("answer {call}"))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    let same = send(&app, get_with("/", ("if-none-match", "W/\"1\""))).await;
    assert_eq!((same.status.as_u16(), same.text()), (304, ""));
    assert_eq!(same.field("etag"), "\"1\"");
    assert_eq!(same.field("cache-control"), "private");
    assert!(same.all("content-language").is_empty(), "nothing of the body");
    assert!(same.field("cache-status").contains("fwd-status=200"), "{same:?}");
    let other = send(&app, get_with("/", ("if-none-match", "\"2\""))).await;
    assert_eq!((other.status.as_u16(), other.text()), (200, "answer 2"));
    assert_eq!(seen_by_handler.load(Ordering::SeqCst), 0);
}

#[actix_rt::test]
async fn stream_is_stored_though_client_gets_304() {
    let cache = ResponseCache::memory();
    let route = web::to(|| async {
        let chunks = stream::iter(["one ", "two ", "three"])
            .map(|chunk| Ok::<_, Error>(Bytes::from_static(chunk.as_bytes())));
        HttpResponse::Ok().insert_header(("etag", "\"1\"")).streaming(chunks)
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let seen = send(&app, get_with("/", ("if-none-match", "\"1\""))).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (304, ""));
    settle(&cache).await;
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.text()), ("HIT", "one two three"));
}

#[actix_rt::test]
async fn endless_stream_is_not_read_for_304() {
    let cache = ResponseCache::memory().responses(Responses::new().max_body(10));
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let route = web::to(move || {
        let read = Arc::clone(&counted);
        let chunks = stream::repeat_with(move || {
            read.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(Bytes::from_static(b"chunk "))
        });
        async { HttpResponse::Ok().insert_header(("etag", "\"1\"")).streaming(chunks) }
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let seen = send(&app, get_with("/", ("if-none-match", "\"1\""))).await;
    assert_eq!(seen.status, 304);
    settle(&cache).await;
    assert!(read.load(Ordering::SeqCst) <= 3);
    assert_eq!(cache.handle().unwrap().stats().recorded, 0);
}

#[actix_rt::test]
async fn preconditions_and_ranges_reach_handler_unchanged() {
    let origin = Origin::new(|req, _| {
        let names: Vec<_> = ["if-match", "if-none-match", "range", "if-range"]
            .into_iter()
            .filter(|name| req.headers().contains_key(*name))
            .collect();
        HttpResponse::Ok().insert_header(("cache-control", "no-store")).body(names.join(" "))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    let with = |fields: &[(&'static str, &'static str)]| {
        fields.iter().fold(get("/"), |req, field| req.append_header(*field))
    };
    let seen = send(&app, with(&[("if-match", "\"1\""), ("if-none-match", "\"2\"")])).await;
    assert_eq!(seen.text(), "if-match if-none-match");
    let seen = send(&app, with(&[("range", "bytes=0-1"), ("if-range", "\"1\"")])).await;
    assert_eq!(seen.text(), "range if-range");
    let seen = send(&app, with(&[("if-none-match", "\"2\"")])).await;
    assert_eq!(seen.text(), "");
}

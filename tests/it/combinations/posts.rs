//! POST requests that only read, beside conditions, limits, purges and clients that go away.

use actix_response_cache::{HandlerPolicy, ResponseCache, Rule};
use actix_web::{HttpResponse, test::TestRequest};

use crate::support::{
    Origin, SECOND, app,
    gate::{Gate, gated, is_waiting},
    get, request, send,
};

fn post(body: &'static str) -> TestRequest {
    request("POST", "/search")
        .insert_header(("content-type", "text/plain"))
        .insert_header(("content-length", body.len()))
        .set_payload(body)
}

/// POST requests to these paths only read.
fn reads() -> Rule {
    Rule::new().cache_post(true).ttl(60 * SECOND)
}

#[actix_rt::test]
async fn conditions_and_ranges_of_a_post_are_never_answered_as_those_of_a_get() {
    let origin = Origin::with_fields(&[("etag", "\"a\"")]);
    let cache = ResponseCache::memory().rule("/search", reads());
    let app = app(&cache, &origin).await;
    send(&app, post("tea")).await;
    for (name, value) in [
        ("if-none-match", "\"a\""),
        ("if-none-match", "*"),
        ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("range", "bytes=0-1"),
    ] {
        let seen = send(&app, post("tea").insert_header((name, value))).await;
        assert_eq!((seen.status.as_u16(), seen.word()), (200, "HIT"), "{name}: {value}");
        assert_eq!(seen.text(), "answer 1", "{name}: {value}");
    }
}

#[actix_rt::test]
async fn post_with_a_validate_only_rule_is_not_answered_by_304() {
    let cache = ResponseCache::memory().rule("/search", Rule::new().validate_only(true));
    let origin = Origin::new(|_, _| HttpResponse::Ok().body("the same"));
    let app = app(&cache, &origin).await;
    let tag = send(&app, get("/search")).await.field("etag");
    let seen = send(&app, post("tea").insert_header(("if-none-match", tag))).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (200, "the same"));
}

#[actix_rt::test]
async fn post_that_only_reads_keeps_to_the_limit_of_handlers() {
    let gate = Gate::counting();
    let cache = ResponseCache::memory()
        .handlers(HandlerPolicy::new().max_handlers(1))
        .rule("/search", reads());
    let app = gated(&cache, &gate).await;
    let mut first = Box::pin(send(&app, post("tea")));
    assert!(is_waiting(&mut first).await);
    assert_eq!(send(&app, post("milk")).await.status, 503);
    gate.open_wide();
    assert_eq!(first.await.word(), "MISS");
    assert_eq!(send(&app, post("tea")).await.word(), "HIT");
    assert_eq!(send(&app, post("milk")).await.word(), "MISS", "503 was not stored");
}

#[actix_rt::test]
async fn cancelled_post_leaves_the_next_one_its_own_body() {
    let gate = Gate::counting();
    let cache = ResponseCache::memory().rule("/search", reads());
    let app = gated(&cache, &gate).await;
    let mut first = Box::pin(send(&app, post("tea")));
    assert!(is_waiting(&mut first).await);
    let mut second = Box::pin(send(&app, post("tea")));
    assert!(is_waiting(&mut second).await);
    drop(first);
    gate.open_wide();
    assert_eq!(second.await.status, 200);
    assert_eq!(send(&app, post("tea")).await.word(), "HIT");
}

#[actix_rt::test]
async fn purge_while_a_post_is_with_its_handler_wins() {
    let gate = Gate::counting();
    let cache = ResponseCache::memory().rule("/search", reads().groups(["list"]));
    let app = gated(&cache, &gate).await;
    let handle = cache.handle().unwrap();
    let mut before = Box::pin(send(&app, post("tea")));
    assert!(is_waiting(&mut before).await);
    handle.purge_group("list").await.unwrap();
    let mut after = Box::pin(send(&app, post("tea")));
    assert!(is_waiting(&mut after).await);
    gate.open_wide();
    let (before, after) = futures_util::join!(before, after);
    assert_eq!((before.text(), after.text()), ("answer 1", "answer 2"));
    assert_eq!(send(&app, post("tea")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn same_bytes_in_another_coding_are_another_question() {
    let cache = ResponseCache::memory().rule("/search", reads());
    let app = app(&cache, &Origin::counting()).await;
    let coded = |coding: &'static str| post("tea").insert_header(("content-encoding", coding));
    for word in ["MISS", "HIT"] {
        for req in [post("tea"), coded("gzip"), coded("br")] {
            assert_eq!(send(&app, req).await.word(), word);
        }
    }
}

//! Packed forms, validators of handlers and refreshes, beside hints, limits and windows.

use actix_response_cache::{Clock, HandlerPolicy, Precompress, ResponseCache, Rule};
use actix_web::HttpResponse;

use super::long_text;
use crate::support::{
    Origin, SECOND, app,
    gate::{Gate, gated, is_waiting},
    get, get_with, request, send, settle,
};

fn packing() -> ResponseCache {
    ResponseCache::memory().ttl(60 * SECOND).precompress(Precompress::new())
}

#[actix_rt::test]
async fn handler_is_asked_by_its_own_tag_whichever_form_the_client_has() {
    for own in ["\"a\"", "W/\"a\""] {
        let clock = Clock::manual();
        let cache = packing().clock(clock.clone());
        let origin = Origin::new(move |req, _| {
            let asked = req.headers().get("if-none-match").map(|tag| tag.to_str().unwrap());
            if asked == Some(own) {
                return HttpResponse::NotModified().insert_header(("etag", own)).finish();
            }
            let mut res = HttpResponse::Ok();
            res.insert_header(("etag", own)).content_type("text/plain").body(long_text())
        });
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        settle(&cache).await;
        let packed = || get_with("/", ("accept-encoding", "br"));
        let tag = send(&app, packed()).await.field("etag");
        for round in 0..2 {
            let known = packed().insert_header(("if-none-match", tag.clone()));
            let seen = send(&app, known).await;
            assert_eq!((seen.status.as_u16(), seen.field("etag")), (304, tag.clone()), "{round}");
            let seen = send(&app, get_with("/", ("if-none-match", tag.clone()))).await;
            let is_same =
                seen.field("etag").trim_start_matches("W/") == tag.trim_start_matches("W/");
            assert_eq!(seen.status == 304, is_same, "304 only where the bytes are the same");
            clock.advance(61 * SECOND);
        }
    }
}

#[actix_rt::test]
async fn digest_of_the_handler_is_told_of_no_other_bytes() {
    for name in ["content-digest", "repr-digest", "digest", "content-md5"] {
        let cache = packing();
        let origin = Origin::new(move |_, _| {
            let mut res = HttpResponse::Ok();
            res.insert_header((name, "of-the-plain-text")).content_type("text/plain");
            res.body(long_text())
        });
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        settle(&cache).await;
        let seen = send(&app, get_with("/", ("accept-encoding", "br"))).await;
        let is_plain = seen.field("content-encoding").is_empty();
        assert_eq!(seen.field(name).is_empty(), !is_plain, "{name}");
    }
}

#[actix_rt::test]
async fn stale_within_its_window_is_served_past_the_limit_and_refreshed_later() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .ttl(60 * SECOND)
        .stale_while_revalidate(600 * SECOND)
        .rule("/checked", Rule::new().validate_only(true))
        .handlers(HandlerPolicy::new().max_handlers(1));
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    gate.open();
    send(&app, get("/")).await;
    clock.advance(61 * SECOND);
    let mut other = Box::pin(send(&app, get("/other")));
    assert!(is_waiting(&mut other).await);
    for method in ["GET", "HEAD"] {
        assert_eq!(send(&app, request(method, "/")).await.word(), "STALE", "{method}");
    }
    assert_eq!(send(&app, request("HEAD", "/new")).await.status, 503);
    assert_eq!(gate.calls(), 2, "no refresh has run");
    gate.open_wide();
    other.await;
    assert_eq!(send(&app, get("/")).await.word(), "STALE");
    settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
}

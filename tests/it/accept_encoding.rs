//! `Vary: Accept-Encoding`: clients share what the handler makes, in any spelling of the header.

use actix_response_cache::{CacheHandle, ResponseCache};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::join_all;

use crate::support::{Origin, app, get, get_with, redis::RedisServer, send, settle};

const CHROME: &str = "gzip, deflate, br, zstd";
const SAFARI: &str = "gzip, deflate, br";

fn accepts(req: &HttpRequest, coding: &str) -> bool {
    let accepted = req.headers().get("accept-encoding").map_or("", |v| v.to_str().unwrap());
    let mut members = accepted.split(',').map(|member| member.trim().to_ascii_lowercase());
    members.any(|member| {
        member == coding
            || member.strip_prefix(&format!("{coding};q=")).is_some_and(|weight| weight != "0")
    })
}

/// Gives the first of these codings that the request accepts, or the plain response.
fn encoding(codings: &'static [&'static str]) -> Origin {
    Origin::new(move |req, call| {
        let chosen = codings.iter().find(|coding| accepts(req, coding));
        let mut res = HttpResponse::Ok();
        res.insert_header(("vary", "accept-encoding"));
        if let Some(chosen) = chosen {
            res.insert_header(("content-encoding", *chosen));
        }
        res.body(format!("{} {call}", chosen.unwrap_or(&"identity")))
    })
}

fn entries(handle: &CacheHandle) -> u64 {
    handle.stats().entries.unwrap()
}

#[actix_rt::test]
async fn browsers_share_an_encoding_that_all_accept() {
    let origin = encoding(&["br", "gzip"]);
    let app = app(&ResponseCache::memory(), &origin).await;
    assert_eq!(send(&app, get_with("/", ("accept-encoding", CHROME))).await.text(), "br 1");
    for accepted in [SAFARI, "br, deflate, gzip", "gzip;q=0.8, br;q=1.0", "br", "x, BR"] {
        let seen = send(&app, get_with("/", ("accept-encoding", accepted))).await;
        assert_eq!((seen.word(), seen.text()), ("HIT", "br 1"), "{accepted}");
        assert_eq!(seen.field("content-encoding"), "br");
    }
}

#[actix_rt::test]
async fn client_gets_encoding_that_handler_has_for_it() {
    let origin = encoding(&["zstd", "br", "gzip"]);
    let app = app(&ResponseCache::memory(), &origin).await;
    for (accepted, coding) in
        [("", "identity"), ("gzip", "gzip"), (SAFARI, "br"), (CHROME, "zstd"), ("br", "br")]
    {
        for _ in 0..2 {
            let seen = send(&app, get_with("/", ("accept-encoding", accepted))).await;
            let made = seen.text().split(' ').next();
            assert_eq!(made, Some(coding), "{accepted}");
        }
    }
    let bare = send(&app, get("/")).await;
    assert_eq!(bare.field("content-encoding"), "");
    // what is plain for one that says nothing is asked for once
    assert_eq!(origin.calls(), 5);
}

#[actix_rt::test]
async fn refused_encoding_is_not_served() {
    let origin = encoding(&["br", "gzip"]);
    let app = app(&ResponseCache::memory(), &origin).await;
    send(&app, get_with("/", ("accept-encoding", CHROME))).await;
    for accepted in ["", "identity", "br;q=0", "*;q=0, identity", "zstd", "deflate"] {
        let seen = send(&app, get_with("/", ("accept-encoding", accepted))).await;
        assert_eq!(seen.field("content-encoding"), "", "{accepted}");
    }
    assert_eq!(send(&app, get("/")).await.field("content-encoding"), "");
}

#[actix_rt::test]
async fn spellings_of_accept_encoding_make_no_new_variants() {
    let cache = ResponseCache::memory();
    let origin = encoding(&["br", "gzip"]);
    let app = app(&cache, &origin).await;
    let handle = cache.handle().unwrap();
    send(&app, get_with("/", ("accept-encoding", CHROME))).await;
    for number in 0..200 {
        for accepted in [
            format!("gzip, br, zstd, unknown-{number}"),
            format!("gzip;q=0.{number:03}, br, zstd;q=0.{:03}", 999 - number),
            format!("br, gzip;q=0.{number:03}"),
        ] {
            let seen = send(&app, get_with("/", ("accept-encoding", accepted.as_str()))).await;
            assert_eq!(seen.word(), "HIT", "{accepted}");
        }
    }
    assert_eq!((origin.calls(), entries(&handle)), (1, 2), "the variant and its note");
}

#[actix_rt::test]
async fn handler_that_stops_compressing_changes_variants() {
    let plain = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_plain = std::sync::Arc::clone(&plain);
    let origin = Origin::new(move |_, call| {
        let mut res = HttpResponse::Ok();
        res.insert_header(("vary", "accept-encoding"));
        if !is_plain.load(std::sync::atomic::Ordering::SeqCst) {
            res.insert_header(("content-encoding", "gzip"));
        }
        res.body(format!("answer {call}"))
    });
    let cache = ResponseCache::memory();
    let app = app(&cache, &origin).await;
    let ask = || send(&app, get_with("/", ("accept-encoding", "gzip")));
    for round in 0..20 {
        plain.store(round % 2 == 0, std::sync::atomic::Ordering::SeqCst);
        cache.handle().unwrap().purge_path("/").await.unwrap();
        let (first, second) = (ask().await, ask().await);
        assert_eq!((first.word(), second.word()), ("MISS", "HIT"), "round {round}");
        assert_eq!(second.field("content-encoding"), first.field("content-encoding"));
    }
}

#[actix_rt::test]
async fn burst_of_browsers_calls_handler_once() {
    let origin = encoding(&["br", "gzip"]);
    let app = app(&ResponseCache::memory(), &origin).await;
    let clients = (0..20).map(|n| {
        let accepted = if n % 2 == 0 { CHROME } else { SAFARI };
        send(&app, get_with("/", ("accept-encoding", accepted)))
    });
    for seen in join_all(clients).await {
        assert_eq!(seen.text(), "br 1");
    }
}

#[actix_rt::test]
async fn processes_share_learned_encodings() {
    let server = RedisServer::start();
    let cache = || ResponseCache::redis(server.url());
    let (one, two) = (cache(), cache());
    let origin = encoding(&["br", "gzip"]);
    let (first, second) = (app(&one, &origin).await, app(&two, &origin).await);
    send(&first, get_with("/", ("accept-encoding", CHROME))).await;
    settle(&one).await;
    for accepted in [SAFARI, CHROME, "br"] {
        let seen = send(&second, get_with("/", ("accept-encoding", accepted))).await;
        assert_eq!((seen.word(), seen.text()), ("HIT", "br 1"), "{accepted}");
    }
}

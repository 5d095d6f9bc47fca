//! Capabilities together: what one of them promises holds beside the others.

use std::panic::AssertUnwindSafe;

use actix_response_cache::{
    CacheHints, Clock, Compliance, Precompress, RefreshOutcome, ResponseCache, Rule,
};
use actix_web::{App, HttpRequest, HttpResponse, test::init_service, web};
use futures_util::FutureExt as _;

use crate::support::{Origin, SECOND, app, get, get_with, request, send, settle};

mod forms;
mod posts;

fn long_text() -> String {
    "all work and no play makes jack a dull boy. ".repeat(200)
}

#[actix_rt::test]
async fn declared_lifetimes_store_nothing_that_is_forbidden() {
    for fields in [
        &[("cache-control", "max-age=60"), ("set-cookie", "a=b")][..],
        &[("cache-control", "max-age=60, private")],
        &[("cache-control", "max-age=60, no-store")],
        &[("expires", "0")],
    ] {
        let cache =
            ResponseCache::memory().only_declared(true).rule("/rule", Rule::new().ttl(60 * SECOND));
        let app = app(&cache, &Origin::with_fields(fields)).await;
        for url in ["/", "/", "/rule", "/rule"] {
            assert_eq!(send(&app, get(url)).await.word(), "MISS", "{url} {fields:?}");
        }
    }
}

#[actix_rt::test]
async fn hint_declares_and_no_store_of_a_later_hint_forbids() {
    let handler = web::to(async |hints: CacheHints, words: web::Path<String>| {
        match words.as_str() {
            "ttl" => drop(hints.ttl(60 * SECOND)),
            "forbidden" => drop(hints.ttl(60 * SECOND).no_store()),
            "undone" => drop(hints.no_store().ttl(60 * SECOND)),
            _ => drop(hints.group("alone")),
        }
        "hinted"
    });
    let cache = ResponseCache::memory().only_declared(true);
    let app = init_service(App::new().wrap(cache).route("/{word}", handler)).await;
    for (url, word) in
        [("/ttl", "HIT"), ("/forbidden", "MISS"), ("/undone", "MISS"), ("/group", "MISS")]
    {
        send(&app, get(url)).await;
        assert_eq!(send(&app, get(url)).await.word(), word, "{url}");
    }
}

#[actix_rt::test]
async fn shared_page_that_varies_by_who_asks_is_told_apart() {
    for vary in ["cookie", "authorization, cookie"] {
        let cache = ResponseCache::memory().rule("/{tail:.*}", Rule::new().shared(true));
        let origin = Origin::new(move |_, call| {
            HttpResponse::Ok().insert_header(("vary", vary)).body(call.to_string())
        });
        let app = app(&cache, &origin).await;
        let texts = async |who: &'static str| {
            send(&app, get_with("/", ("cookie", who))).await.text().to_owned()
        };
        let (alice, bob) = (texts("a=alice").await, texts("a=bob").await);
        assert_ne!(alice, bob, "{vary}");
    }
    let cache = ResponseCache::memory().rule("/{tail:.*}", Rule::new().shared(true));
    let app = app(&cache, &Origin::with_fields(&[("vary", "*")])).await;
    for _ in 0..2 {
        assert_eq!(send(&app, get_with("/", ("cookie", "a=b"))).await.word(), "MISS");
    }
}

#[actix_rt::test]
async fn head_tells_the_tag_and_length_of_the_form_that_a_get_is_given() {
    let cache = ResponseCache::memory().ttl(60 * SECOND).precompress(Precompress::new());
    let origin =
        Origin::new(|_, _| HttpResponse::Ok().content_type("text/plain").body(long_text()));
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    let with = |method: &str, accepted: &'static str| {
        request(method, "/").insert_header(("accept-encoding", accepted))
    };
    for accepted in ["br", "gzip", "zstd", "identity", "br;q=0, gzip;q=0.1", "*;q=0, identity"] {
        let got = send(&app, with("GET", accepted)).await;
        let head = send(&app, with("HEAD", accepted)).await;
        assert_eq!((head.word(), head.body.len()), ("HIT", 0));
        for name in ["etag", "content-encoding", "vary", "content-type"] {
            assert_eq!(head.field(name), got.field(name), "{accepted}: {name}");
        }
        let known = |method: &str| {
            with(method, accepted).insert_header(("if-none-match", got.field("etag")))
        };
        for method in ["GET", "HEAD"] {
            let seen = send(&app, known(method)).await;
            assert_eq!((seen.status.as_u16(), seen.field("etag")), (304, got.field("etag")));
        }
    }
    assert_eq!(origin.calls(), 1);
}

#[actix_rt::test]
async fn range_of_another_version_is_never_sent() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().ttl(60 * SECOND).clock(clock.clone());
    let app = app(&cache, &Origin::counting()).await;
    let old = send(&app, get("/")).await.field("etag");
    let ranged = || get_with("/", ("range", "bytes=0-1")).insert_header(("if-range", old.clone()));
    let part = send(&app, ranged()).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "an"));
    clock.advance(60 * SECOND);
    for _ in 0..2 {
        let whole = send(&app, ranged()).await;
        assert_eq!((whole.status.as_u16(), whole.text()), (200, "answer 2"));
    }
}

#[actix_rt::test]
async fn function_that_panics_for_one_client_gives_no_other_a_wrong_response() {
    let origin = Origin::new(|req, _| {
        let said = req.headers().get("x-device").and_then(|value| value.to_str().ok());
        let said = said.unwrap_or("none").to_owned();
        HttpResponse::Ok().insert_header(("vary", "x-device")).body(said)
    });
    let cache = ResponseCache::memory().normalise_header("x-device", |device| {
        assert_ne!(device, Some("bad"), "a client that the function does not expect");
        Some("small".to_owned())
    });
    let app = app(&cache, &origin).await;
    let with = |device: &'static str| get_with("/", ("x-device", device));
    for _ in 0..2 {
        assert_eq!(send(&app, with("phone")).await.text(), "small");
        let ended = AssertUnwindSafe(send(&app, with("bad"))).catch_unwind().await;
        assert!(ended.is_err(), "as a panic of its handler would end it");
    }
    assert_eq!(send(&app, with("watch")).await.word(), "HIT");
    assert_eq!(origin.calls(), 1);
}

#[actix_rt::test]
async fn headers_of_unchanged_response_reach_the_client() {
    let fields = &[
        ("set-cookie", "session=renewed"),
        ("access-control-allow-origin", "https://shop.example"),
        ("cache-control", "private"),
    ];
    let origin = Origin::new(move |_, _| {
        let mut res = HttpResponse::Ok();
        for field in fields {
            res.append_header(*field);
        }
        res.body("the same")
    });
    let cache = ResponseCache::memory().rule("/mine", Rule::new().validate_only(true));
    let app = app(&cache, &origin).await;
    let first = send(&app, get("/mine")).await;
    let tag = first.field("etag");
    assert_eq!(first.field("set-cookie"), "session=renewed");
    let again = send(&app, get_with("/mine", ("if-none-match", tag))).await;
    for (name, value) in fields {
        assert_eq!(again.field(name), *value, "{}", again.status);
    }
}

#[actix_rt::test]
async fn heuristics_declare_nothing() {
    let fields = &[("last-modified", "Mon, 01 Jan 2001 00:00:00 GMT")];
    let cache = ResponseCache::memory()
        .only_declared(true)
        .compliance(Compliance::careful().heuristic_freshness(true));
    let app = app(&cache, &Origin::with_fields(fields)).await;
    for _ in 0..2 {
        assert_eq!(send(&app, get("/")).await.word(), "MISS");
    }
}

#[actix_rt::test]
async fn private_hint_under_a_shared_rule_reaches_one_client_only() {
    let handler = web::to(async |req: HttpRequest, hints: CacheHints| {
        hints.ttl(60 * SECOND).private();
        format!("{:?}", req.headers().get("cookie"))
    });
    let cache = ResponseCache::memory().rule("/{tail:.*}", Rule::new().shared(true));
    let app = init_service(App::new().wrap(cache).default_service(handler)).await;
    for who in ["a=alice", "a=bob"] {
        let seen = send(&app, get_with("/", ("cookie", who))).await;
        assert!(seen.text().contains(who), "{}", seen.text());
        assert!(seen.field("cache-control").contains("private"));
    }
}

#[actix_rt::test]
async fn language_that_is_refused_is_given_only_where_no_other_is_wanted() {
    let cache = ResponseCache::memory().languages(["en", "de", "fr"]);
    let origin = Origin::new(|req, _| {
        let asked = req.headers().get("accept-language").map(|value| value.to_str().unwrap());
        HttpResponse::Ok()
            .insert_header(("vary", "accept-language"))
            .body(asked.unwrap().to_owned())
    });
    let app = app(&cache, &origin).await;
    for (accepted, given) in [
        ("en;q=0, *;q=0.5", "de"),
        ("*, en;q=0, de;q=0", "fr"),
        ("fr;q=0, de;q=0.1", "de"),
        ("FR-ca;q=0.2, de;q=0.1", "fr"),
        ("en;q=0.1, *;q=0.9", "de"),
        ("en;q=0", "en"),
        ("*;q=0", "en"),
        (",,;;", "en"),
    ] {
        let seen = send(&app, get_with("/", ("accept-language", accepted))).await;
        assert_eq!(seen.text(), given, "{accepted}");
    }
}

#[actix_rt::test]
async fn refresh_of_what_no_route_serves_stores_nothing() {
    let cache = ResponseCache::memory();
    let page = web::get().to(async || "page");
    let app = init_service(App::new().wrap(cache.clone()).route("/page", page)).await;
    send(&app, get("/page")).await;
    let handle = cache.handle().unwrap();
    let asked = handle.clone();
    let refresh = actix_rt::spawn(async move { asked.refresh(["/unknown"], 1).await });
    while !refresh.is_finished() {
        send(&app, get("/page")).await;
        actix_rt::task::yield_now().await;
    }
    let report = refresh.await.unwrap();
    let outcome = &report.urls[0].outcome;
    assert!(
        matches!(outcome, RefreshOutcome::NotStored(_) | RefreshOutcome::Failed(_)),
        "{outcome:?}"
    );
    assert_eq!(handle.stats().entries, Some(1));
}

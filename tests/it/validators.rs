//! `ETag`s of the cache's own, where handlers give no validator: clients that have a response are told
//! 304, and never where the bytes are others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{Clock, Reason, ResponseCache, Responses, Rule};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodyStream, SizedStream},
    rt::System,
};
use bytes::Bytes;
use futures_util::stream;
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::{
    Origin, SECOND, Seen, TestApp, app, get, get_with, redis::RedisServer, request, send, settle,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A handler that always answers the same, without a validator.
fn page() -> Origin {
    Origin::new(|_, _| HttpResponse::Ok().content_type("text/html").body("a page"))
}

async fn asked(app: &impl TestApp, tag: &str) -> Seen {
    send(app, get_with("/", ("if-none-match", tag))).await
}

#[actix_rt::test]
async fn client_that_has_the_response_is_told_so() {
    let (origin, clock) = (page(), Clock::manual());
    let cache = ResponseCache::memory().ttl(MINUTE).clock(clock.clone());
    let app = app(&cache, &origin).await;
    let miss = send(&app, get("/")).await;
    let tag = miss.field("etag");
    assert_eq!((tag.len(), tag.starts_with('"'), tag.ends_with('"')), (34, true, true), "{tag}");
    for _ in 0..3 {
        assert_eq!(send(&app, get("/")).await.field("etag"), tag);
        let known = asked(&app, &tag).await;
        assert_eq!((known.status.as_u16(), known.word(), known.body.len()), (304, "HIT", 0));
        assert_eq!(known.field("etag"), tag);
    }
    let head = send(&app, request("HEAD", "/")).await;
    assert_eq!((head.field("etag"), head.word()), (tag.clone(), "HIT"));
    for matching in ["*", &format!("\"x\", {tag}"), &format!("W/{tag}"), &format!("\"x\",W/{tag}")]
    {
        assert_eq!(asked(&app, matching).await.status, 304, "{matching}");
    }
    for other in ["\"x\"", "W/\"x\"", "", tag.trim_matches('"')] {
        assert_eq!(asked(&app, other).await.status, 200, "{other}");
    }
    assert_eq!(origin.calls(), 1);
    // when it is stale, the handler makes the same again
    clock.advance(MINUTE);
    let again = asked(&app, &tag).await;
    assert_eq!((again.status.as_u16(), again.word(), origin.calls()), (304, "MISS", 2));
    assert_eq!(
        again.field("cache-status"),
        "actix-response-cache; fwd=stale; fwd-status=200; stored"
    );
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
}

#[actix_rt::test]
async fn miss_is_told_304_where_the_handler_makes_the_same_again() {
    let origin = page();
    let tag = send(&app(&ResponseCache::memory(), &origin).await, get("/")).await.field("etag");
    // another process, or this one after a purge
    let app = app(&ResponseCache::memory(), &origin).await;
    let miss = asked(&app, &tag).await;
    assert_eq!((miss.status.as_u16(), miss.body.len(), miss.word()), (304, 0, "MISS"));
    assert_eq!((miss.field("etag"), miss.field("content-type")), (tag, String::new()));
    // the handler was not asked by it, and its whole response is stored
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.text(), origin.calls()), ("HIT", "a page", 2));
}

#[actix_rt::test]
async fn changed_response_has_another_tag() {
    let (origin, clock) = (Origin::counting(), Clock::manual());
    let cache = ResponseCache::memory().ttl(MINUTE).clock(clock.clone());
    let app = app(&cache, &origin).await;
    let first = send(&app, get("/")).await.field("etag");
    clock.advance(MINUTE);
    let second = asked(&app, &first).await;
    assert_eq!((second.status.as_u16(), second.text()), (200, "answer 2"));
    assert_ne!(second.field("etag"), first);
    assert_eq!(asked(&app, &second.field("etag")).await.status, 304);
}

#[actix_rt::test]
async fn handler_is_not_asked_by_a_tag_that_it_does_not_know() {
    let clock = Clock::manual();
    let origin = Origin::new(|req, call| {
        let conditional = ["if-none-match", "if-modified-since"];
        assert!(conditional.iter().all(|name| !req.headers().contains_key(*name)));
        HttpResponse::Ok().body(format!("answer {}", call / 3))
    });
    let cache = ResponseCache::memory().ttl(MINUTE).stale_while_revalidate(MINUTE);
    let app = app(&cache.clone().clock(clock.clone()), &origin).await;
    let tag = send(&app, get("/")).await.field("etag");
    clock.advance(MINUTE);
    // served stale, and refreshed in the background to the same bytes
    let stale = asked(&app, &tag).await;
    assert_eq!((stale.status.as_u16(), stale.word()), (304, "STALE"));
    settle(&cache).await;
    assert_eq!(origin.calls(), 2);
    let fresh = asked(&app, &tag).await;
    assert_eq!((fresh.status.as_u16(), fresh.word()), (304, "HIT"));
    clock.advance(2 * MINUTE);
    assert_eq!(asked(&app, &tag).await.status, 200);
}

#[actix_rt::test]
async fn validators_of_the_handler_stay() {
    const DATED: &[(&str, &str)] = &[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
    for fields in [&[("etag", "\"mine\"")][..], &[("etag", "W/\"mine\"")], DATED] {
        let origin = Origin::new(move |_, _| {
            let mut res = HttpResponse::Ok();
            for field in fields {
                res.append_header(*field);
            }
            res.body("a page")
        });
        let app = app(&ResponseCache::memory(), &origin).await;
        for _ in 0..4 {
            let seen = send(&app, get_with("/", ("accept-encoding", "gzip"))).await;
            for (name, value) in fields {
                assert_eq!(seen.field(name), *value);
            }
            assert_eq!(seen.all("etag").len(), usize::from(fields[0].0 == "etag"));
        }
    }
}

#[actix_rt::test]
async fn responses_that_are_not_stored_have_none() {
    let origin = Origin::new(|req, _| match req.path() {
        "/private" => HttpResponse::Ok().insert_header(("cache-control", "private")).body("a"),
        "/no-store" => HttpResponse::Ok().insert_header(("cache-control", "no-store")).body("a"),
        "/cookie" => HttpResponse::Ok().insert_header(("set-cookie", "a=b")).body("a"),
        "/none" => HttpResponse::NoContent().finish(),
        "/missing" => {
            HttpResponse::NotFound().insert_header(("cache-control", "max-age=9")).body("a")
        }
        _ => HttpResponse::Ok().body("a"),
    });
    let cache = ResponseCache::memory().exclude("/excluded");
    let app = app(&cache, &origin).await;
    for path in ["/private", "/no-store", "/cookie", "/none", "/missing", "/excluded"] {
        for _ in 0..2 {
            let seen = send(&app, get_with(path, ("if-none-match", "\"x\""))).await;
            assert_eq!(seen.all("etag"), [""; 0], "{path}");
            assert_ne!(seen.status, 304, "{path}");
        }
    }
    let head = send(&app, request("HEAD", "/page")).await;
    assert_eq!((head.word(), head.all("etag").len()), ("MISS", 0));
}

#[actix_rt::test]
async fn switch_takes_effect_and_can_be_undone() {
    let off = ResponseCache::memory().responses(Responses::new().validators(false));
    let without = app(&off, &page()).await;
    for _ in 0..3 {
        assert_eq!(send(&without, get("/")).await.all("etag"), [""; 0]);
    }
    let on = ResponseCache::memory()
        .responses(Responses::new().validators(false))
        .responses(Responses::new().validators(true));
    assert_eq!(send(&app(&on, &page()).await, get("/")).await.all("etag").len(), 1);
    let excluded = ResponseCache::memory().responses(Responses::new().exclude_header("etag"));
    assert_eq!(send(&app(&excluded, &page()).await, get("/")).await.all("etag"), [""; 0]);
}

#[actix_rt::test]
async fn stream_has_a_tag_from_the_first_hit_on() {
    let origin = Origin::new(|req, _| {
        let chunks = ["a ", "page"].map(|chunk| Ok::<_, actix_web::Error>(Bytes::from(chunk)));
        let chunks = stream::iter(chunks);
        match req.path() {
            "/sized" => HttpResponse::Ok().body(SizedStream::new(6, chunks)),
            _ => HttpResponse::Ok().body(BodyStream::new(chunks)),
        }
    });
    for path in ["/", "/sized"] {
        let app = app(&ResponseCache::memory(), &origin).await;
        let miss = send(&app, get_with(path, ("if-none-match", "\"a\""))).await;
        assert_eq!((miss.text(), miss.all("etag").len()), ("a page", 0));
        let hit = send(&app, get(path)).await;
        assert_eq!((hit.word(), hit.text()), ("HIT", "a page"));
        let known = send(&app, get_with(path, ("if-none-match", hit.field("etag").as_str()))).await;
        assert_eq!((known.status.as_u16(), known.word()), (304, "HIT"));
    }
}

#[actix_rt::test]
async fn tag_is_weak_where_compression_outside_may_change_the_bytes() {
    let origin = Origin::new(|req, _| {
        let media_type = if req.path() == "/image" { "image/png" } else { "text/plain" };
        HttpResponse::Ok().content_type(media_type).body("0123456789")
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    for path in ["/text", "/image"] {
        // a miss, a hit, and hits of what the worker remembers
        for call in 0..5 {
            let packed = send(&app, get_with(path, ("accept-encoding", "gzip"))).await;
            let plain = send(&app, get(path)).await;
            let (packed, plain) = (packed.field("etag"), plain.field("etag"));
            assert!(plain.starts_with('"'), "{plain}");
            let expected = if path == "/text" { format!("W/{plain}") } else { plain.clone() };
            assert_eq!(packed, expected, "{call}");
            for tag in [&packed, &plain] {
                let req = request("GET", path).insert_header(("if-none-match", tag.as_str()));
                let known = send(&app, req.insert_header(("accept-encoding", "gzip"))).await;
                assert_eq!((known.status.as_u16(), known.field("etag")), (304, packed.clone()));
            }
        }
    }
}

#[actix_rt::test]
async fn ranges_are_of_the_response_with_this_tag() {
    let origin = Origin::new(|_, _| HttpResponse::Ok().body("0123456789"));
    let app = app(&ResponseCache::memory(), &origin).await;
    let tag = send(&app, get("/")).await.field("etag");
    let range = async |condition: &str| {
        let range = get_with("/", ("range", "bytes=2-4"));
        send(&app, range.insert_header(("if-range", condition))).await
    };
    let part = range(&tag).await;
    assert_eq!((part.status.as_u16(), part.text(), part.field("etag")), (206, "234", tag.clone()));
    for other in ["\"other\"", &format!("W/{tag}")] {
        let whole = range(other).await;
        assert_eq!((whole.status.as_u16(), whole.text()), (200, "0123456789"), "{other}");
    }
}

#[actix_rt::test]
async fn processes_make_the_same_tag() {
    let server = RedisServer::start();
    let one = ResponseCache::redis(server.url());
    let two = ResponseCache::redis(server.url());
    let origin = page();
    let tag = send(&app(&one, &origin).await, get("/")).await.field("etag");
    settle(&one).await;
    let second = app(&two, &origin).await;
    let hit = send(&second, get("/")).await;
    assert_eq!((hit.word(), hit.field("etag")), ("HIT", tag.clone()));
    assert_eq!(asked(&second, &tag).await.status, 304);
    // what is read from Redis is no validator for the handler either
    let alone = app(&ResponseCache::memory(), &page()).await;
    assert_eq!(send(&alone, get("/")).await.field("etag"), tag);
    assert_eq!(origin.calls(), 1);
}

#[actix_rt::test]
async fn nothing_is_stored_under_validate_only_and_304_is_told() {
    let origin = Origin::new(|req, _| {
        let user =
            req.headers().get("authorization").map_or("nobody", |user| user.to_str().unwrap());
        HttpResponse::Ok().insert_header(("cache-control", "private")).body(format!("of {user}"))
    });
    let cache = ResponseCache::memory().rule("/orders", Rule::new().validate_only(true));
    let app = app(&cache, &origin).await;
    let orders = async |user: &str, tag: &str| {
        let req =
            get_with("/orders", ("authorization", user)).insert_header(("if-none-match", tag));
        send(&app, req).await
    };
    let ann = orders("ann", "\"none\"").await;
    assert_eq!((ann.status.as_u16(), ann.text()), (200, "of ann"));
    assert_eq!(ann.field("cache-status"), "actix-response-cache; fwd=bypass; detail=validate-only");
    let tag = ann.field("etag");
    let known = orders("ann", &tag).await;
    assert_eq!(
        (known.status.as_u16(), known.body.len(), known.field("etag")),
        (304, 0, tag.clone())
    );
    assert_eq!(
        known.field("cache-status"),
        "actix-response-cache; fwd=bypass; fwd-status=200; detail=validate-only"
    );
    let bob = orders("bob", &tag).await;
    assert_eq!((bob.status.as_u16(), bob.text(), origin.calls()), (200, "of bob", 3));
    let stats = cache.handle().unwrap().stats();
    assert_eq!(stats.bypasses, [(Reason::ValidateOnly, 3)]);
    assert_eq!(stats.stores, 0);
    // others are not touched: another method, another path, another rule
    for (method, path) in [("HEAD", "/orders"), ("POST", "/orders"), ("GET", "/private")] {
        let req = request(method, path).insert_header(("if-none-match", "\"x\""));
        let seen = send(&app, req).await;
        assert_eq!((seen.status.as_u16(), seen.all("etag").len()), (200, 0), "{method} {path}");
    }
}

#[actix_rt::test]
async fn validate_only_leaves_streams_errors_and_validators_alone() {
    let origin = Origin::new(|req, _| {
        let chunks = stream::iter([Ok::<_, actix_web::Error>(Bytes::from("a page"))]);
        match req.path() {
            "/a/stream" => HttpResponse::Ok().body(BodyStream::new(chunks)),
            "/a/error" => HttpResponse::InternalServerError().body("a page"),
            "/a/tagged" => HttpResponse::Ok().insert_header(("etag", "\"mine\"")).body("a page"),
            "/a/dated" => HttpResponse::Ok()
                .insert_header(("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"))
                .body("a page"),
            _ => HttpResponse::NoContent().finish(),
        }
    });
    let rule = Rule::new().validate_only(true);
    let app = app(&ResponseCache::memory().rule("/a/{tail:.*}", rule), &origin).await;
    for path in ["/a/stream", "/a/error", "/a/tagged", "/a/dated", "/a/empty"] {
        for _ in 0..2 {
            let seen = send(&app, get_with(path, ("if-none-match", "*"))).await;
            assert_ne!(seen.status, 304, "{path}");
            assert_eq!(seen.all("etag").len(), usize::from(path == "/a/tagged"), "{path}");
            assert_eq!(seen.text(), if path == "/a/empty" { "" } else { "a page" });
        }
    }
}

#[actix_rt::test]
async fn explanation_names_validate_only() {
    let cache = ResponseCache::memory().rule("/a", Rule::new().ttl(SECOND).validate_only(true));
    let report = cache.check().await.unwrap();
    assert!(report.warnings.iter().any(|warning| warning.contains("stores nothing")), "{report:?}");
    let undone = Rule::new().validate_only(true).validate_only(false);
    let cache = ResponseCache::memory().rule("/a", undone);
    let app = app(&cache, &page()).await;
    send(&app, get("/a")).await;
    assert_eq!(send(&app, get("/a")).await.word(), "HIT");
}

/// What a handler says next, and what a client then asks by.
#[derive(Clone, Debug)]
struct Step {
    body: usize,
    passes: u64,
    asks_by: usize,
    accepts: bool,
    head: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let parts = (0_usize..3, 0_u64..90, 0_usize..4, any::<bool>(), any::<bool>());
    parts.prop_map(|(body, passes, asks_by, accepts, head)| Step {
        body,
        passes,
        asks_by,
        accepts,
        head,
    })
}

/// Whatever the handler says, whenever, a client that is told 304 by a tag has the bytes that anybody is
/// given with it.
#[test]
fn client_is_told_304_only_where_the_bytes_are_the_same() {
    const BODIES: [&str; 3] = ["", "a page", "a Page"];
    let config =
        ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let steps = (proptest::collection::vec(step(), 1..24), any::<bool>(), any::<bool>());
    let tried = TestRunner::new(config).run(&steps, |(steps, stale, validate_only)| {
        System::new().block_on(async {
            let (clock, says) = (Clock::manual(), Arc::new(AtomicUsize::new(0)));
            let said = Arc::clone(&says);
            let origin = Origin::new(move |_: &HttpRequest, _| {
                HttpResponse::Ok().body(BODIES[said.load(Ordering::SeqCst)])
            });
            let window = if stale { MINUTE } else { Duration::ZERO };
            let cache = ResponseCache::memory()
                .ttl(MINUTE)
                .stale_while_revalidate(window)
                .rule("/", Rule::new().validate_only(validate_only))
                .clock(clock.clone());
            let app = app(&cache, &origin).await;
            let mut known: Vec<(String, Bytes)> = Vec::new();
            for Step { body, passes, asks_by, accepts, head } in steps {
                says.store(body, Ordering::SeqCst);
                clock.advance(Duration::from_secs(passes));
                let mut req = request(if head { "HEAD" } else { "GET" }, "/");
                if accepts {
                    req = req.insert_header(("accept-encoding", "gzip, br"));
                }
                let asked = known.get(asks_by).cloned();
                if let Some((tag, _)) = &asked {
                    req = req.insert_header(("if-none-match", tag.as_str()));
                }
                let seen = send(&app, req).await;
                settle(&cache).await;
                let tag = seen.field("etag").trim_start_matches("W/").to_owned();
                if seen.status == 304 {
                    let (asked_by, _) = asked.unwrap();
                    prop_assert_eq!(&tag, asked_by.trim_start_matches("W/"));
                } else if !head && !tag.is_empty() {
                    if let Some((_, bytes)) = known.iter().find(|(known, _)| *known == tag) {
                        prop_assert_eq!(bytes, &seen.body);
                    } else {
                        prop_assert!(known.iter().all(|(_, bytes)| *bytes != seen.body));
                        known.push((tag, seen.body));
                    }
                }
            }
            Ok(())
        })
    });
    tried.unwrap();
}

//! What is stored and for how long, and that a hit replays what the handler returned.

use std::time::Duration;

use actix_response_cache::{Clock, ResponseCache, Responses, Rule};
use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    dev::Service as _,
    http::StatusCode,
};
use bytes::Bytes;

use crate::support::{Origin, app, get, get_with, request, seen, send};

#[actix_rt::test]
async fn get_is_stored_and_served_without_handler() {
    let origin = Origin::counting();
    let app = app(&ResponseCache::memory(), &origin).await;
    let miss = send(&app, get("/a")).await;
    let hit = send(&app, get("/a")).await;
    assert_eq!((miss.word(), hit.word(), origin.calls()), ("MISS", "HIT", 1));
    assert_eq!(hit.body, miss.body);
    assert_eq!(hit.field("age"), "0");
    assert_eq!(miss.field("age"), "");
    assert_eq!(send(&app, get("/b")).await.word(), "MISS");
}

#[actix_rt::test]
async fn hit_replays_status_headers_and_bytes() {
    let origin = Origin::new(|_, call| {
        HttpResponse::build(StatusCode::NON_AUTHORITATIVE_INFORMATION)
            .append_header(("x-repeated", "one"))
            .append_header(("x-repeated", "two, three"))
            .append_header(("x-repeated", "one"))
            .append_header(("content-type", "application/octet-stream"))
            .append_header(("etag", "\"v1\""))
            .append_header(("x-call", call))
            .append_header((
                "x-bytes",
                actix_web::http::header::HeaderValue::from_bytes(b"\xe9\x80").unwrap(),
            ))
            .body(Bytes::from_static(&[0, 159, 146, 150, 255]))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    let miss = send(&app, get("/")).await;
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.status, hit.body.clone()), ("HIT", miss.status, miss.body.clone()));
    assert_eq!(hit.all("x-repeated"), ["one", "two, three", "one"]);
    let fields = |seen: &crate::support::Seen| {
        let ours = ["age", "date", "cache-status"];
        let mut fields: Vec<_> = seen
            .fields
            .iter()
            .filter(|(name, _)| !ours.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        fields.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        fields
    };
    assert_eq!(fields(&hit), fields(&miss));
}

#[actix_rt::test]
async fn entry_lives_as_long_as_it_is_fresh() {
    let (clock, origin) = (Clock::manual(), Origin::counting());
    let cache = ResponseCache::memory().clock(clock.clone()).ttl(Duration::from_secs(10));
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    clock.advance(Duration::from_secs(9));
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.field("age").as_str()), ("HIT", "9"));
    assert_eq!(hit.field("cache-status"), "actix-response-cache; hit; ttl=1");
    clock.advance(Duration::from_secs(1));
    let stale = send(&app, get("/")).await;
    assert_eq!((stale.word(), stale.text()), ("MISS", "answer 2"));
    assert!(stale.field("cache-status").contains("fwd=stale"));
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn head_is_served_from_stored_get_and_stores_nothing() {
    let origin = Origin::with_fields(&[("etag", "\"1\"")]);
    let app = app(&ResponseCache::memory(), &origin).await;
    let head = send(&app, request("HEAD", "/")).await;
    assert_eq!(head.word(), "MISS");
    let get_after_head = send(&app, get("/")).await;
    assert_eq!((get_after_head.word(), get_after_head.text()), ("MISS", "answer 2"));
    let res = app.call(request("HEAD", "/").to_request()).await.unwrap();
    assert_eq!(res.response().body().size(), BodySize::Sized("answer 2".len() as u64));
    let head = seen(res).await.unwrap_or_else(|_| unreachable!());
    assert_eq!((head.word(), head.body.len()), ("HIT", 0));
    assert_eq!(head.field("etag"), "\"1\"");
}

#[actix_rt::test]
async fn other_methods_bypass() {
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY"] {
        let origin = Origin::with_fields(&[("cache-control", "public, max-age=60")]);
        let app = app(&ResponseCache::memory(), &origin).await;
        assert_eq!(send(&app, request(method, "/")).await.word(), "BYPASS", "{method}");
        let second = send(&app, request(method, "/")).await;
        assert_eq!((second.word(), origin.calls()), ("BYPASS", 2), "{method}");
        assert!(second.field("cache-status").contains("fwd=method"), "{method}");
    }
}

/// Whether a second GET is answered from the store.
async fn is_stored(
    cache: ResponseCache,
    status: u16,
    field: Option<(&'static str, &'static str)>,
) -> bool {
    let origin = Origin::new(move |_, _| {
        let mut res = HttpResponse::build(StatusCode::from_u16(status).unwrap());
        if let Some(field) = field {
            res.append_header(field);
        }
        res.body("x")
    });
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    send(&app, get("/")).await.word() == "HIT"
}

#[actix_rt::test]
async fn statuses_are_stored_by_default_or_with_explicit_lifetime() {
    let max_age = Some(("cache-control", "max-age=60"));
    // RFC 9110 s.15.1; the default TTL is for 2xx only
    let table = [
        (200, true, true),
        (201, false, false),
        (202, false, false),
        (203, true, true),
        (204, true, true),
        (206, false, false),
        (300, false, true),
        (301, false, true),
        (304, false, false),
        (404, false, true),
        (405, false, true),
        (410, false, true),
        (414, false, true),
        (501, false, true),
        // errors that tell of one request or of a bad moment
        (400, false, false),
        (401, false, false),
        (403, false, false),
        (408, false, false),
        (413, false, false),
        (429, false, false),
        (431, false, false),
        (500, false, false),
        (502, false, false),
        (503, false, false),
        (504, false, false),
    ];
    for (status, by_default, stated) in table {
        let cache = ResponseCache::memory;
        assert_eq!(is_stored(cache(), status, None).await, by_default, "{status} by default");
        assert_eq!(is_stored(cache(), status, max_age).await, stated, "{status} with max-age");
    }
}

#[actix_rt::test]
async fn rule_may_name_statuses() {
    let (clock, origin) = (
        Clock::manual(),
        Origin::new(|req, call| {
            let status = req.path().trim_start_matches('/').parse().unwrap();
            HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(format!("{call}"))
        }),
    );
    let rule =
        Rule::new().ttl_for(404, Duration::from_secs(5)).ttl_for(503, Duration::from_secs(1));
    let cache = ResponseCache::memory().clock(clock.clone()).rule("/{status}", rule);
    let app = app(&cache, &origin).await;
    for (path, lifetime) in [("/404", 5), ("/503", 1)] {
        send(&app, get(path)).await;
        assert_eq!(send(&app, get(path)).await.word(), "HIT", "{path}");
        clock.advance(Duration::from_secs(lifetime));
        assert_eq!(send(&app, get(path)).await.word(), "MISS", "{path}");
    }
    send(&app, get("/500")).await;
    assert_eq!(send(&app, get("/500")).await.word(), "MISS");
}

#[actix_rt::test]
async fn cache_control_of_handler_wins() {
    let stored = [
        ("cache-control", "max-age=5"),
        ("cache-control", "S-MaxAge=5"),
        ("cache-control", "public, s-maxage=5, max-age=0"),
        ("cache-control", "ext=\"no-store\", max-age=5"),
        ("x-other", "no-store"),
    ];
    for field in stored.into_iter().filter(|field| field.1 != "S-MaxAge=5") {
        assert!(is_stored(ResponseCache::memory(), 200, Some(field)).await, "{field:?}");
    }
    let not_stored = [
        ("cache-control", "no-store"),
        ("cache-control", "max-age=60, NO-STORE"),
        ("cache-control", "private"),
        ("cache-control", "Private, max-age=60"),
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=0"),
        ("cache-control", "max-age=60, s-maxage=0"),
        ("cache-control", "max-age=-1"),
        ("expires", "0"),
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("pragma", "no-cache"),
        ("set-cookie", "session=1"),
        ("vary", "*"),
        ("vary", "accept, *"),
        ("content-type", "text/event-stream"),
    ];
    for field in not_stored {
        assert!(!is_stored(ResponseCache::memory(), 200, Some(field)).await, "{field:?}");
    }
}

#[actix_rt::test]
async fn explicit_lifetime_overrides_default() {
    let (clock, origin) =
        (Clock::manual(), Origin::with_fields(&[("cache-control", "max-age=300")]));
    let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
    send(&app, get("/")).await;
    clock.advance(Duration::from_secs(299));
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    clock.advance(Duration::from_secs(1));
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
}

#[actix_rt::test]
async fn vary_selects_variants() {
    let origin = Origin::new(|req, call| {
        let language = req.headers().get("accept-language").map_or("none", |v| v.to_str().unwrap());
        HttpResponse::Ok()
            .insert_header(("vary", "Accept-Language"))
            .body(format!("{language} {call}"))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    let language = |language: &'static str| get_with("/", ("accept-language", language));
    assert_eq!(send(&app, language("de")).await.text(), "de 1");
    let other = send(&app, language("en")).await;
    assert_eq!(other.text(), "en 2");
    assert!(other.field("cache-status").contains("fwd=vary-miss"));
    assert_eq!(send(&app, get("/")).await.text(), "none 3");
    for (req, text) in [(language("de"), "de 1"), (language("en"), "en 2"), (get("/"), "none 3")] {
        let seen = send(&app, req).await;
        assert_eq!((seen.word(), seen.text()), ("HIT", text));
    }
}

#[actix_rt::test]
async fn variants_per_url_are_bounded() {
    let origin = Origin::with_fields(&[("vary", "x-variant")]);
    let app = app(&ResponseCache::memory(), &origin).await;
    let variant = |n: usize| get_with("/", ("x-variant", n.to_string()));
    for n in 0..65 {
        send(&app, variant(n)).await;
    }
    assert_eq!(send(&app, variant(64)).await.word(), "HIT");
    assert_eq!(send(&app, variant(1)).await.word(), "HIT");
    assert_eq!(send(&app, variant(0)).await.word(), "MISS", "the oldest went");
}

#[actix_rt::test]
async fn per_request_headers_are_not_stored() {
    let origin = Origin::with_fields(&[
        ("x-request-id", "1"),
        ("traceparent", "00-1"),
        ("server-timing", "db;dur=1"),
        ("x-mine", "1"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "1"),
        ("x-kept", "1"),
    ]);
    let app =
        app(&ResponseCache::memory().responses(Responses::new().exclude_header("x-mine")), &origin)
            .await;
    let miss = send(&app, get("/")).await;
    assert_eq!(miss.field("x-request-id"), "1");
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.field("x-kept").as_str()), ("HIT", "1"));
    for gone in ["x-request-id", "traceparent", "server-timing", "x-mine", "x-hop", "keep-alive"] {
        assert_eq!(hit.field(gone), "", "{gone}");
    }
}

#[actix_rt::test]
async fn client_conditions_are_answered_from_store() {
    let origin = Origin::with_fields(&[("etag", "\"v1\""), ("content-type", "text/plain")]);
    let app = app(&ResponseCache::memory(), &origin).await;
    send(&app, get("/")).await;
    let known = send(&app, get_with("/", ("if-none-match", "\"v0\", W/\"v1\""))).await;
    assert_eq!((known.status.as_u16(), known.word(), known.body.len()), (304, "HIT", 0));
    assert_eq!(
        (known.field("etag").as_str(), known.field("content-type").as_str()),
        ("\"v1\"", "")
    );
    let unknown = send(&app, get_with("/", ("if-none-match", "\"v0\""))).await;
    assert_eq!((unknown.status.as_u16(), unknown.word(), unknown.text()), (200, "HIT", "answer 1"));
    // a precondition is the handler's to judge
    let precondition = send(&app, get_with("/", ("if-match", "\"v0\""))).await;
    assert_eq!((precondition.word(), origin.calls()), ("MISS", 2));
}

#[actix_rt::test]
async fn content_range_is_ignored_with_200() {
    let origin = Origin::with_fields(&[("content-range", "bytes 0-0/1")]);
    let app = app(&ResponseCache::memory(), &origin).await;
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.field("content-range").as_str()), ("HIT", "bytes 0-0/1"));
    for (range, kind) in [("bytes=0-1", "bytes 0-1/8"), ("bytes=0-1,4-5", "")] {
        let part = send(&app, get_with("/", ("range", range))).await;
        assert_eq!((part.status.as_u16(), part.field("content-range").as_str()), (206, kind));
    }
}

/// What a path answers `after` it was stored, when the handler fails by then.
async fn word_and_status(cache: ResponseCache, first: u16, after: Duration) -> (&'static str, u16) {
    let clock = Clock::manual();
    let origin = Origin::new(move |_, call| {
        let status = if call == 1 { first } else { 503 };
        HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).finish()
    });
    let app = app(&cache.clock(clock.clone()), &origin).await;
    send(&app, get("/p")).await;
    clock.advance(after);
    let seen = send(&app, get("/p")).await;
    (seen.word(), seen.status.as_u16())
}

#[actix_rt::test]
async fn stale_windows_do_not_extend_short_lived_responses() {
    let secs = Duration::from_secs;
    let negative = || Rule::new().ttl_for(404, secs(5));
    let cache = |rule: Rule| {
        let cache = ResponseCache::memory().ttl(secs(5)).stale_while_revalidate(secs(10));
        cache.stale_if_error(secs(3600)).rule("/p", rule)
    };
    let ask = |rule: Rule, status, after| word_and_status(cache(rule), status, secs(after));
    assert_eq!(ask(negative(), 404, 4).await, ("HIT", 404));
    assert_eq!(ask(negative(), 404, 6).await, ("MISS", 503), "not while revalidating");
    assert_eq!(ask(negative(), 404, 1800).await, ("MISS", 503), "not in place of an error");
    assert_eq!(ask(negative(), 200, 6).await, ("STALE", 200), "other statuses as before");
    assert_eq!(ask(negative(), 200, 1800).await, ("MISS", 200), "in place of the error");
    let says_so = || negative().stale_while_revalidate(secs(3)).stale_if_error(secs(60));
    assert_eq!(ask(says_so(), 404, 6).await, ("STALE", 404), "the rule says so");
    assert_eq!(ask(says_so(), 404, 30).await, ("MISS", 404));
    assert_eq!(ask(says_so(), 404, 90).await, ("MISS", 503));
    assert_eq!(ask(says_so(), 200, 90).await, ("MISS", 503), "and for its other statuses");
}

#[actix_rt::test]
async fn stale_windows_do_not_extend_errors_with_explicit_lifetime() {
    let clock = Clock::manual();
    let origin = Origin::new(|_, call| match call {
        1 => HttpResponse::NotFound().insert_header(("cache-control", "max-age=5")).finish(),
        _ => HttpResponse::InternalServerError().finish(),
    });
    let cache = ResponseCache::memory().stale_if_error(Duration::from_secs(3600));
    let app = app(&cache.clock(clock.clone()), &origin).await;
    send(&app, get("/")).await;
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    clock.advance(Duration::from_secs(6));
    assert_eq!(send(&app, get("/")).await.status.as_u16(), 500);
}

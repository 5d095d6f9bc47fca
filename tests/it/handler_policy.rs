//! What handlers say of their own responses: hints, the `Cached` responder, named policies, and which of
//! all that is said goes before the rest.

use std::time::Duration;

use actix_response_cache::{
    CacheHints, Cached, ClientCache, Clock, Compliance, Inquiry, LifetimeSource, ResponseCache,
    Rule,
};
use actix_web::{
    App, HttpRequest, HttpResponse,
    test::{TestRequest, init_service},
    web,
};
use futures_util::StreamExt as _;

use crate::support::{SECOND, TestApp, get, get_with, send, settle};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A cache with a movable clock.
fn cache() -> (ResponseCache, Clock) {
    let clock = Clock::manual();
    (ResponseCache::memory().clock(clock.clone()), clock)
}

/// A response with the `Cache-Control` of the query, and hints by words of the path.
async fn hinted(req: HttpRequest, hints: CacheHints, words: web::Path<String>) -> HttpResponse {
    for word in words.split(',') {
        match word.split_once(':').unwrap_or((word, "")) {
            ("ttl", ttl) => hints.ttl(secs(ttl.parse().unwrap())),
            ("swr", window) => hints.stale_while_revalidate(secs(window.parse().unwrap())),
            ("sie", window) => hints.stale_if_error(secs(window.parse().unwrap())),
            ("policy", name) => hints.policy(name),
            ("group", group) => hints.group(group),
            ("no-store", _) => hints.no_store(),
            ("private", _) => hints.private(),
            _ => &hints,
        };
    }
    let mut res = HttpResponse::Ok();
    if !req.query_string().is_empty() {
        res.insert_header(("cache-control", req.query_string()));
    }
    res.body("hinted")
}

async fn app(cache: &ResponseCache) -> impl TestApp + use<> {
    let app = App::new().route("/{words}", web::get().to(hinted)).wrap(cache.clone());
    init_service(app).await
}

/// What is stored for the URL after a request: its lifetime and what says it.
async fn stored(
    cache: &ResponseCache,
    app: &impl TestApp,
    url: &str,
) -> Option<(u64, LifetimeSource)> {
    send(app, get(url)).await;
    let handle = settle(cache).await;
    let explained =
        handle.explain(&Inquiry::get(url).header("host", "shop.example")).await.unwrap();
    explained.stored.map(|stored| (stored.lifetime.as_secs(), stored.lifetime_from))
}

#[actix_rt::test]
async fn one_table_says_what_goes_before_what() {
    use LifetimeSource::{Hint, MaxAge, Policy, Ttl};
    let (cache, _clock) = cache();
    let cache = cache
        .ttl(secs(60))
        .policy("short", Rule::new().ttl(secs(5)))
        .rule("/ttl:7,rule", Rule::new().ttl(secs(40)))
        .rule("/rule", Rule::new().ttl(secs(40)))
        .rule("/policy:short,rule", Rule::new().ttl(secs(40)));
    let app = app(&cache).await;
    for (url, expected) in [
        ("/plain", Some((60, Ttl))),
        ("/rule", Some((40, Ttl))),
        ("/rule?max-age=20", Some((20, MaxAge))),
        ("/ttl:7,rule", Some((7, Hint))),
        ("/ttl:7,rule?max-age=20", Some((7, Hint))),
        ("/ttl:7?max-age=0", Some((7, Hint))),
        ("/ttl:7?no-cache", Some((7, Hint))),
        ("/policy:short", Some((5, Policy))),
        ("/policy:short?max-age=20", Some((5, Policy))),
        ("/policy:short,rule", Some((5, Policy))),
        ("/policy:short,ttl:9", Some((9, Hint))),
        ("/ttl:0", None),
        ("/ttl:7?no-store", None),
        ("/ttl:7?private", None),
        ("/ttl:7,no-store?max-age=20", None),
        ("/ttl:7,private?public,max-age=20", None),
        ("/no-store,rule", None),
    ] {
        assert_eq!(stored(&cache, &app, url).await, expected, "{url}");
    }
}

#[actix_rt::test]
async fn cache_status_says_that_a_hint_decided() {
    let (cache, _clock) = cache();
    let cache = cache.policy("short", Rule::new().ttl(secs(5)));
    let app = app(&cache).await;
    for (url, detail) in [
        ("/ttl:7", "; stored; detail=hint"),
        ("/policy:short", "; stored; detail=policy"),
        ("/plain", "; fwd=uri-miss; stored"),
        ("/no-store", "; detail=opted-out"),
        ("/private", "; detail=private"),
        ("/policy:none", "; detail=unknown-policy"),
        ("/ttl:0", "; detail=no-lifetime"),
    ] {
        let status = send(&app, get(url)).await.field("cache-status");
        assert!(status.ends_with(detail), "{url}: {status}");
    }
}

#[actix_rt::test]
async fn hinted_lifetime_is_for_this_cache_only() {
    let (cache, clock) = cache();
    let app = app(&cache).await;
    let first = send(&app, get("/ttl:30?max-age=5")).await;
    assert_eq!(first.field("cache-control"), "max-age=5", "clients are told what the handler says");
    clock.advance(29 * SECOND);
    let hit = send(&app, get("/ttl:30?max-age=5")).await;
    assert_eq!((hit.word(), hit.field("cache-control")), ("HIT", "max-age=5".to_owned()));
    clock.advance(SECOND);
    assert_eq!(send(&app, get("/ttl:30?max-age=5")).await.word(), "MISS");
}

#[actix_rt::test]
async fn hinted_windows_go_before_headers() {
    let (cache, clock) = cache();
    let app = app(&cache).await;
    for url in ["/ttl:5,swr:60?must-revalidate", "/swr:60?max-age=5,must-revalidate"] {
        send(&app, get(url)).await;
        clock.advance(10 * SECOND);
        assert_eq!(send(&app, get(url)).await.word(), "STALE", "{url}");
        settle(&cache).await;
    }
    // what is not hinted is as the headers say
    send(&app, get("/ttl:5?must-revalidate,stale-while-revalidate=60")).await;
    clock.advance(10 * SECOND);
    let seen = send(&app, get("/ttl:5?must-revalidate,stale-while-revalidate=60")).await;
    assert_eq!(seen.word(), "MISS");
}

#[actix_rt::test]
async fn private_response_leaves_as_private_everywhere() {
    let cache = ResponseCache::memory()
        .exclude("/private,excluded")
        .client_cache(ClientCache::public().max_age(secs(60)));
    let app = app(&cache).await;
    for (url, expected) in [
        ("/private", "max-age=60, private"),
        ("/private?public,max-age=9", "max-age=9, private"),
        ("/private?no-store", "no-store"),
        ("/private,excluded", "private"),
    ] {
        for _ in 0..2 {
            let seen = send(&app, get(url)).await;
            assert_ne!(seen.word(), "HIT", "{url}");
            assert_eq!(seen.field("cache-control"), expected, "{url}");
        }
    }
    cache.handle().unwrap().set_enabled(false);
    let disabled = send(&app, get("/private?max-age=9")).await;
    assert_eq!(disabled.field("cache-control"), "max-age=9, private");
}

#[actix_rt::test]
async fn hint_of_one_request_does_not_reach_the_next() {
    let cache = ResponseCache::memory().exclude("/x");
    let handler = async |req: HttpRequest, hints: CacheHints| {
        if req.query_string() == "private" {
            hints.private();
        }
        "body"
    };
    let app = App::new().route("/x", web::get().to(handler)).wrap(cache);
    let app = init_service(app).await;
    assert_eq!(send(&app, get("/x?private")).await.field("cache-control"), "private");
    assert_eq!(send(&app, get("/x")).await.all("cache-control"), [""; 0]);
}

#[actix_rt::test]
async fn policy_of_a_hint_brings_its_groups_and_client_headers() {
    let (cache, clock) = cache();
    let short = Rule::new()
        .ttl(secs(50))
        .groups(["stock"])
        .client_cache(ClientCache::public().max_age(secs(5)));
    let cache = cache
        .client_cache(ClientCache::public().max_age(secs(300)))
        .policy("short", short)
        .policy("off", Rule::bypass());
    let app = app(&cache).await;
    let handle = cache.handle().unwrap();
    for word in ["MISS", "HIT"] {
        let seen = send(&app, get("/policy:short")).await;
        assert_eq!((seen.word(), &*seen.field("cache-control")), (word, "public, max-age=5"));
        let other = send(&app, get("/plain")).await;
        assert_eq!((other.word(), &*other.field("cache-control")), (word, "public, max-age=300"));
        clock.advance(SECOND);
    }
    assert_eq!(handle.counted().purge_group("stock").await.unwrap().entries, Some(1));
    assert_eq!(send(&app, get("/policy:short")).await.word(), "MISS");
    for _ in 0..2 {
        let seen = send(&app, get("/policy:off")).await;
        assert!(seen.field("cache-status").ends_with("detail=opted-out"));
    }
}

#[actix_rt::test]
async fn rule_takes_what_it_leaves_open_from_its_policy() {
    let (cache, _clock) = cache();
    let policy = Rule::new().ttl(secs(5)).groups(["all"]).ttl_for(404, secs(3));
    let cache = cache
        .rule("/own", Rule::new().policy("p").ttl(secs(9)).groups(["own"]))
        .rule("/plain", Rule::new().policy("p"))
        .policy("p", policy);
    let app = app(&cache).await;
    let handle = cache.handle().unwrap();
    assert_eq!(stored(&cache, &app, "/own").await, Some((9, LifetimeSource::Ttl)));
    assert_eq!(stored(&cache, &app, "/plain").await, Some((5, LifetimeSource::Ttl)));
    assert_eq!(handle.counted().purge_group("own").await.unwrap().entries, Some(1));
    assert_eq!(handle.counted().purge_group("all").await.unwrap().entries, Some(1));
}

#[actix_rt::test]
async fn policies_that_cannot_be_are_errors() {
    let named = |rule: Rule| ResponseCache::memory().rule("/", rule).handle().map(drop);
    assert!(named(Rule::new().policy("none")).unwrap_err().to_string().contains("`none`"));
    let nested = ResponseCache::memory().policy("a", Rule::new().policy("b"));
    assert!(nested.policy("b", Rule::new()).handle().is_err());
    let captured = ResponseCache::memory().policy("a", Rule::new().groups(["p:{id}"]));
    assert!(captured.rule("/{id}", Rule::new()).check().await.is_err());
    let last = ResponseCache::memory().policy("a", Rule::new().ttl(secs(1)));
    assert!(
        last.policy("a", Rule::new().ttl(secs(2)))
            .rule("/", Rule::new().policy("a"))
            .handle()
            .is_ok()
    );
}

#[actix_rt::test]
async fn renewal_keeps_what_was_hinted() {
    let (cache, clock) = cache();
    // as many handlers do, it ends with a 304 before it gives its hints
    let handler = async |req: HttpRequest, hints: CacheHints| {
        if req.headers().contains_key("if-none-match") {
            return HttpResponse::NotModified().insert_header(("etag", "\"1\"")).finish();
        }
        hints.ttl(secs(7)).stale_if_error(secs(100)).group("g");
        HttpResponse::Ok().insert_header(("etag", "\"1\"")).body("body")
    };
    let app = App::new().route("/x", web::get().to(handler)).wrap(cache.clone().ttl(secs(60)));
    let app = init_service(app).await;
    assert_eq!(stored(&cache, &app, "/x").await, Some((7, LifetimeSource::Hint)));
    for _ in 0..3 {
        clock.advance(8 * SECOND);
        assert_eq!(stored(&cache, &app, "/x").await, Some((7, LifetimeSource::Hint)));
        assert_eq!(send(&app, get("/x")).await.word(), "HIT");
    }
    let purged = cache.handle().unwrap().counted().purge_group("g").await.unwrap();
    assert_eq!(purged.entries, Some(1));
}

/// A body whose handler gives a hint while it streams.
async fn streamed(words: web::Path<String>, hints: CacheHints) -> HttpResponse {
    let body = futures_util::stream::iter(0..3).map(move |n| {
        match (n, words.as_str()) {
            (1, "ttl") => hints.ttl(secs(7)),
            (1, "zero") => hints.ttl(Duration::ZERO),
            (1, "private") => hints.private(),
            (1, "policy") => hints.policy("short"),
            (1, "unknown") => hints.policy("unknown"),
            _ => &hints,
        };
        Ok::<_, actix_web::Error>(web::Bytes::from_static(b"part "))
    });
    HttpResponse::Ok().streaming(body)
}

#[actix_rt::test]
async fn soft_purge_does_not_shorten_what_is_hinted_later() {
    let (cache, clock) = cache();
    let handler = async |req: HttpRequest, hints: CacheHints| {
        if req.headers().contains_key("if-none-match") {
            return HttpResponse::NotModified().insert_header(("etag", "\"1\"")).finish();
        }
        hints.ttl(secs(30));
        HttpResponse::Ok().insert_header(("etag", "\"1\"")).body("body")
    };
    let cache = cache.ttl(secs(3600));
    let app = App::new().route("/x", web::get().to(handler)).wrap(cache.clone());
    let app = init_service(app).await;
    assert_eq!(stored(&cache, &app, "/x").await, Some((30, LifetimeSource::Hint)));
    for _ in 0..2 {
        clock.advance(3 * SECOND);
        cache.handle().unwrap().soft().purge_path("/x").await.unwrap();
        // confirmed by a 304, its lifetime is not known; the next response has its hint again
        assert_eq!(send(&app, get("/x")).await.word(), "MISS");
        assert_eq!(stored(&cache, &app, "/x").await, Some((30, LifetimeSource::Hint)));
    }
}

#[actix_rt::test]
async fn hints_count_while_the_body_streams() {
    let (cache, _clock) = cache();
    let cache = cache.policy("short", Rule::new().ttl(secs(5)).groups(["late"]));
    let app = App::new().route("/{words}", web::get().to(streamed)).wrap(cache.clone());
    let app = init_service(app).await;
    for (url, expected) in [
        ("/plain", Some((60, LifetimeSource::Ttl))),
        ("/ttl", Some((7, LifetimeSource::Hint))),
        ("/policy", Some((5, LifetimeSource::Policy))),
        ("/zero", None),
        ("/private", None),
        ("/unknown", None),
    ] {
        assert_eq!(stored(&cache, &app, url).await, expected, "{url}");
    }
    let purged = cache.handle().unwrap().counted().purge_group("late").await.unwrap();
    assert_eq!(purged.entries, Some(1));
}

#[actix_rt::test]
async fn cached_responder_says_what_hints_say() {
    let (cache, _clock) = cache();
    let cache = cache.only_declared(true).policy("short", Rule::new().ttl(secs(5)));
    let app = App::new()
        .route("/bare", web::get().to(async || "not declared"))
        .route("/cached", web::get().to(async || Cached::new("declared")))
        .route("/ttl", web::get().to(async || Cached::new("7 s").ttl(secs(7)).groups(["a", "b"])))
        .route("/policy", web::get().to(async || Cached::new("5 s").policy("short")))
        .route("/private", web::get().to(async || Cached::new("mine").ttl(secs(7)).private()))
        .route("/no-store", web::get().to(async || Cached::new("not").ttl(secs(7)).no_store()))
        .route(
            "/result",
            web::get().to(async || Ok::<_, actix_web::Error>(Cached::new("ok").ttl(secs(8)))),
        )
        .wrap(cache.clone());
    let app = init_service(app).await;
    for (url, expected) in [
        ("/bare", None),
        ("/cached", Some((60, LifetimeSource::Ttl))),
        ("/ttl", Some((7, LifetimeSource::Hint))),
        ("/policy", Some((5, LifetimeSource::Policy))),
        ("/result", Some((8, LifetimeSource::Hint))),
        ("/private", None),
        ("/no-store", None),
    ] {
        assert_eq!(stored(&cache, &app, url).await, expected, "{url}");
    }
    assert_eq!(send(&app, get("/private")).await.field("cache-control"), "private");
    let purged = cache.handle().unwrap().counted().purge_group("b").await.unwrap();
    assert_eq!(purged.entries, Some(1));
    // where no cache wraps the handler, it is the responder alone
    let bare = App::new().route("/", web::get().to(async || Cached::new("bare").ttl(secs(7))));
    let bare = init_service(bare).await;
    let res = actix_web::test::call_service(&bare, TestRequest::get().to_request()).await;
    assert!(res.headers().iter().all(|(name, _)| name.as_str().starts_with("content-")));
}

#[actix_rt::test]
async fn only_what_is_declared_is_stored() {
    let (cache, _clock) = cache();
    let cache = cache
        .only_declared(true)
        .compliance(Compliance::careful().heuristic_freshness(true))
        .policy("short", Rule::new().ttl(secs(5)))
        .rule("/rule", Rule::new());
    let app = app(&cache).await;
    for (url, is_stored) in [
        ("/plain", false),
        ("/group:g", false),
        ("/rule", true),
        ("/ttl:7", true),
        ("/policy:short", true),
        ("/plain?max-age=9", true),
        ("/plain?public", true),
        ("/plain?no-transform", false),
        ("/rule?no-store", false),
    ] {
        assert_eq!(stored(&cache, &app, url).await.is_some(), is_stored, "{url}");
    }
    let status = send(&app, get("/plain")).await.field("cache-status");
    assert!(status.ends_with("detail=not-declared"), "{status}");
    let undone = cache.only_declared(false);
    let app = self::app(&undone).await;
    assert!(stored(&undone, &app, "/plain").await.is_some(), "no switch is one-way");
}

#[actix_rt::test]
async fn hints_count_for_every_cache_around_the_handler() {
    let (outer, _clock) = cache();
    let inner = outer.clone().rule("/in/x", Rule::new().ttl(secs(40)));
    let app = App::new()
        .service(web::scope("/in").wrap(inner).route("/{words}", web::get().to(hinted)))
        .wrap(outer.clone());
    let app = init_service(app).await;
    let first = send(&app, get("/in/ttl:7?no-cache")).await;
    assert!(first.field("cache-status").ends_with("stored; detail=hint"));
    assert_eq!(send(&app, get("/in/ttl:7?no-cache")).await.word(), "HIT");
    for _ in 0..2 {
        let private = send(&app, get_with("/in/private", ("accept", "*/*"))).await;
        assert_eq!((private.word(), &*private.field("cache-control")), ("MISS", "private"));
    }
}

#[actix_rt::test]
async fn explain_says_what_each_policy_would_do() {
    let cache = ResponseCache::memory()
        .policy("short", Rule::new().ttl(secs(5)))
        .policy("off", Rule::bypass())
        .policy("none", Rule::new().ttl(None).ttl_for(200, Duration::ZERO));
    let app = app(&cache).await;
    send(&app, get("/policy:short")).await;
    let handle = settle(&cache).await;
    let inquiry = Inquiry::get("/policy:short").header("host", "shop.example");
    let explained = handle.explain(&inquiry).await.unwrap();
    let text = explained.to_string();
    assert!(text.contains("lifetime: 5 s (policy)") && text.contains("policy: short"), "{text}");
    let would = "200 whose handler chooses the policy `short`: stored for 5 s (policy)";
    assert!(text.contains(would), "{text}");
    assert!(text.contains("the policy `none`: not stored"), "{text}");
    assert!(!text.contains("`off`"), "{text}");
}

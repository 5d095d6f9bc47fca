//! Explaining what is in Redis: another process has stored it, and what is said of it is what a request then
//! gets.

use actix_response_cache::{
    CacheHandle, Clock, Explanation, Memory, Purge, Reason, Redis, ResponseCache, Responses,
    StoredView, Tiered, VerdictKind,
};
use actix_web::HttpResponse;

use crate::{
    explain::{agrees, explained_and_sent, inquiry},
    support::{Origin, SECOND, app, get, get_with, redis::RedisServer, send, settle, subscribed},
};

/// The `Cache-Control` of each path. Redis knows real time only, so all of it is kept for long.
const PATHS: [(&str, &str); 7] = [
    ("/plain", "max-age=600"),
    ("/public", "public, max-age=600"),
    ("/private", "private"),
    ("/refresh", "max-age=600, stale-while-revalidate=600"),
    ("/fallback", "max-age=600, stale-if-error=6000"),
    ("/vary", "max-age=600"),
    ("/checked", "max-age=600"),
];

const REQUESTS: [(&str, &str, &str); 8] = [
    ("GET", "", ""),
    ("HEAD", "", ""),
    ("GET", "cookie", "session=a"),
    ("GET", "accept-language", "de"),
    ("GET", "range", "bytes=0-1"),
    ("GET", "if-none-match", "\"1\""),
    ("GET", "cache-control", "only-if-cached"),
    ("OPTIONS", "", ""),
];

fn origin() -> Origin {
    Origin::new(|req, call| {
        if req.headers().contains_key("x-fail") {
            return HttpResponse::InternalServerError().finish();
        }
        let path = req.uri().path();
        let said = PATHS.iter().find(|(url, _)| *url == path).map_or("", |(_, said)| said);
        let mut res = HttpResponse::Ok();
        res.insert_header(("cache-control", said)).insert_header(("cache-groups", "\"g\", \"h\""));
        match path {
            "/vary" => drop(res.insert_header(("vary", "accept-language"))),
            "/checked" => drop(res.insert_header(("etag", "\"1\""))),
            _ => {}
        }
        res.body(format!("answer {call}"))
    })
}

/// The caches of one process, by name: over Redis, and with memory before it.
fn process(server: &RedisServer, clock: &Clock) -> [(&'static str, ResponseCache); 2] {
    let redis = |prefix| Redis::new(server.url()).key_prefix(prefix).response_timeout(2 * SECOND);
    let stores = [
        ("redis", ResponseCache::new(redis("one:"))),
        ("tiered", ResponseCache::new(Tiered::new(Memory::new(), redis("two:")))),
    ];
    stores.map(|(name, cache)| {
        (name, cache.clock(clock.clone()).responses(Responses::new().verdict(true)))
    })
}

async fn explain(handle: &CacheHandle, url: &str) -> Explanation {
    handle.explain(&inquiry("GET", url, ("", ""))).await.expect("it is explained")
}

async fn stored(handle: &CacheHandle, url: &str) -> StoredView {
    explain(handle, url).await.stored.expect("it is stored")
}

#[actix_rt::test]
async fn response_of_another_process_is_explained_from_where_it_is() {
    let (server, clock) = (RedisServer::start(), Clock::manual());
    for ((name, cache), (_, other)) in
        process(&server, &clock).into_iter().zip(process(&server, &clock))
    {
        send(&app(&other, &origin()).await, get("/plain")).await;
        settle(&other).await;
        clock.advance(7 * SECOND);
        let app = app(&cache, &origin()).await;
        let handle = cache.handle().unwrap();
        explain(&handle, "/nothing").await;
        subscribed(&handle).await;

        let explained = explain(&handle, "/plain").await;
        let seen = explained.stored.expect("the other process has stored it");
        assert_eq!(
            (seen.tier, seen.age, seen.lifetime),
            ("redis", 7 * SECOND, 600 * SECOND),
            "{name}"
        );
        assert_eq!((seen.groups, seen.body_bytes), (vec!["g".to_owned(), "h".to_owned()], 8));
        assert_eq!(explained.kind, VerdictKind::Hit);
        assert_eq!(send(&app, get("/plain")).await.word(), "HIT");
        let tier = if name == "tiered" { "memory" } else { "redis" };
        assert_eq!(stored(&handle, "/plain").await.tier, tier, "{name}: it is kept locally");

        other.handle().unwrap().soft().purge_path("/plain").await.unwrap();
        until_soft(&handle).await;
        other.handle().unwrap().purge_group("g").await.unwrap();
        crate::support::until_async("purged", async || {
            explain(&handle, "/plain").await.stored.is_none()
        })
        .await;
        assert_eq!(explain(&handle, "/plain").await.kind, VerdictKind::Miss);
        assert_eq!(send(&app, get("/plain")).await.word(), "MISS");
    }
}

/// Waits until the purge of another process has arrived.
async fn until_soft(handle: &CacheHandle) {
    crate::support::until_async("stale", async || stored(handle, "/plain").await.soft_purged).await;
    assert_eq!(explain(handle, "/plain").await.kind, VerdictKind::Miss);
}

#[actix_rt::test]
async fn variants_of_another_process_are_known_by_the_look_up() {
    let (server, clock) = (RedisServer::start(), Clock::manual());
    for ((name, cache), (_, other)) in
        process(&server, &clock).into_iter().zip(process(&server, &clock))
    {
        let filling = app(&other, &origin()).await;
        send(&filling, get_with("/vary", ("accept-language", "de"))).await;
        settle(&other).await;
        let _app = app(&cache, &origin()).await;
        let handle = cache.handle().unwrap();
        let asked = |language| inquiry("GET", "/vary", ("accept-language", language));
        let explained = handle.explain(&asked("de")).await.unwrap();
        assert_eq!(explained.stored.expect("a variant").vary, ["accept-language"], "{name}");
        let explained = handle.explain(&asked("en")).await.unwrap();
        assert_eq!((explained.stored, explained.kind), (None, VerdictKind::Miss), "{name}");
        let told = explained.cache_status.unwrap();
        assert!(told.contains("fwd=vary-miss"), "{name}: {told}");
    }
}

#[actix_rt::test]
async fn explanation_over_redis_is_the_verdict_that_follows() {
    let (server, clock) = (RedisServer::start(), Clock::manual());
    let mut seen = std::collections::BTreeSet::new();
    for (name, cache) in process(&server, &clock) {
        let app = app(&cache, &origin()).await;
        let handle = cache.handle().unwrap();
        for (after, fails) in [(0, false), (300, false), (400, true), (700, true)] {
            clock.advance(after * SECOND);
            for (url, _) in PATHS {
                for (method, header, value) in REQUESTS {
                    let asked = (method, url, (header, value));
                    let (explained, verdict) =
                        explained_and_sent(&app, &handle, asked, fails).await;
                    assert!(
                        agrees(&explained, &verdict),
                        "{name}, {after}: {asked:?}\nbecame {verdict}, was explained as\n{explained}"
                    );
                    seen.insert(verdict.to_string());
                }
            }
        }
    }
    for kind in ["hit", "stale", "stale handler-failed", "miss stale status", "bypass cookie"] {
        assert!(seen.contains(kind), "no {kind} among {seen:?}");
    }
}

#[actix_rt::test]
async fn explanation_says_that_redis_does_not_answer() {
    let (mut server, clock) = (RedisServer::start(), Clock::manual());
    let caches = process(&server, &clock);
    let mut apps = Vec::new();
    for (_, cache) in &caches {
        let app = app(cache, &origin()).await;
        send(&app, get("/plain")).await;
        apps.push(app);
    }
    server.kill();
    for ((name, cache), app) in caches.iter().zip(&apps) {
        let handle = cache.handle().unwrap();
        let asked = ("GET", "/other", ("", ""));
        let (explained, verdict) = explained_and_sent(app, &handle, asked, false).await;
        assert!(agrees(&explained, &verdict), "{name}: {verdict}, explained as {explained}");
        assert_eq!(explained.reason.map(Reason::as_str), Some("store-failed"), "{name}");
        assert!(handle.preview(&Purge::all()).await.is_err(), "{name}");
    }
}

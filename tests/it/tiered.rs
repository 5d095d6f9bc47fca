//! The tiered store, memory before Redis, as clients see it: two caches stand for two processes.

use std::time::{Duration, Instant};

use actix_response_cache::{CacheGroups, Clock, Memory, Redis, ResponseCache, Tiered};
use actix_web::{App, HttpResponse, test::init_service, web};

use crate::support::{
    Origin, Seen, TestApp, app, get, get_with, redis::RedisServer, request, send, settle,
};

/// So long a purge elsewhere may take to be felt.
const BOUND: Duration = Duration::from_secs(1);

fn tiered(server: &RedisServer) -> ResponseCache {
    // a loaded test machine is slower than a server should be
    ResponseCache::new(Tiered::new(
        Memory::new(),
        Redis::new(server.url()).response_timeout(Duration::from_secs(2)),
    ))
}

/// Asks until hits ask Redis for nothing: what is stored is near, and the process hears of Redis.
async fn hit_near(app: &impl TestApp, server: &RedisServer, uri: &str) -> Seen {
    let begun = Instant::now();
    loop {
        let before = server.calls("get");
        let seen = send(app, get(uri)).await;
        let again = send(app, get(uri)).await;
        if (seen.word(), again.word()) == ("HIT", "HIT") && server.calls("get") == before {
            return again;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "hits ask Redis: {}", again.word());
    }
}

#[actix_rt::test]
async fn entry_of_other_process_is_copied_to_memory() {
    let server = RedisServer::start();
    let origin =
        Origin::with_fields(&[("etag", "\"v\""), ("x-repeated", "1"), ("x-repeated", "2")]);
    let (one, two) = (tiered(&server), tiered(&server));
    let (first, second) = (app(&one, &origin).await, app(&two, &origin).await);
    let miss = send(&first, get("/a?b=c")).await;
    settle(&one).await;
    for app in [&first, &second] {
        let hit = hit_near(app, &server, "/a?b=c").await;
        assert_eq!((hit.status, &hit.body), (miss.status, &miss.body));
        assert_eq!(hit.all("x-repeated"), ["1", "2"]);
        let known = send(app, get_with("/a?b=c", ("if-none-match", "\"v\""))).await;
        assert_eq!(known.status.as_u16(), 304);
        let part = send(app, get_with("/a?b=c", ("range", "bytes=0-2"))).await;
        assert_eq!((part.status.as_u16(), part.text()), (206, "ans"));
        let head = send(app, request("HEAD", "/a?b=c")).await;
        assert_eq!((head.word(), head.body.len()), ("HIT", 0));
    }
    assert_eq!(origin.calls(), 1);
}

#[actix_rt::test]
async fn variants_are_copied_to_memory() {
    let server = RedisServer::start();
    let cache = tiered(&server);
    let origin = Origin::new(|req, _| {
        let language = req.headers().get("accept-language").unwrap().to_str().unwrap();
        HttpResponse::Ok().insert_header(("vary", "accept-language")).body(language.to_owned())
    });
    let app = app(&cache, &origin).await;
    let ask = async |language| send(&app, get_with("/", ("accept-language", language))).await;
    for language in ["de", "en", "de", "en"] {
        assert_eq!(ask(language).await.text(), language);
        settle(&cache).await;
    }
    let begun = Instant::now();
    loop {
        let before = server.calls("get");
        for language in ["de", "en"] {
            let hit = ask(language).await;
            assert_eq!((hit.word(), hit.text()), ("HIT", language));
        }
        if server.calls("get") == before {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "hits ask Redis");
    }
    assert_eq!(origin.calls(), 2);
}

#[actix_rt::test]
async fn change_by_one_process_is_seen_by_all() {
    let server = RedisServer::start();
    let origin = Origin::counting();
    let (one, two) = (tiered(&server), tiered(&server));
    let (first, second) = (app(&one, &origin).await, app(&two, &origin).await);
    for _ in 0..5 {
        send(&first, get("/a")).await;
        // each may have asked its own handler: what is stored last is what both have, once they have
        // heard of it
        settle(&one).await;
        settle(&two).await;
        let begun = Instant::now();
        let mut stale = hit_near(&second, &server, "/a").await;
        while hit_near(&first, &server, "/a").await.body != stale.body {
            assert!(begun.elapsed() < Duration::from_secs(20), "two answers");
            stale = hit_near(&second, &server, "/a").await;
        }
        let changed = send(&first, request("PUT", "/a")).await;
        assert_eq!(changed.status.as_u16(), 200);
        let done = Instant::now();
        assert_ne!(send(&first, get("/a")).await.body, stale.body, "who changed sees it at once");
        while send(&second, get("/a")).await.body == stale.body {
            assert!(done.elapsed() < BOUND);
        }
    }
}

#[actix_rt::test]
async fn groups_are_purged_in_all_processes() {
    let server = RedisServer::start();
    let (one, two) = (tiered(&server), tiered(&server));
    let list = || {
        web::get().to(async || HttpResponse::Ok().insert_header(CacheGroups::new(["g"])).body("x"))
    };
    let first = init_service(App::new().wrap(one.clone()).route("/list", list())).await;
    let second = init_service(App::new().wrap(two.clone()).route("/list", list())).await;
    send(&first, get("/list")).await;
    settle(&one).await;
    hit_near(&second, &server, "/list").await;
    one.handle().unwrap().purge_group("g").await.unwrap();
    let done = Instant::now();
    while send(&second, get("/list")).await.word() == "HIT" {
        assert!(done.elapsed() < BOUND);
    }
}

#[actix_rt::test]
async fn tiers_do_not_extend_lifetime_or_reset_age() {
    let server = RedisServer::start();
    let clock = Clock::manual();
    let origin = Origin::with_fields(&[("cache-control", "max-age=60")]);
    let (one, two) = (tiered(&server).clock(clock.clone()), tiered(&server).clock(clock.clone()));
    let (first, second) = (app(&one, &origin).await, app(&two, &origin).await);
    send(&first, get("/")).await;
    settle(&one).await;
    clock.advance(Duration::from_secs(40));
    let hit = hit_near(&second, &server, "/").await;
    assert_eq!((hit.field("age").as_str(), origin.calls()), ("40", 1));
    clock.advance(Duration::from_secs(19));
    for app in [&first, &second] {
        let hit = send(app, get("/")).await;
        assert_eq!((hit.word(), hit.field("age").as_str()), ("HIT", "59"));
    }
    clock.advance(Duration::from_secs(1));
    let late = send(&second, get("/")).await;
    assert_eq!((late.word(), late.text()), ("MISS", "answer 2"), "when it came near is no matter");
}

#[actix_rt::test]
async fn popular_response_calls_handler_once_a_second_during_outage() {
    let mut server = RedisServer::start();
    let origin = Origin::counting();
    let cache = tiered(&server);
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    let old = hit_near(&app, &server, "/").await;
    server.kill();
    let killed = Instant::now();
    while send(&app, get("/")).await.body == old.body {
        assert!(killed.elapsed() < BOUND + Duration::from_millis(200), "what is near is too old");
    }
    let before = origin.calls();
    let begun = Instant::now();
    let mut asked = 0;
    while begun.elapsed() < Duration::from_millis(2500) {
        assert_eq!(send(&app, get("/")).await.status.as_u16(), 200);
        settle(&cache).await;
        asked += 1;
    }
    let calls = origin.calls() - before;
    assert!(calls <= 10 && asked > 100, "{calls} calls for {asked} requests");
    server.restart();
    let back = Instant::now();
    loop {
        let seen = send(&app, get("/")).await;
        settle(&cache).await;
        let stored: Vec<String> =
            redis::cmd("KEYS").arg("arc:e:*").query(&mut server.connection()).unwrap();
        if seen.word() == "HIT" && !stored.is_empty() {
            break;
        }
        assert!(back.elapsed() < Duration::from_secs(10), "Redis is back and not used");
    }
}

#[actix_rt::test]
async fn redis_that_never_was_there_fails_no_request() {
    let server = RedisServer::start();
    let url = server.url();
    drop(server);
    let origin = Origin::counting();
    let cache = ResponseCache::tiered(url);
    let app = app(&cache, &origin).await;
    let begun = Instant::now();
    for _ in 0..50 {
        assert_eq!(send(&app, get("/")).await.status.as_u16(), 200);
        settle(&cache).await;
    }
    assert!(origin.calls() < 50, "what is asked for is held for a moment");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(cache.check().await.unwrap().store.is_err());
}

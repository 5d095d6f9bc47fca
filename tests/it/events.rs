//! `ResponseCache::on_event`: what happens in a cache is reported as it is counted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use actix_response_cache::{CacheEvent, Clock, Memory, Reason, ResponseCache, Rule, Stats};
use actix_web::{App, HttpResponse, error::ErrorBadGateway, test::init_service, web};

use crate::support::{
    Origin, SECOND, app, get, get_with, redis::RedisServer, request, send, send_or_error, settle,
    until, until_async,
};

/// What was reported, each event in words.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn of(&self, cache: ResponseCache, words: fn(&CacheEvent<'_>) -> String) -> ResponseCache {
        let log = self.clone();
        cache.on_event(move |event| log.0.lock().unwrap().push(words(event)))
    }

    /// Without what ticks report, which come at any time.
    fn take(&self) -> Vec<String> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap());
        all.retain(|event| event != "evicted");
        all
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for event in self.take() {
            *counts.entry(event).or_default() += 1;
        }
        counts
    }
}

/// As it is counted.
fn in_words(event: &CacheEvent<'_>) -> String {
    let word = event.as_str();
    match event {
        CacheEvent::Hit(req)
        | CacheEvent::Stale(req)
        | CacheEvent::Miss(req)
        | CacheEvent::Bypass(req) => {
            format!("{word} {} {}", req.reason, req.rule.unwrap_or_default())
        }
        CacheEvent::Stored(_) | CacheEvent::Evicted(_) => word.to_owned(),
        CacheEvent::NotStored(res) => format!("{word} {}", res.reason),
        CacheEvent::Purged(purge) => format!("{word} {} {}", purge.target, purge.soft),
        CacheEvent::Refreshed(refresh) => format!("{word} {}", refresh.result),
        CacheEvent::Breaker(breaker) => format!("{word} {}", breaker.open),
        _ => panic!("{event:?}"),
    }
}

/// The same of statistics.
fn counted(stats: &Stats) -> BTreeMap<String, u64> {
    let mut counts = Vec::new();
    for rule in &stats.rules {
        for outcome in &rule.outcomes {
            let (kind, reason) = (outcome.verdict.as_str(), outcome.reason);
            let rule = rule.rule.as_deref().unwrap_or_default();
            counts.push((format!("{kind} {reason} {rule}"), outcome.count));
        }
    }
    counts.push(("stored".to_owned(), stats.stores));
    let not_stored = stats.not_stored.iter();
    counts.extend(not_stored.map(|(why, times)| (format!("not-stored {why}"), *times)));
    let purges = stats.purges_by_target.iter();
    counts.extend(purges.map(|p| (format!("purged {} {}", p.target, p.soft), p.count)));
    let refreshes = stats.refreshes_by_result.iter();
    counts.extend(refreshes.map(|(result, times)| (format!("refreshed {result}"), *times)));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// An origin of many moods.
fn moody() -> Origin {
    Origin::new(|req, call| {
        let mut res = HttpResponse::Ok();
        match req.path() {
            "/private" => res.insert_header(("cache-control", "private")),
            "/language" => res.insert_header(("vary", "accept-language")),
            "/error" => return HttpResponse::InternalServerError().finish(),
            "/failed" => return HttpResponse::from_error(ErrorBadGateway("no")),
            _ => &mut res,
        };
        res.body(call.to_string())
    })
}

#[actix_rt::test]
async fn events_and_statistics_never_differ() {
    let server = RedisServer::start();
    for store in [ResponseCache::memory(), ResponseCache::redis(server.url())] {
        let (clock, log) = (Clock::manual(), Log::default());
        let cache = log
            .of(store.clock(clock.clone()), in_words)
            .exclude("/live")
            .stale_while_revalidate(30 * SECOND)
            .stale_if_error(600 * SECOND)
            .rule("/rule/{id}", Rule::new().groups(["rule"]).ttl(5 * SECOND));
        let inner = cache.clone().ttl(20 * SECOND);
        let scope = web::scope("/inner").wrap(inner).default_service(moody().route());
        let app = App::new().service(scope).default_service(moody().route());
        let app = init_service(app.wrap(cache.clone())).await;
        let handle = cache.handle().unwrap();
        for seconds in [61, 70, 120] {
            for uri in ["/", "/rule/1", "/private", "/error", "/failed", "/live", "/inner/a"] {
                for _ in 0..3 {
                    send_or_error(&app, get(uri)).await;
                    handle.settle().await;
                }
            }
            for accepted in ["de", "en", "de"] {
                send(&app, get_with("/language", ("accept-language", accepted))).await;
                handle.settle().await;
            }
            let only = get_with("/none", ("cache-control", "only-if-cached"));
            assert_eq!(send(&app, only).await.status, 504);
            send(&app, get_with("/", ("cookie", "who=me"))).await;
            send(&app, request("HEAD", "/head")).await;
            send(&app, request("POST", "/rule/1")).await;
            send(&app, get("/rule/1")).await;
            handle.soft().purge_group("rule").await.unwrap();
            handle.purge_path("/rule/1").await.unwrap();
            handle.settle().await;
            clock.advance(seconds * SECOND);
        }
        let events = log.counts();
        assert_eq!(events, counted(&handle.stats()));
        for kind in
            ["hit", "stale", "miss", "bypass", "stored", "not-stored", "purged", "refreshed"]
        {
            assert!(events.keys().any(|event| event.starts_with(kind)), "{kind}: {events:?}");
        }
    }
}

#[actix_rt::test]
async fn event_says_what_it_is_about() {
    let log = Log::default();
    let cache = ResponseCache::memory().rule("/{id}", Rule::new().groups(["all"]).ttl(5 * SECOND));
    let cache = log.of(cache, |event| match event {
        CacheEvent::Hit(hit) => format!("hit {:?} {:?}", hit.url(), hit.rule),
        CacheEvent::Miss(miss) => {
            let digest = miss.digest().map(|digest| digest.len());
            format!("miss {:?} {digest:?} {:?}", miss.url(), miss.not_stored)
        }
        CacheEvent::Stored(res) => {
            let (body, groups, lifetime) = (res.body_bytes, res.groups, res.lifetime);
            format!("stored {} {} {body} {groups:?} {lifetime:?}", res.url(), res.status)
        }
        CacheEvent::NotStored(res) => format!("not stored {} {}", res.url(), res.reason),
        CacheEvent::Purged(purge) => format!("purged {} {:?}", purge.target, purge.purged.entries),
        event => event.as_str().to_owned(),
    });
    let app = app(&cache, &moody()).await;
    send(&app, get("/page")).await;
    send(&app, get("/page")).await;
    send(&app, get("/private")).await;
    cache.handle().unwrap().counted().purge_all().await.unwrap();
    let private = Some(Reason::Private);
    let expected = [
        r#"stored shop.example/page 200 1 ["all"] 5s"#.to_owned(),
        r#"miss Some("shop.example/page") Some(12) None"#.to_owned(),
        r#"hit Some("shop.example/page") Some("/{id}")"#.to_owned(),
        "not stored shop.example/private private".to_owned(),
        format!(r#"miss Some("shop.example/private") Some(12) {private:?}"#),
        "purged all Some(1)".to_owned(),
    ];
    assert_eq!(log.take(), expected);
}

#[actix_rt::test]
async fn function_that_panics_disturbs_no_request() {
    std::panic::set_hook(Box::new(|_| ()));
    let clock = Clock::manual();
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .stale_while_revalidate(60 * SECOND)
        .on_event(|event| panic!("{event:?}"));
    let app = app(&cache, &Origin::counting()).await;
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    clock.advance(61 * SECOND);
    assert_eq!(send(&app, get("/")).await.word(), "STALE");
    let handle = settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
    handle.purge_all().await.unwrap();
    assert_eq!(send(&app, get("/")).await.text(), "answer 3");
    let stats = handle.stats();
    assert_eq!((stats.hits, stats.stale, stats.misses, stats.errors), (2, 1, 2, 0));
    drop(std::panic::take_hook());
}

#[actix_rt::test]
async fn clone_reports_its_requests_and_all_learn_of_the_rest() {
    let (first, second) = (Log::default(), Log::default());
    let cache = first.of(ResponseCache::memory(), in_words);
    let clone = second.of(cache.clone(), in_words);
    let origin = Origin::counting();
    let (one, two) = (app(&cache, &origin).await, app(&clone, &origin).await);
    // a worker more does not report twice
    let _more = app(&clone, &origin).await;
    send(&one, get("/a")).await;
    send(&two, get("/a")).await;
    cache.handle().unwrap().purge_all().await.unwrap();
    assert_eq!(first.take(), ["stored", "miss uri-miss ", "purged all false"]);
    assert_eq!(second.take(), ["stored", "hit  ", "purged all false"]);
}

#[actix_rt::test]
async fn function_may_use_a_handle_of_the_cache() {
    let cache = ResponseCache::memory();
    let handle = cache.handle().unwrap();
    let hits = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&hits);
    let cache = cache.on_event(move |event| {
        if matches!(event, CacheEvent::Hit(_)) {
            log.lock().unwrap().push(handle.stats().hits);
        }
    });
    let app = app(&cache, &Origin::counting()).await;
    for _ in 0..3 {
        send(&app, get("/")).await;
    }
    assert_eq!(*hits.lock().unwrap(), [1, 2], "it has been counted");
}

#[actix_rt::test]
async fn evictions_are_reported_as_they_are_counted() {
    let evicted = Arc::new(Mutex::new(0));
    let sum = Arc::clone(&evicted);
    let cache = ResponseCache::new(Memory::new().max_capacity(64 << 10)).on_event(move |event| {
        if let CacheEvent::Evicted(event) = event {
            *sum.lock().unwrap() += event.for_room;
        }
    });
    let origin = Origin::new(|_, _| HttpResponse::Ok().body(vec![b'x'; 4 << 10]));
    let app = app(&cache, &origin).await;
    for page in 0..100 {
        send(&app, get(&format!("/{page}"))).await;
    }
    let handle = cache.handle().unwrap();
    let counted = || handle.stats().store.evictions.unwrap().for_room;
    assert!(counted() > 0);
    until("all are reported", || *evicted.lock().unwrap() == counted()).await;
}

#[actix_rt::test]
async fn breaker_is_reported_when_redis_fails_and_when_it_is_back() {
    let log = Log::default();
    let mut server = RedisServer::start();
    let cache = log.of(ResponseCache::redis(server.url()), in_words);
    let app = app(&cache, &Origin::counting()).await;
    let changes = || {
        let events = log.0.lock().unwrap();
        let breaker = events.iter().filter(|event| event.starts_with("breaker"));
        breaker.cloned().collect::<Vec<_>>()
    };
    send(&app, get("/")).await;
    settle(&cache).await;
    server.kill();
    until_async("it is open", async || {
        send(&app, get("/away")).await;
        changes().first().is_some_and(|first| first == "breaker true")
    })
    .await;
    server.restart();
    until_async("it is closed", async || {
        send(&app, get("/back")).await;
        changes().last().is_some_and(|last| last == "breaker false")
    })
    .await;
    let mut expected = ["breaker true", "breaker false"].into_iter().cycle();
    assert!(changes().iter().all(|change| Some(change.as_str()) == expected.next()));
}

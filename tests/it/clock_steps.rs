//! A wall clock that is set forward or back while the cache is in use: spans do not change, and no
//! response lives longer than its lifetime.

use std::time::Duration;

use actix_response_cache::{Clock, HandlerPolicy, ResponseCache, store::Timestamp};
use actix_web::HttpResponse;

use crate::support::{Origin, SECOND, app, get, redis::RedisServer, send, settle, subscribed};

const HOUR: i64 = 3600;

/// Sets the wall clock this many seconds forward, or back.
fn step(clock: &Clock, seconds: i64) {
    clock.set(Timestamp::from_millis(clock.now().as_millis() + seconds * 1000));
}

/// Fails from its second call on, up to and without the one with the number `until`.
fn failing(until: usize) -> Origin {
    Origin::new(move |_, call| {
        if (2..until).contains(&call) {
            return HttpResponse::InternalServerError().finish();
        }
        HttpResponse::Ok()
            .insert_header(("cache-control", "max-age=10, stale-if-error=86400"))
            .body(format!("answer {call}"))
    })
}

#[actix_rt::test]
async fn failure_backoff_ignores_clock_steps() {
    for seconds in [-HOUR, HOUR] {
        let clock = Clock::manual();
        let cache = ResponseCache::memory()
            .clock(clock.clone())
            .handlers(HandlerPolicy::new().failure_backoff(2 * SECOND));
        let origin = failing(3);
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        clock.advance(11 * SECOND);
        assert_eq!(send(&app, get("/")).await.text(), "answer 1", "it stands in");
        step(&clock, seconds);
        clock.advance(SECOND);
        assert_eq!(send(&app, get("/")).await.text(), "answer 1", "still in the pause");
        assert_eq!(origin.calls(), 2);
        clock.advance(SECOND);
        assert_eq!(send(&app, get("/")).await.text(), "answer 3", "{seconds}");
    }
}

#[actix_rt::test]
async fn clock_step_during_handler_does_not_age_response() {
    for seconds in [-HOUR, HOUR] {
        let clock = Clock::manual();
        let cache = ResponseCache::memory().clock(clock.clone());
        let setter = clock.clone();
        let origin = Origin::new(move |_, call| {
            step(&setter, seconds);
            HttpResponse::Ok()
                .insert_header(("cache-control", "max-age=60"))
                .body(format!("answer {call}"))
        });
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        clock.advance(5 * SECOND);
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.word(), seen.field("age").as_str()), ("HIT", "5"), "{seconds}");
    }
}

/// Counts its calls; what it answers is fresh for a minute and may be served stale for a day.
fn minute() -> Origin {
    Origin::with_fields(&[("cache-control", "max-age=60, stale-if-error=86400"), ("etag", "\"1\"")])
}

#[actix_rt::test]
async fn lifetime_is_not_extended_when_clock_is_set_back() {
    for seconds in [-1, -30, -60, -HOUR, -1_000_000_000] {
        let clock = Clock::manual();
        let origin = minute();
        let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
        send(&app, get("/")).await;
        clock.advance(20 * SECOND);
        step(&clock, seconds);
        clock.advance(39 * SECOND);
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.word(), seen.field("age").as_str()), ("HIT", "59"), "{seconds}");
        clock.advance(SECOND);
        assert_eq!(send(&app, get("/")).await.text(), "answer 2", "{seconds}");
    }
}

#[actix_rt::test]
async fn expired_response_stays_expired_when_clock_repeats_its_date() {
    let clock = Clock::manual();
    let origin = minute();
    let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
    send(&app, get("/")).await;
    step(&clock, -HOUR);
    clock.advance(3610 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn clock_set_forward_ages_responses_only() {
    let clock = Clock::manual();
    let origin = minute();
    let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
    send(&app, get("/")).await;
    step(&clock, 30);
    assert_eq!(send(&app, get("/")).await.field("age"), "30");
    step(&clock, HOUR);
    assert_eq!(send(&app, get("/")).await.text(), "answer 2", "older than its lifetime");
    // and what was stored by the wrong clock is as old as it is when that is put right
    step(&clock, -HOUR);
    clock.advance(59 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
    clock.advance(SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 3");
}

#[actix_rt::test]
async fn stale_window_counts_elapsed_time_when_clock_is_set_back() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone());
    let window = "max-age=10, stale-while-revalidate=20";
    let origin = Origin::new(move |_, call| {
        HttpResponse::Ok().insert_header(("cache-control", window)).body(format!("answer {call}"))
    });
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    step(&clock, -HOUR);
    clock.advance(31 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 2", "past its window");
    clock.advance(15 * SECOND);
    step(&clock, -HOUR);
    assert_eq!(send(&app, get("/")).await.word(), "STALE");
}

#[actix_rt::test]
async fn soft_purge_makes_stale_when_clock_is_set_back() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone());
    let origin = minute();
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    step(&clock, -HOUR);
    cache.handle().unwrap().soft().purge_path("/").await.unwrap();
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
}

/// Lets time pass in Redis, whose clock a test cannot move: its values are closer to their end by
/// this much.
fn advance_redis(server: &RedisServer, by: Duration) {
    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    for key in keys {
        let left: u64 = server.command(&["PTTL", &key]);
        let left = left.saturating_sub(u64::try_from(by.as_millis()).unwrap()).to_string();
        let _: u64 = server.command(&["PEXPIRE", &key, &left]);
    }
}

#[actix_rt::test]
async fn redis_lifetime_is_not_extended_when_clock_is_set_back() {
    for seconds in [-30, -HOUR] {
        let server = RedisServer::start();
        let clock = Clock::manual();
        let cache = ResponseCache::redis(server.url()).clock(clock.clone());
        let origin = minute();
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        settle(&cache).await;
        step(&clock, seconds);
        let pass = |time: Duration| {
            clock.advance(time);
            advance_redis(&server, time);
        };
        pass(30 * SECOND);
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.word(), seen.text()), ("HIT", "answer 1"), "{seconds}");
        let age: u64 = seen.field("age").parse().unwrap();
        assert!((30..50).contains(&age), "{seconds}: {age}");
        // by the date it is as new as ever when that comes once more
        pass(Duration::from_secs(seconds.unsigned_abs()));
        assert_eq!(send(&app, get("/")).await.text(), "answer 2", "{seconds}");
    }
}

#[actix_rt::test]
async fn response_from_host_with_fast_clock_keeps_its_lifetime() {
    let server = RedisServer::start();
    let (fast, right) = (Clock::manual(), Clock::manual());
    step(&fast, HOUR);
    let cache = |clock: &Clock| ResponseCache::redis(server.url()).clock(clock.clone());
    let origin = minute();
    let (stores, reads) = (cache(&fast), cache(&right));
    send(&app(&stores, &origin).await, get("/")).await;
    settle(&stores).await;
    let app = app(&reads, &origin).await;
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    right.advance(61 * SECOND);
    advance_redis(&server, 61 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn tiered_lifetime_is_not_extended_when_clock_is_set_back() {
    let server = RedisServer::start();
    let clock = Clock::manual();
    let stores = ResponseCache::redis(server.url()).clock(clock.clone());
    let reads = ResponseCache::tiered(server.url()).clock(clock.clone());
    let origin = minute();
    send(&app(&stores, &origin).await, get("/")).await;
    settle(&stores).await;
    clock.advance(20 * SECOND);
    let app = app(&reads, &origin).await;
    send(&app, get("/another")).await;
    subscribed(&settle(&reads).await).await;
    assert_eq!(send(&app, get("/")).await.field("age"), "20");
    step(&clock, -30);
    clock.advance(39 * SECOND);
    assert_eq!(send(&app, get("/")).await.field("age"), "59");
    clock.advance(SECOND);
    advance_redis(&server, 60 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 3");
}

#[actix_rt::test]
async fn redis_hit_is_one_command_while_clock_runs_right() {
    let server = RedisServer::start();
    let clock = Clock::manual();
    let cache = ResponseCache::redis(server.url()).clock(clock.clone());
    let app = app(&cache, &minute()).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    step(&clock, 30);
    let _: String = server.command(&["CONFIG", "RESETSTAT"]);
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    assert_eq!((server.calls("getrange"), server.calls("pttl")), (1, 0));
}

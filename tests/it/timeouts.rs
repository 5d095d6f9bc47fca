//! Slow handlers, clients that go away, and responses that are refreshed before they expire.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_response_cache::{Clock, HandlerPolicy, ResponseCache, Responses};
use actix_web::{
    App, Error, HttpResponse, body::MessageBody, dev::Service, test::init_service, web,
};

use crate::support::{
    Origin, SECOND, Seen,
    gate::{Gate, gated},
    get, get_with, send, send_or_error, settle,
};

fn stale(clock: &Clock) -> ResponseCache {
    ResponseCache::memory().clock(clock.clone()).stale_if_error(3600 * SECOND)
}

#[actix_rt::test]
async fn stale_is_served_when_handler_exceeds_soft_timeout() {
    tokio::time::pause();
    let clock = Clock::manual();
    let cache = stale(&clock).handlers(HandlerPolicy::new().soft_timeout(SECOND));
    let gate = Gate::counting();
    gate.open();
    let app = Rc::new(gated(&cache, &gate).await);
    assert_eq!(send_or_error(&*app, get("/")).await.text(), "answer 1");
    clock.advance(61 * SECOND);
    let begun = tokio::time::Instant::now();
    let leader = actix_rt::spawn({
        let app = Rc::clone(&app);
        async move { send_or_error(&*app, get("/")).await }
    });
    let follower = send_or_error(&*app, get_with("/", ("x-late", "1"))).await;
    let leader = leader.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 1);
    for seen in [&leader, &follower] {
        assert_eq!((seen.word(), seen.text(), seen.status.as_u16()), ("STALE", "answer 1", 200));
    }
    // the handler goes on, and its answer is stored
    gate.open();
    settle(&cache).await;
    assert_eq!(send_or_error(&*app, get("/")).await.text(), "answer 2");
    assert_eq!(gate.calls(), 2);
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.requests(), stats.stale, stats.served_stale, stats.flights), (4, 2, 2, 0));
}

#[actix_rt::test]
async fn handler_within_soft_timeout_is_waited_for() {
    let clock = Clock::manual();
    let cache = stale(&clock).handlers(HandlerPolicy::new().soft_timeout(SECOND));
    let gate = Gate::counting();
    gate.open();
    let app = Rc::new(gated(&cache, &gate).await);
    send_or_error(&*app, get("/")).await;
    clock.advance(61 * SECOND);
    gate.open();
    let seen = send_or_error(&*app, get("/")).await;
    assert_eq!((seen.word(), seen.text()), ("MISS", "answer 2"));
    assert_eq!(cache.handle().unwrap().stats().requests(), 2);
}

#[actix_rt::test]
async fn cross_origin_requests_wait_past_timeouts() {
    tokio::time::pause();
    let clock = Clock::manual();
    let cache =
        stale(&clock).handlers(HandlerPolicy::new().soft_timeout(SECOND).hard_timeout(SECOND));
    let gate = Gate::counting();
    gate.open();
    let app = Rc::new(gated(&cache, &gate).await);
    let origin = || get_with("/", ("origin", "https://other.example"));
    send_or_error(&*app, origin()).await;
    clock.advance(61 * SECOND);
    let wait = async {
        tokio::time::sleep(5 * SECOND).await;
        gate.open();
    };
    let (seen, ()) = futures_util::future::join(send_or_error(&*app, origin()), wait).await;
    assert_eq!(seen.text(), "answer 2");
}

#[actix_rt::test]
async fn handler_past_hard_timeout_counts_as_failed() {
    tokio::time::pause();
    let clock = Clock::manual();
    let cache = stale(&clock).handlers(HandlerPolicy::new().hard_timeout(2 * SECOND));
    let gate = Gate::counting();
    gate.open();
    let app = Rc::new(gated(&cache, &gate).await);
    send_or_error(&*app, get("/")).await;
    clock.advance(61 * SECOND);
    let begun = tokio::time::Instant::now();
    let seen = send_or_error(&*app, get("/")).await;
    assert_eq!((seen.text(), begun.elapsed().as_secs()), ("answer 1", 2));
    // and is left alone for a while
    let seen = send_or_error(&*app, get("/")).await;
    assert_eq!((seen.text(), begun.elapsed().as_secs()), ("answer 1", 2));
    assert_eq!(gate.calls(), 2);
    assert_eq!(cache.handle().unwrap().stats().flights, 0);
}

#[actix_rt::test]
async fn slow_handler_is_waited_for_without_stale_entry() {
    tokio::time::pause();
    let clock = Clock::manual();
    let cache =
        stale(&clock).handlers(HandlerPolicy::new().hard_timeout(SECOND).soft_timeout(SECOND));
    let gate = Gate::counting();
    let app = Rc::new(gated(&cache, &gate).await);
    let wait = async {
        tokio::time::sleep(5 * SECOND).await;
        gate.open();
    };
    let (seen, ()) = futures_util::future::join(send_or_error(&*app, get("/")), wait).await;
    assert_eq!(seen.text(), "answer 1");
}

#[actix_rt::test]
async fn fill_finishes_after_disconnect_when_enabled() {
    for finishes in [true, false] {
        let cache = ResponseCache::memory();
        let cache = if finishes {
            cache.handlers(HandlerPolicy::new().finish_on_disconnect(30 * SECOND))
        } else {
            cache
        };
        let gate = Gate::counting();
        let app = Rc::new(gated(&cache, &gate).await);
        let mut leaving = Box::pin(send_or_error(&*app, get("/")));
        assert!(futures_util::FutureExt::now_or_never(&mut leaving).is_none());
        while gate.calls() == 0 {
            tokio::task::yield_now().await;
        }
        drop(leaving);
        gate.open();
        settle(&cache).await;
        gate.open();
        let seen = send_or_error(&*app, get("/")).await;
        assert_eq!(seen.word() == "HIT", finishes);
        assert_eq!(cache.handle().unwrap().stats().flights, 0);
    }
}

#[actix_rt::test]
async fn body_is_read_after_disconnect_when_enabled() {
    for finishes in [true, false] {
        let cache = ResponseCache::memory();
        let cache = if finishes {
            cache.handlers(HandlerPolicy::new().finish_on_disconnect(30 * SECOND))
        } else {
            cache
        };
        let origin = Origin::new(|_, _| {
            let chunks = futures_util::stream::unfold(0, |n| async move {
                tokio::task::yield_now().await;
                (n < 3).then(|| (Ok::<_, Error>(bytes::Bytes::from("chunk ")), n + 1))
            });
            HttpResponse::Ok().streaming(chunks)
        });
        let app = crate::support::app(&cache, &origin).await;
        let res = app.call(get("/").to_request()).await.unwrap();
        {
            let mut body = std::pin::pin!(res.into_body());
            let chunk = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
            assert_eq!(chunk.unwrap().unwrap_or_else(|_| panic!("a chunk")), "chunk ");
        }
        settle(&cache).await;
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.word() == "HIT", seen.text()), (finishes, "chunk chunk chunk "));
        let stats = cache.handle().unwrap().stats();
        assert_eq!((stats.flights, stats.recorded), (0, 0));
    }
}

#[actix_rt::test]
async fn disconnects_leave_a_bounded_number_of_handlers() {
    let cache =
        ResponseCache::memory().handlers(HandlerPolicy::new().finish_on_disconnect(30 * SECOND));
    let gate = Gate::counting();
    let app = Rc::new(gated(&cache, &gate).await);
    for n in 0..1500 {
        let mut leaving = Box::pin(send_or_error(&*app, get(&format!("/{n}"))));
        assert!(futures_util::FutureExt::now_or_never(&mut leaving).is_none());
        while gate.calls() == n {
            tokio::task::yield_now().await;
        }
        drop(leaving);
    }
    while cache.handle().unwrap().stats().flights > 1024 {
        tokio::task::yield_now().await;
    }
    gate.open_wide();
    settle(&cache).await;
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.stores, stats.flights), (1024, 0));
}

#[actix_rt::test]
async fn fill_after_disconnect_is_bounded_in_time() {
    tokio::time::pause();
    let cache =
        ResponseCache::memory().handlers(HandlerPolicy::new().finish_on_disconnect(3 * SECOND));
    let gate = Gate::counting();
    let app = Rc::new(gated(&cache, &gate).await);
    let begun = tokio::time::Instant::now();
    let mut leaving = Box::pin(send_or_error(&*app, get("/")));
    assert!(futures_util::FutureExt::now_or_never(&mut leaving).is_none());
    drop(leaving);
    settle(&cache).await;
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!(cache.handle().unwrap().stats().flights, 0);
}

#[actix_rt::test]
async fn popular_response_is_refreshed_before_expiry() {
    let clock = Clock::manual();
    // the handler takes ten seconds, by this clock
    let ticking = clock.clone();
    let origin = Origin::new(move |_, call| {
        ticking.advance(10 * SECOND);
        HttpResponse::Ok().insert_header(("cache-control", "max-age=70")).body(format!("{call}"))
    });
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .handlers(HandlerPolicy::new().early_refresh(1.0));
    let app = crate::support::app(&cache, &origin).await;
    send(&app, get("/")).await;
    let mut seconds_left = Vec::new();
    for _ in 0..1000 {
        clock.advance(SECOND / 4);
        let before = origin.calls();
        let seen = send(&app, get("/")).await;
        assert_eq!(seen.word(), "HIT", "nobody ever waits");
        settle(&cache).await;
        if origin.calls() > before {
            let left = seen.field("cache-status");
            seconds_left.push(left.rsplit('=').next().unwrap().parse::<u64>().unwrap());
        }
    }
    assert!(seconds_left.len() > 3, "{seconds_left:?}");
    // with a chance of e^-6 for each of a few hundred, far from the end nothing is refreshed
    let early = seconds_left.iter().filter(|left| **left >= 50).count();
    assert!(early * 2 <= seconds_left.len(), "{seconds_left:?}");
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.misses, stats.hits, stats.refreshes), (1, 1000, 0));
}

#[actix_rt::test]
async fn jitter_shortens_lifetimes_by_its_part() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .ttl(100 * SECOND)
        .responses(Responses::new().ttl_jitter(0.5));
    let app = crate::support::app(&cache, &Origin::counting()).await;
    let mut lifetimes = std::collections::HashSet::new();
    for n in 0..50 {
        let path = format!("/{n}");
        send(&app, get(&path)).await;
        let told = send(&app, get(&path)).await.field("cache-status");
        let left: u64 = told.rsplit('=').next().unwrap().parse().unwrap();
        assert!((50..=100).contains(&left), "{told}");
        lifetimes.insert(left);
    }
    assert!(lifetimes.len() > 10, "{lifetimes:?}");
}

#[actix_rt::test]
async fn senseless_timeouts_are_configuration_errors() {
    for (cache, setting) in [
        (
            ResponseCache::memory().responses(Responses::new().ttl_jitter(1.5)),
            "Responses::ttl_jitter",
        ),
        (
            ResponseCache::memory().responses(Responses::new().ttl_jitter(f64::NAN)),
            "Responses::ttl_jitter",
        ),
        (
            ResponseCache::memory().handlers(HandlerPolicy::new().early_refresh(-1.0)),
            "HandlerPolicy::early_refresh",
        ),
        (
            ResponseCache::memory().handlers(HandlerPolicy::new().early_refresh(f64::INFINITY)),
            "HandlerPolicy::early_refresh",
        ),
    ] {
        let error = cache.check().await.unwrap_err().to_string();
        assert!(error.contains(setting), "{error}");
    }
}

#[actix_rt::test]
async fn slow_failed_and_backing_off_are_reported_separately() {
    tokio::time::pause();
    let log = crate::support::log::Log::default();
    let _listening = log.listen();
    let clock = Clock::manual();
    let cache = stale(&clock).handlers(HandlerPolicy::new().soft_timeout(SECOND));
    let fails = Arc::new(AtomicUsize::new(0));
    let failing = Arc::clone(&fails);
    let route = web::to(move || {
        let fails = failing.load(Ordering::SeqCst) == 1;
        let hangs = failing.load(Ordering::SeqCst) == 2;
        async move {
            if hangs {
                tokio::time::sleep(10 * SECOND).await;
            }
            if fails {
                HttpResponse::BadGateway().finish()
            } else {
                HttpResponse::Ok().body("good")
            }
        }
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    send_or_error(&app, get("/")).await;
    clock.advance(61 * SECOND);
    let statuses = |seen: &Seen| seen.field("cache-status");
    let counts = || {
        let stats = cache.handle().unwrap().stats();
        (stats.served_stale, stats.served_stale_slow, stats.served_stale_backing_off)
    };

    fails.store(1, Ordering::SeqCst);
    let failed = statuses(&send_or_error(&app, get("/")).await);
    assert!(failed.ends_with("; fwd=stale; fwd-status=502"), "{failed}");
    assert_eq!(counts(), (1, 0, 0));
    let left_alone = statuses(&send_or_error(&app, get("/")).await);
    assert!(left_alone.ends_with("; hit; ttl=-1; detail=handler-left-alone"), "{left_alone}");
    assert_eq!(counts(), (2, 0, 1));
    assert_eq!(log.text().matches("a handler failed").count(), 1, "{}", log.text());

    clock.advance(2 * SECOND);
    fails.store(2, Ordering::SeqCst);
    let (leader, follower) =
        futures_util::future::join(send_or_error(&app, get("/")), send_or_error(&app, get("/")))
            .await;
    for seen in [leader, follower] {
        let slow = statuses(&seen);
        assert!(slow.contains("; hit; ttl=-") && slow.ends_with("; detail=handler-slow"), "{slow}");
    }
    assert_eq!(counts(), (4, 2, 1));
    assert_eq!(log.text().matches("a handler is slow").count(), 1);
    assert_eq!(log.text().matches("a handler failed").count(), 1, "slow is not failed");
}

//! `HandlerPolicy::max_handlers`: past it a stale response or 503, and no handler call.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_response_cache::{Clock, Compliance, HandlerPolicy, Inquiry, Reason, ResponseCache};
use actix_web::{App, HttpRequest, HttpResponse, dev::Service as _, test::init_service, web};
use futures_util::{FutureExt as _, StreamExt as _, stream};

use crate::support::{
    Origin, SECOND, Seen, TestApp, app,
    gate::{Gate, gated, is_waiting, rest},
    get, request, seen, send, send_or_error, settle,
};

fn at_most(max: usize) -> ResponseCache {
    ResponseCache::memory().handlers(HandlerPolicy::new().max_handlers(max))
}

type Pending<'a> = Pin<Box<dyn Future<Output = Seen> + 'a>>;

/// A request that has come to its handler, which waits.
async fn begun<'a>(app: &'a impl TestApp, uri: &'a str) -> Pending<'a> {
    let mut request: Pending<'a> = Box::pin(send_or_error(app, get(uri)));
    assert!(is_waiting(&mut request).await, "{uri}");
    request
}

fn assert_refused(seen: &Seen) {
    assert_eq!((seen.status.as_u16(), seen.body.len()), (503, 0));
    assert_eq!(seen.field("retry-after"), "1");
    assert_eq!(seen.field("cache-status"), "actix-response-cache; detail=overloaded");
}

#[actix_rt::test]
async fn requests_past_the_limit_are_refused_until_a_handler_has_responded() {
    let cache = at_most(2);
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let (one, two) = (begun(&app, "/1").await, begun(&app, "/2").await);
    for _ in 0..3 {
        assert_refused(&send(&app, get("/3")).await);
    }
    assert_eq!(gate.calls(), 2);
    gate.open_wide();
    assert_eq!((one.await.text(), two.await.text()), ("answer 1", "answer 2"));
    for uri in ["/1", "/2"] {
        assert_eq!(send(&app, get(uri)).await.word(), "HIT");
    }
    assert_eq!(send(&app, get("/3")).await.text(), "answer 3", "the 503 was not stored");
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.misses, stats.hits), (6, 2));
    let refused = |reason| {
        let outcomes = stats.rules.iter().flat_map(|rule| &rule.outcomes);
        outcomes.filter(|outcome| outcome.reason == reason).map(|outcome| outcome.count).sum()
    };
    assert_eq!((refused("overloaded"), refused("uri-miss")), (3_u64, 3));
}

#[actix_rt::test]
async fn hits_and_those_that_wait_need_no_place() {
    let cache = at_most(1);
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    gate.open();
    send(&app, get("/hit")).await;
    let leader = begun(&app, "/").await;
    let mut follower = begun(&app, "/").await;
    assert_eq!(send(&app, get("/hit")).await.word(), "HIT");
    assert!(is_waiting(&mut follower).await);
    gate.open();
    assert_eq!((leader.await.text(), follower.await.text()), ("answer 2", "answer 2"));
}

#[actix_rt::test]
async fn stale_response_is_served_past_the_limit_where_it_may_be() {
    let clock = Clock::manual();
    let cache = at_most(1).clock(clock.clone()).stale_if_error(60 * SECOND);
    let gate = Gate::new(|req, call| {
        let said =
            if req.path() == "/strict" { "max-age=60, must-revalidate" } else { "max-age=60" };
        Ok(HttpResponse::Ok().insert_header(("cache-control", said)).body(call.to_string()))
    });
    let app = gated(&cache, &gate).await;
    for uri in ["/", "/strict"] {
        gate.open();
        send(&app, get(uri)).await;
    }
    clock.advance(70 * SECOND);
    let other = begun(&app, "/other").await;
    let stale = send(&app, get("/")).await;
    assert_eq!((stale.word(), stale.text()), ("STALE", "1"));
    assert!(stale.field("cache-status").ends_with("; hit; ttl=-10; detail=overloaded"));
    assert_refused(&send(&app, get("/strict")).await);
    clock.advance(60 * SECOND);
    assert_refused(&send(&app, get("/")).await);
    gate.open_wide();
    other.await;
    assert_eq!(send(&app, get("/")).await.text(), "4");
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.stale, stats.served_stale), (1, 1));
}

#[actix_rt::test]
async fn place_is_free_when_client_has_gone_or_handler_has_failed() {
    let cache = at_most(1);
    let gate = Gate::new(|req, _| match req.path() {
        "/panic" => panic!("as the test wants it"),
        "/error" => Err(actix_web::error::ErrorBadGateway("as the test wants it")),
        _ => Ok(HttpResponse::Ok().body("fine")),
    });
    let app = gated(&cache, &gate).await;
    drop(begun(&app, "/gone").await);
    let failing = begun(&app, "/error").await;
    assert_refused(&send(&app, get("/")).await);
    gate.open();
    assert_eq!(failing.await.status, 502);
    gate.open();
    let panicking = AssertUnwindSafe(send(&app, get("/panic"))).catch_unwind();
    std::panic::set_hook(Box::new(|_| ()));
    assert!(panicking.await.is_err());
    drop(std::panic::take_hook());
    gate.open();
    assert_eq!(send(&app, get("/")).await.text(), "fine");
}

#[actix_rt::test]
async fn handler_counts_until_the_head_of_its_response() {
    let cache = at_most(1);
    let origin = Origin::new(|_, call| {
        let chunks = [call.to_string(), " more".to_owned()];
        let chunks = chunks.map(|chunk| Ok::<_, actix_web::Error>(web::Bytes::from(chunk)));
        HttpResponse::Ok().streaming(stream::iter(chunks).chain(stream::pending().take(0)))
    });
    let app = app(&cache, &origin).await;
    let streaming = app.call(get("/1").to_request()).await.unwrap();
    assert_eq!(send(&app, get("/2")).await.text(), "2 more");
    assert_eq!(seen(streaming).await.ok().unwrap().text(), "1 more");
}

#[actix_rt::test]
async fn handler_without_its_client_counts_until_it_ends() {
    let cache = ResponseCache::memory()
        .handlers(HandlerPolicy::new().max_handlers(1).finish_on_disconnect(30 * SECOND));
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let mut gone = begun(&app, "/").await;
    rest().await;
    assert!(is_waiting(&mut gone).await);
    drop(gone);
    rest().await;
    assert_refused(&send(&app, get("/other")).await);
    gate.open_wide();
    settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    assert_eq!(send(&app, get("/other")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn slow_and_abandoned_handlers_give_their_place_back() {
    tokio::time::pause();
    let clock = Clock::manual();
    let policy = HandlerPolicy::new().max_handlers(1).failure_backoff(std::time::Duration::ZERO);
    for (policy, is_free) in
        [(policy.clone().hard_timeout(SECOND), true), (policy.soft_timeout(SECOND), false)]
    {
        let cache = ResponseCache::memory().clock(clock.clone()).stale_if_error(600 * SECOND);
        let cache = cache.handlers(policy);
        let gate = Gate::counting();
        let app = gated(&cache, &gate).await;
        gate.open();
        send(&app, get("/")).await;
        clock.advance(61 * SECOND);
        assert_eq!(send_or_error(&app, get("/")).await.text(), "answer 1", "which is stale");
        // given up it is no longer running; slow it is
        let mut other = Box::pin(send_or_error(&app, get("/other")));
        assert_eq!(is_waiting(&mut other).await, is_free);
        if !is_free {
            gate.open_wide();
            settle(&cache).await;
            assert_eq!(send(&app, get("/other")).await.text(), "answer 3");
        }
    }
}

#[actix_rt::test]
async fn refreshes_in_the_background_count() {
    let clock = Clock::manual();
    let cache = at_most(1).clock(clock.clone()).stale_while_revalidate(600 * SECOND);
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    for uri in ["/1", "/2"] {
        gate.open();
        send(&app, get(uri)).await;
    }
    clock.advance(61 * SECOND);
    assert_eq!(send(&app, get("/1")).await.word(), "STALE");
    rest().await;
    assert_refused(&send(&app, get("/new")).await);
    // there is no place for its refresh
    assert_eq!(send(&app, get("/2")).await.word(), "STALE");
    rest().await;
    assert_eq!(gate.calls(), 3);
    gate.open_wide();
    let handle = settle(&cache).await;
    assert_eq!(send(&app, get("/1")).await.text(), "answer 3");
    let results = handle.stats().refreshes_by_result;
    let counted = |word| results.iter().find(|(result, _)| *result == word).unwrap().1;
    assert_eq!((counted("succeeded"), counted("overloaded"), counted("failed")), (1, 1, 0));
    clock.advance(SECOND);
    assert_eq!(send(&app, get("/2")).await.word(), "STALE", "which is refreshed now");
    settle(&cache).await;
    assert_eq!(send(&app, get("/2")).await.text(), "answer 4");
}

#[actix_rt::test]
async fn bypassing_requests_are_neither_counted_nor_refused() {
    let cache = at_most(1).exclude("/live");
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let live = begun(&app, "/live").await;
    let cached = begun(&app, "/").await;
    gate.open_wide();
    assert_eq!(send(&app, request("POST", "/")).await.status, 200);
    assert_eq!(send(&app, get("/live")).await.word(), "BYPASS");
    assert_eq!((live.await.status, cached.await.word()), (200.try_into().unwrap(), "MISS"));
}

#[actix_rt::test]
async fn clones_inside_one_another_count_a_handler_once() {
    let cache = at_most(1);
    let gate = Gate::counting();
    let scope =
        web::scope("/shop").wrap(cache.clone().ttl(5 * SECOND)).default_service(gate.route());
    let app = App::new().service(scope).default_service(gate.route()).wrap(cache);
    let app = init_service(app).await;
    let shop = begun(&app, "/shop").await;
    assert_refused(&send(&app, get("/")).await);
    gate.open_wide();
    assert_eq!(shop.await.text(), "answer 1");
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn workers_share_the_limit_and_clones_may_differ() {
    let cache = at_most(2);
    let unbounded = cache.clone().handlers(HandlerPolicy::new());
    let gate = Gate::counting();
    let (first, second) = (gated(&cache, &gate).await, gated(&cache, &gate).await);
    let free = gated(&unbounded, &gate).await;
    let running = [begun(&first, "/1").await, begun(&second, "/2").await, begun(&free, "/3").await];
    assert_refused(&send(&first, get("/4")).await);
    assert_refused(&send(&second, get("/4")).await);
    gate.open_wide();
    for running in running {
        running.await;
    }
    assert_eq!(send(&first, get("/4")).await.text(), "answer 4");
}

#[actix_rt::test]
async fn followers_of_a_response_that_is_not_shared_keep_to_the_limit() {
    let cache = at_most(2);
    let most = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let running = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let handler = {
        let (most, running, gate) = (most.clone(), running.clone(), gate.clone());
        move |_: HttpRequest| {
            let (most, running, gate) = (most.clone(), running.clone(), gate.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                running.fetch_sub(1, Ordering::SeqCst);
                HttpResponse::Ok().insert_header(("cache-control", "no-store")).body("own")
            }
        }
    };
    let app = App::new().wrap(cache).default_service(web::to(handler));
    let app = init_service(app).await;
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(begun(&app, "/").await);
    }
    gate.add_permits(100);
    let all = futures_util::future::join_all(all).await;
    let served = all.iter().filter(|seen| seen.status == 200).count();
    assert!(served >= 1 && all.iter().all(|seen| [200, 503].contains(&seen.status.as_u16())));
    assert!(most.load(Ordering::SeqCst) <= 2);
}

#[actix_rt::test]
async fn query_requests_count() {
    let cache = at_most(1).compliance(Compliance::careful().query_method(true));
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let running = begun(&app, "/").await;
    let seen = send(&app, request("QUERY", "/search").set_payload("q")).await;
    assert_eq!(seen.status, 503);
    gate.open();
    running.await;
}

#[actix_rt::test]
async fn explain_says_that_no_handler_would_be_called() {
    let clock = Clock::manual();
    let cache = at_most(1).clock(clock.clone()).stale_if_error(600 * SECOND);
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    gate.open();
    send(&app, get("/stale")).await;
    clock.advance(61 * SECOND);
    let handle = cache.handle().unwrap();
    let explain = async |uri: &str| {
        handle.explain(&Inquiry::get(uri).header("host", "shop.example")).await.unwrap()
    };
    assert!(
        explain("/").await.notes.contains(&"0 of at most 1 handlers run (max_handlers)".into())
    );
    let running = begun(&app, "/running").await;
    let refused = explain("/").await;
    assert_eq!((refused.kind.as_str(), refused.reason), ("miss", Some(Reason::Overloaded)));
    assert_eq!(explain("/stale").await.stale_cause, Some("overloaded"));
    assert_eq!(explain("/running").await.reason, None, "it would wait");
    gate.open();
    running.await;
}

#[actix_rt::test]
async fn zero_is_refused_and_none_is_no_limit() {
    let error = at_most(0).handle().unwrap_err();
    assert_eq!(error.setting(), "HandlerPolicy::max_handlers");
    let is_called = Arc::new(AtomicBool::new(false));
    let called = Arc::clone(&is_called);
    let origin = Origin::new(move |_, _| {
        called.store(true, Ordering::SeqCst);
        HttpResponse::Ok().finish()
    });
    let cache = at_most(1).handlers(HandlerPolicy::new().max_handlers(1).max_handlers(None));
    send(&app(&cache, &origin).await, get("/")).await;
    assert!(is_called.load(Ordering::SeqCst));
}

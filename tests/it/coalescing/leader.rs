//! A leader that goes away, fails or takes too long, and handlers that fail while something stale
//! can be served.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_response_cache::{Clock, Coalescing, HandlerPolicy, ResponseCache};
use actix_web::{App, HttpResponse, dev::Service, error::ErrorBadGateway, test::init_service, web};
use futures_util::future::join_all;

use crate::support::{
    gate::{Gate, gated, is_waiting, rest},
    get, send, settle,
};

use super::{MANY, SECOND, assert_empty, burst, hesitant, many};

#[actix_rt::test]
async fn dropped_leader_hands_lead_on() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let mut leader = Box::pin(send(&app, get("/")));
    assert!(is_waiting(&mut leader).await);
    let followers = join_all(many().into_iter().map(|request| send(&app, request)));
    let go = async {
        rest().await;
        assert_eq!(gate.calls(), 1, "the others wait");
        drop(leader);
        rest().await;
        assert_eq!(gate.calls(), 2, "and one of them has the lead at once");
        gate.open_wide();
    };
    let (answers, ()) = futures_util::future::join(followers, go).await;
    assert!(answers.iter().all(|seen| seen.text() == "answer 2"));
    assert_eq!(gate.calls(), 2);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn failed_handler_is_called_again_once() {
    for panics in [false, true] {
        let cache = ResponseCache::memory();
        let gate = Gate::new(move |_, call| match call {
            1 if panics => panic!("the handler panics"),
            1 => Err(ErrorBadGateway("not yet")),
            _ => Ok(HttpResponse::Ok().body("there")),
        });
        let app = Rc::new(gated(&cache, &gate).await);
        let tasks: Vec<_> = (0..MANY)
            .map(|_| {
                let app = Rc::clone(&app);
                actix_rt::spawn(async move {
                    let res = app.call(get("/").to_request()).await;
                    crate::support::seen(res.unwrap()).await.unwrap_or_else(|_| panic!("a body"))
                })
            })
            .collect();
        rest().await;
        gate.open_wide();
        let answers = join_all(tasks).await;
        let there = answers.iter().filter(|a| a.as_ref().is_ok_and(|seen| seen.text() == "there"));
        assert_eq!((there.count(), gate.calls()), (MANY - 1, 2), "panics: {panics}");
        assert_empty(&cache);
    }
}

#[actix_rt::test]
async fn lead_is_handed_on_a_bounded_number_of_times() {
    let cache = ResponseCache::memory();
    let gate = Gate::new(|_, _| Ok(HttpResponse::BadGateway().finish()));
    let app = gated(&cache, &gate).await;
    let mut all: Vec<_> = (0..MANY).map(|_| Some(Box::pin(send(&app, get("/"))))).collect();
    let mut asked = 0;
    for _ in 0..MANY {
        for request in all.iter_mut().flatten() {
            assert!(is_waiting(request).await);
        }
        if gate.calls() - asked > 1 {
            break;
        }
        asked = gate.calls();
        // the leader goes away
        let first = all.iter_mut().find(|request| request.is_some()).unwrap();
        *first = None;
    }
    assert!((2..15).contains(&asked), "after {asked} runs the others go on alone");
    drop(all);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn follower_waits_at_most_coalesce_timeout() {
    tokio::time::pause();
    let cache = ResponseCache::memory().coalescing(Coalescing::new().timeout(3 * SECOND));
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let begun = tokio::time::Instant::now();
    let mut leader = Box::pin(send(&app, get("/")));
    assert!(is_waiting(&mut leader).await);
    let mut follower = Box::pin(send(&app, get("/")));
    while gate.calls() < 2 {
        assert!(is_waiting(&mut follower).await);
        tokio::time::sleep(SECOND / 10).await;
    }
    assert_eq!(begun.elapsed().as_secs(), 3);
    gate.open_wide();
    assert_eq!(follower.await.text(), "answer 2");
    assert_eq!(leader.await.text(), "answer 1");
    assert_empty(&cache);
}

#[actix_rt::test]
async fn leader_that_does_not_read_delays_followers_within_timeout() {
    tokio::time::pause();
    let cache = ResponseCache::memory().coalescing(Coalescing::new().timeout(3 * SECOND));
    let app = App::new().wrap(cache.clone()).default_service(web::to(hesitant));
    let app = init_service(app).await;
    let unread = app.call(get("/").to_request()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let followers = join_all((0..MANY).map(|_| send(&app, get("/")))).await;
    assert!(followers.iter().all(|seen| seen.text() == "chunk chunk chunk "));
    assert_eq!(begun.elapsed().as_secs(), 3);
    // nor does it delay later requests: by then it is stored
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    drop(unread);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn zero_timeout_disables_waiting() {
    let cache = ResponseCache::memory().coalescing(Coalescing::new().timeout(Duration::ZERO));
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    burst(&app, &gate, many()).await;
    assert_eq!((gate.calls(), cache.handle().unwrap().stats().collapsed), (MANY, 0));
}

#[actix_rt::test]
async fn failing_handler_is_backed_off_while_stale_is_served() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone()).stale_if_error(3600 * SECOND);
    let gate = Gate::new(|_, call| match call {
        1 => Ok(HttpResponse::Ok().body("good")),
        _ => Ok(HttpResponse::ServiceUnavailable().finish()),
    });
    let app = gated(&cache, &gate).await;
    gate.open();
    send(&app, get("/")).await;
    clock.advance(61 * SECOND);
    let answers = burst(&app, &gate, many()).await;
    assert!(answers.iter().all(|seen| seen.text() == "good" && seen.word() != "HIT"));
    assert_eq!(gate.calls(), 2, "asked once, and then left alone");
    assert_eq!(cache.handle().unwrap().stats().served_stale, 50);
    clock.advance(2 * SECOND);
    send(&app, get("/")).await;
    assert_eq!(gate.calls(), 3, "and asked again after the pause");
    assert_empty(&cache);
}

#[actix_rt::test]
async fn failures_behind_stale_responses_are_logged_rarely() {
    let log = crate::support::log::Log::default();
    let _listening = log.listen();
    let clock = Clock::manual();
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .stale_if_error(3600 * SECOND)
        .handlers(HandlerPolicy::new().failure_backoff(Duration::ZERO));
    let gate = Gate::new(|_, call| match call {
        1 => Ok(HttpResponse::Ok().body("good")),
        _ => Ok(HttpResponse::ServiceUnavailable().finish()),
    });
    gate.open_wide();
    let app = gated(&cache, &gate).await;
    send(&app, get("/")).await;
    clock.advance(61 * SECOND);
    for _ in 0..20 {
        assert_eq!(send(&app, get("/")).await.text(), "good");
    }
    let told = || log.text().matches("a handler failed; served stale").count();
    assert_eq!((gate.calls(), told()), (21, 1), "without a pause each request asks");
    clock.advance(10 * SECOND);
    send(&app, get("/")).await;
    assert_eq!(told(), 2);
    assert!(log.text().contains("status=503 ") && log.text().contains("suppressed=19"));
    assert!(log.text().contains(r#"path="/""#), "{}", log.text());
    assert_eq!(cache.handle().unwrap().stats().served_stale, 21);
    // past the window the failure is the client's
    clock.advance(3600 * SECOND);
    assert_eq!(send(&app, get("/")).await.status, 503);
}

/// A future that is dropped after a number of polls.
struct DroppedAfter<F>(usize, Pin<Box<F>>);

impl<F: Future> Future for DroppedAfter<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        // every poll counts, so each point at which it waits is one at which it is dropped
        cx.waker().wake_by_ref();
        self.1.as_mut().poll(cx).map(Some)
    }
}

#[actix_rt::test]
async fn request_dropped_at_any_poll_leaves_nothing_behind() {
    let clock = Clock::manual();
    for stale in [false, true] {
        for polls in 0..40 {
            let cache = ResponseCache::memory()
                .clock(clock.clone())
                .stale_while_revalidate(if polls % 2 == 0 { SECOND } else { Duration::ZERO })
                .stale_if_error(3600 * SECOND);
            let app = App::new().wrap(cache.clone()).default_service(web::to(hesitant));
            let app = init_service(app).await;
            if stale {
                send(&app, get("/")).await;
                clock.advance(Duration::from_millis(60_500));
            }
            let dropped = DroppedAfter(polls, Box::pin(send(&app, get("/"))));
            // two that wait for it, of which one goes away as well
            let also = DroppedAfter(polls / 2, Box::pin(send(&app, get("/"))));
            let follower = send(&app, get("/"));
            let (_, _, seen) = futures_util::future::join3(dropped, also, follower).await;
            assert_eq!(seen.text(), "chunk chunk chunk ", "{polls} polls, stale: {stale}");
            settle(&cache).await;
            assert_empty(&cache);
        }
    }
}

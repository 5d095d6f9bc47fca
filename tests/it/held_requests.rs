//! Middleware outside of the cache that keeps a handle to a request after it was answered, as an
//! access log does: actix panics where such a request is changed. Stale responses are refreshed all
//! the same, and the panic does not come again with each request.

use std::{
    panic,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{Clock, HandlerPolicy, ResponseCache};
use actix_web::{
    App, Error, HttpRequest, HttpResponse, dev::ServiceResponse, middleware::from_fn,
    test::init_service, web,
};
use tokio::time::sleep;

use crate::support::{Origin, SECOND, Seen, TestApp, get, get_with, send, settle};

thread_local! {
    static PANICS: Rc<std::cell::Cell<usize>> = Rc::default();
}

/// Counts the panics of this thread, and keeps those of actix out of the log.
fn count_panics() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.location().is_some_and(|at| at.file().contains("actix-web")) {
            PANICS.with(|panics| panics.set(panics.get() + 1));
        } else {
            previous(info);
        }
    }));
}

fn panics() -> usize {
    PANICS.with(|panics| panics.get())
}

/// An app whose requests are held for this time after they were answered.
async fn app(cache: &ResponseCache, origin: &Origin, held: Duration) -> impl TestApp + use<> {
    let access_log = from_fn(move |req, next: actix_web::middleware::Next<_>| async move {
        let res: ServiceResponse<_> = next.call(req).await?;
        let request = res.request().clone();
        actix_rt::spawn(async move {
            sleep(held).await;
            drop(request);
        });
        Ok::<_, Error>(res)
    });
    let items = web::resource("/items/{id}").route(origin.route());
    let app = App::new().service(items).default_service(origin.route());
    init_service(app.wrap(cache.clone()).wrap(access_log)).await
}

fn stale_while_revalidate(clock: &Clock) -> ResponseCache {
    ResponseCache::memory().clock(clock.clone()).stale_while_revalidate(3600 * SECOND)
}

/// Answers like an origin with validators.
fn validating() -> Origin {
    Origin::new(|req, call| {
        if req.headers().get("if-none-match").is_some_and(|tag| tag == "\"1\"") {
            return HttpResponse::NotModified().insert_header(("etag", "\"1\"")).finish();
        }
        HttpResponse::Ok().insert_header(("etag", "\"1\"")).body(format!("answer {call}"))
    })
}

#[actix_rt::test]
async fn briefly_held_request_is_refreshed_after_response() {
    count_panics();
    let clock = Clock::manual();
    let cache = stale_while_revalidate(&clock);
    let origin = Origin::counting();
    let app = app(&cache, &origin, Duration::from_millis(1)).await;
    send(&app, get("/items/1")).await;
    for round in 2..=6 {
        clock.advance(61 * SECOND);
        let seen = send(&app, get("/items/1")).await;
        assert_eq!(seen.text(), format!("answer {}", round - 1), "the last answer, and no older");
        settle(&cache).await;
        assert_eq!(origin.calls(), round, "refreshed behind the answer");
    }
    assert_eq!(panics(), 1, "found out once for the route");
    // another path of the same route is known as well
    send(&app, get("/items/2")).await;
    clock.advance(61 * SECOND);
    send(&app, get("/items/2")).await;
    settle(&cache).await;
    assert_eq!((origin.calls(), panics()), (8, 1));
}

#[actix_rt::test]
async fn long_held_request_is_validated_before_response() {
    count_panics();
    let clock = Clock::manual();
    let cache = stale_while_revalidate(&clock);
    let origin = Origin::counting();
    let app = app(&cache, &origin, 5 * SECOND).await;
    send(&app, get("/items/1")).await;
    clock.advance(61 * SECOND);
    assert_eq!(send(&app, get("/items/1")).await.word(), "STALE", "nothing is known yet");
    settle(&cache).await;
    let tries = panics();
    assert!(tries <= 4, "{tries}");
    for round in 2..6 {
        let seen = send(&app, get("/items/1")).await;
        assert_eq!((seen.word(), seen.text()), ("MISS", &*format!("answer {round}")));
        clock.advance(61 * SECOND);
    }
    assert_eq!(panics(), tries, "known from then on");
    let other = send(&app, get("/else")).await;
    assert_eq!(other.word(), "MISS");
    // a failing handler still leaves the stale response
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.refreshes, stats.flights), (0, 0));
}

#[actix_rt::test]
async fn handler_is_called_first_without_background_refresh() {
    let clock = Clock::manual();
    let cache =
        stale_while_revalidate(&clock).handlers(HandlerPolicy::new().background_refresh(false));
    let fails = Arc::new(AtomicUsize::new(0));
    let failing = Arc::clone(&fails);
    let origin = Origin::new(move |_, call| match failing.load(Ordering::SeqCst) {
        0 => HttpResponse::Ok().body(format!("answer {call}")),
        _ => HttpResponse::ServiceUnavailable().finish(),
    });
    let app = crate::support::app(&cache, &origin).await;
    send(&app, get("/")).await;
    clock.advance(61 * SECOND);
    let seen = send(&app, get("/")).await;
    assert_eq!((seen.word(), seen.text()), ("MISS", "answer 2"));
    fails.store(1, Ordering::SeqCst);
    clock.advance(61 * SECOND);
    let seen = send(&app, get("/")).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (200, "answer 2"), "stale, as it failed");
    assert!(seen.field("cache-status").contains("fwd=stale; fwd-status=503"));
    // a clone can switch it on again
    let clone = cache.clone().handlers(HandlerPolicy::new().background_refresh(true));
    let app = crate::support::app(&clone, &origin).await;
    clock.advance(61 * SECOND);
    assert_eq!(send(&app, get("/")).await.word(), "STALE");
    settle(&cache).await;
    assert_eq!(origin.calls(), 4);
}

/// A cache inside of a middleware that holds the request while the handler runs: routing is done, so
/// actix allows it.
async fn held_meanwhile(cache: &ResponseCache, origin: &Origin) -> impl TestApp + use<> {
    let holds = from_fn(
        |req: actix_web::dev::ServiceRequest, next: actix_web::middleware::Next<_>| async move {
            let request: HttpRequest = req.request().clone();
            let res: ServiceResponse<_> = next.call(req).await?;
            drop(request);
            Ok::<_, Error>(res)
        },
    );
    let items = web::resource("/items/{id}").route(origin.route()).wrap(cache.clone()).wrap(holds);
    init_service(App::new().service(items)).await
}

#[actix_rt::test]
async fn unchangeable_request_reaches_handler_unchanged() {
    count_panics();
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone());
    let origin = validating();
    let app = held_meanwhile(&cache, &origin).await;
    let read = async |req| -> Seen { send(&app, req).await };
    // a client's condition is the handler's to evaluate, and the answer is right all the same
    let seen = read(get_with("/items/1", ("if-none-match", "\"1\""))).await;
    assert_eq!(seen.status, 304);
    assert_eq!(panics(), 1);
    for round in 0..5 {
        let seen = read(get("/items/1")).await;
        assert_eq!((seen.status.as_u16(), seen.word()), (200, "MISS"), "round {round}");
        clock.advance(61 * SECOND);
        let seen = read(get_with("/items/2", ("if-none-match", "\"1\""))).await;
        assert_eq!(seen.status, 304);
    }
    assert_eq!(panics(), 1, "found out once for the route");
}

//! Many requests at once for what is not stored: the handler runs once, and nobody is left waiting,
//! whatever becomes of the one who asked.

use std::{
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use actix_response_cache::{Clock, ResponseCache, Rule};
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    error::ErrorBadGateway,
    test::{TestRequest, init_service},
    web,
};
use futures_util::future::join_all;

use crate::support::{
    Seen,
    gate::{Gate, gated, is_waiting, rest},
    get, get_with, request, send,
};

const SECOND: Duration = Duration::from_secs(1);
const MANY: usize = 50;

fn assert_empty(cache: &ResponseCache) {
    let stats = cache.stats().unwrap();
    assert_eq!((stats.flights, stats.refreshes, stats.recorded), (0, 0, 0), "left behind");
}

/// Sends `requests` at once, and opens the gate when all are under way.
async fn burst<S, B>(app: &S, gate: &Gate, requests: Vec<TestRequest>) -> Vec<Seen>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let open = async {
        rest().await;
        gate.open_wide();
    };
    let answers = join_all(requests.into_iter().map(|request| send(app, request)));
    futures_util::future::join(answers, open).await.0
}

fn many() -> Vec<TestRequest> {
    (0..MANY).map(|_| get("/")).collect()
}

#[actix_rt::test]
async fn the_handler_runs_once_and_all_get_its_answer() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let answers = burst(&app, &gate, many()).await;
    assert!(answers.iter().all(|seen| seen.text() == "answer 1"));
    let collapsed = "actix-response-cache; fwd=uri-miss; stored; collapsed";
    let told = answers.iter().filter(|seen| seen.field("cache-status") == collapsed);
    assert_eq!((told.count(), gate.calls()), (MANY - 1, 1));
    let stats = cache.stats().unwrap();
    assert_eq!((stats.requests(), stats.misses, stats.collapsed), (50, 50, 49));
    assert_empty(&cache);
}

#[actix_rt::test]
async fn followers_get_the_form_that_they_asked_for() {
    let cache = ResponseCache::memory();
    let gate = Gate::with_field(("etag", "\"1\""));
    let app = gated(&cache, &gate).await;
    let requests = vec![
        get("/"),
        get_with("/", ("if-none-match", "\"1\"")),
        get_with("/", ("range", "bytes=0-5")),
        request("HEAD", "/"),
    ];
    let answers = burst(&app, &gate, requests).await;
    let statuses: Vec<_> = answers.iter().map(|seen| seen.status.as_u16()).collect();
    assert_eq!(statuses, [200, 304, 206, 200]);
    let bodies: Vec<_> = answers.iter().map(Seen::text).collect();
    assert_eq!(bodies, ["answer 1", "", "answer", ""]);
    assert_eq!(gate.calls(), 1);
}

#[actix_rt::test]
async fn answers_that_are_not_stored_are_not_shared_and_not_waited_for_again() {
    for field in
        [("cache-control", "private"), ("cache-control", "no-store"), ("set-cookie", "a=b")]
    {
        let cache = ResponseCache::memory();
        let gate = Gate::with_field(field);
        let app = gated(&cache, &gate).await;
        let answers = burst(&app, &gate, many()).await;
        let texts: std::collections::HashSet<_> = answers.iter().map(Seen::text).collect();
        assert_eq!((texts.len(), gate.calls()), (MANY, MANY), "{field:?}: each has its own");
        // all are asked for at once now: nobody stands in a queue
        let gate = Gate::with_field(field);
        let app = gated(&cache, &gate).await;
        let asked = async {
            rest().await;
            assert_eq!(gate.calls(), MANY, "{field:?}: all at once");
            gate.open_wide();
        };
        let answers = join_all(many().into_iter().map(|request| send(&app, request)));
        futures_util::future::join(answers, asked).await;
        assert_empty(&cache);
    }
}

#[actix_rt::test]
async fn each_variant_is_asked_for_once() {
    let cache = ResponseCache::memory();
    let gate = Gate::new(|req, _| {
        let language = req.headers().get("accept-language").unwrap().to_str().unwrap();
        let mut res = HttpResponse::Ok();
        res.insert_header(("vary", "accept-language"));
        Ok(res.body(language.to_owned()))
    });
    let app = gated(&cache, &gate).await;
    let languages = ["de", "en", "fr", "it", "rm"];
    let requests = (0..MANY).map(|n| get_with("/", ("accept-language", languages[n % 5])));
    let answers = burst(&app, &gate, requests.collect()).await;
    for (n, seen) in answers.iter().enumerate() {
        assert_eq!(seen.text(), languages[n % 5]);
    }
    assert_eq!(gate.calls(), 5);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn a_leader_that_goes_away_hands_the_lead_on() {
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
async fn a_handler_that_fails_is_asked_again_by_one() {
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
async fn a_lead_is_not_handed_on_for_ever() {
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
        // whoever has the lead goes away
        let first = all.iter_mut().find(|request| request.is_some()).unwrap();
        *first = None;
    }
    assert!((2..15).contains(&asked), "after {asked} runs the others go on alone");
    drop(all);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn a_follower_waits_no_longer_than_it_may() {
    tokio::time::pause();
    let cache = ResponseCache::memory().coalesce_timeout(3 * SECOND);
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
async fn a_leader_that_does_not_read_its_answer_holds_nobody_up_for_long() {
    tokio::time::pause();
    let cache = ResponseCache::memory().coalesce_timeout(3 * SECOND);
    let app = App::new().wrap(cache.clone()).default_service(web::to(hesitant));
    let app = init_service(app).await;
    let unread = app.call(get("/").to_request()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let followers = join_all((0..MANY).map(|_| send(&app, get("/")))).await;
    assert!(followers.iter().all(|seen| seen.text() == "chunk chunk chunk "));
    assert_eq!(begun.elapsed().as_secs(), 3);
    // nor whoever comes later: by then it is stored
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    drop(unread);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn who_does_not_want_to_wait_does_not() {
    let cache = ResponseCache::memory().coalesce_timeout(Duration::ZERO);
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    burst(&app, &gate, many()).await;
    assert_eq!((gate.calls(), cache.stats().unwrap().collapsed), (MANY, 0));
}

#[actix_rt::test]
async fn strangers_are_never_given_what_is_not_theirs() {
    let cache = ResponseCache::memory();
    let gate = Gate::new(|req, call| {
        let who = req.headers().get("authorization").map_or("nobody", |v| v.to_str().unwrap());
        Ok(HttpResponse::Ok().body(format!("{who} {call}")))
    });
    let app = gated(&cache, &gate).await;
    let mut requests: Vec<_> =
        (0..MANY).map(|n| get_with("/", ("authorization", format!("Bearer {n}")))).collect();
    requests.push(get("/"));
    let answers = burst(&app, &gate, requests).await;
    for (n, seen) in answers.iter().enumerate().take(MANY) {
        assert!(seen.text().starts_with(&format!("Bearer {n} ")), "{}", seen.text());
    }
    assert!(answers[MANY].text().starts_with("nobody"));
}

#[actix_rt::test]
async fn users_with_keys_of_their_own_wait_for_their_own() {
    let cache = ResponseCache::memory().vary_by_auth(actix_response_cache::Auth::PerCredential);
    let gate = Gate::new(|req, _| {
        let who = req.headers().get("authorization").unwrap().to_str().unwrap();
        Ok(HttpResponse::Ok().body(who.to_owned()))
    });
    let app = gated(&cache, &gate).await;
    let requests = (0..MANY).map(|n| get_with("/", ("authorization", format!("Bearer {}", n % 5))));
    let answers = burst(&app, &gate, requests.collect()).await;
    for (n, seen) in answers.iter().enumerate() {
        assert_eq!(seen.text(), format!("Bearer {}", n % 5));
    }
    assert_eq!(gate.calls(), 5, "once per user");
}

#[actix_rt::test]
async fn whoever_comes_after_a_purge_is_not_given_what_was_begun_before() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let mut leader = Box::pin(send(&app, get("/")));
    assert!(is_waiting(&mut leader).await);
    cache.handle().unwrap().purge_path("/").await.unwrap();
    let late = join_all(many().into_iter().map(|request| send(&app, request)));
    let go = async {
        rest().await;
        gate.open();
        leader.await;
        rest().await;
        gate.open_wide();
    };
    let (late, ()) = futures_util::future::join(late, go).await;
    assert!(late.iter().all(|seen| seen.text() == "answer 2"), "{:?}", late[0]);
    assert_eq!(gate.calls(), 2);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn what_is_stale_is_asked_for_once_too() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone());
    for field in [("etag", "\"1\""), ("x-other", "1")] {
        let gate = Gate::with_field(field);
        let app = gated(&cache, &gate).await;
        let path = format!("/{}", field.0);
        gate.open();
        send(&app, get(&path)).await;
        clock.advance(61 * SECOND);
        let requests = (0..MANY).map(|_| get(&path)).collect();
        let answers = burst(&app, &gate, requests).await;
        assert!(answers.iter().all(|seen| seen.text() == "answer 2"));
        assert_eq!(gate.calls(), 2);
    }
}

#[actix_rt::test]
async fn answers_that_need_validation_each_time_do_not_queue() {
    let cache = ResponseCache::memory();
    let gate = Gate::new(|_, call| {
        let mut res = HttpResponse::Ok();
        res.insert_header(("cache-control", "no-cache")).insert_header(("etag", "\"1\""));
        Ok(res.body(format!("answer {call}")))
    });
    let app = gated(&cache, &gate).await;
    burst(&app, &gate, many()).await;
    assert_eq!(gate.calls(), MANY);
}

#[actix_rt::test]
async fn a_failing_handler_is_left_alone_while_something_stands_in() {
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
    assert_eq!(cache.stats().unwrap().stood_in, 50);
    clock.advance(2 * SECOND);
    send(&app, get("/")).await;
    assert_eq!(gate.calls(), 3, "and asked again after the pause");
    assert_empty(&cache);
}

#[actix_rt::test]
async fn failures_behind_stale_answers_are_told_once_in_a_while() {
    let log = crate::support::log::Log::default();
    let _listening = log.listen();
    let clock = Clock::manual();
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .stale_if_error(3600 * SECOND)
        .pause_after_failure(Duration::ZERO);
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
    assert!(log.text().contains("status=Some(503)") && log.text().contains("quiet=19"));
    assert_eq!(cache.stats().unwrap().stood_in, 21);
    // past the window the failure is the client's
    clock.advance(3600 * SECOND);
    assert_eq!(send(&app, get("/")).await.status, 503);
}

#[actix_rt::test]
async fn caches_inside_one_another_do_not_wait_for_themselves() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let scope = web::scope("").default_service(gate.route()).wrap(cache.clone().ttl(SECOND));
    let app = init_service(App::new().service(scope).wrap(cache.clone())).await;
    let answers = burst(&app, &gate, many()).await;
    assert!(answers.iter().all(|seen| seen.text() == "answer 1"));
    assert_eq!(gate.calls(), 1);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn methods_and_parts_do_not_lead() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let requests = vec![request("HEAD", "/"), get_with("/", ("range", "bytes=0-1")), get("/")];
    burst(&app, &gate, requests).await;
    assert_eq!(gate.calls(), 3, "a GET does not wait for the answer to a HEAD or for a part");
}

#[actix_rt::test]
async fn negative_answers_are_shared_where_a_rule_names_them() {
    let cache = ResponseCache::memory().rule("/{any:.*}", Rule::new().ttl_for(404, SECOND));
    let gate = Gate::new(|_, call| Ok(HttpResponse::NotFound().body(format!("{call}"))));
    let app = gated(&cache, &gate).await;
    let answers = burst(&app, &gate, many()).await;
    assert!(answers.iter().all(|seen| seen.status == 404 && seen.text() == "1"));
    assert_eq!(gate.calls(), 1);
}

/// A future that is dropped after so many polls.
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

/// A handler that waits a few times, in its head and in its body.
async fn hesitant() -> HttpResponse {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    let chunks = futures_util::stream::unfold(0, |n| async move {
        tokio::task::yield_now().await;
        (n < 3).then(|| (Ok::<_, Error>(bytes::Bytes::from("chunk ")), n + 1))
    });
    HttpResponse::Ok().insert_header(("etag", "\"1\"")).streaming(chunks)
}

#[actix_rt::test]
async fn wherever_a_request_is_dropped_nothing_is_left_behind() {
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
            cache.handle().unwrap().settle().await;
            assert_empty(&cache);
        }
    }
}

#[actix_rt::test]
async fn a_stream_is_shared_when_it_has_ended_and_not_before() {
    let cache = ResponseCache::memory();
    let (sender, receiver) = tokio::sync::mpsc::channel::<&'static str>(8);
    let receiver = Rc::new(std::cell::RefCell::new(Some(receiver)));
    let calls = Rc::new(std::cell::Cell::new(0));
    let counted = Rc::clone(&calls);
    let route = web::to(move || {
        counted.set(counted.get() + 1);
        let receiver = receiver.borrow_mut().take();
        let chunks = futures_util::stream::unfold(receiver, |receiver| async move {
            let mut receiver = receiver?;
            let chunk = receiver.recv().await?;
            Some((Ok::<_, Error>(bytes::Bytes::from(chunk)), Some(receiver)))
        });
        async move { HttpResponse::Ok().streaming(chunks) }
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let leader = app.call(get("/").to_request()).await.unwrap();
    let mut body = pin!(leader.into_body());
    let mut next = async || std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
    let mut follower = Box::pin(send(&app, get("/")));
    sender.send("one ").await.unwrap();
    let first = next().await.unwrap().unwrap_or_else(|_| panic!("a chunk"));
    assert_eq!(first, "one ", "the leader has the first chunk before there is a second");
    assert!(is_waiting(&mut follower).await);
    assert_eq!(cache.stats().unwrap().recorded, 4);
    sender.send("two").await.unwrap();
    drop(sender);
    while next().await.is_some() {}
    assert_eq!(follower.await.text(), "one two");
    assert_eq!(calls.get(), 1);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn a_stream_past_its_bound_holds_nobody_up() {
    for (cache, why) in [
        (ResponseCache::memory().max_body(10), "too-large"),
        (ResponseCache::memory().recording_budget(10), "recording-budget"),
    ] {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let route = web::to(move || {
            let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
            // the first never ends
            let chunks = futures_util::stream::unfold(0, move |n| async move {
                match (call, n) {
                    (_, 0..4) => Some((Ok::<_, Error>(bytes::Bytes::from("chunk ")), n + 1)),
                    (1, _) => std::future::pending().await,
                    _ => None,
                }
            });
            async move { HttpResponse::Ok().streaming(chunks) }
        });
        let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
        let leader = app.call(get("/").to_request()).await.unwrap();
        let mut follower = Box::pin(send(&app, get("/")));
        assert!(is_waiting(&mut follower).await);
        let mut body = pin!(leader.into_body());
        let mut seen = 0;
        while seen < 24 {
            let chunk = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
            seen += chunk.unwrap().unwrap_or_else(|_| panic!("a chunk")).len();
        }
        assert_eq!(follower.await.text(), "chunk chunk chunk chunk ", "{why}");
        let stats = cache.stats().unwrap();
        let counted = stats.not_stored.iter().filter(|(not, _)| not.as_str() == why);
        assert_eq!(counted.map(|(_, n)| n).sum::<u64>(), 2, "{why}");
        assert_empty(&cache);
    }
}

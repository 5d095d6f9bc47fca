//! Many requests at once where things go wrong: the store is away, the handler is slow or returns
//! what cannot be shared, the clients' requests are conditional. The handler is not overrun, and no
//! request waits in a queue.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::ResponseCache;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    error::ErrorServiceUnavailable,
    test::{TestRequest, init_service},
    web,
};
use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    future::{join, join_all},
    stream,
};
use tokio::time::{Instant, sleep};

use crate::support::{
    Origin, Seen, app,
    gate::{Gate, gated, rest, until},
    get, get_with,
    redis::RedisServer,
    send,
};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A handler that takes its time, and counts its calls.
#[derive(Clone)]
struct Slow {
    calls: Arc<AtomicUsize>,
    answer: Rc<dyn Fn(&HttpRequest, usize) -> Result<HttpResponse, Error>>,
    takes: Duration,
}

impl Slow {
    fn new(
        takes: Duration,
        answer: impl Fn(&HttpRequest, usize) -> Result<HttpResponse, Error> + 'static,
    ) -> Self {
        Self { calls: Arc::default(), answer: Rc::new(answer), takes }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn serve(
        &self,
        cache: &ResponseCache,
    ) -> impl Service<
        actix_http::Request,
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
    > + use<> {
        let slow = self.clone();
        let route = web::to(move |req: HttpRequest| {
            let slow = slow.clone();
            async move {
                let call = slow.calls.fetch_add(1, Ordering::SeqCst) + 1;
                sleep(slow.takes).await;
                (slow.answer)(&req, call)
            }
        });
        init_service(App::new().wrap(cache.clone()).default_service(route)).await
    }
}

fn counted() -> impl Fn(&HttpRequest, usize) -> Result<HttpResponse, Error> {
    |_, call| Ok(HttpResponse::Ok().body(format!("answer {call}")))
}

/// The answers to these requests, sent at once, each with the time that it took.
async fn timed<S, B>(app: &S, requests: Vec<TestRequest>) -> Vec<(Seen, Duration)>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let begun = Instant::now();
    join_all(requests.into_iter().map(|request| async move {
        let seen = send(app, request).await;
        (seen, begun.elapsed())
    }))
    .await
}

fn many(count: usize) -> Vec<TestRequest> {
    (0..count).map(|_| get("/")).collect()
}

fn slowest(answers: &[(Seen, Duration)]) -> Duration {
    answers.iter().map(|(_, time)| *time).max().unwrap()
}

/// Timers of tokio are some milliseconds late.
fn tenths(time: Duration) -> u128 {
    time.as_millis() / 100
}

// The store is away.

/// Caches whose Redis cannot be reached.
fn caches_without_redis() -> [(&'static str, ResponseCache); 2] {
    let url = "redis://127.0.0.1:1";
    [("plain", ResponseCache::redis(url)), ("tiered", ResponseCache::tiered(url))]
}

/// Sends requests at once, and lets the handler go when all have looked in vain.
async fn burst_without_store(cache: &ResponseCache, gate: &Gate, count: usize) -> Vec<Seen> {
    let app = gated(cache, gate).await;
    let answers = join_all(many(count).into_iter().map(|request| send(&app, request)));
    let open = async {
        until(|| cache.stats().unwrap().errors >= count as u64).await;
        sleep(50 * MILLISECOND).await;
        gate.open_wide();
    };
    join(answers, open).await.0
}

#[actix_rt::test]
async fn burst_calls_handler_once_without_redis() {
    for (name, cache) in caches_without_redis() {
        let gate = Gate::counting();
        let answers = burst_without_store(&cache, &gate, 100).await;
        assert!(answers.iter().all(|seen| seen.text() == "answer 1"), "{name}");
        assert_eq!(gate.calls(), 1, "{name}");
        let stats = cache.stats().unwrap();
        assert_eq!((stats.collapsed, stats.flights), (99, 0), "{name}");
    }
}

#[actix_rt::test]
async fn what_is_shared_without_redis_is_not_said_to_be_stored() {
    let (_, cache) = caches_without_redis().into_iter().next().unwrap();
    let gate = Gate::counting();
    for seen in burst_without_store(&cache, &gate, 10).await {
        let status = seen.field("cache-status");
        assert!(!status.contains("stored"), "{status}");
        assert!(status.contains("detail=store-failed"), "{status}");
    }
    assert_eq!(cache.stats().unwrap().stores, 0);
}

#[actix_rt::test]
async fn guards_on_sharing_hold_without_redis() {
    for field in
        [("cache-control", "private"), ("cache-control", "no-store"), ("set-cookie", "a=b")]
    {
        for (name, cache) in caches_without_redis() {
            let gate = Gate::with_field(field);
            let mut answers = burst_without_store(&cache, &gate, 10).await;
            answers.sort_by(|a, b| a.text().cmp(b.text()));
            answers.dedup_by(|a, b| a.text() == b.text());
            assert_eq!(answers.len(), 10, "{name} {field:?}: each has its own");
        }
    }
}

#[actix_rt::test]
async fn variants_are_shared_by_those_that_select_them_without_redis() {
    for (name, cache) in caches_without_redis() {
        let gate = Gate::new(|req, _| {
            let language = req.headers().get("accept-language").unwrap().to_str().unwrap();
            let mut res = HttpResponse::Ok();
            res.insert_header(("vary", "accept-language"));
            Ok(res.body(language.to_owned()))
        });
        let app = gated(&cache, &gate).await;
        let languages = ["de", "en"];
        let requests = (0..20).map(|n| get_with("/", ("accept-language", languages[n % 2])));
        let answers = join_all(requests.map(|request| send(&app, request)));
        let open = async {
            until(|| cache.stats().unwrap().errors >= 20).await;
            sleep(50 * MILLISECOND).await;
            gate.open_wide();
        };
        for (n, seen) in join(answers, open).await.0.iter().enumerate() {
            assert_eq!(seen.text(), languages[n % 2], "{name}");
        }
        assert!(gate.calls() <= 4, "{name}: {} calls", gate.calls());
    }
}

#[actix_rt::test]
async fn request_after_a_purge_does_not_share_what_was_begun_before_without_redis() {
    for (name, cache) in caches_without_redis() {
        let gate = Gate::counting();
        let app = gated(&cache, &gate).await;
        let before = send(&app, get("/"));
        let after = async {
            until(|| gate.calls() == 1).await;
            // pending, as Redis is away, and yet it holds here
            assert!(cache.handle().unwrap().purge_path("/").await.unwrap().pending);
            let after = join_all(many(20).into_iter().map(|request| send(&app, request)));
            let open = async {
                rest().await;
                sleep(50 * MILLISECOND).await;
                gate.open_wide();
            };
            join(after, open).await.0
        };
        let (before, after) = join(before, after).await;
        assert_eq!(before.text(), "answer 1");
        assert!(after.iter().all(|seen| seen.text() != "answer 1"), "{name}");
        assert_eq!(gate.calls(), 2, "{name}");
    }
}

#[actix_rt::test]
async fn answer_is_shared_when_redis_dies_before_it_is_put() {
    let caches: [fn(String) -> ResponseCache; 2] = [ResponseCache::redis, ResponseCache::tiered];
    for make in caches {
        let mut server = RedisServer::start();
        let cache = make(server.url());
        let gate = Gate::counting();
        let app = gated(&cache, &gate).await;
        let answers = join_all(many(50).into_iter().map(|request| send(&app, request)));
        let go = async {
            until(|| gate.calls() == 1).await;
            server.kill();
            sleep(100 * MILLISECOND).await;
            gate.open_wide();
        };
        let answers = join(answers, go).await.0;
        assert!(answers.iter().all(|seen| seen.text() == "answer 1"));
        assert_eq!(gate.calls(), 1);
    }
}

// The handler is slow.

#[actix_rt::test]
async fn slow_handler_gets_one_more_caller_after_each_timeout() {
    tokio::time::pause();
    let cache = ResponseCache::memory();
    let slow = Slow::new(7 * SECOND, counted());
    let app = slow.serve(&cache).await;
    let watch = async {
        sleep(4900 * MILLISECOND).await;
        assert_eq!(slow.calls(), 1);
        sleep(200 * MILLISECOND).await;
        assert_eq!(slow.calls(), 2);
    };
    let (answers, ()) = join(timed(&app, many(200)), watch).await;
    assert!(answers.iter().all(|(seen, _)| ["answer 1", "answer 2"].contains(&seen.text())));
    let shared = answers.iter().filter(|(seen, _)| seen.text() == "answer 1").count();
    assert_eq!(
        (shared, slow.calls()),
        (199, 2),
        "all but the second caller share the first answer"
    );
    assert!(slowest(&answers) < 13 * SECOND);
    assert_eq!(cache.stats().unwrap().flights, 0);
}

#[actix_rt::test]
async fn handler_that_never_answers_has_no_more_callers_than_allowed() {
    for (leaders, expected) in [(None, 4), (Some(2), 2), (Some(1), 1)] {
        tokio::time::pause();
        let mut cache = ResponseCache::memory();
        if let Some(leaders) = leaders {
            cache = cache.max_leaders(leaders);
        }
        let slow = Slow::new(1_000_000 * SECOND, counted());
        let app = slow.serve(&cache).await;
        let _ = tokio::time::timeout(300 * SECOND, timed(&app, many(50))).await;
        assert_eq!(slow.calls(), expected, "{leaders:?}");
        tokio::time::resume();
    }
}

#[actix_rt::test]
async fn whoever_answers_first_answers_all() {
    tokio::time::pause();
    let cache = ResponseCache::memory();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let route = web::to(move || {
        let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            // the first call hangs for ever, the second answers
            sleep(if call == 1 { 1_000_000 * SECOND } else { SECOND }).await;
            HttpResponse::Ok().body(format!("answer {call}"))
        }
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let begun = Instant::now();
    let hangs = send(&app, get("/"));
    let others = async {
        sleep(MILLISECOND).await;
        join_all(many(50).into_iter().map(|request| send(&app, request))).await
    };
    let others = tokio::select! {
        _ = hangs => panic!("it hangs"),
        others = others => others,
    };
    assert!(others.iter().all(|seen| seen.text() == "answer 2"));
    assert_eq!((begun.elapsed().as_secs(), calls.load(Ordering::SeqCst)), (6, 2));
}

#[actix_rt::test]
async fn zero_leaders_are_refused_by_name() {
    let problem = ResponseCache::memory().max_leaders(0).check().await.unwrap_err().to_string();
    assert!(problem.contains("max_leaders"), "{problem}");
}

// Conditional requests for what is not stored.

#[actix_rt::test]
async fn conditional_clients_on_a_cold_key_cost_one_call() {
    tokio::time::pause();
    let conditions =
        [("if-none-match", "\"1\""), ("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT")];
    for (name, value) in conditions {
        let cache = ResponseCache::memory();
        // as actix-files does: a 304 where the condition matches
        let slow = Slow::new(400 * MILLISECOND, move |req, _| {
            let mut res = HttpResponse::Ok();
            if req.headers().contains_key(name) {
                return Ok(HttpResponse::NotModified().finish());
            }
            res.insert_header(("etag", "\"1\""));
            res.insert_header(("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"));
            Ok(res.body("whole"))
        });
        let app = slow.serve(&cache).await;
        let requests = (0..20).map(|_| get_with("/", (name, value))).collect();
        let answers = timed(&app, requests).await;
        assert!(answers.iter().all(|(seen, _)| seen.status == 304 && seen.body.is_empty()));
        assert_eq!((slow.calls(), tenths(slowest(&answers))), (1, 4), "{name}");
        assert_eq!(cache.stats().unwrap().stores, 1);
        let hit = send(&app, get("/")).await;
        assert_eq!((hit.word(), hit.text()), ("HIT", "whole"));
    }
}

#[actix_rt::test]
async fn client_condition_is_answered_by_the_cache_whatever_becomes_of_the_response() {
    let private = [("cache-control", "private"), ("etag", "\"1\"")];
    let seen_by_handler = Arc::new(AtomicUsize::new(0));
    let conditions = Arc::clone(&seen_by_handler);
    let origin = Origin::new(move |req, call| {
        if req.headers().contains_key("if-none-match") {
            conditions.fetch_add(1, Ordering::SeqCst);
        }
        let mut res = HttpResponse::Ok();
        for field in private {
            res.insert_header(field);
        }
        res.insert_header(("content-language", "en")).body(format!("answer {call}"))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    let same = send(&app, get_with("/", ("if-none-match", "W/\"1\""))).await;
    assert_eq!((same.status.as_u16(), same.text()), (304, ""));
    assert_eq!(same.field("etag"), "\"1\"");
    assert_eq!(same.field("cache-control"), "private");
    assert!(same.all("content-language").is_empty(), "nothing of the body");
    assert!(same.field("cache-status").contains("fwd-status=200"), "{same:?}");
    let other = send(&app, get_with("/", ("if-none-match", "\"2\""))).await;
    assert_eq!((other.status.as_u16(), other.text()), (200, "answer 2"));
    assert_eq!(seen_by_handler.load(Ordering::SeqCst), 0);
}

#[actix_rt::test]
async fn stream_is_stored_though_its_client_has_it() {
    let cache = ResponseCache::memory();
    let route = web::to(|| async {
        let chunks = stream::iter(["one ", "two ", "three"])
            .map(|chunk| Ok::<_, Error>(Bytes::from_static(chunk.as_bytes())));
        HttpResponse::Ok().insert_header(("etag", "\"1\"")).streaming(chunks)
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let seen = send(&app, get_with("/", ("if-none-match", "\"1\""))).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (304, ""));
    cache.handle().unwrap().settle().await;
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.text()), ("HIT", "one two three"));
}

#[actix_rt::test]
async fn endless_stream_is_not_read_for_a_client_that_has_it() {
    let cache = ResponseCache::memory().max_body(10);
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let route = web::to(move || {
        let read = Arc::clone(&counted);
        let chunks = stream::repeat_with(move || {
            read.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(Bytes::from_static(b"chunk "))
        });
        async { HttpResponse::Ok().insert_header(("etag", "\"1\"")).streaming(chunks) }
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let seen = send(&app, get_with("/", ("if-none-match", "\"1\""))).await;
    assert_eq!(seen.status, 304);
    cache.handle().unwrap().settle().await;
    assert!(read.load(Ordering::SeqCst) <= 3);
    assert_eq!(cache.stats().unwrap().recorded, 0);
}

#[actix_rt::test]
async fn preconditions_and_ranges_go_to_the_handler_as_they_are() {
    let origin = Origin::new(|req, _| {
        let names: Vec<_> = ["if-match", "if-none-match", "range", "if-range"]
            .into_iter()
            .filter(|name| req.headers().contains_key(*name))
            .collect();
        HttpResponse::Ok().insert_header(("cache-control", "no-store")).body(names.join(" "))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    let with = |fields: &[(&'static str, &'static str)]| {
        fields.iter().fold(get("/"), |req, field| req.append_header(*field))
    };
    let seen = send(&app, with(&[("if-match", "\"1\""), ("if-none-match", "\"2\"")])).await;
    assert_eq!(seen.text(), "if-match if-none-match");
    let seen = send(&app, with(&[("range", "bytes=0-1"), ("if-range", "\"1\"")])).await;
    assert_eq!(seen.text(), "range if-range");
    let seen = send(&app, with(&[("if-none-match", "\"2\"")])).await;
    assert_eq!(seen.text(), "");
}

// Answers that cannot be shared.

#[actix_rt::test]
async fn answers_that_cannot_be_shared_are_no_ladder() {
    tokio::time::pause();
    type Answer = fn(&HttpRequest, usize) -> Result<HttpResponse, Error>;
    let not_shared: [(&str, Answer, u128); 4] = [
        ("503", |_, _| Ok(HttpResponse::ServiceUnavailable().finish()), 6),
        ("no lifetime", |_, _| Ok(HttpResponse::Created().finish()), 6),
        (
            "private",
            |_, _| Ok(HttpResponse::Ok().insert_header(("cache-control", "private")).finish()),
            6,
        ),
        // a handler that fails without a response is called once more for all
        ("error", |_, _| Err(ErrorServiceUnavailable("away")), 9),
    ];
    for (name, answer, time) in not_shared {
        let slow = Slow::new(300 * MILLISECOND, answer);
        let app = slow.serve(&ResponseCache::memory()).await;
        let answers = timed(&app, many(12)).await;
        assert_eq!((tenths(slowest(&answers)), slow.calls()), (time, 12), "{name}");
    }
}

#[actix_rt::test]
async fn purges_without_end_cost_a_crowd_two_calls() {
    tokio::time::pause();
    let cache = ResponseCache::memory();
    let slow = Slow::new(300 * MILLISECOND, counted());
    let app = slow.serve(&cache).await;
    let handle = cache.handle().unwrap();
    let purges = async {
        loop {
            handle.purge_group("everything").await.unwrap();
            handle.purge_all().await.unwrap();
            sleep(50 * MILLISECOND).await;
        }
    };
    let answers = tokio::select! {
        () = purges => unreachable!("it has no end"),
        answers = timed(&app, many(100)) => answers,
    };
    assert_eq!(slow.calls(), 2);
    assert_eq!(tenths(slowest(&answers)), 6);
    let first = answers.iter().filter(|(seen, _)| seen.text() == "answer 1").count();
    assert_eq!(first, 1, "what was purged is for the request that had asked for it");
}

#[actix_rt::test]
async fn client_that_forbids_storing_does_not_lead_the_others() {
    let cache = ResponseCache::memory().honour_request_directives();
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let mut requests = vec![get_with("/", ("cache-control", "no-store"))];
    requests.extend(many(20));
    let answers = join_all(requests.into_iter().map(|request| send(&app, request)));
    let open = async {
        rest().await;
        gate.open_wide();
    };
    join(answers, open).await;
    assert_eq!(gate.calls(), 2, "one for itself, and one for all others");
}

// Streams.

#[actix_rt::test]
async fn long_stream_is_waited_for_once() {
    for content_type in ["application/x-ndjson", "text/csv"] {
        tokio::time::pause();
        let cache = ResponseCache::memory();
        let route = web::to(move || async move {
            // a line a second, for two minutes
            let lines = stream::unfold(0, |n| async move {
                sleep(SECOND).await;
                (n < 120).then_some((Ok::<_, Error>(Bytes::from_static(b"{}\n")), n + 1))
            });
            HttpResponse::Ok().content_type(content_type).streaming(Box::pin(lines))
        });
        let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
        let reads = |begun: Instant| {
            let app = &app;
            async move {
                let res = app.call(get("/").to_request()).await.unwrap();
                let waited = begun.elapsed();
                drop(crate::support::seen(res).await);
                waited
            }
        };
        let begun = Instant::now();
        let leader = reads(begun);
        let others = async {
            sleep(MILLISECOND).await;
            let follower = reads(begun);
            let later = async {
                sleep(6 * SECOND).await;
                let begun = Instant::now();
                join_all((0..10).map(|_| reads(begun))).await
            };
            join(follower, later).await
        };
        let (_, (follower, later)) = join(leader, others).await;
        assert_eq!(follower.as_secs(), 5, "{content_type}");
        assert!(later.iter().all(Duration::is_zero), "{content_type}: {later:?}");
        tokio::time::resume();
    }
}

#[actix_rt::test]
async fn endless_parts_are_not_waited_for_at_all() {
    tokio::time::pause();
    let cache = ResponseCache::memory();
    let route = web::to(|| async {
        let frames = stream::unfold((), |()| async {
            sleep(SECOND).await;
            Some((Ok::<_, Error>(Bytes::from_static(b"--frame\r\n\r\n")), ()))
        });
        HttpResponse::Ok()
            .content_type("multipart/x-mixed-replace; boundary=frame")
            .streaming(Box::pin(frames))
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let begun = Instant::now();
    let heads = join_all((0..20).map(|_| app.call(get("/").to_request()))).await;
    assert!(begun.elapsed().is_zero());
    assert!(heads.iter().all(|res| res.as_ref().unwrap().status() == 200));
    let stats = cache.stats().unwrap();
    assert_eq!((stats.recorded, stats.flights), (0, 0));
}

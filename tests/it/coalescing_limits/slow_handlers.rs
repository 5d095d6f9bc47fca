//! Handlers and streams that take long: after each timeout one more request calls the handler.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{Coalescing, ResponseCache};
use actix_web::{App, Error, HttpResponse, dev::Service, test::init_service, web};
use bytes::Bytes;
use futures_util::{
    future::{join, join_all},
    stream,
};
use tokio::time::{Instant, sleep};

use crate::support::{get, send};

use super::{MILLISECOND, SECOND, Slow, counted, many, slowest, timed};

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
    assert_eq!(cache.handle().unwrap().stats().flights, 0);
}

#[actix_rt::test]
async fn handler_that_never_answers_has_no_more_callers_than_allowed() {
    for (leaders, expected) in [(None, 4), (Some(2), 2), (Some(1), 1)] {
        tokio::time::pause();
        let mut cache = ResponseCache::memory();
        if let Some(leaders) = leaders {
            cache = cache.coalescing(Coalescing::new().max_leaders(leaders));
        }
        let slow = Slow::new(1_000_000 * SECOND, counted());
        let app = slow.serve(&cache).await;
        let _ = tokio::time::timeout(300 * SECOND, timed(&app, many(50))).await;
        assert_eq!(slow.calls(), expected, "{leaders:?}");
        tokio::time::resume();
    }
}

#[actix_rt::test]
async fn first_response_answers_all() {
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
async fn max_leaders_zero_is_a_configuration_error() {
    let problem = ResponseCache::memory()
        .coalescing(Coalescing::new().max_leaders(0))
        .check()
        .await
        .unwrap_err()
        .to_string();
    assert!(problem.contains("max_leaders"), "{problem}");
}

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
async fn endless_multipart_stream_is_not_waited_for() {
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
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.recorded, stats.flights), (0, 0));
}

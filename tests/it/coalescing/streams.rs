//! Streamed responses: shared once they have ended, and not waited for where they grow too long.

use std::{
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_response_cache::{ResponseCache, Responses};
use actix_web::{
    App, Error, HttpResponse, body::MessageBody, dev::Service, test::init_service, web,
};

use crate::support::{gate::is_waiting, get, send};

use super::assert_empty;

#[actix_rt::test]
async fn stream_is_shared_only_after_its_end() {
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
    assert_eq!(cache.handle().unwrap().stats().recorded, 4);
    sender.send("two").await.unwrap();
    drop(sender);
    while next().await.is_some() {}
    assert_eq!(follower.await.text(), "one two");
    assert_eq!(calls.get(), 1);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn oversized_stream_releases_followers() {
    for (cache, why) in [
        (ResponseCache::memory().responses(Responses::new().max_body(10)), "too-large"),
        (
            ResponseCache::memory().responses(Responses::new().recording_budget(10)),
            "recording-budget",
        ),
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
        let stats = cache.handle().unwrap().stats();
        let counted = stats.not_stored.iter().filter(|(not, _)| not.as_str() == why);
        assert_eq!(counted.map(|(_, n)| n).sum::<u64>(), 2, "{why}");
        assert_empty(&cache);
    }
}

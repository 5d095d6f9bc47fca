//! Coalescing: a burst of requests for one missing response calls the handler once, and all of the
//! burst share what it returns.

use actix_response_cache::ResponseCache;
use actix_web::{Error, HttpResponse, test::TestRequest};
use futures_util::future::join_all;

use crate::support::{
    SECOND, Seen, TestApp,
    gate::{Gate, rest},
    get, send,
};

mod leader;
mod sharing;
mod streams;

const MANY: usize = 50;

fn assert_empty(cache: &ResponseCache) {
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.flights, stats.refreshes, stats.recorded), (0, 0, 0), "left behind");
}

/// Sends `requests` at once, and opens the gate when all are under way.
async fn burst(app: &impl TestApp, gate: &Gate, requests: Vec<TestRequest>) -> Vec<Seen> {
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

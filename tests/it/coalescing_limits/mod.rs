//! Bursts where something goes wrong: the store is away, the handler is slow or returns what cannot
//! be shared, the requests are conditional. The handler is not overrun, and no request waits in a
//! queue.

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
    test::{TestRequest, init_service},
    web,
};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::support::{SECOND, Seen, TestApp, get, send};

mod conditional_requests;
mod slow_handlers;
mod unshared;
mod without_redis;

const MILLISECOND: Duration = Duration::from_millis(1);

/// What a handler answers to a request, by the number of the call.
type Answer = dyn Fn(&HttpRequest, usize) -> Result<HttpResponse, Error>;

/// A handler that takes its time, and counts its calls.
#[derive(Clone)]
struct Slow {
    calls: Arc<AtomicUsize>,
    answer: Rc<Answer>,
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

    async fn serve(&self, cache: &ResponseCache) -> impl TestApp + use<> {
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
async fn timed(app: &impl TestApp, requests: Vec<TestRequest>) -> Vec<(Seen, Duration)> {
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

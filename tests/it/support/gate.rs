//! A handler that answers only when a test lets it.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use super::TestApp;
use actix_response_cache::ResponseCache;
use actix_web::{App, Error, HttpRequest, HttpResponse, test::init_service, web};
use tokio::sync::Semaphore;

type Answer = dyn Fn(&HttpRequest, usize) -> Result<HttpResponse, Error>;

/// A handler that answers only when it is let go.
#[derive(Clone)]
pub struct Gate {
    calls: Arc<AtomicUsize>,
    go: Arc<Semaphore>,
    answer: Rc<Answer>,
}

impl Gate {
    pub fn new(
        answer: impl Fn(&HttpRequest, usize) -> Result<HttpResponse, Error> + 'static,
    ) -> Self {
        let go = Arc::new(Semaphore::new(0));
        Self { calls: Arc::default(), go, answer: Rc::new(answer) }
    }

    pub fn counting() -> Self {
        Self::new(|_, call| Ok(HttpResponse::Ok().body(format!("answer {call}"))))
    }

    pub fn with_field(field: (&'static str, &'static str)) -> Self {
        Self::new(move |_, call| {
            Ok(HttpResponse::Ok().insert_header(field).body(format!("answer {call}")))
        })
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Lets one call go.
    pub fn open(&self) {
        self.go.add_permits(1);
    }

    /// Lets all calls go, from now on.
    pub fn open_wide(&self) {
        self.go.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub fn route(&self) -> actix_web::Route {
        let gate = self.clone();
        web::to(move |req: HttpRequest| {
            let gate = gate.clone();
            async move {
                let call = gate.calls.fetch_add(1, Ordering::SeqCst) + 1;
                gate.go.acquire().await.unwrap().forget();
                (gate.answer)(&req, call)
            }
        })
    }
}

pub async fn gated(cache: &ResponseCache, gate: &Gate) -> impl TestApp + use<> {
    init_service(App::new().wrap(cache.clone()).default_service(gate.route())).await
}

/// Polls a request once: whether it waits.
pub async fn is_waiting<F: Future + Unpin>(request: &mut F) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *request).poll(cx).is_pending())).await
}

/// Lets everything that can go on do so.
pub async fn rest() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

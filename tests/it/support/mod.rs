//! What the tests share: an origin that counts its calls, an app with a cache before it, and
//! answers that can be looked at after they have been read to their end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{CacheHandle, ResponseCache};
use actix_web::{
    App, HttpRequest, HttpResponse,
    body::{MessageBody, to_bytes},
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{HeaderMap, TryIntoHeaderPair},
    },
    test::{TestRequest, init_service},
    web,
};
use bytes::Bytes;

pub use test_support::{
    app::TestApp,
    client, fault, log, origin, proxy, redis, server,
    wait::{until, until_async},
};

pub mod gate;
pub mod load;

pub const SECOND: Duration = Duration::from_secs(1);

type AnswerFn = dyn Fn(&HttpRequest, usize) -> HttpResponse + Send + Sync;

/// A handler that counts its calls.
#[derive(Clone)]
pub struct Origin {
    calls: Arc<AtomicUsize>,
    answer: Arc<AnswerFn>,
}

impl Origin {
    /// An origin that answers with what `answer` makes of the request and the number of the call.
    pub fn new<F>(answer: F) -> Self
    where
        F: Fn(&HttpRequest, usize) -> HttpResponse + Send + Sync + 'static,
    {
        Self { calls: Arc::default(), answer: Arc::new(answer) }
    }

    /// An origin whose answers tell the number of the call, so that no two are the same.
    pub fn counting() -> Self {
        Self::new(|_, call| HttpResponse::Ok().body(format!("answer {call}")))
    }

    /// As [`counting`](Self::counting), with these fields.
    pub fn with_fields(fields: &'static [(&'static str, &'static str)]) -> Self {
        Self::new(move |_, call| {
            let mut res = HttpResponse::Ok();
            for field in fields {
                res.append_header(*field);
            }
            res.body(format!("answer {call}"))
        })
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Answers one request.
    pub fn answer(&self, req: &HttpRequest) -> HttpResponse {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        (self.answer)(req, call)
    }

    /// The origin as a handler for any path.
    pub fn route(&self) -> actix_web::Route {
        let origin = self.clone();
        web::to(move |req: HttpRequest| {
            let res = origin.answer(&req);
            async move { res }
        })
    }
}

/// An app with `cache` before `origin`.
pub async fn app(cache: &ResponseCache, origin: &Origin) -> impl TestApp + use<> {
    init_service(App::new().wrap(cache.clone()).default_service(origin.route())).await
}

/// Waits until nothing goes on in the background of a cache: no refresh, no fill, no purge.
pub async fn settle(cache: &ResponseCache) -> CacheHandle {
    let handle = cache.handle().expect("settings are right");
    handle.settle().await;
    handle
}

/// Waits until announcements of purges arrive: from then on memory before Redis keeps entries.
pub async fn subscribed(handle: &CacheHandle) {
    let is_subscribed = || handle.stats().store.redis.expect("with Redis").is_subscribed;
    until("announcements arrive", is_subscribed).await;
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Seen {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    /// The values of a field, as text.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.fields.get_all(name).map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// The only value of a field; empty where there is none.
    pub fn field(&self, name: &str) -> String {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name}: {all:?}");
        all.into_iter().next().unwrap_or_default()
    }

    /// `HIT`, `MISS`, `STALE` or `BYPASS`, by our member of `Cache-Status`.
    pub fn word(&self) -> &'static str {
        let told = self.all("cache-status").pop().unwrap_or_default();
        let says = |text: &str| told.contains(text);
        if says("; hit; ttl=-") {
            "STALE"
        } else if says("; hit") {
            "HIT"
        } else if says("; fwd=bypass") || says("; fwd=method") {
            "BYPASS"
        } else {
            "MISS"
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends a request and reads the answer to its end.
pub async fn send(app: &impl TestApp, req: TestRequest) -> Seen {
    let res = app.call(req.to_request()).await.expect("the service answers");
    seen(res).await.unwrap_or_else(|_| panic!("the body failed"))
}

/// As [`send`], where the service may fail with an error that carries the response.
pub async fn send_or_error(app: &impl TestApp, req: TestRequest) -> Seen {
    match app.call(req.to_request()).await {
        Ok(res) => seen(res).await.unwrap_or_else(|_| panic!("the body failed")),
        Err(error) => {
            let (head, body) = error.error_response().into_parts();
            let (status, fields) = (head.status(), head.headers().clone());
            Seen { status, fields, body: to_bytes(body).await.expect("a body") }
        }
    }
}

/// Reads an answer to its end.
pub async fn seen<B: MessageBody>(res: ServiceResponse<B>) -> Result<Seen, B::Error> {
    let (status, fields) = (res.status(), res.headers().clone());
    let body = to_bytes(res.into_body()).await?;
    Ok(Seen { status, fields, body })
}

/// A GET of this URI.
pub fn get(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri).insert_header(("host", "shop.example"))
}

/// A GET of this URI with a field.
pub fn get_with(uri: &str, field: impl TryIntoHeaderPair) -> TestRequest {
    get(uri).append_header(field)
}

/// A request with this method.
pub fn request(method: &str, uri: &str) -> TestRequest {
    get(uri).method(method.parse().unwrap())
}

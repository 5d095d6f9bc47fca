//! What every server answers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, ContentType},
    web::{self, Bytes, ServiceConfig},
};

/// A handler that returns a constant, and counts how often it was asked.
#[derive(Clone)]
pub struct Page {
    body: Bytes,
    calls: Arc<AtomicU64>,
}

impl Page {
    pub fn new(size: usize) -> Self {
        Self { body: vec![b'x'; size].into(), calls: Arc::default() }
    }

    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Counts a call of the handler.
    pub fn count(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// `/products/{id}` and `/calls`.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let page = self.clone();
        let product = move || {
            page.count();
            let body = page.body();
            async move { respond(body) }
        };
        let calls = self.calls_route();
        move |config| {
            config.route("/products/{id}", web::get().to(product)).configure(calls);
        }
    }

    /// `/calls` alone, for a server whose handler of the products is another.
    pub fn calls_route(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let calls = Arc::clone(&self.calls);
        let answer = move || {
            let calls = calls.load(Ordering::Relaxed).to_string();
            async move { HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).body(calls) }
        };
        move |config| {
            config.route("/calls", web::get().to(answer));
        }
    }
}

/// The response of every handler.
pub fn respond(body: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(ContentType::html())
        .insert_header((CACHE_CONTROL, "max-age=86400"))
        .body(body.into())
}

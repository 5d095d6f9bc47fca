//! What the product server answers, read to its end.

use actix_web::http::{StatusCode, header::HeaderMap};
use awc::ClientRequest;
use bytes::Bytes;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The first value of a field; empty where there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// What the cache says of itself.
    pub(super) fn verdict(&self) -> &str {
        self.field("cache-status").strip_prefix("actix-response-cache; ").expect("a verdict")
    }

    pub(super) fn is_hit(&self) -> bool {
        self.verdict().starts_with("hit")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// Sends a request and reads the answer to its end.
pub(super) async fn answer(request: ClientRequest, body: impl Into<Bytes>) -> Answer {
    let body = body.into();
    let sent = if body.is_empty() { request.send() } else { request.send_body(body) };
    let mut res = sent.await.expect("an answer");
    let (status, fields) = (res.status(), res.headers().clone());
    Answer { status, fields, body: res.body().await.expect("a body") }
}

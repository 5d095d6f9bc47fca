//! What a client asked, kept while its request is with the handler: the answer may be another than the
//! handler's.

use std::{sync::Arc, time::Duration};

use actix_router::Path;
use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, Url},
    error::{ErrorServiceUnavailable, InternalError},
    http::{Method, header::HeaderMap},
};

use super::{
    asked::{Asked, Purpose},
    body::CacheBody,
    passage::Passage,
    serve_stale::{StaleFallback, serve_stale},
    validate::Kept,
    worker::{Asking, Worker},
};
use crate::{
    entry::Entry,
    key::CacheKey,
    semantics::{fields::RequestView, verdict::StaleCause},
};

/// The client's request as it came: the one that the handler gets has the cache's own conditions.
pub(super) struct Client {
    method: Method,
    fields: HeaderMap,
    /// The path, and how far it was matched.
    pub(super) unrouted: Path<Url>,
    personal: bool,
}

impl Client {
    pub(super) fn new(req: &ServiceRequest, asked: &Asked) -> Self {
        Self {
            method: req.method().clone(),
            fields: req.headers().clone(),
            unrouted: req.match_info().clone(),
            personal: match &asked.purpose {
                Purpose::Fill(_, fill) => fill.is_personal(),
                _ => true,
            },
        }
    }

    pub(super) fn asking(&self) -> Asking<'_> {
        Asking {
            req: RequestView { method: &self.method, fields: &self.fields },
            routed: self.unrouted.as_str(),
            conditional: true,
            personal: self.personal,
        }
    }
}

/// A client's question, to be answered with a stale response while its request is elsewhere.
pub(super) struct Question {
    client: Client,
    outer: Option<Passage>,
    entry: Arc<Entry>,
    age: Duration,
    key: Option<CacheKey>,
}

impl Question {
    pub(super) fn new(req: &ServiceRequest, asked: &Asked, kept: &Kept) -> Self {
        Self {
            client: Client::new(req, asked),
            outer: asked.teller(),
            entry: Arc::clone(&kept.entry),
            age: kept.age,
            key: asked.key.clone(),
        }
    }

    /// The stale response, `after` this time, as an error that carries it.
    pub(super) fn stale_answer(&self, worker: &Worker, after: Duration) -> Error {
        let Some(stored) = self.entry.response() else {
            return ErrorServiceUnavailable("nothing is stored");
        };
        let fallback = StaleFallback {
            request: self.client.asking(),
            stored,
            age: self.age.saturating_add(after),
            outer: self.outer.as_ref(),
            inside: None,
            key: self.key.as_ref(),
        };
        let res: HttpResponse<CacheBody<BoxBody>> =
            serve_stale(worker, &fallback, StaleCause::Slow);
        let cause = "the handler is still at work; a stale response is given";
        InternalError::from_response(cause, res.map_into_boxed_body()).into()
    }
}

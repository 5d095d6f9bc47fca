//! What handlers extract from a request: the cache's handle, and hints about their own response.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload, error};

use super::{context::RequestContext, hints::HandlerHints};
use crate::engine::handle::CacheHandle;

impl FromRequest for CacheHandle {
    type Error = Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let handle = RequestContext::of(req).map(|context| context.handle().clone());
        ready(handle.ok_or_else(|| {
            tracing::error!("CacheHandle was extracted where no ResponseCache wraps the handler");
            error::ErrorInternalServerError("this handler is not behind a response cache")
        }))
    }
}

/// An extractor for a handler's hints about its own response.
///
/// ```
/// use actix_response_cache::CacheHints;
/// use actix_web::{HttpResponse, Responder, web};
///
/// async fn product(id: web::Path<u64>, hints: CacheHints) -> impl Responder {
///     hints.group(format!("product:{id}"));
///     if *id == 0 {
///         hints.no_store();
///     }
///     HttpResponse::Ok().body("…")
/// }
/// ```
///
/// Hints count until the end of the response's body: also from inside a stream.
///
/// Where no cache wraps the handler, hints have no effect.
#[derive(Clone, Debug, Default)]
pub struct CacheHints(Rc<RefCell<HandlerHints>>);

impl CacheHints {
    /// The response can be purged by this group.
    pub fn group(&self, group: impl Into<String>) {
        let group = group.into();
        self.0.borrow_mut().groups.push(group);
    }

    /// The response is not stored.
    pub fn no_store(&self) {
        self.0.borrow_mut().no_store = true;
    }
}

impl FromRequest for CacheHints {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let hints = RequestContext::of(req).map(|context| context.share_hints());
        ready(Ok(Self(hints.unwrap_or_default())))
    }
}

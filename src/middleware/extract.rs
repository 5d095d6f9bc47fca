//! What handlers take from a request: the cache's handle, and the notes on their own response.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload, error};

use super::context::{HandlerHints, RequestContext};
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

/// What a handler says of its own response: an extractor.
///
/// ```
/// use actix_response_cache::Caching;
/// use actix_web::{HttpResponse, Responder, web};
///
/// async fn product(id: web::Path<u64>, caching: Caching) -> impl Responder {
///     caching.group(format!("product:{id}"));
///     if *id == 0 {
///         caching.skip();
///     }
///     HttpResponse::Ok().body("…")
/// }
/// ```
///
/// What is said counts until the end of the response's body: also from inside a stream.
///
/// Where no cache wraps the handler, it has no effect.
#[derive(Clone, Debug, Default)]
pub struct Caching(Rc<RefCell<HandlerHints>>);

impl Caching {
    /// The response can be purged by this group.
    pub fn group(&self, group: impl Into<String>) {
        let group = group.into();
        self.0.borrow_mut().groups.push(group);
    }

    /// The response is not stored.
    pub fn skip(&self) {
        self.0.borrow_mut().no_store = true;
    }
}

impl FromRequest for Caching {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let hints = RequestContext::of(req).map(|context| context.share_hints());
        ready(Ok(Self(hints.unwrap_or_default())))
    }
}

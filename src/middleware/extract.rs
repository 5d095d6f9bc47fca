//! What handlers extract from a request: the cache's handle, and hints about their own response.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::{Ready, ready},
    rc::Rc,
    time::Duration,
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

/// An extractor for what a handler says about its own response.
///
/// ```
/// use std::time::Duration;
/// use actix_response_cache::CacheHints;
/// use actix_web::{HttpResponse, Responder, web};
///
/// async fn product(id: web::Path<u64>, hints: CacheHints) -> impl Responder {
///     hints.ttl(Duration::from_secs(30)).group(format!("product:{id}"));
///     if *id == 0 {
///         hints.no_store();
///     }
///     HttpResponse::Ok().body("…")
/// }
/// ```
///
/// # What goes before what
///
/// | | said by | |
/// | --- | --- | --- |
/// | 1 | anybody who forbids it | `no-store` and `private` of the response, [`no_store`](Self::no_store), [`private`](Self::private) |
/// | 2 | the handler, by hints | [`ttl`](Self::ttl), [`stale_while_revalidate`](Self::stale_while_revalidate), [`stale_if_error`](Self::stale_if_error); what they leave open, the [`policy`](Self::policy) |
/// | 3 | the handler, by headers | `App-Cache-Control`, else `Cache-Control`, else `Expires` |
/// | 4 | the [`Rule`](crate::Rule) for the path | and what it leaves open, [its policy](crate::Rule::policy) |
/// | 5 | the [`ResponseCache`](crate::ResponseCache) | its settings and their defaults |
///
/// What decided is in [`explain`](crate::CacheHandle::explain) and, where a hint or a reason did, in the
/// `detail` of `Cache-Status`. Hints are for this cache: what clients are told is in the response's headers
/// or in a [`ClientCache`](crate::ClientCache).
///
/// Hints count until the end of the response's body: also from inside a stream. When a handler confirms a
/// stored response by a 304, what was hinted before holds unless it is hinted anew.
///
/// Where no cache wraps the handler, hints have no effect. Of a request that bypasses the cache nothing is
/// stored; [`private`](Self::private) still marks its response.
#[derive(Clone, Debug, Default)]
pub struct CacheHints(Rc<RefCell<HandlerHints>>);

impl CacheHints {
    /// The hints about the response to this request.
    pub(super) fn of(req: &HttpRequest) -> Self {
        Self(RequestContext::hints_of(req).unwrap_or_default())
    }

    /// Adds what another part of the handler says.
    pub(super) fn add(&self, hints: HandlerHints) {
        self.0.borrow_mut().add(hints);
    }

    fn set(&self, set: impl FnOnce(&mut HandlerHints)) -> &Self {
        set(&mut self.0.borrow_mut());
        self
    }

    /// How long the response is fresh in this cache, whatever its headers say. Zero: it is not stored.
    pub fn ttl(&self, ttl: Duration) -> &Self {
        self.set(|hints| hints.ttl = Some(ttl))
    }

    /// How long past its lifetime it may be served at once while it is refreshed in the background
    /// (RFC 5861 s.3), whatever its headers say.
    pub fn stale_while_revalidate(&self, window: Duration) -> &Self {
        self.set(|hints| hints.while_revalidate = Some(window))
    }

    /// How long past its lifetime it may be served in place of a handler that fails (RFC 5861 s.4),
    /// whatever its headers say.
    pub fn stale_if_error(&self, window: Duration) -> &Self {
        self.set(|hints| hints.if_error = Some(window))
    }

    /// The response is treated by the [named policy](crate::ResponseCache::policy). Where there is none of
    /// this name, it is not stored (reason `unknown-policy`), and the log says so.
    pub fn policy(&self, name: impl Into<String>) -> &Self {
        let name = name.into();
        self.set(|hints| hints.policy = Some(name))
    }

    /// The response is for its client only: it is not stored, and leaves with `Cache-Control: private`, so
    /// that no cache on its way keeps it either.
    pub fn private(&self) -> &Self {
        self.set(|hints| hints.private = true)
    }

    /// The response is not stored. What clients are told stays as it is.
    pub fn no_store(&self) -> &Self {
        self.set(|hints| hints.no_store = true)
    }

    /// The response can be purged by this group.
    pub fn group(&self, group: impl Into<String>) -> &Self {
        let group = group.into();
        self.set(|hints| hints.groups.push(group))
    }
}

impl FromRequest for CacheHints {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(req)))
    }
}

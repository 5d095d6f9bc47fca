//! `Cached`: a responder that says how its response is cached, where it is made.

use std::{fmt, time::Duration};

use actix_web::{HttpRequest, HttpResponse, Responder};

use super::{extract::CacheHints, hints::HandlerHints};

/// A responder whose response is cached as it says: the same as [`CacheHints`], with the same
/// [precedence](CacheHints#what-goes-before-what), for handlers that have no other use for an extractor.
///
/// Wrapped, a response is declared cacheable, which counts under
/// [`only_declared`](crate::ResponseCache::only_declared).
///
/// ```
/// use std::time::Duration;
/// use actix_response_cache::Cached;
/// use actix_web::{Responder, web};
///
/// async fn products() -> impl Responder {
///     Cached::new(web::Json(["tea", "coffee"])).ttl(Duration::from_secs(30)).groups(["products"])
/// }
/// ```
#[must_use = "a responder does nothing until it is returned from a handler"]
#[derive(Clone)]
pub struct Cached<R> {
    responder: R,
    hints: HandlerHints,
}

impl<R> Cached<R> {
    /// The response of `responder`, which may be stored.
    pub fn new(responder: R) -> Self {
        Self { responder, hints: HandlerHints { cacheable: true, ..HandlerHints::default() } }
    }

    /// See [`CacheHints::ttl`].
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.hints.ttl = Some(ttl);
        self
    }

    /// See [`CacheHints::stale_while_revalidate`].
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.hints.while_revalidate = Some(window);
        self
    }

    /// See [`CacheHints::stale_if_error`].
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.hints.if_error = Some(window);
        self
    }

    /// See [`CacheHints::policy`].
    pub fn policy(mut self, name: impl Into<String>) -> Self {
        self.hints.policy = Some(name.into());
        self
    }

    /// The response can be purged by these groups, see [`CacheHints::group`].
    pub fn groups<I>(mut self, groups: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.hints.groups.extend(groups.into_iter().map(Into::into));
        self
    }

    /// See [`CacheHints::private`].
    pub fn private(mut self) -> Self {
        self.hints.private = true;
        self
    }

    /// See [`CacheHints::no_store`].
    pub fn no_store(mut self) -> Self {
        self.hints.no_store = true;
        self
    }
}

impl<R: Responder> Responder for Cached<R> {
    type Body = R::Body;

    fn respond_to(self, req: &HttpRequest) -> HttpResponse<Self::Body> {
        CacheHints::of(req).add(self.hints);
        self.responder.respond_to(req)
    }
}

impl<R> fmt::Debug for Cached<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("hints", &self.hints).finish_non_exhaustive()
    }
}

//! `Compliance`: where the cache follows the letter of the standards, and where it is more careful.

use actix_web::http::header::HeaderName;

use super::header_names::header_name;
use crate::config::error::ConfigError;

/// How closely the cache follows the RFCs where, by default, it is more careful or ignores what a
/// client or a proxy says.
///
/// | setting | [`careful`](Self::careful), the default | [`strict`](Self::strict) |
/// | --- | --- | --- |
/// | [`heuristic_freshness`](Self::heuristic_freshness) | `false` | `true`, unless [`ttl`](crate::ResponseCache::ttl) is `None` |
/// | [`request_directives`](Self::request_directives) | `false` | `true` |
/// | [`store_set_cookie`](Self::store_set_cookie) | `false` | `true` |
/// | [`any_status`](Self::any_status) | `false` | `true` |
/// | [`query_method`](Self::query_method) | `false` | `false` |
/// | [`targeted_headers`](Self::targeted_headers) | `App-Cache-Control` | `CDN-Cache-Control` |
/// | [`forward_targeted_headers`](Self::forward_targeted_headers) | `false` | `true` |
/// | [`surrogate_keys`](Self::surrogate_keys) | `false` | `false` |
/// | [`keep_request_headers`](Self::keep_request_headers) | `false` | `true` |
/// | [`forwarded`](Self::forwarded) | [`Bypass`](Forwarded::Bypass) | [`Ignore`](Forwarded::Ignore) |
/// | [`vary_by_origin`](Self::vary_by_origin) | `true` | `false` |
///
/// ```
/// use actix_response_cache::{Compliance, Forwarded, ResponseCache};
///
/// let cache = ResponseCache::memory().compliance(
///     Compliance::careful().heuristic_freshness(true).forwarded(Forwarded::Trust),
/// );
/// ```
#[must_use = "a setting does nothing until a cache gets it"]
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Compliance {
    pub(crate) is_strict: bool,
    heuristic_freshness: Option<bool>,
    pub(crate) request_directives: bool,
    pub(crate) store_set_cookie: bool,
    pub(crate) any_status: bool,
    pub(crate) query_method: bool,
    pub(crate) targeted_headers: Vec<HeaderName>,
    pub(crate) forward_targeted_headers: bool,
    pub(crate) surrogate_keys: bool,
    pub(crate) keep_request_headers: bool,
    pub(crate) forwarded: Forwarded,
    pub(crate) vary_by_origin: bool,
    error: Option<ConfigError>,
}

/// What happens to requests with `Forwarded`, `X-Forwarded-Host` and their like, which handlers read
/// by [`ConnectionInfo`](actix_web::dev::ConnectionInfo). `X-Forwarded-For` is none of them: like
/// the peer's address, it says who asked.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// They bypass the cache: the key does not tell what the headers say, and a handler may read it.
    #[default]
    Bypass,
    /// The headers are part of the key, beside the request's own `Host`, by which actix routes: for a
    /// cache behind a proxy that sets them. The host that purges of a URL name is then the forwarded
    /// one.
    Trust,
    /// The headers do not count: no handler reads them.
    Ignore,
}

impl Compliance {
    /// The defaults of the table above: what is safe in an application whose handlers say nothing of
    /// caching.
    pub fn careful() -> Self {
        Self {
            is_strict: false,
            heuristic_freshness: None,
            request_directives: false,
            store_set_cookie: false,
            any_status: false,
            query_method: false,
            targeted_headers: vec![HeaderName::from_static("app-cache-control")],
            forward_targeted_headers: false,
            surrogate_keys: false,
            keep_request_headers: false,
            forwarded: Forwarded::Bypass,
            vary_by_origin: true,
            error: None,
        }
    }

    /// RFC 9111 to the letter: for a cache that knows nothing of the application, such as one in a
    /// reverse proxy.
    ///
    /// Beside what the table says, these settings have other defaults, wherever they are not set:
    ///
    /// - [`ttl`](crate::ResponseCache::ttl) is zero,
    /// - [`Credentials::cookies_are_harmless`](crate::Credentials::cookies_are_harmless) is `true`,
    /// - of the request headers only `Authorization` counts as a credential, as if
    ///   [`Credentials::harmless_headers`](crate::Credentials::harmless_headers) named all others,
    /// - [`HandlerPolicy::failure_backoff`](crate::HandlerPolicy::failure_backoff) is zero.
    pub fn strict() -> Self {
        Self {
            is_strict: true,
            request_directives: true,
            store_set_cookie: true,
            any_status: true,
            targeted_headers: vec![HeaderName::from_static("cdn-cache-control")],
            forward_targeted_headers: true,
            keep_request_headers: true,
            forwarded: Forwarded::Ignore,
            vary_by_origin: false,
            ..Self::careful()
        }
    }

    /// Whether a response that states no lifetime is fresh for a tenth of the time since it was last
    /// modified (RFC 9111 s.4.2.2), where its status allows that. Otherwise it gets the
    /// [`ttl`](crate::ResponseCache::ttl).
    pub fn heuristic_freshness(mut self, on: bool) -> Self {
        self.heuristic_freshness = Some(on);
        self
    }

    /// Whether `no-cache`, `no-store`, `max-age`, `min-fresh`, `max-stale` and `Pragma` in requests
    /// are obeyed (RFC 9111 s.5.2.1). If they are, any client can force load on the handlers.
    /// `only-if-cached` is always obeyed.
    pub fn request_directives(mut self, on: bool) -> Self {
        self.request_directives = on;
        self
    }

    /// Whether responses with `Set-Cookie` are stored, as RFC 9111 s.7.3 has it. Then all clients get
    /// the cookie that was meant for one, unless the handler says `private` or `no-store`.
    pub fn store_set_cookie(mut self, on: bool) -> Self {
        self.store_set_cookie = on;
        self
    }

    /// Whether a response of any final status, unknown ones too, is stored if it states its lifetime.
    /// If not, statuses that report one bad request or a temporary failure are not stored.
    pub fn any_status(mut self, on: bool) -> Self {
        self.any_status = on;
        self
    }

    /// Whether QUERY requests (RFC 10008) are answered from the cache too, with their body, up to 64 KiB, as part
    /// of the key. If not, only GET and HEAD are.
    pub fn query_method(mut self, on: bool) -> Self {
        self.query_method = on;
        self
    }

    /// The targeted headers (RFC 9213) that this cache obeys in place of `Cache-Control` and
    /// `Expires`: the first one that is there and valid. They are removed from responses to clients.
    /// `Surrogate-Control` works too.
    ///
    /// # Errors
    ///
    /// A name that is no header name keeps the server from starting.
    pub fn targeted_headers<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let read = |name: I::Item| header_name("Compliance::targeted_headers", name.as_ref());
        match names.into_iter().map(read).collect() {
            Ok(names) => self.targeted_headers = names,
            Err(error) => drop(self.error.get_or_insert(error)),
        }
        self
    }

    /// Whether [targeted headers](Self::targeted_headers) stay in responses to clients, for a CDN in front;
    /// so do the headers that [`surrogate_keys`](Self::surrogate_keys) would remove. `Cache-Groups` always
    /// stays.
    pub fn forward_targeted_headers(mut self, on: bool) -> Self {
        self.forward_targeted_headers = on;
        self
    }

    /// Whether groups are also read from `Surrogate-Key`, `xkey` and `Cache-Tag`, which are then
    /// removed from responses to clients.
    pub fn surrogate_keys(mut self, on: bool) -> Self {
        self.surrogate_keys = on;
        self
    }

    /// Whether headers that belong to one request only, such as `X-Request-Id`, are stored; see
    /// [`Responses::exclude_header`](crate::Responses::exclude_header).
    pub fn keep_request_headers(mut self, on: bool) -> Self {
        self.keep_request_headers = on;
        self
    }

    /// What happens to requests with `Forwarded`, `X-Forwarded-Host` and their like.
    pub fn forwarded(mut self, forwarded: Forwarded) -> Self {
        self.forwarded = forwarded;
        self
    }

    /// Whether the value of `Origin` is part of the key. Without it, an origin that the handler does
    /// not allow could leave its response, which has no CORS headers, to an origin that is allowed.
    /// `false` is right where CORS is handled outside of the cache (registered after it).
    pub fn vary_by_origin(mut self, on: bool) -> Self {
        self.vary_by_origin = on;
        self
    }

    /// Whether a heuristic lifetime is given; `by_default` where that is not set.
    pub(crate) fn is_heuristic(&self, by_default: bool) -> bool {
        self.heuristic_freshness.unwrap_or(by_default)
    }

    /// What cannot be used.
    pub(crate) fn error(&self) -> Option<ConfigError> {
        self.error.clone()
    }
}

impl Default for Compliance {
    fn default() -> Self {
        Self::careful()
    }
}

//! Settings by which a cache follows the letter of the standards where it is more careful by
//! default, or reads fields that it leaves alone by default.

use std::time::Duration;

use actix_web::http::header::HeaderName;

use super::{cache::ResponseCache, error::ConfigError};

impl ResponseCache {
    /// Follows the RFCs to the letter: what a cache is that knows nothing of the application, such
    /// as one in a reverse proxy. Sets
    ///
    /// - [`ttl`](Self::ttl) to zero and [`heuristic_freshness`](Self::heuristic_freshness),
    /// - [`cookies_are_harmless`](Self::cookies_are_harmless) and
    ///   [`store_set_cookie`](Self::store_set_cookie),
    /// - [`harmless_headers`](Self::harmless_headers) to all but `Authorization`, and
    ///   [`ignore_origin`](Self::ignore_origin),
    /// - [`any_status`](Self::any_status),
    /// - [`honour_request_directives`](Self::honour_request_directives),
    /// - [`targets`](Self::targets) to `CDN-Cache-Control`, with
    ///   [`forward_targets`](Self::forward_targets),
    /// - [`ignore_forwarded`](Self::ignore_forwarded), as a cache keys by the URL alone,
    /// - [`keep_request_fields`](Self::keep_request_fields),
    /// - [`pause_after_failure`](Self::pause_after_failure) to zero.
    pub fn by_the_rfc(self) -> Self {
        self.ttl(Duration::ZERO)
            .heuristic_freshness()
            .cookies_are_harmless()
            .store_set_cookie()
            .harmless_headers(["*"])
            .ignore_origin(true)
            .any_status()
            .honour_request_directives()
            .targets(["cdn-cache-control"])
            .forward_targets()
            .ignore_forwarded()
            .keep_request_fields()
            .pause_after_failure(Duration::ZERO)
    }

    /// Gives a response that states no lifetime a tenth of the time since it was last modified
    /// (RFC 9111 s.4.2.2), where its status allows that. Default: it gets the
    /// [`ttl`](Self::ttl).
    pub fn heuristic_freshness(self) -> Self {
        self.set(|config| config.policy.heuristic = true)
    }

    /// Obeys `no-cache`, `no-store`, `max-age`, `min-fresh`, `max-stale` and `Pragma` in requests
    /// (RFC 9111 s.5.2.1). By default they are ignored, or any client could force load on the
    /// handlers. `only-if-cached` is always obeyed.
    pub fn honour_request_directives(self) -> Self {
        self.set(|config| config.policy.request_directives = true)
    }

    /// Stores responses with `Set-Cookie`, as RFC 9111 s.7.3 has it. Then everybody gets the
    /// cookie that was meant for one, unless the handler says `private` or `no-store`.
    pub fn store_set_cookie(self) -> Self {
        self.set(|config| config.policy.store_set_cookie = true)
    }

    /// Stores a response of any final status, unknown ones too, that states its lifetime. By
    /// default statuses which tell of one bad request or one bad moment are not stored.
    pub fn any_status(self) -> Self {
        self.set(|config| config.policy.any_status = true)
    }

    /// The targeted fields (RFC 9213) that rule this cache in place of `Cache-Control` and
    /// `Expires`, the first one that is there and valid. Default: `App-Cache-Control`, a name for
    /// caches inside applications. They are stripped from answers. `Surrogate-Control` works too.
    pub fn targets<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = names.into_iter().map(|name| {
            name.parse::<HeaderName>()
                .map_err(|_| ConfigError::new("targets", format!("`{name}` is not a field name")))
        });
        let names = names.collect::<Result<Vec<_>, _>>();
        self.set_with(names, |config, names| config.policy.targets = names)
    }

    /// Leaves targeted fields and group fields in answers, for a CDN in front.
    pub fn forward_targets(self) -> Self {
        self.set(|config| config.forward_targets = true)
    }

    /// Also reads groups from `Surrogate-Key`, `xkey` and `Cache-Tag`, and strips these fields
    /// from answers.
    pub fn surrogate_keys(self) -> Self {
        self.set(|config| config.group_aliases = true)
    }

    /// Also answers QUERY requests from the cache, with their body, up to 64 KiB, as part of the
    /// key. Default: only GET and HEAD.
    pub fn cache_query_method(self) -> Self {
        self.set(|config| config.query_method = true)
    }

    /// Also stores fields which tell of one request only, such as `X-Request-Id`; see
    /// [`drop_field`](Self::drop_field).
    pub fn keep_request_fields(self) -> Self {
        self.set(|config| config.dropped.clear())
    }

    /// How long past its lifetime a response may be served at once while the handler is asked behind
    /// the answer, where it does not say so itself (RFC 5861 s.3). Default: not at all.
    ///
    /// One refresh per key runs at a time, over all workers of the process; after one that failed
    /// the key is left alone for [a while](Self::pause_after_failure).
    ///
    /// `no-cache`, `must-revalidate`, `proxy-revalidate` and `s-maxage` forbid it. It does not apply
    /// to errors, nor to statuses of [`Rule::ttl_for`](crate::Rule::ttl_for): a rule can say it for
    /// them.
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        self.set(|config| config.policy.while_revalidate = window)
    }

    /// How long past its lifetime a response may stand in for a handler that fails (an error, 500,
    /// 502, 503 or 504), where it does not say so itself (RFC 5861 s.4). Default: not at all.
    ///
    /// `no-cache`, `must-revalidate`, `proxy-revalidate` and `s-maxage` forbid it. It does not apply
    /// to errors, nor to statuses of [`Rule::ttl_for`](crate::Rule::ttl_for): a rule can say it for
    /// them.
    pub fn stale_if_error(self, window: Duration) -> Self {
        self.set(|config| config.policy.if_error = window)
    }
}

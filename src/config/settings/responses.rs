//! `Responses`: which part of a response is stored, and what the cache adds to one.

use actix_web::http::header::HeaderName;

use super::{bounds::part_of_one, header_names::header_name};
use crate::{config::error::ConfigError, semantics::emitted_groups::EmittedGroups};

/// How many bytes the header that tells groups has at most, where no setting says it.
const MAX_EMITTED: usize = 16 * 1024;

/// How responses are stored and labelled.
///
/// | setting | default |
/// | --- | --- |
/// | [`max_body`](Self::max_body) | 2 MiB |
/// | [`exclude_header`](Self::exclude_header) | the list at that setting |
/// | [`ttl_jitter`](Self::ttl_jitter) | 0 |
/// | [`recording_budget`](Self::recording_budget) | 64 MiB |
/// | [`validators`](Self::validators) | `true` |
/// | [`cache_status`](Self::cache_status) | `true` |
/// | [`cache_status_key`](Self::cache_status_key) | `false` |
/// | [`x_cache`](Self::x_cache) | `false` |
/// | [`verdict`](Self::verdict) | `false` |
/// | [`emit_groups`](Self::emit_groups) | `None` |
/// | [`emit_groups_at_most`](Self::emit_groups_at_most) | 16 KiB |
///
/// ```
/// use actix_response_cache::{ResponseCache, Responses};
///
/// let cache = ResponseCache::memory()
///     .responses(Responses::new().max_body(256 * 1024).ttl_jitter(0.1).x_cache(true));
/// ```
#[must_use = "a setting does nothing until a cache gets it"]
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Responses {
    pub(crate) max_body: usize,
    pub(crate) excluded_headers: Vec<HeaderName>,
    pub(crate) ttl_jitter: f64,
    pub(crate) recording_budget: usize,
    pub(crate) validators: bool,
    pub(crate) cache_status: bool,
    pub(crate) cache_status_key: bool,
    pub(crate) x_cache: bool,
    pub(crate) verdict: bool,
    pub(crate) emitted_groups: Option<EmittedGroups>,
    max_emitted: usize,
    error: Option<ConfigError>,
}

impl Responses {
    /// The defaults of the table above.
    pub fn new() -> Self {
        Self {
            max_body: 2 * 1024 * 1024,
            excluded_headers: Vec::new(),
            ttl_jitter: 0.0,
            recording_budget: 64 * 1024 * 1024,
            validators: true,
            cache_status: true,
            cache_status_key: false,
            x_cache: false,
            verdict: false,
            emitted_groups: None,
            max_emitted: MAX_EMITTED,
            error: None,
        }
    }

    /// The longest body that is stored, in bytes. Default: 2 MiB. A longer one passes untouched.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Leaves a further header out of stored responses, as it belongs to one request only. Left out
    /// anyway, unless [`Compliance::keep_request_headers`](crate::Compliance::keep_request_headers)
    /// is set: `X-Request-Id`, `X-Correlation-Id`, `Request-Id`, `Traceparent`, `Tracestate`,
    /// `Server-Timing`, `X-Runtime`.
    ///
    /// # Errors
    ///
    /// A name that is no header name keeps the server from starting.
    pub fn exclude_header(mut self, name: impl AsRef<str>) -> Self {
        match header_name("Responses::exclude_header", name.as_ref()) {
            Ok(name) => self.excluded_headers.push(name),
            Err(error) => drop(self.error.get_or_insert(error)),
        }
        self
    }

    /// Shortens each stored response's lifetime at random by up to this part of it, from 0 to 1, so
    /// that what was stored together does not expire together. Default: 0.
    ///
    /// # Errors
    ///
    /// Any other number keeps the server from starting.
    pub fn ttl_jitter(mut self, part: f64) -> Self {
        self.ttl_jitter = part;
        self
    }

    /// How many bytes may be allocated for recordings of streams at a time, over all requests and all
    /// clones of the cache. Default: 64 MiB. A recording takes up to twice what has come of its body;
    /// a stream that finds no room passes without being stored.
    pub fn recording_budget(mut self, bytes: usize) -> Self {
        self.recording_budget = bytes;
        self
    }

    /// Whether a stored 200 whose handler gives neither `ETag` nor `Last-Modified` gets an `ETag`, made of
    /// its body, so that clients that have it are answered by 304. Default: `true`. See
    /// [`guide::validators`](crate::guide::validators).
    pub fn validators(mut self, on: bool) -> Self {
        self.validators = on;
        self
    }

    /// Whether responses carry `Cache-Status` (RFC 9211). Default: `true`.
    pub fn cache_status(mut self, on: bool) -> Self {
        self.cache_status = on;
        self
    }

    /// Whether `Cache-Status` also tells the URL part of the key. Default: `false`, as it tells
    /// strangers what the key is made of (RFC 9211 s.6).
    pub fn cache_status_key(mut self, on: bool) -> Self {
        self.cache_status_key = on;
        self
    }

    /// Whether responses carry `X-Cache: HIT`, `MISS`, `STALE` or `BYPASS`. Default: `false`.
    pub fn x_cache(mut self, on: bool) -> Self {
        self.x_cache = on;
        self
    }

    /// Whether requests carry a [`CacheVerdict`](crate::CacheVerdict), for access logs and other
    /// middleware outside of the cache. Default: `false`, as it costs each hit an allocation.
    pub fn verdict(mut self, on: bool) -> Self {
        self.verdict = on;
        self
    }

    /// Tells a CDN in front the groups of each response in this header: `Surrogate-Key` or `xkey`,
    /// separated by spaces, or a name that ends in `-Tag`, such as `Cache-Tag`, separated by commas.
    /// A space, comma or `%` in the name of a group is written as `%20`, `%2C` or `%25`. What the handler
    /// has written there itself is kept. Default: `None`, no header.
    ///
    /// A response is stored with the header, so a hit has the one that it was stored with.
    ///
    /// # Errors
    ///
    /// A name that is no header name keeps the server from starting.
    pub fn emit_groups<'n>(mut self, header: impl Into<Option<&'n str>>) -> Self {
        let name = header.into().map(|name| header_name("Responses::emit_groups", name));
        let max_bytes = self.max_emitted;
        match name.transpose() {
            Ok(name) => {
                self.emitted_groups = name.map(|name| EmittedGroups { name, max_bytes });
            }
            Err(error) => drop(self.error.get_or_insert(error)),
        }
        self
    }

    /// How many bytes the value of that header has at most. Default: 16 KiB. Groups that do not fit are
    /// left out, whole, and the log says so once: servers and CDNs refuse headers that are too long.
    pub fn emit_groups_at_most(mut self, bytes: usize) -> Self {
        self.max_emitted = bytes;
        if let Some(emitted) = &mut self.emitted_groups {
            emitted.max_bytes = bytes;
        }
        self
    }

    /// What cannot be used.
    pub(crate) fn error(&self) -> Option<ConfigError> {
        let jitter = || part_of_one("Responses::ttl_jitter", self.ttl_jitter);
        self.error.clone().or_else(jitter)
    }

    /// What is probably not meant.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.max_body == 0 {
            warnings.push("Responses::max_body is zero: only responses without a body are stored");
        }
        if self.cache_status_key && !self.cache_status {
            warnings.push("Responses::cache_status_key has no effect without cache_status");
        }
        if self.emitted_groups.is_none() && self.max_emitted != MAX_EMITTED {
            warnings.push("Responses::emit_groups_at_most has no effect without emit_groups");
        }
        warnings
    }
}

impl Default for Responses {
    fn default() -> Self {
        Self::new()
    }
}

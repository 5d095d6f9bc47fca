//! `StoredResponse`: a response as a store keeps it.

use std::{fmt, time::Duration};

use actix_web::http::{
    StatusCode,
    header::{ETAG, HeaderName, HeaderValue},
};
use bytes::Bytes;

use super::{
    body::StoredBody, headers::StoredHeaders, packed::PackedBodies, small_terms::SmallTerms,
};
#[cfg(feature = "memory")]
use crate::semantics::date::Timestamp;
use crate::semantics::{etag::weak, fields::Fields, terms::Terms, validation::has_validator};

/// The shortest and the longest time for which a stale response is kept to be validated.
const MIN_VALIDATION: Duration = Duration::from_secs(60);
const MAX_VALIDATION: Duration = Duration::from_secs(24 * 60 * 60);

/// A response as it is replayed.
#[derive(Clone)]
pub struct StoredResponse {
    /// The header fields, repeated ones in order, always with a `Date`.
    pub headers: StoredHeaders,
    body: StoredBody,
    /// The same body packed.
    pub(crate) packed: PackedBodies,
    /// With the status, as there is room for it.
    terms: SmallTerms,
}

impl StoredResponse {
    /// A response that may be reused under these terms. Their lengths of time are kept in milliseconds,
    /// and where they are longer than 24 days in seconds.
    pub fn new(status: StatusCode, headers: StoredHeaders, terms: &Terms, body: Bytes) -> Self {
        let packed = PackedBodies::default();
        let (body, terms) = (StoredBody::Whole(body), SmallTerms::new(status, terms));
        Self { headers, body, packed, terms }
    }

    /// The whole body, as the handler made it.
    pub fn body(&self) -> Bytes {
        // only the store in memory leaves out what is packed, and reads it by `whole_body`
        self.whole_body().unwrap_or_default()
    }

    /// The whole body, as the handler made it, unpacked where it is kept only so; `None` where it cannot
    /// be.
    pub(crate) fn whole_body(&self) -> Option<Bytes> {
        self.body.unpacked(&self.packed)
    }

    /// The body, whichever form it is kept in.
    #[inline]
    pub(crate) fn stored_body(&self) -> &StoredBody {
        &self.body
    }

    /// Puts another body in its place.
    #[cfg(feature = "redis")]
    pub(crate) fn set_body(&mut self, body: Bytes) {
        self.body = StoredBody::Whole(body);
    }

    /// The same with bodies whose bytes are made by `copy`.
    #[cfg(all(feature = "memory", feature = "redis"))]
    pub(super) fn map_bodies(&mut self, copy: impl Fn(&Bytes) -> Bytes) {
        self.body = self.body.map(&copy);
        self.packed = self.packed.map(copy);
    }

    /// The same without the body as it came; `None` where it is not packed.
    #[cfg(feature = "memory")]
    pub(super) fn packed_only(&self) -> Option<Self> {
        let can_be_unpacked = cfg!(feature = "precompress") && !self.packed.is_empty();
        let body = StoredBody::PackedOnly(self.body.len());
        let is_chosen = can_be_unpacked && self.terms().is_negotiated;
        is_chosen.then(|| Self { body, ..self.clone() })
    }

    /// The same with these packed bodies.
    pub(crate) fn with_packed(self, packed: PackedBodies) -> Self {
        Self { packed, ..self }
    }

    /// The status.
    #[inline]
    pub fn status(&self) -> StatusCode {
        self.terms.status()
    }

    /// The terms under which it may be reused.
    #[inline]
    pub fn terms(&self) -> Terms {
        self.terms.terms()
    }

    /// Puts it under other terms.
    pub fn set_terms(&mut self, terms: &Terms) {
        self.terms = SmallTerms::new(self.status(), terms);
    }

    /// The weak form of its `ETag`, where [some clients](Terms::etag_may_be_weak) are given that.
    pub(crate) fn weak_etag(&self) -> Option<HeaderValue> {
        let tag = self.terms.etag_may_be_weak().then(|| self.headers.get(&ETAG));
        tag.flatten().and_then(weak)
    }

    /// The header fields that are the handler's.
    pub(crate) fn handler_fields(&self) -> HandlerFields<'_> {
        HandlerFields { headers: &self.headers, etag_is_made: self.terms.etag_is_made() }
    }

    /// How long after `response_time` the response can still be of use: while it is fresh, in its
    /// stale windows, and, where the handler can be asked whether it still is good, for about as long
    /// again as it was fresh.
    pub fn useful_for(&self) -> Duration {
        self.useful_under(&self.terms())
    }

    /// When it is of no more use.
    #[cfg(all(feature = "memory", feature = "redis"))]
    pub(crate) fn end(&self) -> Timestamp {
        self.terms().response_time + self.useful_for()
    }

    /// When it is of no more use after a soft purge that has made it stale since `then`.
    #[cfg(feature = "memory")]
    pub(crate) fn end_if_stale_since(&self, then: Timestamp) -> Timestamp {
        let terms = self.terms();
        terms.response_time + self.useful_under(&terms.stale_since(then))
    }

    fn useful_under(&self, terms: &Terms) -> Duration {
        let Terms { lifetime, initial_age, while_revalidate, if_error, .. } = *terms;
        let validated = if has_validator(&self.handler_fields()) {
            lifetime.clamp(MIN_VALIDATION, MAX_VALIDATION)
        } else {
            Duration::ZERO
        };
        let stale = while_revalidate.max(if_error).max(validated);
        lifetime.saturating_sub(initial_age).saturating_add(stale)
    }
}

/// The header fields of a stored response without an `ETag` of the cache's own, which the handler does
/// not know.
pub(crate) struct HandlerFields<'a> {
    headers: &'a StoredHeaders,
    etag_is_made: bool,
}

impl<'a> HandlerFields<'a> {
    /// Each field, as a list has it.
    pub(crate) fn expand(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<'a> {
        let etag_is_made = self.etag_is_made;
        self.headers.expand().filter(move |(name, _)| !(etag_is_made && *name == ETAG))
    }
}

impl Fields for HandlerFields<'_> {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let is_hidden = self.etag_is_made && *name == ETAG;
        self.headers.all(name).filter(move |_| !is_hidden)
    }
}

impl fmt::Debug for StoredResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredResponse")
            .field("status", &self.status())
            .field("headers", &self.headers)
            .field("terms", &self.terms())
            .field("body", &self.body)
            .field("packed", &self.packed)
            .finish()
    }
}

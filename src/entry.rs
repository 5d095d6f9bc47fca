//! What a store keeps: a stored response, or the note that a URL has variants.

use std::time::Duration;

use actix_web::http::StatusCode;
use bytes::Bytes;

use crate::{key::CacheKey, purge::PurgeNumber, semantics::validation::has_validator};

pub use crate::semantics::{
    date::{Monotonic, Timestamp},
    terms::Terms,
    vary::Selecting,
};

mod headers;
mod memory;

pub use self::headers::StoredHeaders;

#[cfg(feature = "memory")]
pub(crate) use self::memory::allocated;

/// One thing that a store keeps under a [`CacheKey`].
#[derive(Clone, Debug)]
pub struct Entry {
    /// The full key it was stored under.
    pub key: CacheKey,
    /// The store's logical time when the handler began.
    pub since: PurgeNumber,
    /// The groups it can be purged by.
    pub groups: Vec<String>,
    /// What it is.
    pub kind: Kind,
}

/// What an [`Entry`] holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A response.
    Response(StoredResponse),
    /// The URL has variants, by these fields (RFC 9111 s.4.1); each is an entry of its own.
    Varies(Selecting),
}

/// A response as it is replayed.
#[derive(Clone, Debug)]
pub struct StoredResponse {
    /// The status.
    pub status: StatusCode,
    /// The header fields, repeated ones in order, always with a `Date`.
    pub headers: StoredHeaders,
    /// The terms under which it may be reused.
    pub terms: Terms,
    /// The whole body.
    pub body: Bytes,
}

/// The shortest and the longest time for which a stale response is kept to be validated.
const MIN_VALIDATION: Duration = Duration::from_secs(60);
const MAX_VALIDATION: Duration = Duration::from_secs(24 * 60 * 60);

impl Entry {
    /// The response, where the entry is one.
    pub fn response(&self) -> Option<&StoredResponse> {
        match &self.kind {
            Kind::Response(response) => Some(response),
            Kind::Varies(_) => None,
        }
    }

    /// The same after a soft purge: a response is stale since `then` at the latest.
    #[must_use]
    pub fn stale_since(&self, then: Timestamp) -> Self {
        let mut entry = self.clone();
        if let Kind::Response(response) = &mut entry.kind {
            response.terms = response.terms.stale_since(then);
        }
        entry
    }
}

impl StoredResponse {
    /// How long after `response_time` the response can still be of use: while it is fresh, in its
    /// stale windows, and, where the handler can be asked whether it still is good, for about as long
    /// again as it was fresh.
    pub fn useful_for(&self) -> Duration {
        self.useful_under(&self.terms)
    }

    /// When it is of no more use.
    #[cfg(all(feature = "memory", feature = "redis"))]
    pub(crate) fn end(&self) -> Timestamp {
        self.terms.response_time + self.useful_for()
    }

    /// When it is of no more use after a soft purge that has made it stale since `then`.
    #[cfg(feature = "memory")]
    pub(crate) fn end_if_stale_since(&self, then: Timestamp) -> Timestamp {
        self.terms.response_time + self.useful_under(&self.terms.stale_since(then))
    }

    fn useful_under(&self, terms: &Terms) -> Duration {
        let Terms { lifetime, initial_age, while_revalidate, if_error, .. } = *terms;
        let validated = if has_validator(&self.headers) {
            lifetime.clamp(MIN_VALIDATION, MAX_VALIDATION)
        } else {
            Duration::ZERO
        };
        let stale = while_revalidate.max(if_error).max(validated);
        lifetime.saturating_sub(initial_age).saturating_add(stale)
    }
}

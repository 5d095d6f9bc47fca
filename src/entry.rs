//! What a store keeps: a stored response, or the note that a URL has variants.

use crate::{key::CacheKey, purge::PurgeNumber};

pub use crate::semantics::{
    date::{Monotonic, Timestamp},
    terms::Terms,
    vary::Selecting,
};

mod body;
#[cfg(feature = "precompress")]
pub(crate) mod codings;
mod headers;
mod memory;
mod packed;
mod response;
mod small_terms;
mod span;

pub use self::{headers::StoredHeaders, response::StoredResponse};

pub(crate) use self::{body::StoredBody, packed::PackedBodies};

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

impl Entry {
    /// The response, where the entry is one.
    pub fn response(&self) -> Option<&StoredResponse> {
        match &self.kind {
            Kind::Response(response) => Some(response),
            Kind::Varies(_) => None,
        }
    }

    /// Whether both are the response to one handler call, as far as that can be told.
    #[cfg(feature = "precompress")]
    pub(crate) fn is_of_same_fill(&self, other: &Self) -> bool {
        let fill = |entry: &Self| {
            let response = entry.response()?;
            Some((response.terms().response_time, response.stored_body().whole()?.clone()))
        };
        self.since == other.since && fill(self).is_some_and(|this| Some(this) == fill(other))
    }

    /// The same without the body as it came; `None` where it is not packed.
    #[cfg(feature = "memory")]
    pub(crate) fn packed_only(&self) -> Option<Self> {
        let kind = Kind::Response(self.response()?.packed_only()?);
        Some(Self { kind, ..self.clone() })
    }

    /// The same after a soft purge: a response is stale since `then` at the latest.
    #[must_use]
    pub fn stale_since(&self, then: Timestamp) -> Self {
        let mut entry = self.clone();
        if let Kind::Response(response) = &mut entry.kind {
            response.set_terms(&response.terms().stale_since(then));
        }
        entry
    }
}

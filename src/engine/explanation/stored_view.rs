//! A stored response as people see it.

use std::time::Duration;

use serde::Serialize;

use crate::{counting::serialized::seconds, semantics::lifetime_source::LifetimeSource};

/// A coding in which a stored body is packed.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PackedForm {
    /// The name of the coding: `br`, `zstd`, `gzip`.
    pub coding: &'static str,
    /// How many bytes the body has in it.
    pub bytes: u64,
    /// Whether the request is given this one.
    pub is_given: bool,
}

impl PackedForm {
    pub(crate) fn new(coding: &'static str, bytes: u64, is_given: bool) -> Self {
        Self { coding, bytes, is_given }
    }
}

/// A stored response: its age, what it has its lifetime from, and by what it is purged.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StoredView {
    /// Its status.
    pub status: u16,
    /// Where it is: `memory`, `redis`, or `custom` for a store of the application's own.
    pub tier: &'static str,
    /// How old it is.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// How old it is when it becomes stale.
    #[serde(serialize_with = "seconds")]
    pub lifetime: Duration,
    /// What it has that lifetime from.
    pub lifetime_from: LifetimeSource,
    /// The named policy that its handler chose.
    pub policy: Option<String>,
    /// How long after that it may be served while it is refreshed in the background.
    #[serde(serialize_with = "seconds")]
    pub stale_while_revalidate: Duration,
    /// How long after that it may be served if the handler fails.
    #[serde(serialize_with = "seconds")]
    pub stale_if_error: Duration,
    /// Whether a soft purge has ended its lifetime.
    pub soft_purged: bool,
    /// How long the handler took for it.
    #[serde(serialize_with = "seconds")]
    pub handler_time: Duration,
    /// The groups by which it can be purged.
    pub groups: Vec<String>,
    /// The length of its body in bytes.
    pub body_bytes: u64,
    /// Whether its `ETag` is one of the cache's own, made of the body.
    pub etag_is_made: bool,
    /// The codings in which its body is packed for clients.
    pub packed: Vec<PackedForm>,
    /// The header line that tells its groups to caches downstream.
    pub emitted_groups: Option<String>,
    /// Whether a handler can confirm it without sending it again: it has an `ETag` or a `Last-Modified`.
    pub has_validator: bool,
    /// The headers by which the URL has variants.
    pub vary: Vec<String>,
    /// How many variants of the URL this process has stored, where it has any.
    pub variants: usize,
}

//! The terms under which a stored response may be reused: what [`storable`](super::storing::storable)
//! reads out of a response once, so that [`reuse`](super::reuse::reuse) only compares numbers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::date::Timestamp;

/// The terms of reuse of one stored response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a directive of its own")]
pub struct Terms {
    /// When the response was received (`response_time` of RFC 9111 s.4.2.3).
    pub response_time: Timestamp,
    /// Its age at that time (`corrected_initial_age` of RFC 9111 s.4.2.3).
    pub initial_age: Duration,
    /// Its freshness lifetime (RFC 9111 s.4.2.1).
    pub lifetime: Duration,
    /// How long the handler took for it.
    pub took: Duration,
    /// How long past its lifetime it may be served while being revalidated (RFC 5861 s.3); zero
    /// where a directive forbids stale answers.
    pub while_revalidate: Duration,
    /// How long past its lifetime it may be served when the handler fails (RFC 5861 s.4); zero
    /// where a directive forbids stale answers.
    pub if_error: Duration,
    /// `no-cache`: never served without validation (RFC 9111 s.5.2.2.4).
    pub no_cache: bool,
    /// `must-revalidate`, `proxy-revalidate` or `s-maxage`: never served stale (RFC 9111 s.4.2.4).
    pub must_revalidate: bool,
    /// `immutable`: while it is fresh, a client's reload does not force validation (RFC 8246).
    pub immutable: bool,
    /// May answer a request with `Authorization` that is not part of the key (RFC 9111 s.3.5).
    pub for_authorization: bool,
    /// May answer a request with a `Cookie` that is not part of the key.
    pub for_cookie: bool,
}

//! The terms under which a stored response may be reused: what [`storable`](super::storing::storable)
//! reads out of a response once, so that [`reuse`](super::reuse::reuse) only compares numbers.

use std::{num::NonZeroU16, time::Duration};

use super::{
    date::{Monotonic, Timestamp},
    lifetime_source::LifetimeSource,
};

/// The terms of reuse of one stored response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a directive of its own")]
pub struct Terms {
    /// When the response was received (`response_time` of RFC 9111 s.4.2.3).
    pub response_time: Timestamp,
    /// When that was on this process's monotonic clock, where it is known: the age is then no smaller
    /// than the time that has passed since, however the wall clock is set. It stays in the process:
    /// a store that writes entries elsewhere reads them back without it.
    pub received: Option<Monotonic>,
    /// Its age at that time (`corrected_initial_age` of RFC 9111 s.4.2.3).
    pub initial_age: Duration,
    /// Its freshness lifetime (RFC 9111 s.4.2.1).
    pub lifetime: Duration,
    /// What it has its lifetime from.
    pub lifetime_from: LifetimeSource,
    /// The number of the named policy that its handler chose.
    pub policy: Option<NonZeroU16>,
    /// How long the handler took for it.
    pub took: Duration,
    /// How long past its lifetime it may be served while being revalidated (RFC 5861 s.3); zero
    /// where a directive forbids stale answers.
    pub while_revalidate: Duration,
    /// How long past its lifetime it may be served when the handler fails (RFC 5861 s.4); zero
    /// where a directive forbids stale answers.
    pub if_error: Duration,
    /// A soft purge has ended its freshness, whatever another host's clock says of its age.
    pub soft_purged: bool,
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
    /// The `ETag` is one of the cache's own, made of the body: clients are asked by it, and the handler
    /// is not, as it would not know it.
    pub etag_is_made: bool,
    /// Compression outside of the cache may change the bytes that such an `ETag` was made of: a client that
    /// accepts a coding is given its weak form.
    pub etag_may_be_weak: bool,
    /// The cache packs the body (`ResponseCache::precompress`): which form a client is given depends on
    /// its `Accept-Encoding`.
    pub is_negotiated: bool,
}

impl Terms {
    /// The directives, a bit each. Stored entries hold these bits: their order stays.
    #[inline]
    pub(crate) const fn directive_bits(&self) -> u16 {
        (self.soft_purged as u16)
            | (self.no_cache as u16) << 1
            | (self.must_revalidate as u16) << 2
            | (self.immutable as u16) << 3
            | (self.for_authorization as u16) << 4
            | (self.for_cookie as u16) << 5
            | (self.etag_is_made as u16) << 6
            | (self.is_negotiated as u16) << 7
            | (self.etag_may_be_weak as u16) << 8
    }

    /// The same with the directives of these [bits](Self::directive_bits).
    #[inline]
    #[must_use]
    pub(crate) const fn with_directives(self, bits: u16) -> Self {
        Self {
            soft_purged: bits & 1 != 0,
            no_cache: bits & 1 << 1 != 0,
            must_revalidate: bits & 1 << 2 != 0,
            immutable: bits & 1 << 3 != 0,
            for_authorization: bits & 1 << 4 != 0,
            for_cookie: bits & 1 << 5 != 0,
            etag_is_made: bits & 1 << 6 != 0,
            is_negotiated: bits & 1 << 7 != 0,
            etag_may_be_weak: bits & 1 << 8 != 0,
            ..self
        }
    }

    /// The same, stale since `then` at the latest; its stale windows are counted from there.
    #[must_use]
    pub fn stale_since(self, then: Timestamp) -> Self {
        // what was received after that had already aged for as long
        let age = self.initial_age.saturating_add(then.since(self.response_time));
        let age = age.saturating_sub(self.response_time.since(then));
        Self { lifetime: self.lifetime.min(age), soft_purged: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_back_from_their_bits() {
        for bits in 0..1 << 9 {
            let terms = Terms::default().with_directives(bits);
            assert_eq!(terms.directive_bits(), bits);
            // a bit that is already set is not turned over
            assert_eq!(terms.with_directives(terms.directive_bits()), terms);
        }
    }

    #[test]
    fn the_lifetime_ends_then_if_not_earlier() {
        let secs = Duration::from_secs;
        let received = Timestamp::from_secs(1000);
        let terms = Terms {
            response_time: received,
            initial_age: secs(10),
            lifetime: secs(60),
            ..Terms::default()
        };
        for (then, lifetime) in [(1020, 30), (1050, 60), (9999, 60), (1000, 10), (995, 5), (0, 0)] {
            let stale = terms.stale_since(Timestamp::from_secs(then));
            assert_eq!((stale.lifetime, stale.soft_purged), (secs(lifetime), true), "{then}");
            assert_eq!(stale.stale_since(Timestamp::from_secs(9999)), stale, "the first counts");
        }
        for odd in [i64::MIN, i64::MAX] {
            assert!(terms.stale_since(Timestamp::from_millis(odd)).lifetime <= secs(60));
        }
    }
}

//! `SmallTerms`: the terms and the status of a response in forty bytes, as there are as many of them as
//! entries.

use std::num::NonZeroU16;

use actix_web::http::StatusCode;

use super::span::Span;
use crate::semantics::{
    date::{Monotonic, Timestamp},
    lifetime_source::LifetimeSource,
    terms::Terms,
};

/// Stands for a time of receipt that is not known.
const UNKNOWN: i64 = i64::MIN;

#[derive(Clone, Copy)]
pub(super) struct SmallTerms {
    response_time: Timestamp,
    /// `Terms::received`, in milliseconds.
    received: i64,
    initial_age: Span,
    lifetime: Span,
    took: Span,
    while_revalidate: Span,
    if_error: Span,
    /// The status (10 bits), [`Terms::directive_bits`] (9), the number of the lifetime's source (4), and
    /// that of the policy (9).
    small: u32,
}

const STATUS_BITS: u32 = 10;
const FLAGS_BITS: u32 = 9;
const SOURCE_BITS: u32 = 4;
/// Where each of them begins.
const FLAGS_AT: u32 = STATUS_BITS;
const SOURCE_AT: u32 = FLAGS_AT + FLAGS_BITS;
const POLICY_AT: u32 = SOURCE_AT + SOURCE_BITS;

impl SmallTerms {
    #[inline]
    pub(super) fn new(status: StatusCode, terms: &Terms) -> Self {
        Self {
            response_time: terms.response_time,
            received: terms.received.map_or(UNKNOWN, |time| time.as_millis().max(UNKNOWN + 1)),
            initial_age: terms.initial_age.into(),
            lifetime: terms.lifetime.into(),
            took: terms.took.into(),
            while_revalidate: terms.while_revalidate.into(),
            if_error: terms.if_error.into(),
            small: u32::from(status.as_u16())
                | u32::from(terms.directive_bits()) << FLAGS_AT
                | u32::from(terms.lifetime_from.number()) << SOURCE_AT
                | u32::from(terms.policy.map_or(0, NonZeroU16::get)) << POLICY_AT,
        }
    }

    #[inline]
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.part(0, STATUS_BITS)).unwrap_or_default()
    }

    /// A part of so many bits; none is too large for its type.
    #[inline]
    fn part<T: TryFrom<u32> + Default>(&self, at: u32, bits: u32) -> T {
        T::try_from(self.small >> at & ((1 << bits) - 1)).unwrap_or_default()
    }

    pub(super) fn etag_is_made(&self) -> bool {
        self.directives().etag_is_made
    }

    pub(super) fn etag_may_be_weak(&self) -> bool {
        self.directives().etag_may_be_weak
    }

    fn directives(&self) -> Terms {
        Terms::default().with_directives(self.part(FLAGS_AT, FLAGS_BITS))
    }

    #[inline]
    pub(super) fn terms(&self) -> Terms {
        let received = (self.received != UNKNOWN).then_some(self.received);
        Terms {
            response_time: self.response_time,
            received: received.map(Monotonic::from_millis),
            initial_age: self.initial_age.into(),
            lifetime: self.lifetime.into(),
            lifetime_from: LifetimeSource::from_number(self.part(SOURCE_AT, SOURCE_BITS)),
            policy: NonZeroU16::new(self.part(POLICY_AT, u32::BITS - POLICY_AT)),
            took: self.took.into(),
            while_revalidate: self.while_revalidate.into(),
            if_error: self.if_error.into(),
            ..Terms::default()
        }
        .with_directives(self.part(FLAGS_AT, FLAGS_BITS))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_term_is_kept() {
        assert!(size_of::<SmallTerms>() <= 40);
        let millis = Duration::from_millis;
        let terms = |flag: u8| Terms {
            response_time: Timestamp::from_millis(-1),
            received: (flag != 0).then(|| Monotonic::from_millis(7)),
            initial_age: millis(1),
            lifetime: millis(2),
            lifetime_from: LifetimeSource::ALL[usize::from(flag)],
            policy: NonZeroU16::new(u16::from(flag) * 56),
            took: millis(3),
            while_revalidate: millis(4),
            if_error: millis(5),
            soft_purged: flag == 1,
            no_cache: flag == 2,
            must_revalidate: flag == 3,
            immutable: flag == 4,
            for_authorization: flag == 5,
            for_cookie: flag == 6,
            etag_is_made: flag == 7,
            is_negotiated: flag == 8,
            etag_may_be_weak: flag == 9,
        };
        for terms in (0..=9).map(terms) {
            let small = SmallTerms::new(StatusCode::NOT_FOUND, &terms);
            assert_eq!((small.status(), small.terms()), (StatusCode::NOT_FOUND, terms));
        }
    }
}

//! `SmallTerms`: the terms and the status of a response in forty bytes, as there are as many of them as
//! entries.

use actix_web::http::StatusCode;

use super::span::Span;
use crate::semantics::{
    date::{Monotonic, Timestamp},
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
    status: StatusCode,
    /// [`Terms::directive_bits`].
    directives: u8,
}

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
            status,
            directives: terms.directive_bits(),
        }
    }

    #[inline]
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    #[inline]
    pub(super) fn terms(&self) -> Terms {
        let received = (self.received != UNKNOWN).then_some(self.received);
        Terms {
            response_time: self.response_time,
            received: received.map(Monotonic::from_millis),
            initial_age: self.initial_age.into(),
            lifetime: self.lifetime.into(),
            took: self.took.into(),
            while_revalidate: self.while_revalidate.into(),
            if_error: self.if_error.into(),
            ..Terms::default()
        }
        .with_directives(self.directives)
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
        let terms = |flag: usize| Terms {
            response_time: Timestamp::from_millis(-1),
            received: (flag != 0).then(|| Monotonic::from_millis(7)),
            initial_age: millis(1),
            lifetime: millis(2),
            took: millis(3),
            while_revalidate: millis(4),
            if_error: millis(5),
            soft_purged: flag == 1,
            no_cache: flag == 2,
            must_revalidate: flag == 3,
            immutable: flag == 4,
            for_authorization: flag == 5,
            for_cookie: flag == 6,
        };
        for terms in (0..=6).map(terms) {
            let small = SmallTerms::new(StatusCode::NOT_FOUND, &terms);
            assert_eq!((small.status(), small.terms()), (StatusCode::NOT_FOUND, terms));
        }
    }
}

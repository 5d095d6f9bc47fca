//! The outcomes of requests that are counted apart: each verdict with its reason has a number.

use crate::semantics::verdict::{Forwarding, Reason, StaleCause, Verdict, VerdictKind};

const REASONS: usize = Reason::ALL.len();
/// How many outcomes there are beside a miss and a bypass for each [`Reason`].
const OTHERS: usize = 10;
/// How many outcomes there are.
pub(super) const OUTCOMES: usize = OTHERS + 2 * REASONS;

/// The number of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome(pub(super) usize);

/// The kind of a verdict, and its reason in one word, as it is counted.
pub(crate) fn words(verdict: &Verdict) -> (VerdictKind, &'static str) {
    Outcome::of(verdict).words()
}

impl Outcome {
    pub(super) const HIT: Self = Self(0);
    const STALE: Self = Self(1);
    const HANDLER_FAILED: Self = Self(2);
    const HANDLER_SLOW: Self = Self(3);
    const HANDLER_BACKING_OFF: Self = Self(4);
    const URI_MISS: Self = Self(5);
    const VARY_MISS: Self = Self(6);
    const REQUEST_DIRECTIVE: Self = Self(7);
    const STALE_MISS: Self = Self(8);
    const OVERLOADED: Self = Self(9);

    pub(super) const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Hit { .. } => Self::HIT,
            Verdict::Stale { .. } => Self::STALE,
            Verdict::StaleFallback { cause, .. } => match cause {
                StaleCause::Failed(_) => Self::HANDLER_FAILED,
                StaleCause::Slow => Self::HANDLER_SLOW,
                StaleCause::BackingOff => Self::HANDLER_BACKING_OFF,
                StaleCause::Overloaded => Self::OVERLOADED,
            },
            Verdict::Forwarded { why, .. } => match why {
                Forwarding::UriMiss => Self::URI_MISS,
                Forwarding::VaryMiss => Self::VARY_MISS,
                Forwarding::Request => Self::REQUEST_DIRECTIVE,
                Forwarding::Stale => Self::STALE_MISS,
                Forwarding::Miss(why) => Self::missed(*why),
                Forwarding::Bypass(why) => Self(OTHERS + REASONS + *why as usize),
                Forwarding::Method => Self(OTHERS + REASONS + Reason::Method as usize),
            },
            Verdict::Refused(why) => Self::missed(*why),
        }
    }

    const fn missed(why: Reason) -> Self {
        Self(OTHERS + why as usize)
    }

    /// The kind of verdict, and the reason in one word; empty for a fresh hit.
    pub(super) fn words(self) -> (VerdictKind, &'static str) {
        let reason = |number: usize| Reason::ALL.get(number).map_or("", |why| why.as_str());
        match self {
            Self::HIT => (VerdictKind::Hit, ""),
            Self::STALE => (VerdictKind::Stale, "revalidated"),
            Self::HANDLER_FAILED => (VerdictKind::Stale, StaleCause::Failed(None).as_str()),
            Self::HANDLER_SLOW => (VerdictKind::Stale, StaleCause::Slow.as_str()),
            Self::HANDLER_BACKING_OFF => (VerdictKind::Stale, StaleCause::BackingOff.as_str()),
            Self::OVERLOADED => (VerdictKind::Stale, StaleCause::Overloaded.as_str()),
            Self::URI_MISS => (VerdictKind::Miss, "uri-miss"),
            Self::VARY_MISS => (VerdictKind::Miss, "vary-miss"),
            Self::REQUEST_DIRECTIVE => (VerdictKind::Miss, Reason::RequestDirective.as_str()),
            Self::STALE_MISS => (VerdictKind::Miss, Reason::Stale.as_str()),
            Self(number) if number < OTHERS + REASONS => {
                (VerdictKind::Miss, reason(number - OTHERS))
            }
            Self(number) => (VerdictKind::Bypass, reason(number - OTHERS - REASONS)),
        }
    }

    /// Whether a stale response was served instead of the handler's.
    pub(super) fn is_fallback(self) -> bool {
        let fallbacks = [Self::HANDLER_FAILED, Self::HANDLER_SLOW, Self::HANDLER_BACKING_OFF];
        fallbacks.contains(&self) || self == Self::OVERLOADED
    }

    pub(super) fn is_slow(self) -> bool {
        self == Self::HANDLER_SLOW
    }

    pub(super) fn is_backing_off(self) -> bool {
        self == Self::HANDLER_BACKING_OFF
    }

    /// The reason of a bypass.
    pub(super) fn bypass_reason(self) -> Option<Reason> {
        Reason::ALL.get(self.0.checked_sub(OTHERS + REASONS)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::semantics::lifetime_source::LifetimeSource;

    #[test]
    fn every_verdict_has_an_outcome_with_its_words() {
        let past = Duration::ZERO;
        let fallback = |cause| Verdict::StaleFallback { past, cause };
        for (verdict, reason) in [
            (Verdict::Hit { left: past }, ""),
            (Verdict::Stale { past }, "revalidated"),
            (fallback(StaleCause::Failed(Some(502))), "handler-failed"),
            (fallback(StaleCause::Slow), "handler-slow"),
            (fallback(StaleCause::BackingOff), "handler-left-alone"),
            (fallback(StaleCause::Overloaded), "overloaded"),
            (Verdict::Refused(Reason::Overloaded), "overloaded"),
            (Verdict::missed(Forwarding::UriMiss, Ok(LifetimeSource::default())), "uri-miss"),
            (Verdict::missed(Forwarding::VaryMiss, Ok(LifetimeSource::default())), "vary-miss"),
            (
                Verdict::missed(Forwarding::Request, Ok(LifetimeSource::default())),
                "request-directive",
            ),
            (Verdict::missed(Forwarding::Stale, Ok(LifetimeSource::default())), "stale"),
            (
                Verdict::missed(Forwarding::Miss(Reason::NoCache), Ok(LifetimeSource::default())),
                "no-cache",
            ),
            (Verdict::Refused(Reason::OnlyIfCached), "only-if-cached"),
            (Verdict::bypassed(Reason::Method), "method"),
        ] {
            let words = Outcome::of(&verdict).words();
            assert_eq!(words, (VerdictKind::of(&verdict), reason), "{verdict:?}");
        }
        for why in Reason::ALL {
            let outcome = Outcome::of(&Verdict::bypassed(*why));
            assert_eq!(outcome.words(), (VerdictKind::Bypass, why.as_str()));
            assert_eq!(outcome.bypass_reason(), Some(*why));
            assert!(outcome.0 < OUTCOMES);
        }
    }
}

//! `Declared`: what a handler says of the reuse of its response beside its headers. It goes before them.

use std::{num::NonZeroU16, time::Duration};

use super::{date::MAX_DELTA, lifetime_source::LifetimeSource, reason::Reason, terms::Terms};

/// What a handler declares of its response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    /// The freshness lifetime, and what says it.
    pub ttl: Option<(Duration, LifetimeSource)>,
    /// How long past its lifetime the response may be served while it is being revalidated (RFC 5861 s.3).
    pub while_revalidate: Option<Duration>,
    /// How long past its lifetime the response may be served when the handler fails (RFC 5861 s.4).
    pub if_error: Option<Duration>,
    /// Whether the response is declared cacheable, whatever else is declared.
    pub cacheable: bool,
    /// The number of the named policy.
    pub policy: Option<NonZeroU16>,
}

impl Declared {
    /// What was declared of a stored response that is being renewed. The handler that confirms it may not
    /// say it again: it often ends before it comes to that.
    ///
    /// A soft purge has cut the declared lifetime short, and how long it was is not known any more. Unless
    /// the handler says it again, the response is then not stored, and the next one brings it.
    pub(crate) fn from_terms(terms: &Terms) -> Self {
        let is_declared =
            matches!(terms.lifetime_from, LifetimeSource::Hint | LifetimeSource::Policy);
        if !is_declared {
            return Self { policy: terms.policy, ..Self::default() };
        }
        let lifetime = if terms.soft_purged { Duration::ZERO } else { terms.lifetime };
        Self {
            ttl: Some((lifetime, terms.lifetime_from)),
            while_revalidate: Some(terms.while_revalidate),
            if_error: Some(terms.if_error),
            cacheable: true,
            policy: terms.policy,
        }
    }

    /// The same, and where it says nothing what `before` said.
    pub(crate) fn or(self, before: Self) -> Self {
        Self {
            ttl: self.ttl.or(before.ttl),
            while_revalidate: self.while_revalidate.or(before.while_revalidate),
            if_error: self.if_error.or(before.if_error),
            cacheable: self.cacheable || before.cacheable,
            policy: self.policy.or(before.policy),
        }
    }

    /// The terms of a response of which this was declared only after its head. An error where it is not to be
    /// stored.
    pub(crate) fn amend(&self, terms: Terms) -> Result<Terms, Reason> {
        let (lifetime, lifetime_from) = self.ttl.unwrap_or((terms.lifetime, terms.lifetime_from));
        if self.ttl.is_some() && lifetime.is_zero() {
            return Err(Reason::NoLifetime);
        }
        Ok(Terms {
            lifetime: lifetime.min(MAX_DELTA),
            lifetime_from,
            policy: self.policy.or(terms.policy),
            while_revalidate: self
                .while_revalidate
                .unwrap_or(terms.while_revalidate)
                .min(MAX_DELTA),
            if_error: self.if_error.unwrap_or(terms.if_error).min(MAX_DELTA),
            no_cache: terms.no_cache && self.ttl.is_none(),
            must_revalidate: terms.must_revalidate && !self.allows_stale(),
            ..terms
        })
    }

    /// Whether a stale response may be served for some time, whatever the headers say.
    pub(super) fn allows_stale(&self) -> bool {
        [self.while_revalidate, self.if_error].into_iter().flatten().any(|window| !window.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);

    fn said(ttl: Duration) -> Declared {
        Declared { ttl: Some((ttl, LifetimeSource::Hint)), ..Declared::default() }
    }

    fn number(number: u16) -> Option<NonZeroU16> {
        NonZeroU16::new(number)
    }

    #[test]
    fn renewed_response_keeps_what_was_declared_of_it() {
        let terms = Terms {
            lifetime: MINUTE,
            lifetime_from: LifetimeSource::Policy,
            while_revalidate: HOUR,
            if_error: MINUTE,
            policy: number(3),
            ..Terms::default()
        };
        let expected = Declared {
            ttl: Some((MINUTE, LifetimeSource::Policy)),
            while_revalidate: Some(HOUR),
            if_error: Some(MINUTE),
            cacheable: true,
            policy: number(3),
        };
        assert_eq!(Declared::from_terms(&terms), expected);
        let cut_short = Terms { soft_purged: true, ..terms };
        let ttl = Some((Duration::ZERO, LifetimeSource::Policy));
        assert_eq!(Declared::from_terms(&cut_short), Declared { ttl, ..expected });
        let by_header = Terms { lifetime_from: LifetimeSource::Ttl, ..terms };
        let policy_alone = Declared { policy: number(3), ..Declared::default() };
        assert_eq!(Declared::from_terms(&by_header), policy_alone);
    }

    #[test]
    fn later_declaration_overrides_only_what_it_says() {
        let before = Declared {
            while_revalidate: Some(HOUR),
            cacheable: true,
            policy: number(1),
            ..said(MINUTE)
        };
        let now = Declared { if_error: Some(MINUTE), policy: number(2), ..said(HOUR) };
        let both = Declared { while_revalidate: Some(HOUR), cacheable: true, ..now };
        assert_eq!(now.or(before), both);
        assert_eq!(Declared::default().or(before), before);
        assert_eq!(before.or(Declared::default()), before);
        assert!(!Declared::default().or(now).cacheable);
    }

    #[test]
    fn declared_terms_override_those_of_headers() {
        let headers = Terms {
            lifetime: HOUR,
            lifetime_from: LifetimeSource::Ttl,
            while_revalidate: MINUTE,
            if_error: MINUTE,
            no_cache: true,
            must_revalidate: true,
            policy: number(1),
            ..Terms::default()
        };
        assert_eq!(Declared::default().amend(headers), Ok(headers));
        let declared = Declared {
            while_revalidate: Some(HOUR),
            if_error: Some(HOUR),
            policy: number(2),
            ..said(MINUTE)
        };
        let amended = Terms {
            lifetime: MINUTE,
            lifetime_from: LifetimeSource::Hint,
            while_revalidate: HOUR,
            if_error: HOUR,
            no_cache: false,
            must_revalidate: false,
            policy: number(2),
            ..headers
        };
        assert_eq!(declared.amend(headers), Ok(amended));
        let relaxed = Terms { no_cache: false, must_revalidate: false, ..headers };
        assert_eq!(
            said(MINUTE).amend(relaxed).map(|terms| (terms.no_cache, terms.must_revalidate)),
            Ok((false, false))
        );
        // a lifetime alone permits nothing stale
        assert_eq!(
            said(MINUTE).amend(headers).map(|terms| (terms.no_cache, terms.must_revalidate)),
            Ok((false, true))
        );
    }

    #[test]
    fn declared_spans_are_no_longer_than_headers_can_say() {
        let forever = Some(Duration::MAX);
        let declared =
            Declared { while_revalidate: forever, if_error: forever, ..said(Duration::MAX) };
        let terms = declared.amend(Terms::default()).unwrap();
        assert_eq!([terms.lifetime, terms.while_revalidate, terms.if_error], [MAX_DELTA; 3]);
    }

    #[test]
    fn no_lifetime_declared_is_not_to_be_stored() {
        let headers = Terms { lifetime: HOUR, ..Terms::default() };
        assert_eq!(said(Duration::ZERO).amend(headers), Err(Reason::NoLifetime));
        // what the headers say has been judged before
        assert!(Declared::default().amend(Terms { lifetime: Duration::ZERO, ..headers }).is_ok());
    }

    #[test]
    fn window_above_zero_allows_stale_responses() {
        let windows =
            |while_revalidate, if_error| Declared { while_revalidate, if_error, ..said(MINUTE) };
        assert!(windows(Some(MINUTE), None).allows_stale());
        assert!(windows(Some(Duration::ZERO), Some(MINUTE)).allows_stale());
        assert!(!windows(Some(Duration::ZERO), Some(Duration::ZERO)).allows_stale());
        assert!(!windows(None, None).allows_stale());
    }
}

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

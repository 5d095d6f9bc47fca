//! The one decision: how a stored response may answer a request (RFC 9111 s.4, s.5.2.1).

use std::time::Duration;

use super::{
    cache_control::{Directives, Flag},
    date::Moment,
    fields::{Fields, RequestView},
    freshness::current_age,
    names::{CACHE_CONTROL, PRAGMA},
    policy::Policy,
    storing::{UncoveredCredentials, may_answer},
    terms::Terms,
    verdict::Reason,
};

/// How a stored response may be used for a request.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As it is.
    Fresh {
        /// Its age (RFC 9111 s.4.2.3).
        age: Duration,
        /// The lifetime that remains; never zero.
        left: Duration,
    },
    /// As it is, though stale, while it is being validated behind the answer (RFC 5861 s.3).
    WhileRevalidate {
        /// Its age.
        age: Duration,
    },
    /// As it is, though stale: the client accepts that (`max-stale`, RFC 9111 s.5.2.1.2).
    MaxStale {
        /// Its age.
        age: Duration,
    },
    /// After the handler has confirmed it (RFC 9111 s.4.3).
    Validate {
        /// Why it is not used as it is.
        why: Reason,
        /// Its age.
        age: Duration,
        /// Whether it may be used when the handler fails (RFC 5861 s.4).
        if_error: bool,
    },
    /// Not for this request.
    Unusable(Reason),
}

/// How the response stored under `terms` may answer `req` at the time `now` (RFC 9111 s.4).
///
/// The stored response's URL, method and selecting fields are the caller's to compare, and so is
/// [`only_if_cached`], which is obeyed even where the request's other directives are not.
pub(crate) fn reuse<Q: Fields + ?Sized>(
    req: &RequestView<'_, Q>,
    terms: &Terms,
    uncovered: UncoveredCredentials,
    now: Moment,
    policy: &Policy,
) -> Reuse {
    if let Err(why) = may_answer(terms, uncovered) {
        return Reuse::Unusable(why);
    }
    let age = current_age(terms, now);
    match directives(req.fields, policy) {
        None => by_response_only(terms, age),
        Some(directives) => by_request_directives(&directives, terms, age),
    }
}

/// Whether the request wants an answer from the cache or none (`only-if-cached`, RFC 9111
/// s.5.2.1.7).
pub(crate) fn only_if_cached<Q: Fields + ?Sized>(fields: &Q) -> bool {
    fields.has(&CACHE_CONTROL) && Directives::parse(fields, &CACHE_CONTROL).says(Flag::OnlyIfCached)
}

/// The request's directives, where there are any and they are obeyed. `Pragma: no-cache` counts
/// where there is no `Cache-Control` (RFC 9111 s.5.4).
fn directives<Q: Fields + ?Sized>(fields: &Q, policy: &Policy) -> Option<Directives> {
    if !policy.request_directives {
        return None;
    }
    [&CACHE_CONTROL, &PRAGMA]
        .into_iter()
        .find(|name| fields.has(name))
        .map(|name| Directives::parse(fields, name))
}

fn by_response_only(terms: &Terms, age: Duration) -> Reuse {
    if terms.no_cache {
        return Reuse::Validate { why: Reason::NoCache, age, if_error: false };
    }
    // s.4.2: fresh while the lifetime is greater than the age, not while it is equal
    match terms.lifetime.checked_sub(age) {
        Some(left) if !left.is_zero() && !terms.soft_purged => Reuse::Fresh { age, left },
        _ if past(terms, age) < terms.while_revalidate => Reuse::WhileRevalidate { age },
        _ => {
            Reuse::Validate { why: Reason::Stale, age, if_error: past(terms, age) < terms.if_error }
        }
    }
}

fn by_request_directives(directives: &Directives, terms: &Terms, age: Duration) -> Reuse {
    if directives.says(Flag::NoCache) {
        // s.5.2.1.4: not without successful validation, and so not when that fails either
        return Reuse::Validate { why: Reason::RequestDirective, age, if_error: false };
    }
    let refused = too_old(directives, terms, age) || not_fresh_for(directives, terms, age);
    let accepts_stale = !refused && accepts_stale(directives, terms, age);
    // s.5.2.1.1: who says max-age, and not max-stale, wants nothing stale
    let indifferent = !refused && directives.max_age.is_none();
    match by_response_only(terms, age) {
        Reuse::Fresh { .. } if refused => Reuse::Validate {
            why: Reason::RequestDirective,
            age,
            if_error: Duration::ZERO < terms.if_error,
        },
        Reuse::WhileRevalidate { age } if accepts_stale || indifferent => {
            Reuse::WhileRevalidate { age }
        }
        Reuse::Validate { why: Reason::Stale, .. } if accepts_stale => Reuse::MaxStale { age },
        Reuse::WhileRevalidate { .. } | Reuse::Validate { why: Reason::Stale, .. } => {
            validate_stale(directives, terms, age)
        }
        other => other,
    }
}

fn validate_stale(directives: &Directives, terms: &Terms, age: Duration) -> Reuse {
    // RFC 5861 s.4: a request may say stale-if-error for itself
    let asked = directives.stale_if_error.filter(|_| may_be_stale(terms)).unwrap_or_default();
    let if_error = past(terms, age) < terms.if_error.max(asked);
    Reuse::Validate { why: Reason::Stale, age, if_error }
}

/// `max-age` (RFC 9111 s.5.2.1.1), of which a reload's zero leaves an immutable response alone
/// while it is fresh (RFC 8246 s.2).
fn too_old(directives: &Directives, terms: &Terms, age: Duration) -> bool {
    directives.max_age.is_some_and(|limit| {
        let reload = limit.is_zero();
        let spared = reload && terms.immutable && age < terms.lifetime && !terms.soft_purged;
        // an age of no milliseconds is too much for zero seconds
        (age > limit || reload) && !spared
    })
}

/// `min-fresh` (RFC 9111 s.5.2.1.3).
fn not_fresh_for(directives: &Directives, terms: &Terms, age: Duration) -> bool {
    directives.min_fresh.is_some_and(|least| terms.lifetime < age.saturating_add(least))
}

/// `max-stale` (RFC 9111 s.5.2.1.2), unless the response forbids it (s.4.2.4).
fn accepts_stale(directives: &Directives, terms: &Terms, age: Duration) -> bool {
    may_be_stale(terms) && directives.max_stale.is_some_and(|limit| past(terms, age) <= limit)
}

/// Whether no directive forbids to serve it stale (RFC 9111 s.4.2.4).
fn may_be_stale(terms: &Terms) -> bool {
    !terms.no_cache && !terms.must_revalidate
}

/// For how long it has been stale.
fn past(terms: &Terms, age: Duration) -> Duration {
    age.saturating_sub(terms.lifetime)
}

#[cfg(test)]
mod tests;

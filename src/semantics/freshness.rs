//! How long a response is fresh (RFC 9111 s.4.2.1, s.4.2.2) and how old it is (s.4.2.3).

use std::time::Duration;

use super::{
    cache_control::delta_seconds,
    date::{MAX_DELTA, Moment, Timestamp},
    fields::Fields,
    lifetime_source::LifetimeSource,
    names::{AGE, DATE, EXPIRES, LAST_MODIFIED},
    targeted::Governing,
    terms::Terms,
};

/// The longest heuristic lifetime: one guesses, so one asks again after a day.
const MAX_HEURISTIC: Duration = Duration::from_secs(24 * 3600);

/// When a response was received and how long that took, by this cache's clocks (RFC 9111 s.4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// `response_time`: when the handler had answered.
    pub received: Moment,
    /// `response_delay`: how long it took. Measured, as the difference of two dates is wrong where the
    /// wall clock was set in between.
    pub response_delay: Duration,
}

/// The lifetime that a response states: by a targeted field or `Cache-Control`, there `s-maxage`
/// before `max-age`, or by `Expires` (RFC 9111 s.4.2.1), and which of them it is.
pub(super) fn stated_lifetime<F: Fields + ?Sized>(
    fields: &F,
    governing: &Governing,
    received: Timestamp,
) -> Option<(Duration, LifetimeSource)> {
    let directives = &governing.directives;
    if governing.targeted {
        // RFC 9213 s.2.2: a targeted field puts Expires out of force too
        let lifetime = directives.s_maxage.or(directives.max_age)?;
        return Some((lifetime, LifetimeSource::Targeted));
    }
    let s_maxage = directives.s_maxage.map(|span| (span, LifetimeSource::SMaxage));
    s_maxage
        .or_else(|| Some((directives.max_age?, LifetimeSource::MaxAge)))
        .or_else(|| Some((expires(fields, received)?, LifetimeSource::Expires)))
}

/// `Expires` minus `Date`; zero where it is no date or stated twice (RFC 9111 s.4.2.1, s.5.3).
fn expires<F: Fields + ?Sized>(fields: &F, received: Timestamp) -> Option<Duration> {
    let mut lines = fields.all(&EXPIRES);
    let first = lines.next()?;
    if lines.any(|line| line != first) {
        return Some(Duration::ZERO);
    }
    let expires = Timestamp::from_http_date(first);
    let lifetime = expires.map_or(Duration::ZERO, |at| at.since(date(fields, received)));
    Some(lifetime.min(MAX_DELTA))
}

/// The time of origination: `Date`, or where that is absent or no date, when the response was
/// received (RFC 9110 s.6.6.1).
pub(super) fn date<F: Fields + ?Sized>(fields: &F, received: Timestamp) -> Timestamp {
    fields.first(&DATE).and_then(Timestamp::from_http_date).unwrap_or(received)
}

/// A tenth of the time that the response had not been modified for (RFC 9111 s.4.2.2).
pub(super) fn heuristic_lifetime<F: Fields + ?Sized>(
    fields: &F,
    received: Timestamp,
) -> Option<Duration> {
    let modified = Timestamp::from_http_date(fields.first(&LAST_MODIFIED)?)?;
    Some((date(fields, received).since(modified) / 10).min(MAX_HEURISTIC))
}

/// `corrected_initial_age` of RFC 9111 s.4.2.3.
pub(super) fn initial_age<F: Fields + ?Sized>(fields: &F, exchange: Exchange) -> Duration {
    let received = exchange.received.date;
    // `Date` has no fraction of a second, so what exceeds whole seconds says nothing
    let apparent = Duration::from_secs(received.since(date(fields, received)).as_secs());
    let corrected = stated_age(fields).saturating_add(exchange.response_delay);
    apparent.max(corrected).min(MAX_DELTA)
}

/// `age_value`: of a list the first member counts, and what is no number is ignored
/// (RFC 9111 s.5.1).
fn stated_age<F: Fields + ?Sized>(fields: &F) -> Duration {
    let first = fields.first(&AGE).and_then(|line| line.split(|b| *b == b',').next());
    first
        .and_then(|member| delta_seconds(member.trim_ascii().iter().copied()))
        .unwrap_or(Duration::ZERO)
}

/// How old a stored response is (RFC 9111 s.4.2.3).
///
/// Of what this process has received the monotonic clock knows the `resident_time`. The wall clock can
/// only make it older: it goes on while the host sleeps. Where it was set forward, the age is wrong by
/// as much, and too old is the safe side.
///
/// Of anything else only the date of its receipt is known. Where that lies ahead, for the clock has been
/// set back or another host's is fast, the distance counts, for the same reason.
pub(crate) fn current_age(terms: &Terms, now: Moment) -> Duration {
    let (then, today) = (terms.response_time, now.date);
    let resident = match terms.received {
        Some(received) => today.since(then).max(now.monotonic.since(received)),
        None => today.since(then).max(then.since(today)),
    };
    terms.initial_age.saturating_add(resident).min(MAX_DELTA)
}

#[cfg(test)]
mod tests;

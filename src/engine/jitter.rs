//! Jitter, as functions of a random number: how early a response is refreshed, and by how much its
//! lifetime is shortened. Without it, responses that were stored together expire together.

use std::time::Duration;

use crate::semantics::terms::Terms;

/// Whether a response that is fresh for another `left` is refreshed now (`XFetch`: Vattani,
/// Chierichetti and Lowenstein, 2015). `took` is how long the handler took for it, `random` a number
/// from 0 to 1.
pub(crate) fn is_early_refresh_due(
    left: Duration,
    took: Duration,
    factor: f64,
    random: f64,
) -> bool {
    // the logarithm is that of a number above zero
    let ahead = took.as_secs_f64() * factor * -(1.0 - random.clamp(0.0, 0.999_999)).ln();
    ahead >= left.as_secs_f64()
}

/// Shortens the lifetime by `random` times `part` of what is left of it.
pub(crate) fn shorten_lifetime(terms: &mut Terms, part: f64, random: f64) {
    let left = terms.lifetime.saturating_sub(terms.initial_age);
    let part = (part * random).clamp(0.0, 1.0);
    terms.lifetime = terms.lifetime.saturating_sub(left.mul_f64(part));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn slow_handler_is_asked_early_and_an_expired_response_is_always_due() {
        assert!(is_early_refresh_due(Duration::ZERO, Duration::ZERO, 1.0, 0.0));
        assert!(
            !is_early_refresh_due(SECOND, Duration::ZERO, 1.0, 1.0),
            "what takes no time needs none"
        );
        // half of all requests, ln 2 of the handler's time before the end
        assert!(is_early_refresh_due(SECOND * 69 / 100, SECOND, 1.0, 0.5));
        assert!(!is_early_refresh_due(SECOND * 70 / 100, SECOND, 1.0, 0.5));
        assert!(is_early_refresh_due(SECOND * 138 / 100, SECOND, 2.0, 0.5), "twice as early");
        assert!(!is_early_refresh_due(SECOND * 20, SECOND, 1.0, 1.0), "and never by hours");
    }

    #[test]
    fn fewer_requests_refresh_the_longer_the_response_is_fresh() {
        let share = |left: u32| {
            (0..1000)
                .filter(|n| {
                    is_early_refresh_due(SECOND * left, SECOND, 1.0, f64::from(*n) / 1000.0)
                })
                .count()
        };
        let shares = [0, 1, 2, 4].map(share);
        assert!(shares.is_sorted_by(|a, b| a > b), "{shares:?}");
        assert_eq!(shares[0], 1000);
    }

    #[test]
    fn lifetime_is_shortened_by_at_most_the_given_part() {
        let shortened = |part, chance| {
            let lifetime = SECOND * 110;
            let mut terms = Terms { lifetime, initial_age: SECOND * 10, ..Terms::default() };
            shorten_lifetime(&mut terms, part, chance);
            terms.lifetime
        };
        assert_eq!(shortened(0.2, 0.0), SECOND * 110);
        assert_eq!(shortened(0.2, 0.5), SECOND * 100);
        assert_eq!(shortened(1.0, 1.0), SECOND * 10, "then it is as old as it may be");
    }
}

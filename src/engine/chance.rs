//! What is left to chance, as functions of a random number: how early a response is refreshed, and
//! by how much its lifetime is shortened.

use std::time::Duration;

use crate::semantics::terms::Terms;

/// Whether a response that is fresh for another `left` is refreshed now (`XFetch`: Vattani,
/// Chierichetti and Lowenstein, 2015). `took` is how long the handler took for it, `chance` a number
/// from 0 to 1.
pub(crate) fn is_due(left: Duration, took: Duration, factor: f64, chance: f64) -> bool {
    // the logarithm is that of a number above zero
    let ahead = took.as_secs_f64() * factor * -(1.0 - chance.clamp(0.0, 0.999_999)).ln();
    ahead >= left.as_secs_f64()
}

/// Shortens the lifetime by `chance` times `part` of what is left of it.
pub(crate) fn jitter(terms: &mut Terms, part: f64, chance: f64) {
    let left = terms.lifetime.saturating_sub(terms.initial_age);
    let part = (part * chance).clamp(0.0, 1.0);
    terms.lifetime = terms.lifetime.saturating_sub(left.mul_f64(part));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_takes_long_is_refreshed_early_and_what_is_expired_always() {
        assert!(is_due(Duration::ZERO, Duration::ZERO, 1.0, 0.0));
        assert!(!is_due(SECOND, Duration::ZERO, 1.0, 1.0), "what takes no time needs none");
        // half of all requests, ln 2 of the handler's time before the end
        assert!(is_due(SECOND * 69 / 100, SECOND, 1.0, 0.5));
        assert!(!is_due(SECOND * 70 / 100, SECOND, 1.0, 0.5));
        assert!(is_due(SECOND * 138 / 100, SECOND, 2.0, 0.5), "twice as early");
        assert!(!is_due(SECOND * 20, SECOND, 1.0, 1.0), "and never by hours");
    }

    #[test]
    fn the_more_is_left_the_fewer_refresh() {
        let share = |left: u32| {
            (0..1000).filter(|n| is_due(SECOND * left, SECOND, 1.0, f64::from(*n) / 1000.0)).count()
        };
        let shares = [0, 1, 2, 4].map(share);
        assert!(shares.is_sorted_by(|a, b| a > b), "{shares:?}");
        assert_eq!(shares[0], 1000);
    }

    #[test]
    fn jitter_shortens_by_at_most_its_part() {
        let shortened = |part, chance| {
            let lifetime = SECOND * 110;
            let mut terms = Terms { lifetime, initial_age: SECOND * 10, ..Terms::default() };
            jitter(&mut terms, part, chance);
            terms.lifetime
        };
        assert_eq!(shortened(0.2, 0.0), SECOND * 110);
        assert_eq!(shortened(0.2, 0.5), SECOND * 100);
        assert_eq!(shortened(1.0, 1.0), SECOND * 10, "then it is as old as it may be");
    }
}

//! Tests of `clock`.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn set_by(clock: &Clock, millis: i64) {
    clock.set(Timestamp::from_millis(clock.now().as_millis() + millis));
}

#[test]
fn setting_the_date_moves_no_span_and_advancing_moves_both() {
    let clock = Clock::manual();
    let begun = clock.moment();
    clock.set(begun.date + HOUR);
    assert_eq!(clock.monotonic(), begun.monotonic);
    clock.advance(HOUR);
    let now = clock.moment();
    assert_eq!(now.date.since(begun.date), 2 * HOUR);
    assert_eq!(now.monotonic.since(begun.monotonic), HOUR);
}

#[test]
fn system_clock_agrees_with_itself_however_it_is_read() {
    let clock = Clock::system();
    for _ in 0..100 {
        let (before, quick, after) = (clock.moment(), clock.quick_moment(), clock.moment());
        assert!((before.monotonic..=after.monotonic).contains(&quick.monotonic));
        // the two clocks tick their milliseconds at different times
        assert!(before.date.since(quick.date) <= Duration::from_millis(1));
        assert!(quick.date.since(after.date) <= Duration::from_millis(1));
    }
}

#[test]
fn offset_is_assumed_for_a_second_and_read_again() {
    let steps = Steps::new();
    let (date, monotonic) = (Timestamp::from_secs(9000), Monotonic::from_millis(5000));
    assert_eq!(steps.assume(monotonic), None, "nothing has been read");
    steps.observe(Moment { date, monotonic });
    let later = Duration::from_millis(999);
    let expected = Moment { date: date + later, monotonic: monotonic + later };
    assert_eq!(steps.assume(monotonic + later), Some(expected));
    assert_eq!(steps.assume(monotonic + SAMPLE_EVERY), None);
}

#[test]
fn dates_from_before_a_step_back_are_unsure() {
    let clock = Clock::manual();
    let begun = clock.now();
    let is_unsure = |date| clock.is_unsure_of(date, clock.now());
    assert!(!is_unsure(begun));
    set_by(&clock, 3_600_000);
    assert!(!is_unsure(begun), "a step forward makes older, which is safe");
    set_by(&clock, -3_600_000);
    assert!(is_unsure(begun) && is_unsure(begun + HOUR));
    clock.advance(2 * HOUR);
    assert!(is_unsure(begun) && is_unsure(begun + HOUR), "once and for all");
    assert!(!is_unsure(clock.now()));
}

#[test]
fn a_correction_by_a_moment_is_no_step_and_a_date_ahead_by_one_is_sure() {
    let clock = Clock::manual();
    set_by(&clock, -1000);
    let is_unsure = |date| clock.is_unsure_of(date, clock.now());
    assert!(!is_unsure(clock.now()) && !is_unsure(clock.now() + CLOCK_SKEW));
    assert!(is_unsure(clock.now() + CLOCK_SKEW + Duration::from_millis(1)));
}

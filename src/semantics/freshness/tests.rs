//! Tables of lifetimes and ages.

use actix_web::http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::semantics::{
    date::Monotonic,
    fields::{HeaderList, lists::fields},
    targeted::governing,
};

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: Timestamp = Timestamp::from_secs(784_111_777);
static CDN: HeaderName = HeaderName::from_static("cdn-cache-control");

type Lines<'a> = &'a [(&'static str, &'static str)];

fn lifetime(lines: Lines<'_>) -> Option<u64> {
    let fields = fields(lines);
    let governing = governing(fields.as_slice(), std::slice::from_ref(&CDN));
    stated_lifetime(fields.as_slice(), &governing, NOW).map(|(lifetime, _)| lifetime.as_secs())
}

const DATE_NOW: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
const IN_A_MINUTE: (&str, &str) = ("expires", "Sun, 06 Nov 1994 08:50:37 GMT");

#[test]
fn precedence_of_lifetimes() {
    let table: &[(Lines<'_>, Option<u64>)] = &[
        (&[], None),
        (&[("cache-control", "max-age=5")], Some(5)),
        (&[("cache-control", "max-age=5, s-maxage=7")], Some(7)),
        (&[("cache-control", "s-maxage=7, max-age=5")], Some(7)),
        (&[("cache-control", "s-maxage=x, max-age=5")], Some(0)),
        (&[("cache-control", "max-age=5"), IN_A_MINUTE, DATE_NOW], Some(5)),
        (&[("cache-control", "max-age=0"), IN_A_MINUTE, DATE_NOW], Some(0)),
        (&[("cache-control", "public"), IN_A_MINUTE, DATE_NOW], Some(60)),
        // RFC 9213 s.2.2
        (&[("cdn-cache-control", "max-age=9"), ("cache-control", "s-maxage=7")], Some(9)),
        (&[("cdn-cache-control", "none"), ("cache-control", "s-maxage=7")], None),
        (&[("cdn-cache-control", "none"), IN_A_MINUTE, DATE_NOW], None),
        (&[("cdn-cache-control", "max-age=9,"), ("cache-control", "s-maxage=7")], Some(7)),
    ];
    for (lines, expected) in table {
        assert_eq!(lifetime(lines), *expected, "{lines:?}");
    }
}

#[test]
fn expires_counts_from_date() {
    let table: &[(Lines<'_>, u64)] = &[
        (&[IN_A_MINUTE, DATE_NOW], 60),
        // s.4.2.1: relative to the origin's clock
        (&[IN_A_MINUTE, ("date", "Sun, 06 Nov 1994 08:50:27 GMT")], 10),
        (&[IN_A_MINUTE, ("date", "Sun, 06 Nov 1994 08:50:37 GMT")], 0),
        (&[IN_A_MINUTE, ("date", "Sun, 06 Nov 1994 09:50:37 GMT")], 0),
        (&[IN_A_MINUTE], 60),
        (&[IN_A_MINUTE, ("date", "yesterday")], 60),
        // s.5.3: "especially including the value 0"
        (&[("expires", "0"), DATE_NOW], 0),
        (&[("expires", ""), DATE_NOW], 0),
        (&[("expires", "-1"), DATE_NOW], 0),
        (&[("expires", "Sun, 06 Nov 1960 08:50:37 GMT"), DATE_NOW], 0),
        (&[("expires", "Sun, 06 Nov 1994 08:50:37 EST"), DATE_NOW], 0),
        (&[("expires", "sUN, 06 nOV 1994 08:50:37 gmt"), DATE_NOW], 60),
        (&[("expires", "Sunday, 06-Nov-94 08:50:37 GMT"), DATE_NOW], 60),
        (&[("expires", "Fri, 31 Dec 9999 23:59:59 GMT"), DATE_NOW], 1 << 31),
        // s.4.2.1: more than one value
        (&[IN_A_MINUTE, IN_A_MINUTE, DATE_NOW], 60),
        (&[IN_A_MINUTE, ("expires", "0"), DATE_NOW], 0),
    ];
    for (lines, expected) in table {
        assert_eq!(lifetime(lines), Some(*expected), "{lines:?}");
    }
}

#[test]
fn heuristics_take_a_tenth() {
    let table: &[(Lines<'_>, Option<u64>)] = &[
        (&[DATE_NOW], None),
        (&[("last-modified", "never"), DATE_NOW], None),
        (&[("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT"), DATE_NOW], Some(10)),
        (&[("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT")], Some(10)),
        (&[("last-modified", "Sun, 06 Nov 1994 10:47:57 GMT"), DATE_NOW], Some(0)),
        (&[("last-modified", "Sun, 06 Nov 1983 08:47:57 GMT"), DATE_NOW], Some(86_400)),
    ];
    for (lines, expected) in table {
        let found = heuristic_lifetime(fields(lines).as_slice(), NOW);
        assert_eq!(found.map(|lifetime| lifetime.as_secs()), *expected, "{lines:?}");
    }
}

#[test]
fn age_as_it_comes() {
    let table: &[(Lines<'_>, u64)] = &[
        (&[], 2),
        (&[DATE_NOW], 2),
        (&[("age", "10")], 12),
        (&[("age", "10"), DATE_NOW], 12),
        (&[("age", "010")], 12),
        // apparent_age: the origin's clock says it is older
        (&[("age", "10"), ("date", "Sun, 06 Nov 1994 08:48:37 GMT")], 60),
        (&[("date", "Sun, 06 Nov 1994 09:48:37 GMT")], 2),
        // s.5.1: the first member; ignored where invalid
        (&[("age", "10, 3600")], 12),
        (&[("age", "10"), ("age", "3600")], 12),
        (&[("age", "3600"), ("age", "10")], 3602),
        (&[("age", "-1")], 2),
        (&[("age", "1.5")], 2),
        (&[("age", "abc")], 2),
        (&[("age", "abc, 3600")], 2),
        (&[("age", "10;a=b")], 2),
        (&[("age", "")], 2),
        // s.1.2.2
        (&[("age", "2147483648")], 1 << 31),
        (&[("age", "99999999999999999999")], 1 << 31),
    ];
    let exchange = Exchange { received: Moment::of(NOW), response_delay: Duration::from_secs(2) };
    for (lines, expected) in table {
        let age = initial_age(fields(lines).as_slice(), exchange);
        assert_eq!(age.as_secs(), *expected, "{lines:?}");
    }
}

#[test]
fn a_second_that_date_does_not_tell_is_no_age() {
    let received = Timestamp::from_millis(784_111_777_900);
    let exchange = Exchange { received: Moment::of(received), response_delay: Duration::ZERO };
    assert_eq!(initial_age(fields(&[DATE_NOW]).as_slice(), exchange), Duration::ZERO);
}

fn stored(response_time: Timestamp) -> Terms {
    Terms { response_time, initial_age: Duration::from_secs(5), ..Terms::default() }
}

/// So many seconds after [`NOW`] by the wall clock and by the monotonic one.
fn later(date: i64, monotonic: i64) -> Moment {
    let then = Moment::of(NOW);
    Moment {
        date: Timestamp::from_millis(then.date.as_millis() + date * 1000),
        monotonic: Monotonic::from_millis(then.monotonic.as_millis() + monotonic * 1000),
    }
}

#[test]
fn age_without_a_time_of_receipt_grows_with_the_wall_clock_and_against_it() {
    let terms = stored(NOW);
    for (date, age) in [(0, 5), (10, 15), (-10, 15), (1 << 40, 1 << 31)] {
        assert_eq!(current_age(&terms, later(date, 0)).as_secs(), age);
    }
    // before 1970, after 2106, and as far as a timestamp goes
    for millis in [i64::MIN, -1, 0, 4_300_000_000_000, i64::MAX] {
        let edge = Timestamp::from_millis(millis);
        assert!(current_age(&terms, Moment::of(edge)) <= MAX_DELTA);
        assert_eq!(current_age(&stored(edge), Moment::of(edge)).as_secs(), 5);
    }
}

#[test]
fn age_is_no_less_than_the_time_that_has_passed_since_receipt() {
    let terms = Terms { received: Some(Moment::of(NOW).monotonic), ..stored(NOW) };
    for (date, monotonic, age) in [
        (10, 10, 15),
        // set back: at once, and when it has come to where it was
        (-3600, 10, 15),
        (0, 3600, 3605),
        // set forward, or the host has slept
        (3600, 10, 3605),
        // a monotonic clock does not go back, whatever it says
        (10, -10, 15),
        (1 << 40, 1 << 40, 1 << 31),
    ] {
        let now = later(date, monotonic);
        assert_eq!(current_age(&terms, now).as_secs(), age, "{date} {monotonic}");
    }
    for edge in [i64::MIN, i64::MAX] {
        let received = Some(Monotonic::from_millis(edge));
        let terms = Terms { received, ..stored(Timestamp::from_millis(edge)) };
        assert!(current_age(&terms, later(0, 0)) <= MAX_DELTA);
    }
}

proptest! {
    #[test]
    fn any_bytes_give_bounded_times(
        values in prop::collection::vec((
            prop::sample::select(vec!["age", "date", "expires", "last-modified", "cache-control"]),
            prop::collection::vec(any::<u8>(), 0..40),
        ), 0..6),
        received: i64,
        delay: Duration,
    ) {
        let fields: HeaderList = values
            .into_iter()
            .filter_map(|(name, value)| {
                Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
            })
            .collect();
        let exchange = Exchange {
            received: Moment::of(Timestamp::from_millis(received)),
            response_delay: delay,
        };
        let governing = governing(fields.as_slice(), std::slice::from_ref(&CDN));
        let stated = stated_lifetime(fields.as_slice(), &governing, exchange.received.date);
        prop_assert!(stated.is_none_or(|(lifetime, _)| lifetime <= MAX_DELTA));
        prop_assert!(initial_age(fields.as_slice(), exchange) <= MAX_DELTA);
        let guess = heuristic_lifetime(fields.as_slice(), exchange.received.date);
        prop_assert!(guess.is_none_or(|lifetime| lifetime <= MAX_HEURISTIC));
    }
}

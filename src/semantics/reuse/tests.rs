//! Tables of stored terms, requests and times.

use actix_web::http::{
    Method,
    header::{HeaderName, HeaderValue},
};

use super::*;
use crate::semantics::{date::Timestamp, fields::HeaderList};

const NOW: Timestamp = Timestamp::from_secs(784_111_777);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Fresh for a minute, then to be served stale for another while validated, and for two more on
/// errors.
fn minute() -> Terms {
    Terms {
        response_time: NOW,
        lifetime: secs(60),
        while_revalidate: secs(60),
        if_error: secs(180),
        for_authorization: true,
        for_cookie: true,
        etag_is_made: false,
        is_negotiated: false,
        etag_may_be_weak: false,
        ..Terms::default()
    }
}

fn strict() -> Terms {
    Terms {
        must_revalidate: true,
        while_revalidate: Duration::ZERO,
        if_error: Duration::ZERO,
        ..minute()
    }
}

fn obeying() -> Policy {
    Policy { request_directives: true, ..Policy::default() }
}

fn at(age: i64, lines: &[(&'static str, &str)], terms: &Terms, policy: &Policy) -> Reuse {
    let fields: HeaderList = lines
        .iter()
        .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_str(v).unwrap()))
        .collect();
    let req = RequestView { method: &Method::GET, fields: fields.as_slice() };
    reuse(
        &req,
        terms,
        UncoveredCredentials::default(),
        Moment::of(NOW + secs(age.unsigned_abs())),
        policy,
    )
}

/// `F`resh, `W`hile revalidating, `M`ax-stale, `V`alidate, `E`: validate, or on an error as it is.
fn letter(reuse: Reuse) -> char {
    match reuse {
        Reuse::Fresh { .. } => 'F',
        Reuse::WhileRevalidate { .. } => 'W',
        Reuse::MaxStale { .. } => 'M',
        Reuse::Validate { if_error: false, .. } => 'V',
        Reuse::Validate { if_error: true, .. } => 'E',
        Reuse::Unusable(_) => 'U',
    }
}

#[test]
fn what_a_soft_purge_ended_is_not_fresh_on_a_clock_that_is_behind() {
    for (age, expected) in [(19, 'W'), (20, 'W'), (79, 'W'), (80, 'E'), (199, 'E'), (200, 'V')] {
        let soft_purged = minute().stale_since(NOW + secs(20));
        assert_eq!(letter(at(age, &[], &soft_purged, &Policy::default())), expected, "{age}");
    }
    let immutable = Terms { immutable: true, ..minute() };
    let reload = [("cache-control", "max-age=0")];
    assert_eq!(letter(at(1, &reload, &immutable, &obeying())), 'F');
    let soft_purged = immutable.stale_since(NOW + secs(20));
    assert_eq!(letter(at(1, &reload, &soft_purged, &obeying())), 'E');
}

#[test]
fn by_age_alone() {
    let no_cache = Terms { no_cache: true, ..strict() };
    // s.4.2: response_is_fresh = freshness_lifetime > current_age
    for (age, lax, must_revalidate) in [
        (0, 'F', 'F'),
        (59, 'F', 'F'),
        (60, 'W', 'V'),
        (119, 'W', 'V'),
        (120, 'E', 'V'),
        (239, 'E', 'V'),
        (240, 'V', 'V'),
        (1 << 40, 'V', 'V'),
    ] {
        assert_eq!(letter(at(age, &[], &minute(), &Policy::default())), lax, "{age}");
        assert_eq!(letter(at(age, &[], &strict(), &Policy::default())), must_revalidate, "{age}");
        assert_eq!(letter(at(age, &[], &no_cache, &Policy::default())), 'V', "{age}");
    }
    assert_eq!(
        at(59, &[], &minute(), &Policy::default()),
        Reuse::Fresh { age: secs(59), left: secs(1) }
    );
    let aged = Terms { initial_age: secs(60), ..minute() };
    assert_eq!(letter(at(0, &[], &aged, &Policy::default())), 'W');
}

#[test]
fn requests_that_are_obeyed() {
    let immutable = Terms { immutable: true, ..minute() };
    // age, directives, what the lax, the strict and the immutable response are good for
    let table = [
        (0, "", "FFF"),
        (0, "no-cache", "VVV"),
        (10, "NO-CACHE", "VVV"),
        (10, "no-store", "FFF"), // s.5.2.1.5: not about what is stored already
        (10, "max-age=10", "FFF"), // s.5.2.1.1: less than or equal
        (11, "max-age=10", "EVE"),
        (0, "max-age=0", "EVF"), // a reload; RFC 8246 s.2
        (59, "max-age=0", "EVF"),
        (60, "max-age=0", "EVE"),
        (0, "max-age=x", "EVF"),
        (60, "max-age=100", "EVE"), // nothing stale without max-stale
        (60, "max-age=100, max-stale", "WVW"),
        (60, "max-age=0, max-stale=10", "EVE"), // not fresh any more, so immutable spares nothing
        (100, "no-transform", "WVW"),           // says nothing of what is stale
        (100, "min-fresh=5", "EVE"),
        (50, "min-fresh=10", "FFF"), // s.5.2.1.3
        (51, "min-fresh=10", "EVE"),
        (0, "min-fresh=x", "EVE"),
        (119, "max-stale=59", "WVW"),
        (130, "max-stale=70", "MVM"), // s.5.2.1.2
        (131, "max-stale=70", "EVE"),
        (9999, "max-stale", "MVM"), // s.4.2.4: unless must-revalidate
        (9999, "max-stale=x", "VVV"),
        (9999, "max-stale, max-age=5", "VVV"),
        (9999, "max-stale, min-fresh=5", "VVV"),
        (300, "stale-if-error=500", "EVE"), // RFC 5861 s.4
        (300, "stale-if-error=100", "VVV"),
    ];
    for (age, control, expected) in table {
        let lines = [("cache-control", control)];
        let found: String = [minute(), strict(), immutable]
            .map(|terms| letter(at(age, &lines, &terms, &obeying())))
            .iter()
            .collect();
        assert_eq!(found, expected, "{age} {control}");
        // and with the default policy as if they were not there
        let plain = at(age, &[], &minute(), &Policy::default());
        assert_eq!(at(age, &lines, &minute(), &Policy::default()), plain, "{age} {control}");
    }
}

#[test]
fn pragma_counts_where_nothing_newer_is_said() {
    let pragma = ("pragma", "no-cache");
    assert_eq!(letter(at(0, &[pragma], &minute(), &obeying())), 'V');
    assert_eq!(
        letter(at(0, &[pragma, ("cache-control", "max-age=9")], &minute(), &obeying())),
        'F'
    );
    assert_eq!(letter(at(0, &[("pragma", "other")], &minute(), &obeying())), 'F');
    assert_eq!(letter(at(0, &[pragma], &minute(), &Policy::default())), 'F');
}

#[test]
fn reasons() {
    let why = |reuse| match reuse {
        Reuse::Validate { why, .. } | Reuse::Unusable(why) => Some(why),
        _ => None,
    };
    let no_cache = Terms { no_cache: true, ..strict() };
    let asked = [("cache-control", "max-age=0")];
    assert_eq!(why(at(0, &asked, &minute(), &obeying())), Some(Reason::RequestDirective));
    assert_eq!(why(at(60, &asked, &minute(), &obeying())), Some(Reason::Stale));
    assert_eq!(why(at(60, &[], &strict(), &obeying())), Some(Reason::Stale));
    assert_eq!(why(at(0, &[], &no_cache, &obeying())), Some(Reason::NoCache));
}

#[test]
fn credentials_outside_of_the_key() {
    let req = RequestView { method: &Method::GET, fields: [].as_slice() };
    let closed = Terms { for_authorization: false, for_cookie: false, ..minute() };
    let with = |authorization, cookie| UncoveredCredentials { authorization, cookie, other: false };
    for (uncovered, expected) in [
        (with(true, false), Some(Reason::Authorization)),
        (with(false, true), Some(Reason::Cookie)),
        (with(true, true), Some(Reason::Authorization)),
        (with(false, false), None),
    ] {
        let found = reuse(&req, &closed, uncovered, Moment::of(NOW), &obeying());
        assert_eq!(found == Reuse::Unusable(expected.unwrap_or(Reason::Stale)), expected.is_some());
        assert_eq!(letter(reuse(&req, &minute(), uncovered, Moment::of(NOW), &obeying())), 'F');
    }
}

#[test]
fn a_clock_that_went_back_makes_it_older() {
    let req = RequestView { method: &Method::GET, fields: [].as_slice() };
    let then = |millis| {
        let now = Moment::of(Timestamp::from_millis(NOW.as_millis() - millis));
        letter(reuse(&req, &strict(), UncoveredCredentials::default(), now, &obeying()))
    };
    assert_eq!(then(50), 'F');
    assert_eq!(then(3_600_000), 'V');
}

#[test]
fn only_if_cached_is_read_always() {
    for (lines, expected) in [
        (&[][..], false),
        (&[("cache-control", "max-age=0")], false),
        (&[("cache-control", "max-age=0, Only-If-Cached")], true),
        (&[("pragma", "only-if-cached")], false),
    ] {
        let fields: HeaderList = lines
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect();
        assert_eq!(only_if_cached(fields.as_slice()), expected, "{lines:?}");
    }
}

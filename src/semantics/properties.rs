//! Properties that hold over all the rules together, whatever the bytes and whatever the clock.

use std::time::Duration;

use actix_web::http::{
    Method, StatusCode,
    header::{HeaderName, HeaderValue},
};
use proptest::{collection::vec, prelude::*};

use super::{
    date::{MAX_DELTA, Moment, Timestamp},
    fields::{Fields, HeaderList, RequestView, ResponseView},
    freshening::{freshen, identifies},
    policy::Policy,
    reuse::{Reuse, only_if_cached, reuse},
    stored_fields::storable_fields,
    storing::{Exchange, UncoveredCredentials, storable},
    terms::Terms,
    verdict::Reason,
};

const NAMES: &[&str] = &[
    "age",
    "cache-control",
    "cdn-cache-control",
    "connection",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "if-modified-since",
    "if-none-match",
    "last-modified",
    "pragma",
    "range",
    "set-cookie",
    "vary",
];

/// Words of the grammar in any order, and any bytes.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "max-age=",
        "s-maxage=",
        "no-store",
        "no-cache",
        "private",
        "public",
        "must-revalidate",
        "stale-while-revalidate=",
        "stale-if-error=",
        "immutable",
        "must-understand",
        "max-stale",
        "min-fresh=",
        "0",
        "1",
        "60",
        "-1",
        "99999999999",
        "\"",
        ",",
        "=",
        " ",
        "*",
        "W/",
        "\"a\"",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Thu, 18 Aug 2050 02:01:18 GMT",
        "bytes=0-",
        "0-1",
    ]);
    prop_oneof![
        vec(word, 0..8).prop_map(|words| words.concat().into_bytes()),
        vec(any::<u8>(), 0..30),
    ]
}

fn fields() -> impl Strategy<Value = HeaderList> {
    vec((prop::sample::select(NAMES), value()), 0..6).prop_map(|lines| {
        let line = |(name, value): (&'static str, Vec<u8>)| {
            Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
        };
        lines.into_iter().filter_map(line).collect()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    (any::<[bool; 4]>(), 0..100_u64, 0..100_u64, 0..100_u64).prop_map(|(on, ttl, swr, sie)| {
        Policy {
            default_ttl: Duration::from_secs(ttl),
            heuristic: on[0],
            request_directives: on[1],
            store_set_cookie: on[2],
            any_status: on[3],
            targets: vec![HeaderName::from_static("cdn-cache-control")],
            while_revalidate: Duration::from_secs(swr),
            if_error: Duration::from_secs(sie),
            ..Policy::default()
        }
    })
}

/// Moments of our days, before 1970, after 2106, and as far as a timestamp goes.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        780_000_000_000..790_000_000_000_i64,
        -10_000_000_000..0_i64,
        4_300_000_000_000..4_400_000_000_000_i64,
        any::<i64>()
    ]
}

fn credentials() -> impl Strategy<Value = UncoveredCredentials> {
    any::<(bool, bool, bool)>().prop_map(|(authorization, cookie, other)| UncoveredCredentials {
        authorization,
        cookie,
        other,
    })
}

fn store(
    req: &HeaderList,
    status: u16,
    res: &HeaderList,
    uncovered: UncoveredCredentials,
    at: i64,
    policy: &Policy,
) -> Result<Terms, Reason> {
    let req = RequestView { method: &Method::GET, fields: req.as_slice() };
    let status = StatusCode::from_u16(status).unwrap();
    let res = ResponseView { status, fields: res.as_slice() };
    let at = Timestamp::from_millis(at);
    storable(
        &req,
        &res,
        uncovered,
        Exchange { received: Moment::of(at), response_delay: Duration::ZERO },
        policy,
    )
    .map(|storable| storable.terms)
}

fn ask(
    req: &HeaderList,
    terms: &Terms,
    uncovered: UncoveredCredentials,
    at: i64,
    policy: &Policy,
) -> Reuse {
    let req = RequestView { method: &Method::GET, fields: req.as_slice() };
    reuse(&req, terms, uncovered, Moment::of(Timestamp::from_millis(at)), policy)
}

/// How much is served from the cache: fresh, stale, or not.
fn rank(reuse: Reuse) -> u8 {
    match reuse {
        Reuse::Fresh { .. } => 3,
        Reuse::WhileRevalidate { .. } | Reuse::MaxStale { .. } => 2,
        Reuse::Validate { if_error: true, .. } => 1,
        _ => 0,
    }
}

proptest! {
    #[test]
    fn time_only_takes_away(
        res in fields(), req in fields(), policy in policy(), received in time(),
        steps in vec(0..200_000_i64, 1..6),
        status in prop::sample::select(vec![200_u16, 301, 404, 500])
    ) {
        if let Ok(terms) = store(&vec![], status, &res, UncoveredCredentials::default(), received, &policy) {
            let (mut now, mut last) = (received, u8::MAX);
            for step in steps {
                now = now.saturating_add(step);
                let rank = rank(ask(&req, &terms, UncoveredCredentials::default(), now, &policy));
                prop_assert!(rank <= last, "{:?} after {} ms", terms, now - received);
                last = rank;
            }
        }
    }

    #[test]
    fn setting_the_wall_clock_only_takes_away(
        res in fields(), req in fields(), policy in policy(), received in time(), date in time(),
        passed in 0..200_000_i64, status in prop::sample::select(vec![200_u16, 301, 404, 500])
    ) {
        if let Ok(terms) = store(&vec![], status, &res, UncoveredCredentials::default(), received, &policy) {
            let unset = received.saturating_add(passed);
            let unset = Moment::of(Timestamp::from_millis(unset));
            let set = Moment { date: Timestamp::from_millis(date), ..unset };
            let req = RequestView { method: &Method::GET, fields: req.as_slice() };
            let rank = |now| rank(reuse(&req, &terms, UncoveredCredentials::default(), now, &policy));
            prop_assert!(rank(set) <= rank(unset), "{:?} after {} ms, set to {}", terms, passed, date);
        }
    }

    #[test]
    fn what_is_refused_to_credentials_is_never_reused_for_them(
        res in fields(), policy in policy(), received in time(), uncovered in credentials()
    ) {
        let stored = store(&vec![], 200, &res, UncoveredCredentials::default(), received, &policy);
        let theirs = store(&vec![], 200, &res, uncovered, received, &policy);
        if let (Ok(terms), Err(_)) = (stored, theirs) {
            let found = ask(&vec![], &terms, uncovered, received, &policy);
            prop_assert!(matches!(found, Reuse::Unusable(_)), "{:?}", found);
        }
        // and who may not have it anonymously may not have it at all
        if stored.is_err() {
            prop_assert!(theirs.is_err());
        }
    }

    #[test]
    fn forbidding_directives_hold_in_any_company(
        mut res in fields(), policy in policy(), received in time(), which in 0..4_usize
    ) {
        let field = |name, text| (HeaderName::from_static(name), HeaderValue::from_static(text));
        res.retain(|(name, _)| name != "cdn-cache-control");
        let text = |value: &HeaderValue| value.as_bytes().to_ascii_lowercase();
        let has_word = |value| text(value).windows(15).any(|word| word == b"must-understand");
        let understands = res.iter().any(|(_, value)| has_word(value));
        match which {
            0 if !understands => res.push(field("cache-control", "no-store")),
            1 => res.push(field("cache-control", "private")),
            2 => res.push(field("vary", "a, *")),
            _ => res.push(field("content-type", "text/event-stream")),
        }
        prop_assert!(store(&vec![], 200, &res, UncoveredCredentials::default(), received, &policy).is_err());
    }

    #[test]
    fn what_forbids_stale_is_never_served_stale(
        mut res in fields(), req in fields(), policy in policy(), received in time(),
        later in 0..400_000_i64,
        directive in prop::sample::select(
            vec!["must-revalidate", "proxy-revalidate", "s-maxage=9", "no-cache"]
        )
    ) {
        res.retain(|(name, _)| name != "cdn-cache-control");
        res.push((HeaderName::from_static("cache-control"), HeaderValue::from_static(directive)));
        if let Ok(terms) = store(&vec![], 200, &res, UncoveredCredentials::default(), received, &policy) {
            let now = received.saturating_add(later);
            let found = ask(&req, &terms, UncoveredCredentials::default(), now, &policy);
            prop_assert!(matches!(rank(found), 0 | 3), "{:?}", found);
            let fresh = matches!(found, Reuse::Fresh { .. });
            prop_assert!(!(fresh && directive == "no-cache"));
        }
    }

    #[test]
    fn fresh_means_some_lifetime_left(
        res in fields(), policy in policy(), received in time(), now in time()
    ) {
        if let Ok(terms) = store(&vec![], 200, &res, UncoveredCredentials::default(), received, &policy) {
            prop_assert!(terms.lifetime <= MAX_DELTA && terms.initial_age <= MAX_DELTA);
            let found = ask(&vec![], &terms, UncoveredCredentials::default(), now, &policy);
            if let Reuse::Fresh { age, left } = found {
                prop_assert!(!left.is_zero());
                prop_assert_eq!(age + left, terms.lifetime);
            }
        }
    }

    #[test]
    fn freshening_keeps_the_body_s_fields(
        mut stored in fields(), fresh in fields(), received in time(), policy in policy()
    ) {
        let length = HeaderName::from_static("content-length");
        stored.push((length.clone(), HeaderValue::from_static("5")));
        let mut news = fresh;
        news.push((length.clone(), HeaderValue::from_static("0")));
        identifies(stored.as_slice(), news.as_slice());
        freshen(&mut stored, &news.iter().cloned().collect(), Timestamp::from_millis(received));
        prop_assert!(stored.as_slice().has(&HeaderName::from_static("date")));
        prop_assert!(stored.as_slice().all(&length).eq([b"5"]));
        only_if_cached(news.as_slice());
        let kept = storable_fields(stored.clone(), &[], &policy, false);
        prop_assert!(kept.len() <= stored.len());
    }
}

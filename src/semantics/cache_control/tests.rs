//! Tables of `Cache-Control` lines and what they say.

use proptest::prelude::*;

use actix_web::http::header::HeaderValue;

use super::*;
use crate::semantics::names::CACHE_CONTROL;

fn parse(lines: &[&str]) -> Directives {
    let fields: Vec<_> = lines
        .iter()
        .map(|line| (CACHE_CONTROL.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap()))
        .collect();
    Directives::parse(fields.as_slice(), &CACHE_CONTROL)
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what is read")]
fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn lifetimes() {
    let zero = secs(0);
    let table: &[(&[&str], Option<Duration>)] = &[
        (&[], None),
        (&[""], None),
        (&["max-age=1"], secs(1)),
        (&["MAX-AGE=1"], secs(1)),
        (&["  max-age=1  ,"], secs(1)),
        (&[",,max-age=1,,"], secs(1)),
        (&["max-age=0001"], secs(1)),
        (&["public\t,\tmax-age=1"], secs(1)),
        (&["public", "max-age=1"], secs(1)),
        // s.5.2: "recipients ought to accept both forms"
        (&["max-age=\"1\""], secs(1)),
        (&["max-age=\"\\1\\2\""], secs(12)),
        // s.1.2.2: greater than can be represented
        (&["max-age=2147483648"], secs(1 << 31)),
        (&["max-age=99999999999999999999999999"], secs(1 << 31)),
        // s.4.2.1: invalid freshness information is stale
        (&["max-age"], zero),
        (&["max-age="], zero),
        (&["max-age=-1"], zero),
        (&["max-age=+1"], zero),
        (&["max-age=1.0"], zero),
        (&["max-age=1s"], zero),
        (&["max-age=abc"], zero),
        (&["max-age='1'"], zero),
        (&["max-age=\"1"], zero),
        (&["max-age=1\""], zero),
        (&["max-age=\"1\"1"], zero),
        (&["max-age=1;a=b"], zero),
        (&["max-age =1"], zero),
        (&["max-age= 1"], zero),
        (&["max-age=1 1"], zero),
        (&["max-age==1"], zero),
        (&["max-age=\u{b9}"], zero),
        // s.4.2.1: more than one value
        (&["max-age=1, max-age=1"], secs(1)),
        (&["max-age=1, max-age=2"], zero),
        (&["max-age=2", "max-age=1"], zero),
        (&["max-age=2, max-age=x, max-age=2"], zero),
        // a quoted string is opaque
        (&["ext=\"max-age=9\""], None),
        (&["ext=\"a, max-age=9\", max-age=1"], secs(1)),
        (&["ext=\"a\\\", max-age=9\", max-age=1"], secs(1)),
        (&["ext=\"a\\\\\", max-age=9"], secs(9)),
        // other names
        (&["xmax-age=1"], None),
        (&["max-agex=1"], None),
        (&["x max-age=1"], None),
        (&["\"max-age=1\""], None),
        (&["max-age=1, unknown, other=2"], secs(1)),
    ];
    for (lines, expected) in table {
        assert_eq!(parse(lines).max_age, *expected, "{lines:?}");
    }
}

#[test]
fn flags() {
    let table: &[(&str, Flag, bool)] = &[
        ("no-store", Flag::NoStore, true),
        ("No-StOrE", Flag::NoStore, true),
        ("max-age=1,no-store", Flag::NoStore, true),
        ("max-age=1 , , no-store", Flag::NoStore, true),
        ("no-store=1", Flag::NoStore, true),
        ("no-store=\"a\"", Flag::NoStore, true),
        ("no-storex", Flag::NoStore, false),
        ("ext=\"no-store\"", Flag::NoStore, false),
        ("ext=\"a, no-store, b\"", Flag::NoStore, false),
        ("public", Flag::Public, true),
        ("public=1", Flag::Public, false),
        ("must-understand", Flag::MustUnderstand, true),
        ("must-understand=x", Flag::MustUnderstand, false),
        ("must-revalidate", Flag::MustRevalidate, true),
        ("proxy-revalidate", Flag::ProxyRevalidate, true),
        ("immutable", Flag::Immutable, true),
        ("only-if-cached", Flag::OnlyIfCached, true),
        ("no-transform", Flag::NoTransform, true),
    ];
    for (line, flag, expected) in table {
        assert_eq!(parse(&[line]).says(*flag), *expected, "{line}");
    }
}

#[test]
fn an_endless_quoted_string_hides_no_restriction_and_grants_nothing() {
    let read = parse(&["ext=\"a, no-store, public, max-age=9"]);
    assert!(read.says(Flag::NoStore));
    assert!(!read.says(Flag::Public));
    assert_eq!(read.max_age, secs(0));
    assert_eq!(parse(&["max-age=9, ext=\"a"]).max_age, secs(9));
}

#[test]
fn qualified_directives_name_fields() {
    let table: &[(&str, bool, &[&str])] = &[
        ("no-cache", true, &[]),
        ("no-cache=\"Set-Cookie\"", false, &["set-cookie"]),
        ("no-cache=\"a,B , ,c\"", false, &["a", "b", "c"]),
        ("no-cache=Set-Cookie", false, &["set-cookie"]),
        ("no-cache=\"a\", no-cache=\"b\"", false, &["a", "b"]),
        ("no-cache=\"a\", no-cache", true, &["a"]),
        ("no-cache=\"\"", true, &[]),
        ("no-cache=", true, &[]),
        ("no-cache=\"a b\"", true, &[]),
        ("no-cache=\"a", true, &[]),
        ("no-cache = \"a\"", true, &[]),
    ];
    for (line, unqualified, names) in table {
        let read = parse(&[line]);
        assert_eq!(read.says(Flag::NoCache), *unqualified, "{line}");
        assert_eq!(read.no_cache_fields, *names, "{line}");
        let read = parse(&[&line.replace("no-cache", "private")]);
        assert_eq!(read.says(Flag::Private), *unqualified, "{line}");
        assert_eq!(read.private_fields, *names, "{line}");
    }
}

#[test]
fn wishes_of_requests() {
    assert_eq!(parse(&["max-stale"]).max_stale, Some(Duration::MAX));
    assert_eq!(parse(&["max-stale=5"]).max_stale, secs(5));
    assert_eq!(parse(&["max-stale=x"]).max_stale, secs(0));
    assert_eq!(parse(&["max-stale, max-stale=5"]).max_stale, secs(0));
    assert_eq!(parse(&["min-fresh=5"]).min_fresh, secs(5));
    assert_eq!(parse(&["min-fresh=x"]).min_fresh, Some(MAX_DELTA));
    assert_eq!(parse(&["min-fresh=5, min-fresh=6"]).min_fresh, Some(MAX_DELTA));
}

#[test]
fn stale_windows() {
    let read = parse(&["stale-while-revalidate=5, stale-if-error=\"6\""]);
    assert_eq!((read.stale_while_revalidate, read.stale_if_error), (secs(5), secs(6)));
    let read = parse(&["stale-while-revalidate, stale-if-error=-1"]);
    assert_eq!((read.stale_while_revalidate, read.stale_if_error), (secs(0), secs(0)));
}

#[test]
fn presence_is_apart_from_content() {
    assert!(!parse(&[]).is_present());
    assert!(parse(&[""]).is_present());
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(
        lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)
    ) {
        let fields: Vec<_> = lines
            .iter()
            .filter_map(|line| HeaderValue::from_bytes(line).ok())
            .map(|line| (CACHE_CONTROL.clone(), line))
            .collect();
        Directives::parse(fields.as_slice(), &CACHE_CONTROL);
    }

    #[test]
    fn what_is_written_is_read_back(
        max_age in 0..1_u64 << 31, quoted: bool, upper: bool, gap in "[ \t]{0,3}",
        names in prop::collection::vec("[a-z][a-z-]{0,8}", 1..4)
    ) {
        let number = if quoted { format!("\"{max_age}\"") } else { max_age.to_string() };
        let names_in = names.join(",");
        let line = format!("no-store{gap},{gap}max-age={number}{gap},private=\"{names_in}\"");
        let line = if upper { line.to_ascii_uppercase() } else { line };
        let read = parse(&[&line]);
        prop_assert!(read.says(Flag::NoStore) && !read.says(Flag::Private));
        prop_assert_eq!(read.max_age, secs(max_age));
        prop_assert!(read.private_fields.iter().map(HeaderName::as_str).eq(names.iter()));
    }

    #[test]
    fn restrictions_survive_any_company(before in "[ !#-~]{0,30}", after in "[ -~]{0,30}") {
        // the text before has no quote, which could open a quoted string that a later one closes
        let line = format!("{before},no-store,{after}");
        prop_assert!(parse(&[&line]).says(Flag::NoStore), "{}", line);
    }
}

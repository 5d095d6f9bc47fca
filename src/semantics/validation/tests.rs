//! Tables of conditions.

use proptest::prelude::*;

use super::*;
use crate::semantics::fields::lists::known_fields;

const OLD: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const DATE_HTTP: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const NEW: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const RECEIVED: Timestamp = Timestamp::from_secs(784_111_777);

type Lines<'a> = &'a [(&'a HeaderName, &'a str)];

fn ask(method: &Method, request: Lines<'_>, status: u16, stored: Lines<'_>) -> Condition {
    let (request, stored) = (known_fields(request), known_fields(stored));
    let req = RequestView { method, fields: request.as_slice() };
    let status = StatusCode::from_u16(status).unwrap();
    let stored = ResponseView { status, fields: stored.as_slice() };
    evaluate(&req, &stored, RECEIVED)
}

fn not_modified(request: Lines<'_>, stored: Lines<'_>) -> bool {
    ask(&Method::GET, request, 200, stored) == Condition::NotModified
}

#[test]
fn if_none_match() {
    for (condition, etag, expected) in [
        ("\"a\"", "\"a\"", true),
        ("\"a\"", "\"b\"", false),
        // RFC 9110 s.8.8.3.2: weak comparison
        ("W/\"a\"", "\"a\"", true),
        ("\"a\"", "W/\"a\"", true),
        ("W/\"a\"", "W/\"a\"", true),
        ("w/\"a\"", "\"a\"", false),
        ("\"A\"", "\"a\"", false),
        ("*", "\"a\"", true),
        (" * ", "\"a\"", true),
        // lists
        ("\"a\", \"b\"", "\"b\"", true),
        ("\"a\",\"b\"", "\"b\"", true),
        (" , \"a\" ,, W/\"b\" ,", "\"b\"", true),
        ("\"a\", \"b\"", "\"c\"", false),
        ("\"a,b\"", "\"a,b\"", true),
        ("\"a,b\"", "\"b\"", false),
        ("\"x, \"", "\"a\"", false),
        ("\"\"", "\"\"", true),
        ("\"a\\\"", "\"a\\\"", true),
        ("\"\u{e9}\"", "\"\u{e9}\"", true),
        // not of the grammar: equal to itself only
        ("a", "a", true),
        ("a", "\"a\"", false),
        ("\"a\"", "a", false),
        ("\"a", "\"a\"", false),
        ("", "\"a\"", false),
    ] {
        let found = not_modified(&[(&IF_NONE_MATCH, condition)], &[(&ETAG, etag)]);
        assert_eq!(found, expected, "{condition} {etag}");
    }
    let lines: Lines<'_> = &[(&IF_NONE_MATCH, "\"a\""), (&IF_NONE_MATCH, "\"b\"")];
    assert!(not_modified(lines, &[(&ETAG, "\"b\"")]));
    assert!(not_modified(&[(&IF_NONE_MATCH, "*")], &[]));
    assert!(!not_modified(&[(&IF_NONE_MATCH, "\"a\"")], &[]));
    assert!(!not_modified(&[(&IF_NONE_MATCH, "")], &[(&ETAG, "")]));
}

#[test]
fn only_strong_tags_of_the_grammar_are_strongly_equal() {
    for (one, other, equal) in [
        ("\"a\"", "\"a\"", true),
        ("\"\"", " \"\" ", true),
        ("\"a\"", "\"b\"", false),
        ("W/\"a\"", "\"a\"", false),
        ("\"a\"", "W/\"a\"", false),
        ("W/\"a\"", "W/\"a\"", false),
        ("a", "a", false),
        ("\"a", "\"a", false),
        ("a\"", "a\"", false),
        ("\"", "\"", false),
        ("", "", false),
    ] {
        let tag = |text: &'static str| EntityTag::new(text.as_bytes());
        assert_eq!(tag(one).strongly_equals(tag(other)), equal, "{one} {other}");
    }
}

#[test]
fn if_modified_since() {
    let modified: Lines<'_> = &[(&LAST_MODIFIED, DATE_HTTP), (&DATE, NEW)];
    let table: &[(&str, Lines<'_>, bool)] = &[
        (DATE_HTTP, modified, true),
        (NEW, modified, true),
        (OLD, modified, false),
        ("Sunday, 06-Nov-94 08:49:37 GMT", modified, true),
        ("sun, 06 nov 1994 08:49:37 gmt", modified, true),
        // RFC 9110 s.13.1.3: ignored where invalid
        ("", modified, false),
        ("0", modified, false),
        ("Sun, 06 Nov 1994 08:49:37 EST", modified, false),
        // RFC 9111 s.4.3.2: Date instead, or when it was received
        (DATE_HTTP, &[(&DATE, DATE_HTTP)], true),
        (OLD, &[(&DATE, DATE_HTTP)], false),
        (DATE_HTTP, &[], true),
        (OLD, &[], false),
        (NEW, &[(&LAST_MODIFIED, "never")], false),
    ];
    for (condition, stored, expected) in table {
        let found = not_modified(&[(&IF_MODIFIED_SINCE, condition)], stored);
        assert_eq!(found, *expected, "{condition} {stored:?}");
    }
    let twice: Lines<'_> = &[(&IF_MODIFIED_SINCE, NEW), (&IF_MODIFIED_SINCE, NEW)];
    assert!(!not_modified(twice, modified));
}

#[test]
fn precedence_and_scope() {
    let stored: Lines<'_> = &[(&ETAG, "\"a\""), (&LAST_MODIFIED, DATE_HTTP)];
    // RFC 9110 s.13.2.2
    assert!(!not_modified(&[(&IF_NONE_MATCH, "\"b\""), (&IF_MODIFIED_SINCE, NEW)], stored));
    assert!(not_modified(&[(&IF_NONE_MATCH, "\"a\""), (&IF_MODIFIED_SINCE, OLD)], stored));
    assert!(!not_modified(&[], stored));
    let condition: Lines<'_> = &[(&IF_NONE_MATCH, "\"a\"")];
    assert_eq!(ask(&Method::HEAD, condition, 200, stored), Condition::NotModified);
    assert_eq!(ask(&Method::POST, condition, 200, stored), Condition::Proceed);
    for status in [204, 301, 404, 500] {
        assert_eq!(ask(&Method::GET, condition, status, stored), Condition::Proceed);
    }
}

#[test]
fn what_goes_to_the_handler() {
    assert!(has_preconditions_for_origin(known_fields(&[(&IF_MATCH, "*")]).as_slice()));
    assert!(has_preconditions_for_origin(known_fields(&[(&IF_UNMODIFIED_SINCE, OLD)]).as_slice()));
    assert!(!has_preconditions_for_origin(known_fields(&[(&IF_NONE_MATCH, "*")]).as_slice()));
    assert!(is_conditional(&RANGE) && is_conditional(&IF_RANGE) && !is_conditional(&ETAG));
}

#[test]
fn validators_as_they_came() {
    // s.4.3.1
    let table: &[(Lines<'_>, Lines<'_>)] = &[
        (&[], &[]),
        (&[(&ETAG, "W/\"a\"")], &[(&IF_NONE_MATCH, "W/\"a\"")]),
        (&[(&ETAG, "a")], &[(&IF_NONE_MATCH, "a")]),
        (
            &[(&ETAG, "\"a\""), (&LAST_MODIFIED, "Sunday, 06-Nov-94 08:49:37 GMT")],
            &[(&IF_NONE_MATCH, "\"a\""), (&IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT")],
        ),
        (&[(&ETAG, " "), (&LAST_MODIFIED, "never"), (&DATE, OLD)], &[]),
    ];
    for (stored, expected) in table {
        let stored = known_fields(stored);
        assert_eq!(validators(stored.as_slice(), false), known_fields(expected));
        assert_eq!(has_validator(stored.as_slice()), !expected.is_empty());
    }
}

#[test]
fn a_304_has_no_fields_of_the_body() {
    // RFC 9110 s.15.4.5
    for name in ["cache-control", "content-location", "date", "etag", "expires", "vary", "x-other"]
    {
        assert!(in_not_modified(&HeaderName::from_static(name)), "{name}");
    }
    for name in ["content-length", "content-type", "content-encoding", "content-range"] {
        assert!(!in_not_modified(&HeaderName::from_static(name)), "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(
        one in prop::collection::vec(any::<u8>(), 0..60),
        other in prop::collection::vec(any::<u8>(), 0..60)
    ) {
        let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes);
        if let (Ok(one), Ok(other)) = (value(&one), value(&other)) {
            let req = vec![(IF_NONE_MATCH.clone(), one.clone()), (IF_MODIFIED_SINCE.clone(), one)];
            let res = vec![(ETAG.clone(), other.clone()), (LAST_MODIFIED.clone(), other)];
            let view = RequestView { method: &Method::GET, fields: req.as_slice() };
            let stored = ResponseView { status: StatusCode::OK, fields: res.as_slice() };
            evaluate(&view, &stored, RECEIVED);
            validators(res.as_slice(), false);
        }
    }

    #[test]
    fn a_tag_in_any_list_is_found(
        before in prop::collection::vec("(W/)?\"[a-z,; ]{0,5}\"", 0..4),
        tag in "\"[a-z,]{0,5}\"",
        after in prop::collection::vec("(W/)?\"[a-z,]{0,5}\"", 0..4)
    ) {
        let list = [before, vec![tag.clone()], after].concat().join(", ");
        prop_assert!(not_modified(&[(&IF_NONE_MATCH, &list)], &[(&ETAG, &tag)]));
    }
}

#[test]
fn a_date_that_cannot_tell_a_change_is_no_validator_where_there_was_one() {
    let condition = (&IF_MODIFIED_SINCE, DATE_HTTP);
    for (date, expected) in [(DATE_HTTP, known_fields(&[])), (NEW, known_fields(&[condition]))] {
        let stored = known_fields(&[(&LAST_MODIFIED, DATE_HTTP), (&DATE, date)]);
        assert_eq!(validators(stored.as_slice(), true), expected, "{date}");
        assert_eq!(validators(stored.as_slice(), false), known_fields(&[condition]), "{date}");
    }
    let tagged = known_fields(&[(&LAST_MODIFIED, DATE_HTTP), (&ETAG, "\"a\"")]);
    assert_eq!(validators(tagged.as_slice(), true), known_fields(&[(&IF_NONE_MATCH, "\"a\"")]));
}

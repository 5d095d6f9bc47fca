//! `Expires` and dates (RFC 9111 s.4.2, s.5.3, RFC 9110 s.5.6.7).

use super::{
    case::{Case, ask, must, should},
    examine,
};

examine!();

fn used(id: &str, lines: &[&str]) -> Case {
    should(format!("expires-{id}"), [ask().origin(lines.iter().copied()), ask().after(9).cached()])
}

fn not_used(id: &str, lines: &[&str]) -> Case {
    must(format!("expires-{id}"), [ask().origin(lines.iter().copied()), ask().asked()])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        used("future", &["Expires: @+3600"]),
        used("future-with-cache-control", &["Expires: @+3600", "Cache-Control: public"]),
        used("future-extension", &["Expires: @+3600", "Cache-Control: foo=bar"]),
        used(
            "twice-the-same",
            &["Expires: Sun, 18 Nov 2029 08:49:37 GMT", "Expires: Sun, 18 Nov 2029 08:49:37 GMT"],
        ),
        used("rfc850", &["Expires: Sunday, 18-Nov-29 08:49:37 GMT"]),
        used("asctime", &["Expires: Sun Nov 18 08:49:37 2029"]),
        used("asctime-short-day", &["Expires: Thu Nov  8 08:49:37 2029"]),
        used("after-2038", &["Expires: Thu, 18 Aug 2050 02:01:18 GMT"]),
        used("after-2106", &["Expires: Wed, 01 Jan 2200 02:01:18 GMT"]),
        used("case-of-weekday", &["Expires: SUN, 18 Nov 2029 08:49:37 GMT"]),
        used("case-of-month", &["Expires: Sun, 18 nOV 2029 08:49:37 GMT"]),
        used("case-of-zone", &["Expires: Sun, 18 Nov 2029 08:49:37 gmt"]),
        used("before-date-of-age", &["Expires: @+3600", "Age: 1800"]),
        not_used("past", &["Expires: @-3600"]),
        not_used("now", &["Expires: @+0"]),
        not_used("of-old-date", &["Expires: @-3600", "Date: @-7200"]),
        not_used("age", &["Expires: @+3600", "Age: 7200"]),
        not_used("of-future-date", &["Expires: @+3600", "Date: @+7200"]),
        not_used("0", &["Expires: 0"]),
        not_used("minus-1", &["Expires: -1"]),
        not_used("letters", &["Expires: foo"]),
        not_used("empty", &["Expires:"]),
        not_used("number", &["Expires: 3600"]),
        not_used("epoch", &["Expires: Thu, 01 Jan 1970 00:00:00 GMT"]),
        not_used("before-epoch", &["Expires: Wed, 01 Jan 1800 00:00:00 GMT"]),
        not_used("no-zone", &["Expires: Sun, 18 Nov 2029 08:49:37"]),
        not_used("utc", &["Expires: Sun, 18 Nov 2029 08:49:37 UTC"]),
        not_used("other-zone", &["Expires: Sun, 18 Nov 2029 08:49:37 AEST"]),
        not_used("two-digit-year", &["Expires: Sun, 18 Nov 29 08:49:37 GMT"]),
        not_used("no-day-32", &["Expires: Sun, 32 Nov 2029 08:49:37 GMT"]),
        not_used("no-hour-25", &["Expires: Sun, 18 Nov 2029 25:49:37 GMT"]),
        not_used("no-comma", &["Expires: Sun 18 Nov 2029 08:49:37 GMT"]),
        not_used("short-hour", &["Expires: Sun, 18 Nov 2029 8:49:37 GMT"]),
        not_used("dashes", &["Expires: Sun, 18-Nov-2029 08:49:37 GMT"]),
        not_used("spaces", &["Expires: Sun,  18  Nov  2029  08:49:37  GMT"]),
        not_used("dots", &["Expires: Sun, 18 Nov 2029 08.49.37 GMT"]),
        must("expires-ends", [ask().origin(["Expires: @+2"]), ask().after(3).asked()]),
        must(
            "expires-ends-to-the-second",
            [ask().origin(["Expires: @+2"]), ask().after(2).asked()],
        ),
        must("expires-of-undated", [ask().origin(["Expires: @-60"]).undated(), ask().asked()]),
        should(
            "expires-undated-future",
            [ask().origin(["Expires: @+60"]).undated(), ask().after(9).cached()],
        ),
        must(
            "expires-passes",
            [
                ask().origin(["Expires: 0", "Cache-Control: max-age=60"]).sees(["Expires: 0"]),
                ask().sees(["Expires: 0", "Cache-Control: max-age=60"]),
            ],
        ),
    ]
}

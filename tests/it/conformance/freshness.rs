//! How long a response is fresh (RFC 9111 s.4.2.1, s.5.2.2.1, s.5.2.2.10).

use super::{
    case::{Case, ask, must, should},
    examine,
};

examine!();

/// Whether a response with these fields is still used after some seconds.
fn used(id: &str, fields: &[&str], after: u64) -> Case {
    should(
        format!("fresh-{id}"),
        [ask().origin(fields.iter().copied()), ask().after(after).cached()],
    )
}

fn not_used(id: &str, fields: &[&str], after: u64) -> Case {
    must(format!("stale-{id}"), [ask().origin(fields.iter().copied()), ask().after(after).asked()])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        must("nothing-stated", [ask(), ask().asked()]),
        used("max-age", &["Cache-Control: max-age=3600"], 0),
        used("max-age-later", &["Cache-Control: max-age=3600"], 3599),
        used("max-age-2-31-less-1", &["Cache-Control: max-age=2147483647"], 9),
        used("max-age-2-31", &["Cache-Control: max-age=2147483648"], 9),
        used("max-age-2-31-and-1", &["Cache-Control: max-age=2147483649"], 9),
        used("max-age-2-32", &["Cache-Control: max-age=4294967296"], 9),
        used("max-age-2-64", &["Cache-Control: max-age=18446744073709551617"], 9),
        used("max-age-99999999999", &["Cache-Control: max-age=99999999999"], 9),
        used("max-age-zeros", &["Cache-Control: max-age=0003600"], 9),
        not_used("max-age", &["Cache-Control: max-age=2"], 3),
        not_used("max-age-at-its-end", &["Cache-Control: max-age=2"], 2),
        not_used("max-age-0", &["Cache-Control: max-age=0"], 0),
        not_used("max-age-negative", &["Cache-Control: max-age=-3600"], 0),
        not_used("max-age-and-age", &["Cache-Control: max-age=3600", "Age: 7200"], 0),
        not_used("max-age-equals-age", &["Cache-Control: max-age=3600", "Age: 3600"], 0),
        not_used("max-age-grows-past-age", &["Cache-Control: max-age=3600", "Age: 3599"], 2),
        not_used("max-age-and-date", &["Cache-Control: max-age=3600", "Date: @-7200"], 0),
        used("max-age-and-future-date", &["Cache-Control: max-age=3600", "Date: @+7200"], 9),
        used("max-age-before-expires", &["Cache-Control: max-age=3600", "Expires: @-60"], 9),
        used("max-age-before-bad-expires", &["Cache-Control: max-age=3600", "Expires: 0"], 9),
        not_used("max-age-0-before-expires", &["Cache-Control: max-age=0", "Expires: @+3600"], 0),
        not_used("max-age-2-before-expires", &["Cache-Control: max-age=2", "Expires: @+3600"], 3),
        used("s-maxage", &["Cache-Control: s-maxage=3600"], 9),
        used("s-maxage-before-max-age", &["Cache-Control: max-age=1, s-maxage=3600"], 9),
        used("s-maxage-first", &["Cache-Control: s-maxage=3600, max-age=1"], 9),
        used("s-maxage-line", &["Cache-Control: max-age=1", "Cache-Control: s-maxage=3600"], 9),
        used("s-maxage-before-expires", &["Cache-Control: s-maxage=3600", "Expires: @-60"], 9),
        not_used("s-maxage-shorter", &["Cache-Control: max-age=3600, s-maxage=1"], 3),
        not_used("s-maxage-first", &["Cache-Control: s-maxage=1, max-age=3600"], 3),
        not_used("s-maxage-0", &["Cache-Control: s-maxage=0, max-age=3600"], 0),
        not_used("s-maxage-0-expires", &["Cache-Control: s-maxage=0", "Expires: @+3600"], 0),
        not_used("s-maxage-line", &["Cache-Control: max-age=3600", "Cache-Control: s-maxage=1"], 3),
        used("no-date", &["Cache-Control: max-age=3600"], 3),
    ]
    .into_iter()
    .chain(grammar())
    .collect()
}

/// How `Cache-Control` is read (RFC 9111 s.5.2, RFC 9110 s.5.6).
fn grammar() -> Vec<Case> {
    vec![
        used("upper-case", &["Cache-Control: MAX-AGE=3600"], 9),
        used("mixed-case", &["Cache-Control: mAx-aGe=3600"], 9),
        used("extension-after", &["Cache-Control: max-age=3600, foobar"], 9),
        used("extension-before", &["Cache-Control: foobar, max-age=3600"], 9),
        used("extension-with-value", &["Cache-Control: foobar=1, max-age=3600"], 9),
        used("extension-quoted", &["Cache-Control: foobar=\"a, no-store\", max-age=3600"], 9),
        used("extension-escaped", &["Cache-Control: foobar=\"a\\\", no-store\", max-age=3600"], 9),
        used("empty-members", &["Cache-Control: , ,max-age=3600,,"], 9),
        used("tabs", &["Cache-Control: foo\t,\tmax-age=3600\t"], 9),
        used("second-line", &["Cache-Control: public", "Cache-Control: max-age=3600"], 9),
        used("empty-line", &["Cache-Control:", "Cache-Control: max-age=3600"], 9),
        not_used("quoted-max-age", &["Cache-Control: ext=\"max-age=3600\", max-age=1"], 3),
        not_used("quoted-max-age-last", &["Cache-Control: max-age=1, ext=\"max-age=3600\""], 3),
        not_used("only-quoted-max-age", &["Cache-Control: ext=\"max-age=3600\""], 0),
        not_used("only-quoted-after-comma", &["Cache-Control: ext=\", max-age=3600\""], 0),
        not_used("longer-name", &["Cache-Control: xmax-age=3600"], 0),
        not_used("longer-name-after", &["Cache-Control: max-agex=3600"], 0),
        not_used("no-argument", &["Cache-Control: max-age"], 0),
        not_used("empty-argument", &["Cache-Control: max-age="], 0),
        not_used("letters", &["Cache-Control: max-age=abc"], 0),
        not_used("letter-first", &["Cache-Control: max-age=a3600"], 0),
        not_used("fraction", &["Cache-Control: max-age=0.5"], 0),
        not_used("single-quotes", &["Cache-Control: max-age='3600'"], 0),
        not_used("both-stale", &["Cache-Control: max-age=1, max-age=2"], 3),
        not_used("line-second-stale", &["Cache-Control: max-age=2", "Cache-Control: max-age=1"], 3),
        not_used("colon", &["Cache-Control: max-age: 3600"], 0),
        not_used("semicolon", &["Cache-Control: foo; max-age=3600"], 0),
    ]
}

//! How old a response is, and the `Age` that clients see (RFC 9111 s.4.2.3, s.5.1).

use super::{
    case::{Case, ask, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";

/// A value of `Age` that is too old for an hour.
fn old(id: &str, lines: &[&str]) -> Case {
    must(format!("age-{id}"), [ask().origin([HOUR]).origin(lines.iter().copied()), ask().asked()])
}

/// A value of `Age` that counts as none.
fn young(id: &str, lines: &[&str]) -> Case {
    should(
        format!("age-{id}"),
        [
            ask().origin([HOUR]).origin(lines.iter().copied()),
            ask().after(5).cached().number("Age", 5, 20),
        ],
    )
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        old("7200", &["Age: 7200"]),
        old("zeros", &["Age: 0007200"]),
        old("2-31", &["Age: 2147483648"]),
        old("2-31-and-1", &["Age: 2147483649"]),
        old("2-64", &["Age: 18446744073709551617"]),
        old("list-first", &["Age: 7200, 0"]),
        old("lines-first", &["Age: 7200", "Age: 0"]),
        old("date", &["Date: @-7200"]),
        old("date-larger", &["Date: @-7200", "Age: 5"]),
        old("age-larger", &["Date: @-5", "Age: 7200"]),
        young("0", &["Age: 0"]),
        young("list-second", &["Age: 0, 7200"]),
        young("lines-second", &["Age: 0", "Age: 7200"]),
        young("letters", &["Age: abc"]),
        young("negative", &["Age: -7200"]),
        young("fraction", &["Age: 7200.0"]),
        young("prefix", &["Age: a7200"]),
        young("empty", &["Age:"]),
        must("age-passes", [ask().origin([HOUR, "Age: 30"]).sees(["Age: 30"])]),
        must("no-age-of-our-own", [ask().origin([HOUR]).asked().lacks(["Age"])]),
        must(
            "age-is-told",
            [
                ask().origin([HOUR]),
                ask().after(3).cached().number("Age", 3, 4),
                ask().after(7).cached().number("Age", 10, 11),
            ],
        ),
        must("age-is-told-at-once", [ask().origin([HOUR]), ask().cached().number("Age", 0, 1)]),
        must(
            "age-adds",
            [ask().origin([HOUR, "Age: 30"]), ask().after(3).cached().number("Age", 33, 34)],
        ),
        must(
            "age-adds-to-expires",
            [
                ask().origin(["Expires: @+3600", "Age: 30"]),
                ask().after(3).cached().number("Age", 33, 34),
            ],
        ),
        must(
            "age-of-date",
            [ask().origin([HOUR, "Date: @-100"]), ask().after(3).cached().number("Age", 103, 104)],
        ),
        must(
            "age-of-date-and-age",
            [
                ask().origin([HOUR, "Date: @-100", "Age: 30"]),
                ask().after(3).cached().number("Age", 103, 104),
            ],
        ),
        must(
            "age-counts-the-delay",
            [
                ask().origin([HOUR, "Date: @-5"]).slow(5),
                ask().after(3).cached().number("Age", 8, 14),
            ],
        ),
        must(
            "age-counts-the-delay-without-date",
            [ask().origin([HOUR]).undated().slow(5), ask().after(3).cached().number("Age", 8, 9)],
        ),
        must(
            "delay-makes-stale",
            [ask().origin(["Cache-Control: max-age=4"]).slow(5), ask().asked()],
        ),
        must(
            "age-of-undated",
            [ask().origin([HOUR]).undated(), ask().after(3).cached().number("Age", 3, 4)],
        ),
        must("date-stays", [ask().origin([HOUR]), ask().after(3).cached().sees(["Date: @-3"])]),
        must(
            "date-stays-with-expires",
            [ask().origin(["Expires: @+3600"]), ask().after(3).cached().sees(["Date: @-3"])],
        ),
        must(
            "date-of-undated",
            [ask().origin([HOUR]).undated(), ask().after(3).cached().sees(["Date: @-3"])],
        ),
        must(
            "expires-stays",
            [ask().origin(["Expires: @+3600"]), ask().after(3).cached().sees(["Expires: @+3597"])],
        ),
        must(
            "one-age-line",
            [ask().origin([HOUR, "Age: 1", "Age: 2"]), ask().after(3).cached().number("Age", 4, 6)],
        ),
    ]
}

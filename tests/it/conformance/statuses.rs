//! Which statuses are stored, with a lifetime and with a guess at it (RFC 9111 s.3, s.4.2.2,
//! RFC 9110 s.15.1).

use super::{
    case::{Case, ask, must, should},
    examine,
};

examine!();

const STATED: [u16; 33] = [
    200, 201, 202, 203, 204, 205, 299, 300, 301, 302, 303, 307, 308, 400, 402, 403, 404, 405, 406,
    409, 410, 414, 422, 451, 499, 500, 501, 502, 503, 504, 505, 599, 999,
];
const GUESSED: [u16; 10] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 501];
const NOT_GUESSED: [u16; 17] =
    [201, 202, 299, 302, 303, 307, 400, 402, 403, 406, 409, 418, 499, 500, 502, 503, 599];

pub(super) fn cases() -> Vec<Case> {
    let hour = "Cache-Control: max-age=3600";
    let modified = "Last-Modified: Tue, 07 Mar 2023 00:00:00 GMT";
    let mut cases = vec![
        should("guess-414", [ask().answers(414).origin([modified]), ask().after(60).cached()]),
        must("guess-ends", [ask().origin(["Last-Modified: @-1000"]), ask().after(500).asked()]),
        should(
            "guess-a-tenth",
            [ask().origin(["Last-Modified: @-1000"]), ask().after(90).cached()],
        ),
        must("no-guess-future", [ask().origin(["Last-Modified: @+1000"]), ask().after(9).asked()]),
        must("no-guess-invalid", [ask().origin(["Last-Modified: foo"]), ask().after(9).asked()]),
        must(
            "no-guess-against-max-age",
            [ask().origin([modified, "Cache-Control: max-age=1"]), ask().after(3).asked()],
        ),
        must(
            "no-guess-against-expires",
            [ask().origin([modified, "Expires: 0"]), ask().after(3).asked()],
        ),
        must(
            "no-guess-against-no-cache",
            [ask().origin([modified, "Cache-Control: no-cache"]), ask().asked()],
        ),
        should(
            "guess-public-201",
            [
                ask().answers(201).origin([modified, "Cache-Control: public"]),
                ask().after(60).cached().status(201),
            ],
        ),
        should(
            "guess-public-599",
            [
                ask().answers(599).origin([modified, "Cache-Control: public"]),
                ask().after(60).cached().status(599),
            ],
        ),
        must(
            "status-206-is-no-200",
            [
                ask().answers(206).origin([hour, "Content-Range: bytes 0-3/9"]).body("abcd"),
                ask().asked(),
            ],
        ),
        must(
            "status-304-is-not-stored",
            [ask().answers(304).origin([hour, "ETag: \"a\""]), ask().asked().status(200)],
        ),
    ];
    for status in STATED {
        cases.push(should(
            format!("status-{status}"),
            [
                ask().answers(status).origin([hour, "A: b"]).status(status),
                ask().after(9).cached().status(status).sees(["A: b"]),
            ],
        ));
        cases.push(must(
            format!("status-{status}-stale"),
            [
                ask().answers(status).origin(["Cache-Control: max-age=2"]).status(status),
                ask().after(3).answers(status).asked().status(status),
            ],
        ));
    }
    for status in GUESSED {
        cases.push(should(
            format!("guess-{status}"),
            [ask().answers(status).origin([modified]), ask().after(60).cached().status(status)],
        ));
    }
    for status in NOT_GUESSED {
        cases.push(must(
            format!("no-guess-{status}"),
            [ask().answers(status).origin([modified]), ask().after(60).answers(status).asked()],
        ));
    }
    cases
}

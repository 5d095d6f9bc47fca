//! Which fields are forwarded, stored and replayed (RFC 9110 s.7.6.1, RFC 9111 s.3.1).

use super::{
    case::{Case, ask, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";
const KEPT: [&str; 29] = [
    "Accept-Ranges: bytes",
    "Allow: GET",
    "Alt-Svc: clear",
    "Content-Disposition: inline",
    "Content-Encoding: x",
    "Content-Language: en",
    "Content-Location: /a",
    "Content-MD5: x",
    "Content-Security-Policy: default-src",
    "Content-Type: text/x;a=b",
    "ETag: \"a\"",
    "Expires: Sun, 18 Nov 2029 08:49:37 GMT",
    "Last-Modified: Sun, 12 Nov 2023 00:00:00 GMT",
    "Link: <a>",
    "Location: /b",
    "P3P: x",
    "Public-Key-Pins: x",
    "Refresh: 1",
    "Retry-After: 5",
    "Server: x",
    "Set-Cookie: a=b",
    "Strict-Transport-Security: max-age=1",
    "Test-Header: x",
    "Traceparent: x",
    "Via: 1.1 x",
    "WWW-Authenticate: Basic",
    "X-Frame-Options: deny",
    "X-Request-Id: 5",
    "X-Test-Header: x",
];
const NOT_KEPT: [&str; 9] = [
    "Connection: x",
    "Keep-Alive: timeout=5",
    "Proxy-Authenticate: Basic",
    "Proxy-Authentication-Info: a",
    "Proxy-Authorization: x",
    "Proxy-Connection: x",
    "TE: x",
    "Trailer: x",
    "Upgrade: h2c",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        must(
            "connection-names-a-field",
            [
                ask()
                    .origin([HOUR, "Connection: A, b", "A: 1", "B: 2", "C: 3"])
                    .lacks(["A", "B"])
                    .sees(["C: 3"]),
                ask().lacks(["A", "B"]).sees(["C: 3"]),
            ],
        ),
        must(
            "connection-lines",
            [
                ask()
                    .origin([HOUR, "Connection: A", "Connection: B", "A: 1", "B: 2"])
                    .lacks(["A", "B"]),
                ask().lacks(["A", "B"]),
            ],
        ),
        must(
            "repeated-in-order",
            [
                ask().origin([HOUR, "A: 2", "A: 1", "A: 2"]).sees(["A: 2", "A: 1", "A: 2"]),
                ask().sees(["A: 2", "A: 1", "A: 2"]),
            ],
        ),
        must(
            "cookies-apart",
            [ask()
                .origin([HOUR, "Set-Cookie: a=b", "Set-Cookie: c=d"])
                .sees(["Set-Cookie: a=b", "Set-Cookie: c=d"])],
        ),
        must(
            "request-fields-forwarded",
            [ask()
                .with(["A: 2", "A: 1", "Accept: x/y", "Cookie: a=b", "Accept-Encoding: br"])
                .sends(["A: 2", "A: 1", "Accept: x/y", "Cookie: a=b", "Accept-Encoding: br"])
                .sends(["Host: cache.example"])],
        ),
        must(
            "request-nothing-added",
            [ask().withholds([
                "Accept-Encoding",
                "User-Agent",
                "Accept",
                "Connection",
                "Cache-Control",
            ])],
        ),
        must(
            "request-hop-by-hop",
            [ask()
                .with([
                    "Connection: a, keep-alive",
                    "A: 1",
                    "Keep-Alive: 5",
                    "TE: trailers",
                    "Proxy-Connection: x",
                ])
                .withholds(["A", "Keep-Alive", "TE", "Proxy-Connection"])],
        ),
        must(
            "forwarded-fields",
            [ask()
                .with(["X-Forwarded-For: 1.2.3.4"])
                .origin([HOUR])
                .sends(["X-Forwarded-For: 1.2.3.4"])],
        ),
        should(
            "forwarded-fields-cached",
            [ask().with(["X-Forwarded-Host: a"]).origin([HOUR]), ask().cached()],
        ),
        must(
            "field-of-bytes",
            [
                ask().origin([HOUR, "A: caf\u{e9}", "B:"]).sees(["A: caf\u{e9}", "B:"]),
                ask().sees(["A: caf\u{e9}", "B:"]),
            ],
        ),
        must(
            "stored-date-not-doubled",
            [
                ask().origin([HOUR, "Date: @-5"]).sees(["Date: @-5"]),
                ask().after(2).sees(["Date: @-7"]),
            ],
        ),
        should("event-stream", [ask().origin([HOUR, "Content-Type: text/plain"]), ask().cached()]),
    ];
    for line in KEPT {
        let name = line.split(':').next().unwrap_or_default();
        cases.push(must(
            format!("kept-{name}"),
            [ask().origin([HOUR, line]).sees([line]), ask().sees([line])],
        ));
    }
    for line in NOT_KEPT {
        let name = line.split(':').next().unwrap_or_default();
        cases.push(must(
            format!("not-kept-{name}"),
            [ask().origin([HOUR, line]), ask().lacks([name])],
        ));
    }
    cases
}

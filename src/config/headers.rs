//! `HeaderFlags`: one pass over a request's headers finds everything that the cache needs to know of
//! them, so that a hit does not look for twenty names in the header map.

use actix_web::http::header::HeaderMap;

use super::credential_headers::CredentialHeaders;

/// Which of the headers that matter to a cache a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a header seen or not")]
pub(crate) struct HeaderFlags {
    pub(crate) authorization: bool,
    pub(crate) cookie: bool,
    /// Another header that identifies a client.
    pub(crate) credential: bool,
    /// A body is coming: `Content-Length` above zero, or `Transfer-Encoding`.
    pub(crate) body: bool,
    pub(crate) method_override: bool,
    /// A header that `ConnectionInfo` or a routing layer reads: host, scheme, port, prefix, path.
    pub(crate) forwarded: bool,
    /// `Upgrade: websocket`. Every other upgrade may be ignored (RFC 9110 s.7.8).
    pub(crate) upgrade: bool,
    pub(crate) origin: bool,
    /// `If-*` or `Range`.
    pub(crate) conditional: bool,
    /// `Cache-Control` or `Pragma`.
    pub(crate) directives: bool,
}

impl HeaderFlags {
    pub(super) fn of(fields: &HeaderMap, credentials: &CredentialHeaders) -> Self {
        let mut flags = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "authorization" => flags.authorization = true,
                "cookie" => flags.cookie = true,
                "content-length" => flags.body |= value.as_bytes() != b"0",
                "transfer-encoding" => flags.body = true,
                "x-http-method-override" | "x-http-method" | "x-method-override" => {
                    flags.method_override = true;
                }
                "forwarded" => flags.forwarded |= names_more_than_the_client(value.as_bytes()),
                "upgrade" => flags.upgrade |= asks_for_web_socket(value.as_bytes()),
                "origin" => flags.origin = true,
                "cache-control" | "pragma" => flags.directives = true,
                "range"
                | "if-none-match"
                | "if-modified-since"
                | "if-match"
                | "if-unmodified-since"
                | "if-range" => flags.conditional = true,
                // most fields end here, so what they are not has to be found quickly
                name => {
                    flags.forwarded |= name.starts_with("x-") && FORWARDING_HEADERS.contains(&name);
                    flags.credential |= credentials.counts(name);
                }
            }
        }
        flags
    }
}

/// Fields beside `Forwarded` by which a proxy says what the client asked for.
///
/// `X-Forwarded-For` is none of them: like the peer's address, it says who asked.
pub(crate) const FORWARDING_HEADERS: &[&str] = &[
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-forwarded-path",
    "x-host",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
];

/// Whether an `Upgrade` field names `websocket`, with or without a version: a handler that speaks it
/// has no other answer.
fn asks_for_web_socket(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|protocol| {
        let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"websocket")
    })
}

/// Whether a `Forwarded` field (RFC 7239) says more than whom the request is from.
fn names_more_than_the_client(value: &[u8]) -> bool {
    let value = value.to_ascii_lowercase();
    [b"host".as_slice(), b"proto"]
        .iter()
        .any(|name| value.windows(name.len()).any(|window| window == *name))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn flags(name: &'static str, value: &'static str) -> HeaderFlags {
        let req = TestRequest::default().insert_header((name, value)).to_http_request();
        HeaderFlags::of(req.headers(), &CredentialHeaders::default())
    }

    #[test]
    fn sees_each_field() {
        let none = HeaderFlags::default();
        assert_eq!(flags("accept", "*/*"), none);
        assert_eq!(flags("Authorization", "x"), HeaderFlags { authorization: true, ..none });
        assert_eq!(flags("cookie", "a=b"), HeaderFlags { cookie: true, ..none });
        assert_eq!(flags("x-api-key", "a"), HeaderFlags { credential: true, ..none });
        assert_eq!(flags("content-length", "0"), none);
        assert_eq!(flags("content-length", "1"), HeaderFlags { body: true, ..none });
        assert_eq!(flags("transfer-encoding", "chunked"), HeaderFlags { body: true, ..none });
        assert_eq!(flags("x-http-method", "PUT"), HeaderFlags { method_override: true, ..none });
        assert_eq!(flags("upgrade", "websocket"), HeaderFlags { upgrade: true, ..none });
        assert_eq!(flags("upgrade", "h2c, WebSocket"), HeaderFlags { upgrade: true, ..none });
        for ignorable in ["h2c", "HTTP/2.0", "TLS/1.0, h2c", "websockets", ""] {
            assert_eq!(flags("upgrade", ignorable), none, "{ignorable}");
        }
        assert_eq!(flags("origin", "null"), HeaderFlags { origin: true, ..none });
        assert_eq!(flags("pragma", "no-cache"), HeaderFlags { directives: true, ..none });
        assert_eq!(flags("range", "bytes=0-"), HeaderFlags { conditional: true, ..none });
        for name in FORWARDING_HEADERS {
            assert_eq!(flags(name, "x"), HeaderFlags { forwarded: true, ..none }, "{name}");
        }
        assert_eq!(flags("x-forwarded-for", "1.2.3.4"), none);
        assert_eq!(flags("forwarded", "for=1.2.3.4"), none);
        assert_eq!(flags("forwarded", "for=1;HOST=x"), HeaderFlags { forwarded: true, ..none });
    }
}

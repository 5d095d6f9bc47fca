//! Values that many responses have: each has a number, so that two bytes stand for it, and is a constant, so
//! that nothing is read or counted when a response gets it.

use std::{collections::HashMap, sync::LazyLock};

use actix_web::http::header::HeaderValue;

macro_rules! known {
    ($($value:literal,)+) => {
        /// The values that have numbers, from 0 on. The numbers are part of the format of stored values:
        /// whoever changes one changes its version.
        static KNOWN: [HeaderValue; [$($value),+].len()] = [$(HeaderValue::from_static($value)),+];
    };
}

known! {
    "text/html", "text/html; charset=utf-8", "text/html; charset=UTF-8", "text/plain",
    "text/plain; charset=utf-8", "text/css", "text/css; charset=utf-8", "text/csv", "text/xml",
    "text/javascript", "text/javascript; charset=utf-8", "application/javascript",
    "application/json", "application/json; charset=utf-8", "application/problem+json",
    "application/ld+json", "application/manifest+json", "application/xml", "application/rss+xml",
    "application/atom+xml", "application/xhtml+xml", "application/octet-stream",
    "application/pdf", "application/wasm", "image/png", "image/jpeg", "image/gif", "image/webp",
    "image/avif", "image/svg+xml", "image/x-icon", "font/woff", "font/woff2", "audio/mpeg",
    "video/mp4", "gzip", "br", "zstd", "deflate", "accept-encoding", "Accept-Encoding", "accept",
    "Accept", "accept-language", "Accept-Language", "origin", "Origin",
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    "Accept-Encoding, Origin", "no-cache", "public", "must-revalidate", "max-age=0", "max-age=1",
    "max-age=5", "max-age=10", "max-age=30", "max-age=60", "max-age=120", "max-age=300",
    "max-age=600", "max-age=900", "max-age=1800", "max-age=3600", "max-age=7200",
    "max-age=86400", "max-age=604800", "max-age=2592000", "max-age=31536000",
    "public, max-age=0", "public, max-age=1", "public, max-age=5", "public, max-age=10",
    "public, max-age=30", "public, max-age=60", "public, max-age=120", "public, max-age=300",
    "public, max-age=600", "public, max-age=900", "public, max-age=1800",
    "public, max-age=3600", "public, max-age=7200", "public, max-age=86400",
    "public, max-age=604800", "public, max-age=2592000", "public, max-age=31536000",
    "public, max-age=31536000, immutable", "max-age=0, must-revalidate",
    "public, max-age=0, must-revalidate", "*", "true", "GET", "GET, HEAD", "GET, HEAD, OPTIONS",
    "GET, OPTIONS", "GET, POST, OPTIONS", "bytes", "none", "nosniff", "DENY", "SAMEORIGIN", "0",
    "1; mode=block", "no-referrer", "same-origin", "cross-origin", "require-corp",
    "strict-origin-when-cross-origin", "origin-when-cross-origin", "no-store",
    "max-age=31536000; includeSubDomains", "max-age=31536000; includeSubDomains; preload",
    "max-age=63072000; includeSubDomains; preload", "default-src 'self'", "noindex", "on", "off",
    "en", "de", "fr", "es", "nginx", "Apache", "cloudflare", "HIT", "MISS",
}

static NUMBERS: LazyLock<HashMap<&[u8], u8, ahash::RandomState>> =
    LazyLock::new(|| KNOWN.iter().map(HeaderValue::as_bytes).zip(0..).collect());

/// The number of a value, if it has one.
pub(super) fn number(value: &[u8]) -> Option<u8> {
    NUMBERS.get(value).copied()
}

/// The value that has this number, if one has.
pub(super) fn value(number: u8) -> Option<&'static HeaderValue> {
    KNOWN.get(usize::from(number))
}

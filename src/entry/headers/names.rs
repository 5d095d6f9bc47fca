//! Names of header fields: those that have a number, so that one byte stands for them, and others.

use std::{collections::HashMap, sync::LazyLock};

use actix_web::http::header::HeaderName;

macro_rules! known {
    ($($name:literal,)+) => {
        /// The names that have numbers, from 1 on. The numbers are part of the format of stored values:
        /// whoever changes one changes its version.
        static KNOWN: [HeaderName; [$($name),+].len()] = [$(HeaderName::from_static($name)),+];
    };
}

known! {
    "date", "content-type", "content-length", "cache-control", "etag", "last-modified", "expires",
    "vary", "content-encoding", "content-language", "content-location", "content-disposition",
    "content-range", "accept-ranges", "link", "location", "server", "age", "via", "warning",
    "pragma", "retry-after", "allow", "set-cookie", "alt-svc", "refresh", "upgrade",
    "www-authenticate", "proxy-authenticate", "authorization", "public-key-pins",
    "access-control-allow-origin", "access-control-allow-credentials",
    "access-control-allow-headers", "access-control-allow-methods",
    "access-control-expose-headers", "access-control-max-age", "content-security-policy",
    "content-security-policy-report-only", "cross-origin-embedder-policy",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "permissions-policy",
    "referrer-policy", "strict-transport-security", "x-content-type-options", "x-frame-options",
    "x-xss-protection", "x-dns-prefetch-control", "x-permitted-cross-domain-policies",
    "origin-agent-cluster", "clear-site-data", "timing-allow-origin", "server-timing",
    "accept-ch", "critical-ch", "accept-patch", "accept-post", "report-to", "reporting-endpoints",
    "nel", "sourcemap", "x-robots-tag", "x-ua-compatible", "x-powered-by", "x-download-options",
    "digest", "content-digest", "repr-digest", "content-md5", "want-digest", "cache-status",
    "cdn-cache-control", "surrogate-control", "surrogate-key", "cache-tag", "xkey",
    "cache-groups", "no-vary-search", "speculation-rules", "deprecation", "sunset",
    "x-request-id", "x-correlation-id", "x-cache", "x-runtime", "x-total-count",
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit",
    "ratelimit-policy",
}

static NUMBERS: LazyLock<HashMap<&HeaderName, u8, ahash::RandomState>> =
    LazyLock::new(|| KNOWN.iter().zip(1..).collect());

/// The number of a name, if it has one.
pub(super) fn number(name: &HeaderName) -> Option<u8> {
    NUMBERS.get(name).copied()
}

/// The name that has this number, if one has.
pub(super) fn name(number: u8) -> Option<&'static HeaderName> {
    KNOWN.get(usize::from(number).checked_sub(1)?)
}

/// A name as it is kept.
#[derive(Clone, Copy)]
pub(super) enum Name<'a> {
    Known(&'static HeaderName),
    Written(&'a str),
}

impl<'a> Name<'a> {
    pub(super) fn as_str(self) -> &'a str {
        match self {
            Self::Known(name) => name.as_str(),
            Self::Written(name) => name,
        }
    }

    pub(super) fn to_header_name(self) -> Option<HeaderName> {
        match self {
            Self::Known(name) => Some(name.clone()),
            Self::Written(name) => HeaderName::from_lowercase(name.as_bytes()).ok(),
        }
    }

    /// Whether it is the name of a field, in lower case.
    pub(super) fn is_valid(self) -> bool {
        match self {
            Self::Known(_) => true,
            Self::Written(name) => HeaderName::from_lowercase(name.as_bytes()).is_ok(),
        }
    }
}

impl PartialEq<HeaderName> for Name<'_> {
    fn eq(&self, other: &HeaderName) -> bool {
        match self {
            Self::Known(name) => *name == other,
            Self::Written(name) => *name == other.as_str(),
        }
    }
}

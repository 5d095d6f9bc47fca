//! `LifetimeSource`: what a response has its freshness lifetime from.

use std::fmt;

use serde::{Serialize, Serializer};

/// What a response has its freshness lifetime from (RFC 9111 s.4.2.1).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LifetimeSource {
    /// A targeted header, such as `App-Cache-Control` (RFC 9213).
    Targeted,
    /// `s-maxage` of `Cache-Control`.
    SMaxage,
    /// `max-age` of `Cache-Control`.
    MaxAge,
    /// `Expires`.
    Expires,
    /// `no-cache`: stale from the start.
    NoCache,
    /// The setting for this status.
    StatusTtl,
    /// The `ttl` setting of the rule or of the cache.
    Ttl,
    /// A guess, by `Last-Modified` (RFC 9111 s.4.2.2).
    Heuristic,
}

impl LifetimeSource {
    /// The source in lower case with hyphens: `max-age`, `status-ttl`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Targeted => "targeted",
            Self::SMaxage => "s-maxage",
            Self::MaxAge => "max-age",
            Self::Expires => "expires",
            Self::NoCache => "no-cache",
            Self::StatusTtl => "status-ttl",
            Self::Ttl => "ttl",
            Self::Heuristic => "heuristic",
        }
    }
}

impl fmt::Display for LifetimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for LifetimeSource {
    /// As its name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

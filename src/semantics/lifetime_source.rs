//! `LifetimeSource`: what a response has its freshness lifetime from.

use std::fmt;

use serde::{Serialize, Serializer};

/// What a response has its freshness lifetime from (RFC 9111 s.4.2.1).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LifetimeSource {
    /// A hint of the handler: [`CacheHints::ttl`](crate::CacheHints::ttl).
    Hint,
    /// A named policy that the handler chose: [`CacheHints::policy`](crate::CacheHints::policy).
    Policy,
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
    #[default]
    Ttl,
    /// A guess, by `Last-Modified` (RFC 9111 s.4.2.2).
    Heuristic,
}

impl LifetimeSource {
    /// Every source, in the order of their declaration.
    pub(crate) const ALL: [Self; 10] = [
        Self::Hint,
        Self::Policy,
        Self::Targeted,
        Self::SMaxage,
        Self::MaxAge,
        Self::Expires,
        Self::NoCache,
        Self::StatusTtl,
        Self::Ttl,
        Self::Heuristic,
    ];

    /// The source with this number; the default one where there is none.
    pub(crate) fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// Its number in [`ALL`](Self::ALL).
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// The source in lower case with hyphens: `max-age`, `status-ttl`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Policy => "policy",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_source_has_a_word_and_a_number_of_its_own() {
        let words: BTreeSet<_> = LifetimeSource::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), LifetimeSource::ALL.len());
        for source in LifetimeSource::ALL {
            assert_eq!(LifetimeSource::from_number(source.number()), source);
            assert!(words.contains(source.as_str()));
        }
        assert_eq!(LifetimeSource::from_number(u8::MAX), LifetimeSource::Ttl);
    }
}

//! Every outcome and every reason, as values: statistics, `Cache-Status`, logs and the admin scope
//! say the same words because they print the same enum.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use super::lifetime_source::LifetimeSource;
pub use super::reason::Reason;

/// What the lifetime of a stored response comes from, or why the response is not stored.
pub(crate) type Stored = Result<LifetimeSource, Reason>;

/// Why a request went to the handler (RFC 9211 s.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forwarding {
    /// The cache was told not to handle this request.
    Bypass(Reason),
    /// The request's method.
    Method,
    /// No stored response has this URL.
    UriMiss,
    /// Stored responses have this URL, but other selecting fields.
    VaryMiss,
    /// A stored response could not be used for another reason.
    Miss(Reason),
    /// The request's own directives.
    Request,
    /// The stored response was stale.
    Stale,
}

impl Forwarding {
    /// The token of RFC 9211 s.2.2.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass(_) => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss(_) => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
        }
    }

    /// The reason, where there is more to say than that nothing was stored.
    pub(crate) const fn reason(self) -> Option<Reason> {
        match self {
            Self::Bypass(why) | Self::Miss(why) => Some(why),
            Self::Method => Some(Reason::Method),
            Self::Request => Some(Reason::RequestDirective),
            Self::Stale => Some(Reason::Stale),
            Self::UriMiss | Self::VaryMiss => None,
        }
    }
}

/// Why a stale response is served instead of the handler's.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleCause {
    /// The handler failed, with this status or without any.
    Failed(Option<u16>),
    /// The handler is still running.
    Slow,
    /// The handler failed a short while ago, and is not called again yet.
    BackingOff,
    /// As many handlers run as settings allow.
    Overloaded,
}

impl StaleCause {
    /// The cause in lower case with hyphens: `handler-slow`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed(_) => "handler-failed",
            Self::Slow => "handler-slow",
            Self::BackingOff => "handler-left-alone",
            Self::Overloaded => Reason::Overloaded.as_str(),
        }
    }
}

/// What the cache did with a request.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answered from a stored response that is fresh for another `left`.
    Hit {
        /// The freshness lifetime that remains.
        left: Duration,
    },
    /// Answered from a stored response whose lifetime ended `past` ago.
    Stale {
        /// How long ago the lifetime ended.
        past: Duration,
    },
    /// A stored response whose lifetime ended `past` ago is served instead of the handler's
    /// (RFC 5861 s.4).
    StaleFallback {
        /// How long ago the lifetime ended.
        past: Duration,
        /// Why the handler's is not.
        cause: StaleCause,
    },
    /// Answered by the handler.
    Forwarded {
        /// Why it was asked.
        why: Forwarding,
        /// Its status, where it differs from the response's (a 304 that freshened a stored 200).
        status: Option<u16>,
        /// Whether its response is stored, or why not.
        stored: Stored,
        /// Whether the request shared another request's run of the handler.
        collapsed: bool,
    },
    /// Answered by the cache itself without the store (504 to `only-if-cached`, 503 where too many handlers
    /// run).
    Refused(Reason),
}

impl Verdict {
    /// The request did not concern the cache, for the reason `why`.
    pub(crate) const fn bypassed(why: Reason) -> Self {
        let forwarding = match why {
            Reason::Method => Forwarding::Method,
            _ => Forwarding::Bypass(why),
        };
        Self::Forwarded { why: forwarding, status: None, stored: Err(why), collapsed: false }
    }

    /// The request found nothing usable, for the reason `why`; its response is `stored` or not.
    pub(crate) const fn missed(why: Forwarding, stored: Stored) -> Self {
        Self::Forwarded { why, status: None, stored, collapsed: false }
    }

    /// The handler was called for the reason `why`, and its response is `stored` or not. One that is
    /// withheld from the store for the request's credentials was not for the cache.
    pub(crate) const fn filled(why: Forwarding, stored: Stored) -> Self {
        match stored {
            Err(why) if why.is_of_credentials() => Self::bypassed(why),
            stored => Self::missed(why, stored),
        }
    }

    /// The same, where the handler's response had this status and the client is given another.
    pub(crate) const fn with_status(self, status: Option<u16>) -> Self {
        match self {
            Self::Forwarded { why, stored, collapsed, .. } => {
                Self::Forwarded { why, status, stored, collapsed }
            }
            other => other,
        }
    }

    /// Whether the request did not concern the cache.
    pub(crate) const fn is_bypass(self) -> bool {
        matches!(self, Self::Forwarded { why: Forwarding::Bypass(_) | Forwarding::Method, .. })
    }

    /// The word for `X-Cache`: `HIT`, `STALE`, `MISS` or `BYPASS`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Hit { .. } => "HIT",
            Self::Stale { .. } | Self::StaleFallback { .. } => "STALE",
            Self::Forwarded { .. } if self.is_bypass() => "BYPASS",
            Self::Forwarded { .. } | Self::Refused(_) => "MISS",
        }
    }
}

/// Where a response comes from.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerdictKind {
    /// From the store, and fresh.
    Hit,
    /// From the store, and stale.
    Stale,
    /// From the handler, as the store had no response that could be used; or a 504 to
    /// `only-if-cached`, or a 503 where too many handlers run.
    Miss,
    /// From the handler, as the request is not for the cache.
    Bypass,
}

impl VerdictKind {
    /// The kind in lower case: `hit`, `stale`, `miss` or `bypass`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }

    pub(crate) const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Hit { .. } => Self::Hit,
            Verdict::Stale { .. } | Verdict::StaleFallback { .. } => Self::Stale,
            Verdict::Forwarded { .. } if verdict.is_bypass() => Self::Bypass,
            Verdict::Forwarded { .. } | Verdict::Refused(_) => Self::Miss,
        }
    }
}

impl Serialize for VerdictKind {
    /// As its name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for VerdictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: Stored = Ok(LifetimeSource::Ttl);

    #[test]
    fn response_not_stored_for_its_credentials_is_a_bypass() {
        let filled = |stored| Verdict::filled(Forwarding::UriMiss, stored);
        assert_eq!(filled(Err(Reason::Cookie)), Verdict::bypassed(Reason::Cookie));
        let missed = |stored| Verdict::missed(Forwarding::UriMiss, stored);
        for stored in [STORED, Err(Reason::NoStore)] {
            assert_eq!(filled(stored), missed(stored));
        }
    }

    #[test]
    fn forwarding_has_a_reason_where_there_is_more_to_say() {
        for (why, expected) in [
            (Forwarding::Bypass(Reason::Excluded), Some(Reason::Excluded)),
            (Forwarding::Miss(Reason::Cookie), Some(Reason::Cookie)),
            (Forwarding::Method, Some(Reason::Method)),
            (Forwarding::Request, Some(Reason::RequestDirective)),
            (Forwarding::Stale, Some(Reason::Stale)),
            (Forwarding::UriMiss, None),
            (Forwarding::VaryMiss, None),
        ] {
            assert_eq!(why.reason(), expected);
        }
    }

    #[test]
    fn each_kind_of_verdict_has_a_word_of_its_own() {
        let past = Duration::ZERO;
        let fallback = |cause| Verdict::StaleFallback { past, cause };
        let table = [
            (Verdict::Hit { left: past }, "hit"),
            (Verdict::Stale { past }, "stale"),
            (fallback(StaleCause::Slow), "stale"),
            (Verdict::missed(Forwarding::UriMiss, STORED), "miss"),
            (Verdict::bypassed(Reason::Excluded), "bypass"),
            (Verdict::bypassed(Reason::Method), "bypass"),
            (Verdict::Refused(Reason::OnlyIfCached), "miss"),
        ];
        for (verdict, word) in table {
            assert_eq!(VerdictKind::of(&verdict).to_string(), word);
        }
        let causes = [
            (StaleCause::Failed(Some(500)), "handler-failed"),
            (StaleCause::Slow, "handler-slow"),
            (StaleCause::BackingOff, "handler-left-alone"),
            (StaleCause::Overloaded, "overloaded"),
        ];
        for (cause, word) in causes {
            assert_eq!(cause.as_str(), word);
        }
    }

    #[test]
    fn a_verdict_has_one_word() {
        assert_eq!(Verdict::Hit { left: Duration::ZERO }.word(), "HIT");
        assert_eq!(Verdict::bypassed(Reason::Cookie).word(), "BYPASS");
        assert_eq!(Verdict::bypassed(Reason::Method).word(), "BYPASS");
        assert_eq!(
            Verdict::missed(Forwarding::UriMiss, Ok(LifetimeSource::default())).word(),
            "MISS"
        );
    }
}

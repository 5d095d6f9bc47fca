//! Every outcome and every reason, as values: statistics, `Cache-Status`, logs and the admin scope
//! say the same words because they print the same enum.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)+) => {
        /// Why a request was not answered from the cache, or a response not stored in it.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The reason in lower case with hyphens: `request-body`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

reasons! {
    // The request is not for the cache.
    /// The cache is switched off.
    Disabled => "disabled",
    /// Only GET and HEAD are answered from a cache.
    Method => "method",
    /// The path is under none of the included prefixes.
    NotIncluded => "not-included",
    /// The path is under an excluded prefix.
    Excluded => "excluded",
    /// Another reading of the path (decoded, normalised) would be decided differently.
    AmbiguousPath => "ambiguous-path",
    /// The user's predicate said no.
    Predicate => "predicate",
    /// A GET or HEAD with a body.
    RequestBody => "request-body",
    /// The request overrides its method in a header field.
    MethodOverride => "method-override",
    /// The request carries forwarding fields that are not part of the key.
    Forwarded => "forwarded",
    /// The request asks for another protocol.
    Upgrade => "upgrade",
    /// The key of the request would be too long.
    KeyTooLong => "key-too-long",
    /// The user's key function gave no key.
    NoKey => "no-key",
    /// `Authorization` without an auth key (RFC 9111 s.3.5).
    Authorization => "authorization",
    /// `Cookie` without an auth key.
    Cookie => "cookie",
    /// Another field that says who is asking, such as `X-Api-Key`, without an auth key.
    Credential => "credential",
    /// Handlers can read the request's cookies in another way than the key does.
    AmbiguousCookie => "ambiguous-cookie",
    /// The request's target is none of `http` or `https`, or names two hosts.
    Target => "target",

    // The request's own directives (RFC 9111 s.5.2.1).
    /// The request says `no-store`.
    RequestNoStore => "request-no-store",
    /// The request wants validation: `no-cache`, `max-age`, `min-fresh`.
    RequestDirective => "request-directive",
    /// The request says `only-if-cached` and there is nothing to answer it with.
    OnlyIfCached => "only-if-cached",

    // The response is not stored.
    /// The response says `no-store`.
    NoStore => "no-store",
    /// The response says `private`.
    Private => "private",
    /// The response sets a cookie.
    SetCookie => "set-cookie",
    /// The response varies on `*`.
    VaryStar => "vary-star",
    /// The status is not one that is stored.
    Status => "status",
    /// A partial response.
    Partial => "partial",
    /// Neither the response nor the settings give it a lifetime.
    NoLifetime => "no-lifetime",
    /// The response is stale as it comes and nothing could revalidate it.
    BornStale => "born-stale",
    /// A field of the response, such as the group list, is too long.
    FieldsTooLong => "fields-too-long",
    /// The body is longer than `max_body`, or than the store takes.
    TooLarge => "too-large",
    /// Too much of other streams is being recorded.
    RecordingBudget => "recording-budget",
    /// A stream of events or of pictures, which does not end.
    EventStream => "event-stream",
    /// The body ended in an error or was not read to its end.
    BodyFailed => "body-failed",
    /// The body was shorter or longer than its `Content-Length`.
    BodyLength => "body-length",
    /// The handler failed.
    HandlerFailed => "handler-failed",
    /// A handler opted out of the cache for this response.
    OptedOut => "opted-out",
    /// Another cache inside this one has answered for it.
    InnerCache => "inner-cache",
    /// The store could not take it.
    StoreFailed => "store-failed",
    /// A purge came while the handler was running.
    Purged => "purged",

    // The stored response is not reused.
    /// The stored response is past its lifetime.
    Stale => "stale",
    /// The stored response says `no-cache`.
    NoCache => "no-cache",
}

impl Reason {
    /// Whether the request's credentials are the reason.
    pub(crate) const fn is_of_credentials(self) -> bool {
        matches!(self, Self::Authorization | Self::Cookie | Self::Credential)
    }
}

impl Serialize for Reason {
    /// As its name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
}

impl StaleCause {
    /// The cause in lower case with hyphens: `handler-slow`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed(_) => "handler-failed",
            Self::Slow => "handler-slow",
            Self::BackingOff => "handler-left-alone",
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
        stored: Result<(), Reason>,
        /// Whether the request shared another request's run of the handler.
        collapsed: bool,
    },
    /// Answered by the cache itself without the store (504 to `only-if-cached`).
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
    pub(crate) const fn missed(why: Forwarding, stored: Result<(), Reason>) -> Self {
        Self::Forwarded { why, status: None, stored, collapsed: false }
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
    /// `only-if-cached`.
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

    #[test]
    fn reasons_have_distinct_words_of_their_own() {
        let words: std::collections::HashSet<_> =
            Reason::ALL.iter().map(|why| why.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        let is_word = |w: &str| w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(words.into_iter().all(is_word));
    }

    #[test]
    fn a_verdict_has_one_word() {
        assert_eq!(Verdict::Hit { left: Duration::ZERO }.word(), "HIT");
        assert_eq!(Verdict::bypassed(Reason::Cookie).word(), "BYPASS");
        assert_eq!(Verdict::bypassed(Reason::Method).word(), "BYPASS");
        assert_eq!(Verdict::missed(Forwarding::UriMiss, Ok(())).word(), "MISS");
    }
}

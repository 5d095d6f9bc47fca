//! Why a request was not answered from the cache, or a response not stored: every reason as a value, so that
//! statistics, `Cache-Status`, logs and the admin scope say the same words.

use std::fmt;

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
    /// A rule keeps the path out of the store, and unchanged responses become 304 all the same.
    ValidateOnly => "validate-only",
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
    /// A middleware outside of the cache holds the request, so that its headers cannot be reduced.
    HeldRequest => "held-request",
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

    // No handler is called.
    /// As many handlers run as settings allow, and nothing stored can be served in their place.
    Overloaded => "overloaded",

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
    /// Only what is declared cacheable is stored, and neither a rule nor the handler declares it.
    NotDeclared => "not-declared",
    /// The handler chose a named policy that does not exist.
    UnknownPolicy => "unknown-policy",
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
        assert!(Reason::ALL.iter().all(|why| why.to_string() == why.as_str()));
    }

    #[test]
    fn three_reasons_are_of_credentials() {
        let of_credentials = Reason::ALL.iter().filter(|why| why.is_of_credentials());
        let words: Vec<_> = of_credentials.map(|why| why.as_str()).collect();
        assert_eq!(words, ["authorization", "cookie", "credential"]);
    }
}

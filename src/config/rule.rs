//! `Rule`: what a user sets for the paths of one pattern.

use std::time::Duration;

use actix_web::http::StatusCode;

use super::{
    client::ClientCache,
    error::ConfigError,
    functions::BodyPredicate,
    settings::{query::Query, setting::Setting},
};
use crate::semantics::verdict::Reason;

/// What holds for the paths of one pattern; what it leaves unset is as for the whole cache.
///
/// ```
/// use std::time::Duration;
/// use actix_response_cache::{ResponseCache, Rule};
///
/// let cache = ResponseCache::memory()
///     .rule("/products", Rule::new().ttl(Duration::from_secs(10)).groups(["products"]))
///     .rule(
///         "/products/{id}",
///         Rule::new()
///             .ttl(Duration::from_secs(30))
///             .ttl_for(404, Duration::from_secs(5))
///             .groups(["products", "product:{id}"]),
///     )
///     .rule("/reports/{tail:.*}", Rule::bypass());
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Rule {
    pub(super) ttl: Setting<Option<Duration>>,
    pub(super) statuses: Vec<(u16, Duration)>,
    pub(super) groups: Vec<String>,
    pub(super) client: Setting<Option<ClientCache>>,
    pub(super) query: Option<Query>,
    pub(super) while_revalidate: Option<Duration>,
    pub(super) if_error: Option<Duration>,
    pub(super) policy: Option<String>,
    pub(super) shared: Option<bool>,
    pub(super) is_bypass: bool,
    pub(super) validate_only: Option<bool>,
    pub(super) post: Option<PostRule>,
}

/// Which POST requests are answered from the cache.
#[derive(Clone, Debug, Default)]
pub(super) enum PostRule {
    /// None: they may change something.
    #[default]
    None,
    /// All: they only read.
    All,
    /// Those that the function says only read.
    If(BodyPredicate),
}

impl PostRule {
    /// Whether the body of a request decides, or has part in its key.
    pub(super) fn wants_body(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether a request with this body only reads.
    pub(super) fn is_read(&self, body: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::If(predicate) => predicate.call(body),
        }
    }

    /// What tells its function from others.
    pub(super) fn address(&self) -> Option<usize> {
        match self {
            Self::If(predicate) => Some(predicate.address()),
            Self::None | Self::All => None,
        }
    }
}

impl Rule {
    /// A rule that leaves everything as it is for the whole cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// A rule that keeps the paths out of the cache, and out of every cache of this crate outside of it.
    pub fn bypass() -> Self {
        Self { is_bypass: true, ..Self::default() }
    }

    /// The freshness lifetime of 2xx responses that state none. `None` or zero: they are not stored,
    /// with `None` not even where [`Compliance::strict`](crate::Compliance::strict) would guess one.
    /// Default: as for the whole cache.
    pub fn ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.ttl = Setting::Set(ttl.into());
        self
    }

    /// The freshness lifetime of responses with this status that state none: negative caching.
    ///
    /// Statuses that caches do not store, such as 404 without a lifetime or 503, are stored only
    /// when they are named here. The stale windows of the whole cache do not apply to them, or a 404
    /// for five seconds would be answered for an hour; those of this rule do.
    pub fn ttl_for(mut self, status: u16, ttl: Duration) -> Self {
        self.statuses.push((status, ttl));
        self
    }

    /// Groups that the responses can be purged by. `{name}` stands for what the pattern captures,
    /// decoded as [`web::Path`](actix_web::web::Path) gives it: `/products/C%2B%2B` is in
    /// `product:C++`, and `/products/007` in `product:007`. Where several values mean one thing, let
    /// the handler name the group: see [`CacheHints::group`](crate::CacheHints::group).
    pub fn groups<I>(mut self, groups: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.groups.extend(groups.into_iter().map(Into::into));
        self
    }

    /// How long past its lifetime a response may be served at once while it is refreshed in the
    /// background (RFC 5861 s.3). Default: as for the whole cache; for errors and for statuses of
    /// [`ttl_for`](Self::ttl_for) not at all.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.while_revalidate = Some(window);
        self
    }

    /// How long past its lifetime a response may be served in place of a handler that fails
    /// (RFC 5861 s.4). Default: as for the whole cache; for errors and for statuses of
    /// [`ttl_for`](Self::ttl_for) not at all.
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.if_error = Some(window);
        self
    }

    /// The freshness that responses state for clients; `None`: nothing is added. Default: as for the
    /// whole cache.
    pub fn client_cache(mut self, client: impl Into<Option<ClientCache>>) -> Self {
        self.client = Setting::Set(client.into());
        self
    }

    /// Whether nothing of these paths is stored or shared between requests, and a client that has the
    /// response already is given 304 all the same. The handler runs for every request; where it responds
    /// 200 to a GET, with a body that is no stream and with neither `ETag` nor `Last-Modified`, the response
    /// gets an `ETag`, made of its body. Of use for what may be seen by one user only, too: the bytes of this
    /// very response are compared. Other settings of the rule then have no effect. Default: `false`.
    ///
    /// ```
    /// use actix_response_cache::{ResponseCache, Rule};
    ///
    /// let cache = ResponseCache::memory().rule("/users/{id}/orders", Rule::new().validate_only(true));
    /// ```
    pub fn validate_only(mut self, on: bool) -> Self {
        self.validate_only = Some(on);
        self
    }

    /// How the query becomes part of the key. Default: as for the whole cache.
    pub fn query(mut self, query: Query) -> Self {
        self.query = Some(query);
        self
    }

    /// The [named policy](crate::ResponseCache::policy) that the paths have, as far as this rule says nothing
    /// else.
    pub fn policy(mut self, name: impl Into<String>) -> Self {
        self.policy = Some(name.into());
        self
    }

    /// Whether visitors and signed-in users share one stored response: credentials of requests are ignored.
    /// For static files and public pages of a site with logins. Default: `false`.
    ///
    /// Neither [`vary_by_auth`](crate::ResponseCache::vary_by_auth) nor keyed cookies nor credential headers
    /// become part of the key. A response that says `private` or sets a cookie is never stored, whatever
    /// else is set. What the handler makes of a credential beside that (a greeting, a token in a form)
    /// would be served to others: **say it only of pages that ignore who asks.**
    ///
    /// ```
    /// use actix_response_cache::{Auth, ResponseCache, Rule};
    ///
    /// let cache = ResponseCache::memory()
    ///     .vary_by_auth(Auth::PerCredential)
    ///     .rule("/static/{file:.*}", Rule::new().shared(true));
    /// ```
    pub fn shared(mut self, on: bool) -> Self {
        self.shared = Some(on);
        self
    }

    /// Whether POST requests are answered from the cache, with their body, up to 64 KiB, and its
    /// `Content-Type` as part of the key: for search and GraphQL endpoints whose POST **only reads**. Default:
    /// `false`.
    ///
    /// **A POST that is answered from the cache does not come to its handler.** Where some change
    /// something, say by [`cache_post_if`](Self::cache_post_if) which do not. RFC 9110 s.9.3.3 lets caches
    /// keep a response to POST for later GETs alone, and RFC 9111 s.4.4 has every POST invalidate its URL:
    /// this rule departs from both on your word. A POST that it covers answers no GET, and invalidates
    /// nothing, whether its response is stored or not; but a response with `Cache-Group-Invalidation` does
    /// what it says, and is not stored.
    ///
    /// Responses are stored where they, a hint or the rule state a lifetime; the default one of the cache
    /// does not count, nor a guess. Credentials count as for other requests. A stale response is
    /// not refreshed in the background, as the body was read by its handler. A longer body goes to the
    /// handler, as every POST does elsewhere.
    pub fn cache_post(mut self, on: bool) -> Self {
        self.post = Some(if on { PostRule::All } else { PostRule::None });
        self
    }

    /// As [`cache_post`](Self::cache_post), for the POST requests of whose body `is_read` says that they only
    /// read. The others go to the handler and invalidate what they may have changed, as every POST does
    /// elsewhere; their reason is [`Reason::Predicate`](crate::Reason::Predicate). The body is as it was sent:
    /// a `Content-Encoding` is not undone.
    ///
    /// ```
    /// use std::time::Duration;
    /// use actix_response_cache::{ResponseCache, Rule};
    ///
    /// // clients that send `{"query": "..."}` and name no operation
    /// let is_query = |body: &[u8]| !body.windows(8).any(|word| word == b"mutation");
    /// let cache = ResponseCache::memory().rule(
    ///     "/graphql",
    ///     Rule::new().cache_post_if(is_query).ttl(Duration::from_secs(30)),
    /// );
    /// ```
    pub fn cache_post_if<F>(mut self, is_read: F) -> Self
    where
        F: Fn(&[u8]) -> bool + Send + Sync + 'static,
    {
        self.post = Some(PostRule::If(BodyPredicate::new(is_read)));
        self
    }

    /// Whether the rule is [shared](Self::shared).
    pub(super) fn is_shared(&self) -> bool {
        self.shared.unwrap_or_default()
    }

    /// This rule, and where it says nothing what `base` says.
    pub(super) fn over(&self, base: &Self) -> Self {
        Self {
            ttl: self.ttl.clone().or(&base.ttl),
            client: self.client.clone().or(&base.client),
            query: self.query.clone().or_else(|| base.query.clone()),
            while_revalidate: self.while_revalidate.or(base.while_revalidate),
            if_error: self.if_error.or(base.if_error),
            shared: self.shared.or(base.shared),
            post: self.post.clone().or_else(|| base.post.clone()),
            is_bypass: self.is_bypass || base.is_bypass,
            statuses: self.statuses.iter().chain(&base.statuses).copied().collect(),
            groups: self.groups.iter().chain(&base.groups).cloned().collect(),
            policy: None,
            validate_only: self.validate_only.or(base.validate_only),
        }
    }

    /// Why the paths are kept out of the store, if they are.
    pub(super) fn refusal(&self) -> Option<Reason> {
        if self.is_bypass {
            return Some(Reason::Excluded);
        }
        self.validate_only.unwrap_or_default().then_some(Reason::ValidateOnly)
    }

    /// The names of what is set.
    pub(super) fn settings(&self) -> Vec<&'static str> {
        let settings = [
            (self.ttl.is_set(), "ttl"),
            (!self.statuses.is_empty(), "ttl_for"),
            (!self.groups.is_empty(), "groups"),
            (self.while_revalidate.is_some(), "stale_while_revalidate"),
            (self.if_error.is_some(), "stale_if_error"),
            (self.client.is_set(), "client_cache"),
            (self.query.is_some(), "query"),
            (self.policy.is_some(), "policy"),
            (self.shared.is_some(), "shared"),
            (self.post.is_some(), "cache_post"),
            (self.is_bypass && self.validate_only.is_some(), "validate_only"),
        ];
        settings.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect()
    }

    pub(super) fn status_ttls(&self) -> Result<Vec<(StatusCode, Duration)>, ConfigError> {
        let named = self.statuses.iter().map(|(status, ttl)| {
            let code = StatusCode::from_u16(*status).ok().filter(|code| {
                // a partial or a "not modified" answers one request only
                !code.is_informational() && !matches!(code.as_u16(), 206 | 304)
            });
            code.map(|code| (code, *ttl)).ok_or_else(|| {
                ConfigError::new(
                    "Rule::ttl_for",
                    format!("{status} is not a status that can be stored"),
                )
            })
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_of_one_request_only_are_refused() {
        for status in [0, 99, 100, 206, 304, 1000] {
            assert!(Rule::new().ttl_for(status, Duration::ZERO).status_ttls().is_err(), "{status}");
        }
        assert!(Rule::new().ttl_for(404, Duration::from_secs(1)).status_ttls().is_ok());
    }
}

//! Settings of the key: what tells two requests apart, and what does not.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;

use super::{
    auth::Auth,
    cache::ResponseCache,
    error::ConfigError,
    keying::{Custom, Forwarded},
};
use crate::key::query::{QueryRules, TRACKING_PARAMETERS};

impl ResponseCache {
    /// How the one who asks becomes part of the key. By default not at all: requests with a
    /// credential then only get and leave responses which say that they may be shared.
    pub fn vary_by_auth(self, auth: Auth) -> Self {
        self.set(|config| config.keying.auth = Some(auth))
    }

    /// Makes a request field part of the key, for responses that depend on it without `Vary`.
    pub fn vary_by_header(self, name: &str) -> Self {
        let name = name.parse().map_err(|_| {
            ConfigError::new("vary_by_header", format!("`{name}` is not a field name"))
        });
        self.set_with(name, |config, name| config.keying.headers.push(name))
    }

    /// Makes a cookie part of the key. It then no longer counts as a credential.
    pub fn vary_by_cookie(self, name: impl Into<String>) -> Self {
        self.set(|config| config.keying.cookies.push(name.into()))
    }

    /// Makes what `function` says of a request part of the key. Requests for which it says `None`
    /// bypass the cache.
    pub fn key_with<F>(self, function: F) -> Self
    where
        F: Fn(&ServiceRequest) -> Option<String> + Send + Sync + 'static,
    {
        self.set(|config| config.keying.custom = Some(Custom(Arc::new(function))))
    }

    /// Lets the order of query parameters not count. Those of one name keep theirs.
    pub fn sort_query(self) -> Self {
        self.set_query(|query| query.sort = true)
    }

    /// Lets query parameters not count; a name may end in `*`. Of two requests which differ in
    /// them only, the handler sees the first one.
    pub fn ignore_query<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.set_query(|query| query.ignore.extend(names.into_iter().map(Into::into)))
    }

    /// Lets the parameters not count by which advertisers follow visitors: `utm_*`, `gclid`,
    /// `fbclid` and their like.
    pub fn ignore_tracking_parameters(self) -> Self {
        self.ignore_query(TRACKING_PARAMETERS.iter().copied())
    }

    /// Lets only these query parameters count; a name may end in `*`.
    pub fn only_query<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.set_query(|query| query.only = Some(names.into_iter().map(Into::into).collect()))
    }

    /// Lets cookies not count as credentials; a name may end in `*`. No response may depend on
    /// them.
    pub fn ignore_cookies<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let names = names.into_iter().map(Into::into);
        self.set(|config| config.keying.ignored_cookies.extend(names))
    }

    /// Lets no cookie count as a credential, as RFC 9111 has it. Then a response to somebody's
    /// session cookie is stored for everybody, unless it says `private` or `no-store`.
    pub fn cookies_are_harmless(self) -> Self {
        self.set(|config| config.keying.cookies_are_harmless = true)
    }

    /// Whether no response depends on `Origin`, because CORS is handled outside of the cache
    /// (registered after it). Default: no, and the value of `Origin` is in the key. Without it, an origin
    /// that the handler does not allow could leave its response, which has no CORS headers, to an origin
    /// that is allowed.
    pub fn ignore_origin(self, on: bool) -> Self {
        self.set(|config| config.keying.ignore_origin = on)
    }

    /// Behind a proxy that sets `Forwarded` or `X-Forwarded-Host` and their like: makes what they
    /// say part of the key, beside the request's own `Host`, by which actix routes. By default a
    /// request that carries one bypasses the cache, as handlers can read them by `ConnectionInfo`.
    ///
    /// The host that purges of a URL name is then the forwarded one.
    pub fn trust_forwarded(self) -> Self {
        self.set(|config| config.keying.forwarded = Forwarded::Trust)
    }

    /// Declares that no handler looks at `Forwarded`, `X-Forwarded-Host` and their like.
    pub fn ignore_forwarded(self) -> Self {
        self.set(|config| config.keying.forwarded = Forwarded::Ignore)
    }

    fn set_query(self, change: impl FnOnce(&mut QueryRules)) -> Self {
        self.set(|config| change(Arc::make_mut(&mut config.keying.query)))
    }
}

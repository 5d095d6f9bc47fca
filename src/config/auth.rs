//! `Auth`: how the identity of a client becomes part of the key.

use std::fmt;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName, HeaderValue},
};

use super::{
    cookies::{self, Pair},
    credential_headers::CredentialHeaders,
    error::ConfigError,
    functions::RequestFn,
    headers::HeaderFlags,
};
use crate::{
    key::{KeyBuilder, Part, Secret},
    semantics::storing::UncoveredCredentials,
};

/// How the identity of a client becomes part of the key, so that no client gets a response that was
/// made for another.
///
/// Without one, a request that carries a credential is neither answered with a stored response nor
/// leaves one, unless the response says that it may be shared (RFC 9111 s.3.5).
///
/// ```
/// use actix_response_cache::{Auth, ResponseCache};
///
/// let anonymous_or_not = ResponseCache::memory().vary_by_auth(Auth::Status);
/// let each_their_own = ResponseCache::memory().vary_by_auth(Auth::PerCredential);
/// let by_session = ResponseCache::memory().vary_by_auth(Auth::cookie("session"));
/// let by_tenant = ResponseCache::memory().vary_by_auth(Auth::from_fn(|req| {
///     let tenant = req.headers().get("x-tenant")?.to_str().ok()?;
///     Some(tenant.to_owned())
/// }));
/// ```
#[non_exhaustive]
#[derive(Clone)]
pub enum Auth {
    /// Anonymous and authenticated requests have different caches. A request with `Authorization`,
    /// with another [credential](crate::Credentials::headers) or with a cookie that is
    /// not ignored counts as authenticated.
    ///
    /// **All authenticated users share one cache**: for responses which depend on whether a client
    /// is logged in, not on who it is.
    Status,
    /// Each credential has responses of its own: a digest of `Authorization`, of every other
    /// [credential](crate::Credentials::headers) and of the cookies that are not ignored
    /// is part of the key.
    PerCredential,
    /// As [`PerCredential`](Self::PerCredential), of this header only.
    Header(HeaderName),
    /// As [`PerCredential`](Self::PerCredential), of this cookie only. A request with
    /// `Authorization` still needs a response that says it may be shared.
    Cookie(String),
    /// What a function says of the request: see [`Auth::from_fn`].
    FromFn(AuthFn),
}

/// A function that says who is input. Made by [`Auth::from_fn`].
#[derive(Clone)]
pub struct AuthFn(RequestFn);

impl Auth {
    /// Each value that `function` gives has a cache of its own: a tenant, a role, a user. Requests
    /// for which it gives `None` bypass the cache.
    ///
    /// Everything that a response depends on must be in the value: the function answers for all
    /// credentials of the request. The value enters the key as a digest. Caches downstream do not
    /// know it, so responses leave as `private`.
    ///
    /// A function can read what middleware *outside* of the cache (registered after it) has put into
    /// the request's extensions, such as the user it has authenticated. By itself the cache does not
    /// see extensions: without this function, responses that depend on them are shared by all users.
    ///
    /// ```
    /// use actix_response_cache::{Auth, ResponseCache};
    /// use actix_web::HttpMessage as _;
    ///
    /// #[derive(Clone)]
    /// struct User(String);
    ///
    /// let cache = ResponseCache::memory()
    ///     .vary_by_auth(Auth::from_fn(|req| Some(req.extensions().get::<User>()?.0.clone())));
    /// ```
    ///
    /// In a scope inside a cached app, what this cache keeps out (`None`) or keys more finely is
    /// neither stored nor served by the cache outside.
    pub fn from_fn<F>(function: F) -> Self
    where
        F: Fn(&HttpRequest) -> Option<String> + Send + Sync + 'static,
    {
        Self::FromFn(AuthFn(RequestFn::new(function)))
    }

    /// Each value of this cookie has a cache of its own.
    pub fn cookie(name: impl Into<String>) -> Self {
        Self::Cookie(name.into())
    }

    /// Each value of this header has a cache of its own.
    ///
    /// # Errors
    ///
    /// Where `name` is no header name.
    pub fn header(name: impl AsRef<str>) -> Result<Self, ConfigError> {
        let name = name.as_ref().parse();
        name.map(Self::Header)
            .map_err(|_| ConfigError::new("Auth::header", "it is not a header name"))
    }

    /// Whether the key depends on cookies.
    pub(super) fn reads_cookies(&self) -> bool {
        matches!(self, Self::Status | Self::PerCredential | Self::Cookie(_))
    }

    /// Adds the identity to the key; `None` where the request is not to be cached.
    pub(super) fn write(&self, input: &AuthInput<'_>, key: &mut KeyBuilder) -> Option<()> {
        let AuthInput { req, flags, cookies, ignored, credentials, secret } = *input;
        let values = |name: &HeaderName| req.headers().get_all(name).map(HeaderValue::as_bytes);
        match self {
            Self::Status => {
                let is_known = flags.authorization || flags.cookie || flags.credential;
                let status: &[u8] = if is_known { b"authenticated" } else { b"" };
                key.part(Part::Auth, "status", std::iter::once(status));
            }
            Self::PerCredential => {
                key.secret_part(Part::Auth, "field", values(&header::AUTHORIZATION), secret);
                let counted = cookies.iter().filter(|(name, _)| !cookies::is_named(name, ignored));
                let cookies = counted.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
                key.secret_part(Part::Auth, "cookies", cookies, secret);
                if flags.credential {
                    for name in credential_names(req, credentials) {
                        key.secret_part(Part::Auth, name.as_str(), values(name), secret);
                    }
                }
            }
            Self::Header(name) => key.secret_part(Part::Auth, name.as_str(), values(name), secret),
            Self::Cookie(name) => {
                key.secret_part(Part::Auth, name, cookies::values(cookies, name), secret);
            }
            Self::FromFn(AuthFn(function)) => {
                let who = function.call(req)?;
                let who = std::iter::once(who.as_bytes());
                key.secret_part(Part::Auth, "by", who, secret);
            }
        }
        Some(())
    }

    /// Takes the credentials that the key tells away from those that the request carries.
    pub(super) fn cover(&self, uncovered: &mut UncoveredCredentials, is_only_credential: bool) {
        match self {
            Self::Status | Self::PerCredential | Self::FromFn(_) => {
                *uncovered = UncoveredCredentials::default();
            }
            Self::Header(name) if *name == header::AUTHORIZATION => uncovered.authorization = false,
            Self::Header(_) => uncovered.other &= !is_only_credential,
            Self::Cookie(_) => uncovered.cookie = false,
        }
    }

    /// Where the function of [`Auth::from_fn`] is, so that two can be told apart.
    pub(super) fn function_address(&self) -> usize {
        match self {
            Self::FromFn(AuthFn(function)) => function.address(),
            _ => 0,
        }
    }
}

/// What an auth key is made of.
#[derive(Clone, Copy)]
pub(super) struct AuthInput<'a> {
    pub(super) req: &'a HttpRequest,
    pub(super) flags: &'a HeaderFlags,
    pub(super) cookies: &'a [Pair<'a>],
    pub(super) ignored: &'a [String],
    pub(super) credentials: &'a CredentialHeaders,
    pub(super) secret: &'a Secret,
}

/// The request's fields that say who is input, beside `Authorization` and `Cookie`, in one order
/// whatever the order of the request.
pub(super) fn credential_names<'a>(
    req: &'a HttpRequest,
    credentials: &CredentialHeaders,
) -> Vec<&'a HeaderName> {
    let mut names: Vec<_> =
        req.headers().keys().filter(|name| credentials.counts(name.as_str())).collect();
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    names
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("Status"),
            Self::PerCredential => f.write_str("PerCredential"),
            Self::Header(name) => write!(f, "Header({name})"),
            Self::Cookie(name) => write!(f, "Cookie({name})"),
            Self::FromFn(_) => f.write_str("FromFn"),
        }
    }
}

impl fmt::Debug for AuthFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthFn")
    }
}

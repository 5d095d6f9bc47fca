//! `Auth`: how the one who asks becomes part of the key.

use std::{fmt, sync::Arc};

use actix_web::{
    dev::ServiceRequest,
    http::header::{self, HeaderName, HeaderValue},
};

use super::{cookies, error::ConfigError, survey::Survey};
use crate::{
    key::{KeyBuilder, Part, Secret},
    semantics::storing::Credentials,
};

type AuthFn = dyn Fn(&ServiceRequest) -> Option<String> + Send + Sync;

/// How the one who asks becomes part of the key, so that nobody gets another's response.
///
/// Without one, a request that carries a credential is neither answered with a stored response nor
/// leaves one, unless the response says that it may be shared.
///
/// ```
/// use actix_response_cache::{Auth, ResponseCache};
///
/// let anonymous_or_not = ResponseCache::memory().vary_by_auth(Auth::Status);
/// let each_their_own = ResponseCache::memory().vary_by_auth(Auth::PerCredential);
/// let by_session = ResponseCache::memory().vary_by_auth(Auth::cookie("session"));
/// let by_tenant = ResponseCache::memory().vary_by_auth(Auth::by(|req| {
///     let tenant = req.headers().get("x-tenant")?.to_str().ok()?;
///     Some(tenant.to_owned())
/// }));
/// ```
#[non_exhaustive]
#[derive(Clone)]
pub enum Auth {
    /// Anonymous and authenticated requests have different caches. A request with `Authorization`
    /// or with a cookie that is not ignored counts as authenticated.
    ///
    /// **All authenticated users share one cache**: for responses which depend on whether somebody
    /// is logged in, not on who it is.
    Status,
    /// Each credential has a cache of its own: a digest of `Authorization` and of the cookies that
    /// are not ignored is part of the key.
    PerCredential,
    /// As [`PerCredential`](Self::PerCredential), of this header field only.
    Header(HeaderName),
    /// As [`PerCredential`](Self::PerCredential), of this cookie only. A request with
    /// `Authorization` still needs a response that says it may be shared.
    Cookie(String),
    /// What a function says of the request: see [`Auth::by`].
    By(AuthBy),
}

/// A function that says who is asking. Made by [`Auth::by`].
#[derive(Clone)]
pub struct AuthBy(Arc<AuthFn>);

impl Auth {
    /// Each value that `function` gives has a cache of its own: a tenant, a role, a user. Requests
    /// for which it gives `None` bypass the cache.
    ///
    /// Everything that a response depends on must be in the value: the function answers for all
    /// credentials of the request. The value enters the key as a digest.
    pub fn by<F>(function: F) -> Self
    where
        F: Fn(&ServiceRequest) -> Option<String> + Send + Sync + 'static,
    {
        Self::By(AuthBy(Arc::new(function)))
    }

    /// Each value of this cookie has a cache of its own.
    pub fn cookie(name: impl Into<String>) -> Self {
        Self::Cookie(name.into())
    }

    /// Each value of this header field has a cache of its own.
    ///
    /// # Errors
    ///
    /// Where `name` is no field name.
    pub fn header(name: &str) -> Result<Self, ConfigError> {
        let name = name.parse();
        name.map(Self::Header)
            .map_err(|_| ConfigError::new("vary_by_auth", "the header name is not a field name"))
    }

    /// Puts the one who asks into the key; `None` where the request is not to be cached.
    pub(super) fn write(
        &self,
        req: &ServiceRequest,
        survey: &Survey,
        ignored: &[String],
        secret: &Secret,
        key: &mut KeyBuilder,
    ) -> Option<()> {
        let values = |name: &HeaderName| req.headers().get_all(name).map(HeaderValue::as_bytes);
        match self {
            Self::Status => {
                let status: &[u8] =
                    if survey.authorization || survey.cookie { b"authenticated" } else { b"" };
                key.part(Part::Auth, "status", std::iter::once(status));
            }
            Self::PerCredential => {
                key.secret_part(Part::Auth, "field", values(&header::AUTHORIZATION), secret);
                let cookies = cookies::pairs(req.headers())
                    .filter(|(name, _)| !cookies::is_named(name, ignored))
                    .flat_map(|(name, value)| [name, value]);
                key.secret_part(Part::Auth, "cookies", cookies, secret);
            }
            Self::Header(name) => key.secret_part(Part::Auth, name.as_str(), values(name), secret),
            Self::Cookie(name) => {
                let values = cookies::pairs(req.headers())
                    .filter(|(cookie, _)| *cookie == name.as_bytes())
                    .map(|(_, value)| value);
                key.secret_part(Part::Auth, name, values, secret);
            }
            Self::By(AuthBy(function)) => {
                let who = function(req)?;
                let who = std::iter::once(who.as_bytes());
                key.secret_part(Part::Auth, "by", who, secret);
            }
        }
        Some(())
    }

    /// Which of the request's credentials the key does not tell.
    pub(super) fn uncovered(&self, survey: &Survey) -> Credentials {
        let none = Credentials::default();
        match self {
            Self::Status | Self::PerCredential | Self::By(_) => none,
            Self::Header(name) if *name == header::AUTHORIZATION => {
                Credentials { cookie: survey.cookie, ..none }
            }
            Self::Header(_) => {
                Credentials { authorization: survey.authorization, cookie: survey.cookie }
            }
            Self::Cookie(_) => Credentials { authorization: survey.authorization, ..none },
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("Status"),
            Self::PerCredential => f.write_str("PerCredential"),
            Self::Header(name) => write!(f, "Header({name})"),
            Self::Cookie(name) => write!(f, "Cookie({name})"),
            Self::By(_) => f.write_str("By"),
        }
    }
}

impl fmt::Debug for AuthBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthBy")
    }
}

//! `Credentials`: which cookies and request headers identify a client.

use super::header_names::name_pattern;
use crate::config::{credential_headers::CredentialHeaders, error::ConfigError};

/// Which parts of a request count as credentials, beside `Authorization`, which always does
/// (RFC 9111 s.3.5).
///
/// A request that carries a credential which is not part of the key gets and leaves only responses
/// that say that they may be shared.
///
/// | setting | default |
/// | --- | --- |
/// | [`ignore_cookies`](Self::ignore_cookies) | none: every cookie counts |
/// | [`cookies_are_harmless`](Self::cookies_are_harmless) | `false`; `true` under [`Compliance::strict`](crate::Compliance::strict) |
/// | [`headers`](Self::headers) | the list below; none under [`Compliance::strict`](crate::Compliance::strict) |
/// | [`harmless_headers`](Self::harmless_headers) | none |
/// | [`secret`](Self::secret) | random in memory; elsewhere one that is the same everywhere |
///
/// Headers that count by default: `X-Api-Key`, `Api-Key`, `X-Auth-Token`, `X-Access-Token`,
/// `X-Session-Token`, `X-Amz-Security-Token`, `Proxy-Authorization`, and what authenticating proxies
/// add: `X-Forwarded-User`, `X-Remote-User`, `Remote-User`, `X-Auth-Request-*`, `X-Goog-IAP-*`,
/// `X-Amzn-Oidc-*`, `X-MS-Client-Principal*`, `Cf-Access-*`, `X-Forwarded-Client-Cert`,
/// `X-Client-Cert`, `X-SSL-Client-*`.
///
/// ```
/// use actix_response_cache::{Credentials, ResponseCache};
///
/// let cache = ResponseCache::memory().credentials(
///     Credentials::new().ignore_cookies(["theme", "_ga*"]).headers(["x-member-token"]),
/// );
/// ```
#[must_use = "a setting does nothing until a cache gets it"]
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub(crate) ignored_cookies: Vec<String>,
    cookies_are_harmless: Option<bool>,
    headers: Vec<(String, bool)>,
    pub(crate) secret: Option<SecretMaterial>,
    error: Option<ConfigError>,
}

/// What a secret is made of; never shown.
#[derive(Clone)]
pub(crate) struct SecretMaterial(pub(crate) Vec<u8>);

impl std::fmt::Debug for SecretMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretMaterial")
    }
}

impl Credentials {
    /// The defaults of the table above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Further cookies that do not count; a name may end in `*`. No response may depend on them.
    pub fn ignore_cookies<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.ignored_cookies.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whether no cookie counts, as RFC 9111 has it. Then a response to one client's session cookie is
    /// stored for all, unless it says `private` or `no-store`. Default: `false`.
    pub fn cookies_are_harmless(mut self, harmless: bool) -> Self {
        self.cookies_are_harmless = Some(harmless);
        self
    }

    /// Further request headers that count as credentials, as `Authorization` does; a name may end
    /// in `*`. Of several settings for one header the last one holds.
    ///
    /// A header that is part of the key
    /// ([`vary_by_header`](crate::ResponseCache::vary_by_header)) no longer counts.
    ///
    /// # Errors
    ///
    /// A name that is no header name keeps the server from starting.
    pub fn headers<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.set_headers("Credentials::headers", names, true)
    }

    /// Request headers that do not count, those that count by default too; a name may end in `*`,
    /// and `*` alone names all of them. No response may depend on them.
    ///
    /// # Errors
    ///
    /// A name that is no header name keeps the server from starting, and so do `Authorization`, which
    /// always counts (RFC 9111 s.3.5), and `Cookie`, for which there are
    /// [`ignore_cookies`](Self::ignore_cookies) and
    /// [`cookies_are_harmless`](Self::cookies_are_harmless).
    pub fn harmless_headers<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.set_headers("Credentials::harmless_headers", names, false)
    }

    /// The secret under which credentials enter keys as digests. Default: for a cache in memory a
    /// random one; else one that is the same in every process, which does not protect a short
    /// credential from a reader of the store. All processes of a fleet need the same secret.
    pub fn secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.secret = Some(SecretMaterial(secret.as_ref().to_vec()));
        self
    }

    fn set_headers<I>(mut self, setting: &'static str, names: I, counts: bool) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        for name in names {
            match pattern(setting, name.as_ref(), counts) {
                Ok(name) => self.headers.push((name, counts)),
                Err(error) => drop(self.error.get_or_insert(error)),
            }
        }
        self
    }

    /// Whether no cookie counts, where nothing is set as by `default`.
    pub(crate) fn are_cookies_harmless(&self, default: bool) -> bool {
        self.cookies_are_harmless.unwrap_or(default)
    }

    /// Whether `cookies_are_harmless(true)` was set.
    pub(crate) fn says_cookies_are_harmless(&self) -> bool {
        self.cookies_are_harmless == Some(true)
    }

    /// Which headers count; `is_strict` where by default none does.
    pub(crate) fn credential_headers(&self, is_strict: bool) -> CredentialHeaders {
        let none = is_strict.then(|| ("*".to_owned(), false));
        CredentialHeaders::new(none.into_iter().chain(self.headers.iter().cloned()).collect())
    }

    /// What cannot be used.
    pub(crate) fn error(&self) -> Option<ConfigError> {
        self.error.clone()
    }
}

fn pattern(setting: &'static str, name: &str, counts: bool) -> Result<String, ConfigError> {
    let name = name_pattern(setting, name)?;
    if !counts && matches!(name.as_str(), "authorization" | "cookie") {
        let problem = format!("`{name}` always counts as a credential");
        return Err(ConfigError::new(setting, problem));
    }
    Ok(name)
}

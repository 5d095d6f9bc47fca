//! Settings of credentials: which request fields, beside `Authorization` and `Cookie`, say who is asking.

use actix_web::http::header::HeaderName;

use super::{cache::ResponseCache, error::ConfigError};
use crate::{
    key::query::matches,
    semantics::credentials::{CLIENT_CREDENTIALS, PROXY_IDENTITIES, is_credential},
};

/// Which fields count, by settings and by default.
#[derive(Clone, Debug, Default)]
pub(super) struct CredentialHeaders {
    /// Names, or their beginnings with a `*`, and whether they count. The last one that matches rules.
    settings: Vec<(String, bool)>,
}

impl CredentialHeaders {
    /// Whether the field `name`, in lower case, says who is asking.
    pub(super) fn counts(&self, name: &str) -> bool {
        let setting = self.settings.iter().rev().find(|(pattern, _)| matches(pattern, name));
        setting.map_or_else(|| is_credential(name), |(_, counts)| *counts)
    }

    /// The fields that count and have one name each, for caches downstream.
    pub(super) fn named(&self) -> impl Iterator<Item = HeaderName> {
        let set = self.settings.iter().map(|(name, _)| name.as_str());
        let known = CLIENT_CREDENTIALS.into_iter().chain(PROXY_IDENTITIES);
        let names = set.chain(known).filter(|name| !name.contains('*') && self.counts(name));
        names.filter_map(|name| name.parse().ok())
    }

    fn set(&mut self, name: String, counts: bool) {
        self.settings.push((name, counts));
    }
}

/// Who is asking.
impl ResponseCache {
    /// Lets request headers count as credentials, as `Authorization` does; a name may end in `*`.
    ///
    /// By default these count: `X-Api-Key`, `Api-Key`, `X-Auth-Token`, `X-Access-Token`,
    /// `X-Session-Token`, `X-Amz-Security-Token`, `Proxy-Authorization`, and what authenticating
    /// proxies add: `X-Forwarded-User`, `X-Remote-User`, `Remote-User`, `X-Auth-Request-*`,
    /// `X-Goog-IAP-*`, `X-Amzn-Oidc-*`, `X-MS-Client-Principal*`, `Cf-Access-*`,
    /// `X-Forwarded-Client-Cert`, `X-Client-Cert`, `X-SSL-Client-*`.
    ///
    /// A header that is part of the key ([`vary_by_header`](Self::vary_by_header)) no longer counts.
    ///
    /// # Errors
    ///
    /// A name that is no header name keeps the server from starting.
    pub fn credential_headers<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let names = named("credential_headers", names);
        self.set_with(names, |config, names| {
            for name in names {
                config.keying.credentials.set(name, true);
            }
        })
    }

    /// Lets request headers not count as credentials, those that count by default too; a name may end
    /// in `*`, and `*` alone names all of them. No response may depend on them.
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
        I::Item: Into<String>,
    {
        let names = named("harmless_headers", names).and_then(|names| {
            match names.iter().find(|name| matches!(name.as_str(), "authorization" | "cookie")) {
                None => Ok(names),
                Some(name) => {
                    let problem = format!("`{name}` always counts as a credential");
                    Err(ConfigError::new("harmless_headers", problem))
                }
            }
        });
        self.set_with(names, |config, names| {
            for name in names {
                config.keying.credentials.set(name, false);
            }
        })
    }
}

/// Names in lower case, each a header name or the beginning of one with a `*`.
fn named<I>(setting: &'static str, names: I) -> Result<Vec<String>, ConfigError>
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    let check = |name: String| {
        let name = name.to_ascii_lowercase();
        let start = name.strip_suffix('*').unwrap_or(&name);
        let is_name = !start.contains('*') && start.parse::<HeaderName>().is_ok() || name == "*";
        let problem = || ConfigError::new(setting, format!("`{name}` is not a header name"));
        is_name.then(|| name.clone()).ok_or_else(problem)
    };
    names.into_iter().map(|name| check(name.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_matching_setting_decides_whether_a_header_counts() {
        let mut headers = CredentialHeaders::default();
        assert!(headers.counts("x-api-key") && !headers.counts("x-member"));
        headers.set("x-api-key".into(), false);
        headers.set("x-member*".into(), true);
        assert!(!headers.counts("x-api-key") && headers.counts("x-member-id"));
        headers.set("x-member-region".into(), false);
        assert!(headers.counts("x-member-id") && !headers.counts("x-member-region"));
        headers.set("*".into(), false);
        assert!(!headers.counts("x-member-id") && !headers.counts("x-auth-token"));
        headers.set("x-api-key".into(), true);
        assert!(headers.counts("x-api-key"));
        let named: Vec<_> = headers.named().collect();
        assert!(named.iter().all(|name| name == "x-api-key"), "{named:?}");
    }

    #[test]
    fn invalid_header_names_are_refused() {
        for name in ["", "a b", "x-*-y", "**"] {
            assert!(named("credential_headers", [name]).is_err(), "{name:?}");
        }
        assert_eq!(named("credential_headers", ["X-Member", "*"]).unwrap(), ["x-member", "*"]);
    }
}

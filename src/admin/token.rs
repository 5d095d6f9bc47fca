//! `AdminToken` and `AdminTokens`: what authorises operators. Compared in constant time, never printed.

use std::{fmt, sync::Arc};

use actix_web::http::header::{self, HeaderMap};
use subtle::ConstantTimeEq as _;

use super::records::Records;
use crate::config::error::ConfigError;

/// The least number of characters: a shorter token could be guessed.
const MIN_LENGTH: usize = 16;

/// Separates what sessions are signed with from every other use of a token.
const SESSION_CONTEXT: &str = "actix-response-cache 2026 admin session";

/// A token that opens the admin scope: sent as `Authorization: Bearer …`, or typed into the form of its
/// page.
///
/// The log of what operators did, and the count of wrong tokens by which guessing is slowed down, belong
/// to the token and its clones: make it once, and clone it into the workers.
#[derive(Clone)]
pub struct AdminToken {
    digest: [u8; 32],
    session_key: [u8; 32],
    name: Option<Arc<str>>,
    read_only: bool,
    records: Arc<Records>,
}

impl AdminToken {
    /// This token, of 16 characters at least.
    ///
    /// # Errors
    ///
    /// Where it is shorter, or no field could carry it.
    pub fn new(token: impl AsRef<str>) -> Result<Self, ConfigError> {
        let token = token.as_ref();
        if token.len() < MIN_LENGTH {
            let problem = match token {
                "" => "the token is empty".to_owned(),
                _ => format!("the token has fewer than {MIN_LENGTH} characters"),
            };
            return Err(ConfigError::new("admin", problem));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "the token has characters that are not printable ASCII";
            return Err(ConfigError::new("admin", problem));
        }
        Ok(Self {
            digest: digest(token.as_bytes()),
            session_key: blake3::derive_key(SESSION_CONTEXT, token.as_bytes()),
            name: None,
            read_only: false,
            records: Arc::default(),
        })
    }

    /// The token in this environment variable.
    ///
    /// # Errors
    ///
    /// Where the variable is not set, or as for [`new`](Self::new).
    pub fn from_env(variable: &str) -> Result<Self, ConfigError> {
        let token = std::env::var(variable).map_err(|_| {
            let problem = format!("the environment variable `{variable}` is not set");
            ConfigError::new("admin", problem)
        })?;
        Self::new(token)
    }

    /// The token under this name, which the log of what operators did shows.
    #[must_use = "it names a copy"]
    pub fn named(self, name: impl AsRef<str>) -> Self {
        Self { name: Some(name.as_ref().into()), ..self }
    }

    /// The token as one that reads and changes nothing: it purges and switches nothing.
    #[must_use = "it limits a copy"]
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    pub(super) const fn is_read_only(&self) -> bool {
        self.read_only
    }

    pub(super) const fn session_key(&self) -> &[u8; 32] {
        &self.session_key
    }
}

/// The tokens that open an admin scope: one, or several with names of their own.
///
/// ```
/// use actix_response_cache::{AdminToken, AdminTokens};
///
/// # fn main() -> Result<(), actix_response_cache::ConfigError> {
/// # let (of_operators, of_a_dashboard) = ("c2VjcmV0LXRva2Vu-1", "c2VjcmV0LXRva2Vu-2");
/// let tokens = AdminTokens::from([
///     AdminToken::new(of_operators)?.named("operators"),
///     AdminToken::new(of_a_dashboard)?.named("dashboard").read_only(),
/// ]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AdminTokens {
    tokens: Vec<AdminToken>,
    behind_tls: bool,
    records: Arc<Records>,
}

impl AdminTokens {
    /// Whether a proxy that speaks TLS stands before this server. The form of the page takes a token by
    /// plain HTTP from this machine alone otherwise.
    #[must_use = "it changes a copy"]
    pub fn behind_tls(self, behind_tls: bool) -> Self {
        Self { behind_tls, ..self }
    }

    pub(super) const fn are_behind_tls(&self) -> bool {
        self.behind_tls
    }

    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    /// The token, with its name, that has this text. All are compared, so that the time this takes says
    /// nothing about any of them.
    pub(super) fn find(&self, shown: &[u8]) -> Option<(&AdminToken, String)> {
        let shown = digest(shown);
        self.find_by(|token| bool::from(shown.ct_eq(&token.digest)))
    }

    /// The last token for which this holds, with its name.
    pub(super) fn find_by(
        &self,
        is: impl Fn(&AdminToken) -> bool,
    ) -> Option<(&AdminToken, String)> {
        let mut found = None;
        for (number, token) in self.tokens.iter().enumerate() {
            if is(token) {
                found = Some((token, number));
            }
        }
        let (token, number) = found?;
        let name = token.name.as_deref().map(str::to_owned);
        Some((token, name.unwrap_or_else(|| format!("token-{}", number + 1))))
    }
}

impl From<AdminToken> for AdminTokens {
    fn from(token: AdminToken) -> Self {
        Self::from(vec![token])
    }
}

impl<const N: usize> From<[AdminToken; N]> for AdminTokens {
    fn from(tokens: [AdminToken; N]) -> Self {
        Self::from(Vec::from(tokens))
    }
}

impl From<Vec<AdminToken>> for AdminTokens {
    fn from(tokens: Vec<AdminToken>) -> Self {
        let records = tokens.first().map(|token| Arc::clone(&token.records)).unwrap_or_default();
        Self { tokens, behind_tls: false, records }
    }
}

/// The token that a request carries.
pub(super) fn shown_token(headers: &HeaderMap) -> Option<&[u8]> {
    let mut lines = headers.get_all(header::AUTHORIZATION);
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, token) = line.as_bytes().split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

fn digest(token: &[u8]) -> [u8; 32] {
    *blake3::hash(token).as_bytes()
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, read_only, .. } = self;
        f.debug_struct("AdminToken")
            .field("name", name)
            .field("read_only", read_only)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const TOKEN: &str = "correct-horse-battery";

    fn shown(lines: &[&'static str]) -> bool {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(header::AUTHORIZATION, HeaderValue::from_static(line));
        }
        let tokens = AdminTokens::from(AdminToken::new(TOKEN).unwrap());
        shown_token(&fields).is_some_and(|token| tokens.find(token).is_some())
    }

    #[test]
    fn only_the_whole_token_opens() {
        assert!(shown(&["Bearer correct-horse-battery"]));
        assert!(shown(&["bearer correct-horse-battery"]));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer correct-horse-batter",
            "Bearer correct-horse-batteryy",
            "Bearer Correct-horse-battery",
            "Basic correct-horse-battery",
            "correct-horse-battery",
        ] {
            assert!(!shown(&[wrong]), "{wrong}");
        }
        assert!(!shown(&[]));
        assert!(!shown(&["Bearer correct-horse-battery", "Bearer x"]));
    }

    #[test]
    fn weak_tokens_are_refused_and_none_is_printed() {
        for weak in ["", "short", "with spaces in it, long", "long-but-ümlauts-in-it"] {
            let error = AdminToken::new(weak).unwrap_err().to_string();
            assert!(weak.is_empty() || !error.contains(weak), "{error}");
        }
        assert!(AdminToken::from_env("ARC_NO_SUCH_VARIABLE").is_err());
        assert!(!format!("{:?}", AdminToken::new(TOKEN).unwrap()).contains(TOKEN));
    }

    #[test]
    fn each_token_is_found_under_its_name() {
        let other = AdminToken::new("another-token-of-length").unwrap().named("ci").read_only();
        let tokens = AdminTokens::from([AdminToken::new(TOKEN).unwrap(), other]);
        let found = |text: &str| {
            let found = tokens.find(text.as_bytes());
            found.map(|(token, name)| (token.is_read_only(), name))
        };
        assert_eq!(found(TOKEN), Some((false, "token-1".to_owned())));
        assert_eq!(found("another-token-of-length"), Some((true, "ci".to_owned())));
        assert_eq!(found("a-third-token-of-length"), None);
        assert!(AdminTokens::from(Vec::new()).find(b"").is_none());
    }
}

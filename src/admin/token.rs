//! `AdminToken`: what authorises an operator. Compared in constant time, never printed.

use std::fmt;

use actix_web::http::header::{self, HeaderMap};
use subtle::ConstantTimeEq as _;

use crate::config::error::ConfigError;

/// The least number of characters: a shorter token could be guessed.
const MIN_LENGTH: usize = 16;

/// The token that opens the admin scope, sent as `Authorization: Bearer …`.
#[derive(Clone)]
pub struct AdminToken([u8; 32]);

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
        Ok(Self(digest(token.as_bytes())))
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

    /// Whether the request carries this token. The time this takes says nothing about the token: digests
    /// of one length are compared.
    pub(super) fn is_shown_by(&self, headers: &HeaderMap) -> bool {
        let mut lines = headers.get_all(header::AUTHORIZATION);
        let (Some(line), None) = (lines.next(), lines.next()) else { return false };
        let shown = line.as_bytes().split_at_checked(7);
        shown.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case(b"Bearer ")
                && bool::from(digest(token.trim_ascii()).ct_eq(&self.0))
        })
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    *blake3::hash(token).as_bytes()
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
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
        AdminToken::new(TOKEN).unwrap().is_shown_by(&fields)
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
        assert_eq!(format!("{:?}", AdminToken::new(TOKEN).unwrap()), "AdminToken");
    }
}

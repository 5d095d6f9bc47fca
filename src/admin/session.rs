//! The cookie of a browser that has signed in, without any state here: until when it holds, signed with
//! a key that is derived from the token. Every process with the token accepts it, and a token that is
//! taken away ends its sessions.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time},
};
use subtle::ConstantTimeEq as _;

use super::token::{AdminToken, AdminTokens};
use crate::semantics::date::Timestamp;

/// Browsers take a cookie with this prefix from no other host, path or scheme.
const NAME: &str = "__Host-cache-admin";
const LIFETIME: Duration = Duration::from_secs(8 * 3600);

/// The value of a cookie that is valid from now on.
pub(super) fn begin(token: &AdminToken, now: Timestamp) -> String {
    let until = now.as_millis() / 1000 + i64::try_from(LIFETIME.as_secs()).unwrap_or(0);
    let signed = format!("v1.{until}");
    let mac = mac(token, "cookie", &signed);
    format!("{signed}.{}", mac.to_hex())
}

/// The token, with its name, that the session of the cookie was begun with.
pub(super) fn holder<'t>(
    tokens: &'t AdminTokens,
    value: &str,
    now: Timestamp,
) -> Option<(&'t AdminToken, String)> {
    let (signed, shown) = value.rsplit_once('.')?;
    let until: i64 = signed.strip_prefix("v1.")?.parse().ok()?;
    if now.as_millis() / 1000 >= until {
        return None;
    }
    tokens.find_by(|token| is_mac(&mac(token, "cookie", signed), shown))
}

/// What a form has to carry beside this cookie: another site can send the cookie and not read this.
pub(super) fn csrf_token(token: &AdminToken, cookie: &str) -> String {
    mac(token, "form", cookie).to_hex().to_string()
}

pub(super) fn is_csrf_token(token: &AdminToken, cookie: &str, shown: &str) -> bool {
    is_mac(&mac(token, "form", cookie), shown)
}

pub(super) fn cookie_of(req: &HttpRequest) -> Option<String> {
    req.cookie(NAME).map(|cookie| cookie.value().to_owned())
}

pub(super) fn cookie(value: String) -> Cookie<'static> {
    let lifetime = time::Duration::try_from(LIFETIME).unwrap_or(time::Duration::HOUR);
    Cookie::build(NAME, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(lifetime)
        .finish()
}

/// A cookie that ends the session in the browser.
pub(super) fn ended() -> Cookie<'static> {
    let mut cookie = cookie(String::new());
    cookie.set_max_age(time::Duration::ZERO);
    cookie
}

fn mac(token: &AdminToken, purpose: &str, text: &str) -> blake3::Hash {
    blake3::keyed_hash(token.session_key(), format!("{purpose}:{text}").as_bytes())
}

fn is_mac(mac: &blake3::Hash, shown: &str) -> bool {
    bool::from(mac.to_hex().as_bytes().ct_eq(shown.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> (AdminTokens, AdminToken) {
        let token = AdminToken::new("a-token-for-this-test").unwrap();
        let other = AdminToken::new("a-token-of-another-one").unwrap();
        (AdminTokens::from([other, token.clone()]), token)
    }

    #[test]
    fn session_holds_for_eight_hours() {
        let (tokens, token) = tokens();
        let cookie = begin(&token, Timestamp::from_secs(1000));
        let holder = |seconds| {
            let found = holder(&tokens, &cookie, Timestamp::from_secs(seconds));
            found.map(|(_, name)| name)
        };
        assert_eq!(holder(1000 + 8 * 3600 - 1).as_deref(), Some("token-2"));
        assert_eq!(holder(1000 + 8 * 3600), None);
    }

    #[test]
    fn cookie_that_was_changed_or_is_of_a_foreign_token_holds_nothing() {
        let (tokens, token) = tokens();
        let now = Timestamp::from_secs(0);
        let cookie = begin(&token, now);
        let stranger = AdminToken::new("a-token-of-a-stranger").unwrap();
        let later = cookie.replace("v1.28800", "v1.99999");
        assert_ne!(later, cookie);
        for wrong in
            [later.as_str(), &cookie[..cookie.len() - 1], &begin(&stranger, now), "", "v1."]
        {
            assert!(holder(&tokens, wrong, now).is_none(), "{wrong}");
        }
    }

    #[test]
    fn form_needs_the_token_of_its_own_session() {
        let (_, token) = tokens();
        let now = Timestamp::from_secs(0);
        let (cookie, other) = (begin(&token, now), begin(&token, Timestamp::from_secs(1)));
        let form = csrf_token(&token, &cookie);
        assert!(is_csrf_token(&token, &cookie, &form));
        assert!(!is_csrf_token(&token, &other, &form));
        assert!(!is_csrf_token(&token, &cookie, cookie.rsplit('.').next().unwrap()));
        assert!(!is_csrf_token(&token, &cookie, ""));
    }
}

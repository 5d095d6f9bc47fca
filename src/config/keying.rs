//! How a request becomes a key: what is in it by default, and what settings add or leave out.

use std::{borrow::Cow, fmt, sync::Arc};

use actix_web::{
    dev::ServiceRequest,
    http::header::{self, HeaderName, HeaderValue},
};

use super::{
    auth::Auth,
    cookies,
    survey::{FORWARDING_FIELDS, Survey},
};
use crate::{
    key::{CacheKey, KeyBuilder, Part, Secret, digest},
    query::QueryRules,
    semantics::{storing::Credentials, verdict::WhyNot},
};

/// A longer key bypasses the cache.
const LONGEST_KEY: usize = 8 * 1024;

type KeyFn = dyn Fn(&ServiceRequest) -> Option<String> + Send + Sync;

/// What settings say about the key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keying {
    pub(super) query: Arc<QueryRules>,
    pub(super) forwarded: Forwarded,
    pub(super) headers: Vec<HeaderName>,
    pub(super) cookies: Vec<String>,
    pub(super) custom: Option<Custom>,
    pub(super) auth: Option<Auth>,
    pub(super) ignored_cookies: Vec<String>,
    pub(super) cookies_are_harmless: bool,
}

/// A request's key, and what it does not tell.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub(crate) key: CacheKey,
    /// The credentials that are not part of the key.
    pub(crate) unkeyed: Credentials,
    /// Whether no cache behind this one, which does not know the key, may share the response.
    pub(crate) personal: bool,
}

/// What becomes of fields such as `X-Forwarded-Host`, which handlers read by `ConnectionInfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Forwarded {
    /// Not in the key, so a request that carries one is not for the cache.
    #[default]
    Bypass,
    /// In the key.
    Trust,
    /// No handler looks at them.
    Ignore,
}

/// The user's own part of the key.
#[derive(Clone)]
pub(super) struct Custom(pub(super) Arc<KeyFn>);

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

impl Keying {
    /// Whether the request may have a key at all.
    pub(super) fn admits(&self, survey: &Survey) -> Result<(), WhyNot> {
        match survey {
            Survey { body: true, .. } => Err(WhyNot::RequestBody),
            Survey { method_override: true, .. } => Err(WhyNot::MethodOverride),
            Survey { upgrade: true, .. } => Err(WhyNot::Upgrade),
            Survey { forwarded: true, .. } if self.forwarded == Forwarded::Bypass => {
                Err(WhyNot::Forwarded)
            }
            _ => Ok(()),
        }
    }

    /// The request's key, and what it does not tell.
    pub(super) fn key(
        &self,
        req: &ServiceRequest,
        mut survey: Survey,
        body: Option<&[u8]>,
        secret: &Secret,
    ) -> Result<Keyed, WhyNot> {
        survey.cookie = survey.cookie && self.has_unkeyed_cookie(req);
        let mut key = self.url(req, &survey).ok_or(WhyNot::NoKey)?;
        if let Some(body) = body {
            let kind = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE];
            for name in &kind {
                let values = req.headers().get_all(name).map(HeaderValue::as_bytes);
                key.part(Part::Body, name.as_str(), values);
            }
            key.part(Part::Body, "", std::iter::once(digest(body).as_slice()));
        }
        if survey.origin {
            key.part(Part::Origin, "", std::iter::empty());
        }
        for name in &self.headers {
            let values = req.headers().get_all(name).map(HeaderValue::as_bytes);
            key.secret_part(Part::Header, name.as_str(), values, secret);
        }
        for name in &self.cookies {
            let values = cookies::pairs(req.headers())
                .filter(|(cookie, _)| *cookie == name.as_bytes())
                .map(|(_, value)| value);
            key.secret_part(Part::Cookie, name, values, secret);
        }
        if let Some(Custom(function)) = &self.custom {
            let part = function(req).ok_or(WhyNot::NoKey)?;
            let part = std::iter::once(part.as_bytes());
            key.secret_part(Part::Custom, "", part, secret);
        }
        if let Some(auth) = &self.auth {
            auth.write(req, &survey, &self.ignored_cookies, secret, &mut key)
                .ok_or(WhyNot::NoKey)?;
        }
        if key.exceeds(LONGEST_KEY) {
            return Err(WhyNot::KeyTooLong);
        }
        let personal = survey.authorization || survey.cookie || self.has_own_parts();
        Ok(Keyed { key: key.finish(), unkeyed: self.unkeyed(&survey), personal })
    }

    /// The part of the key that says which URL the client asked for.
    fn url(&self, req: &ServiceRequest, survey: &Survey) -> Option<KeyBuilder> {
        let uri = req.uri();
        let query = uri.query().map(|query| self.query.apply(query));
        let query = query.as_ref().and_then(Option::as_ref).map(Cow::as_ref);
        if survey.forwarded && self.forwarded == Forwarded::Trust {
            let seen = req.connection_info();
            let secure = seen.scheme() == "https";
            let mut key = KeyBuilder::new(secure, seen.host(), uri.path(), query);
            for name in FORWARDING_FIELDS {
                let values = req.headers().get_all(*name).map(HeaderValue::as_bytes);
                key.part(Part::Header, name, values);
            }
            return Some(key);
        }
        let host = req.headers().get(header::HOST).map(|host| host.to_str().ok());
        let authority = uri.authority().map(actix_web::http::uri::Authority::as_str);
        let config = req.app_config();
        let host = host.unwrap_or_else(|| authority.or_else(|| Some(config.host())))?;
        let mut key = KeyBuilder::new(config.secure(), host, uri.path(), query);
        if let Some(authority) = authority.filter(|authority| *authority != host) {
            // a target in absolute form: handlers can see both it and `Host`
            key.part(Part::Custom, "authority", std::iter::once(authority.as_bytes()));
        }
        Some(key)
    }

    /// Whether any cookie is neither ignored nor part of the key.
    fn has_unkeyed_cookie(&self, req: &ServiceRequest) -> bool {
        if self.ignored_cookies.is_empty() && self.cookies.is_empty() {
            return true;
        }
        cookies::pairs(req.headers()).any(|(name, _)| {
            !cookies::is_named(name, &self.ignored_cookies)
                && !self.cookies.iter().any(|keyed| keyed.as_bytes() == name)
        })
    }

    /// Whether the key has parts that no cache on the way to the client knows of.
    fn has_own_parts(&self) -> bool {
        let by_more_than_credentials = matches!(self.auth, Some(Auth::Header(_) | Auth::By(_)));
        let parts = !self.headers.is_empty() || !self.cookies.is_empty() || self.custom.is_some();
        by_more_than_credentials || parts
    }

    fn unkeyed(&self, survey: &Survey) -> Credentials {
        let mut unkeyed = match &self.auth {
            Some(auth) => auth.uncovered(survey),
            None => Credentials { authorization: survey.authorization, cookie: survey.cookie },
        };
        unkeyed.cookie &= !self.cookies_are_harmless;
        unkeyed
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn key_of(keying: &Keying, req: TestRequest) -> (CacheKey, Credentials) {
        let req = req.to_srv_request();
        let survey = Survey::of(req.headers());
        let keyed = keying.key(&req, survey, None, &Secret::new(b"test")).unwrap();
        (keyed.key, keyed.unkeyed)
    }

    fn get(uri: &str) -> TestRequest {
        TestRequest::with_uri(uri).insert_header(("host", "shop.example"))
    }

    #[test]
    fn the_url_counts_as_received() {
        let keying = Keying::default();
        let (key, _) = key_of(&keying, get("/a%20b?y=2&x=1"));
        assert_eq!((key.host(), key.query()), ("shop.example", "?y=2&x=1"));
        for other in ["/a b?y=2&x=1", "/a%20b?x=1&y=2", "/a%20b", "/A%20b?y=2&x=1"] {
            if let Ok(uri) = other.parse::<actix_web::http::Uri>() {
                assert_ne!(key, key_of(&keying, get(&uri.to_string())).0, "{other}");
            }
        }
        let other_host = TestRequest::with_uri("/a%20b?y=2&x=1").insert_header(("host", "evil"));
        assert_ne!(key, key_of(&keying, other_host).0);
    }

    #[test]
    fn header_lines_are_kept_apart() {
        let keying = Keying { headers: vec![header::ACCEPT], ..Keying::default() };
        let two = get("/").append_header(("accept", "a")).append_header(("accept", "b"));
        let one = get("/").append_header(("accept", "a, b"));
        let none = get("/");
        let empty = get("/").append_header(("accept", ""));
        let keys = [two, one, none, empty].map(|req| key_of(&keying, req).0);
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn credentials_are_known_unless_ignored_or_keyed() {
        let keying = Keying {
            ignored_cookies: vec!["_ga*".into()],
            cookies: vec!["currency".into()],
            ..Keying::default()
        };
        let unkeyed = |req| key_of(&keying, req).1;
        let cookie = |value: &'static str| get("/").insert_header(("cookie", value));
        assert_eq!(unkeyed(get("/")), Credentials::default());
        assert_eq!(unkeyed(cookie("_ga_1=x; currency=EUR")), Credentials::default());
        assert!(unkeyed(cookie("_ga_1=x; session=1")).cookie);
        assert!(unkeyed(get("/").insert_header(("authorization", "Basic x"))).authorization);
    }

    #[test]
    fn trusted_forwarding_fields_are_in_the_key() {
        let keying = Keying { forwarded: Forwarded::Trust, ..Keying::default() };
        let plain = key_of(&keying, get("/")).0;
        let host = key_of(&keying, get("/").insert_header(("x-forwarded-host", "evil"))).0;
        let prefix = key_of(&keying, get("/").insert_header(("x-forwarded-prefix", "/x"))).0;
        assert_eq!(host.host(), "evil");
        assert!(plain != host && plain != prefix && host != prefix);
    }
}

//! How a request becomes a key: what is in it by default, and what settings add or leave out.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash as _, Hasher},
    sync::Arc,
};

use actix_web::{
    dev::ServiceRequest,
    http::header::{self, HeaderName, HeaderValue},
};

use super::{
    auth::{self, Asking, Auth},
    cookies::{self, Pair},
    credentials::CredentialHeaders,
    survey::{FORWARDING_FIELDS, Survey},
    target::{Target, is_cached_scheme},
};
use crate::{
    key::{CacheKey, KeyBuilder, Part, Secret, digest, query::QueryRules},
    semantics::{storing::UncoveredCredentials, verdict::Reason},
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
    pub(super) credentials: CredentialHeaders,
    /// No response depends on `Origin`.
    pub(super) ignore_origin: bool,
}

/// A request's key, and what it does not tell.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub(crate) key: CacheKey,
    /// The credentials that are not part of the key.
    pub(crate) uncovered: UncoveredCredentials,
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
    pub(super) fn admits(&self, survey: &Survey) -> Result<(), Reason> {
        match survey {
            Survey { body: true, .. } => Err(Reason::RequestBody),
            Survey { method_override: true, .. } => Err(Reason::MethodOverride),
            Survey { upgrade: true, .. } => Err(Reason::Upgrade),
            Survey { forwarded: true, .. } if self.forwarded == Forwarded::Bypass => {
                Err(Reason::Forwarded)
            }
            _ => Ok(()),
        }
    }

    /// The request's key, and what it does not tell. `nested` is how many caches outside decide
    /// by other rules.
    pub(super) fn key(
        &self,
        req: &ServiceRequest,
        mut survey: Survey,
        body: Option<&[u8]>,
        nested: u8,
        secret: &Secret,
    ) -> Result<Keyed, Reason> {
        let cookies = self.cookies(req, &mut survey)?;
        survey.credential = survey.credential && self.has_uncovered_credential(req);
        survey.authorization &= !self.headers.contains(&header::AUTHORIZATION);
        let mut key = self.url(req, &survey)?;
        if let Some(body) = body {
            let kind = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE];
            for name in &kind {
                let values = req.headers().get_all(name).map(HeaderValue::as_bytes);
                key.part(Part::Body, name.as_str(), values);
            }
            key.part(Part::Body, "", std::iter::once(digest(body).as_slice()));
        }
        if nested > 0 {
            key.part(Part::Nested, "", std::iter::once([nested].as_slice()));
        }
        if survey.origin && !self.ignore_origin {
            let values = req.headers().get_all(header::ORIGIN).map(HeaderValue::as_bytes);
            key.part(Part::Origin, "", values);
        }
        self.write_settings(req, &survey, &cookies, secret, &mut key)?;
        if key.exceeds(LONGEST_KEY) {
            return Err(Reason::KeyTooLong);
        }
        let personal = self.is_personal(req, &survey);
        Ok(Keyed { key: key.finish(), uncovered: self.uncovered(req, &survey), personal })
    }

    /// The parts that settings add to the key.
    fn write_settings(
        &self,
        req: &ServiceRequest,
        survey: &Survey,
        cookies: &[Pair<'_>],
        secret: &Secret,
        key: &mut KeyBuilder,
    ) -> Result<(), Reason> {
        for name in &self.headers {
            let values = req.headers().get_all(name).map(HeaderValue::as_bytes);
            key.secret_part(Part::Header, name.as_str(), values, secret);
        }
        for name in &self.cookies {
            key.secret_part(Part::Cookie, name, cookies::values(cookies, name), secret);
        }
        if let Some(Custom(function)) = &self.custom {
            let part = function(req).ok_or(Reason::NoKey)?;
            key.secret_part(Part::Custom, "", std::iter::once(part.as_bytes()), secret);
        }
        if let Some(auth) = &self.auth {
            let (ignored, credentials) = (self.ignored_cookies.as_slice(), &self.credentials);
            let asking = Asking { req, survey, cookies, ignored, credentials, secret };
            auth.write(&asking, key).ok_or(Reason::NoKey)?;
        }
        Ok(())
    }

    /// The part of the key that says which URL the client asked for: all that a handler or a guard
    /// can read of the target, as it was sent.
    fn url(&self, req: &ServiceRequest, survey: &Survey) -> Result<KeyBuilder, Reason> {
        let Target { scheme, authority, host_line } = Target::of(req)?;
        let (uri, config) = (req.uri(), req.app_config());
        let query = uri.query().map(|query| self.query.apply(query));
        let query = query.as_ref().and_then(Option::as_ref).map(Cow::as_ref);
        let trusts = survey.forwarded && self.forwarded == Forwarded::Trust;
        let mut key = if trusts {
            let seen = req.connection_info();
            if !is_cached_scheme(seen.scheme()) {
                return Err(Reason::Target);
            }
            let secure = seen.scheme() == "https";
            let mut key = KeyBuilder::new(secure, seen.host(), uri.path(), query);
            for name in FORWARDING_FIELDS {
                let values = req.headers().get_all(*name).map(HeaderValue::as_bytes);
                key.part(Part::Header, name, values);
            }
            key
        } else {
            let host = host_line.or(authority).unwrap_or(config.host());
            KeyBuilder::new(config.secure(), host, uri.path(), query)
        };
        // mostly a target is path and query alone, beside one `Host`
        if trusts || scheme.is_some() || authority.is_some() || host_line.is_none() {
            let parts = [("scheme", scheme), ("authority", authority), ("host", host_line)];
            for (name, part) in parts {
                key.part(Part::Target, name, part.map(str::as_bytes).into_iter());
            }
            key.part(Part::Target, "secure", config.secure().then_some(&[][..]).into_iter());
        }
        Ok(key)
    }

    /// The request's cookies, where the key depends on them. Ignored and keyed ones are no credential.
    fn cookies<'r>(
        &self,
        req: &'r ServiceRequest,
        survey: &mut Survey,
    ) -> Result<Vec<Pair<'r>>, Reason> {
        let are_named = !self.ignored_cookies.is_empty() || !self.cookies.is_empty();
        let are_read = are_named || self.auth.as_ref().is_some_and(Auth::reads_cookies);
        if !survey.cookie || !are_read {
            return Ok(Vec::new());
        }
        let pairs = cookies::pairs(req.headers())?;
        survey.cookie = pairs.iter().any(|(name, _)| {
            !cookies::is_named(name, &self.ignored_cookies)
                && !self.cookies.iter().any(|keyed| keyed == name)
        });
        Ok(pairs)
    }

    /// Whether a field says who is asking that is not part of the key by itself.
    fn has_uncovered_credential(&self, req: &ServiceRequest) -> bool {
        self.headers.is_empty()
            || auth::credential_names(req, &self.credentials)
                .into_iter()
                .any(|name| !self.headers.contains(name))
    }

    /// Whether caches downstream may not share the response: the request has a credential, or a
    /// function of the application has made the key.
    fn is_personal(&self, req: &ServiceRequest, survey: &Survey) -> bool {
        let Survey { authorization, cookie, credential, .. } = *survey;
        let is_named = match &self.auth {
            Some(Auth::Header(name)) => req.headers().contains_key(name),
            _ => false,
        };
        authorization || cookie || credential || is_named || self.is_by_function()
    }

    /// Whether a function of the user is part of the key, which nothing can tell other caches.
    pub(super) fn is_by_function(&self) -> bool {
        self.custom.is_some() || matches!(self.auth, Some(Auth::By(_)))
    }

    /// The credentials beside `Authorization` and `Cookie`, where the key depends on them.
    pub(super) fn keyed_credentials(&self) -> Option<&CredentialHeaders> {
        let is_keyed = matches!(self.auth, Some(Auth::Status | Auth::PerCredential));
        is_keyed.then_some(&self.credentials)
    }

    /// The request fields that the key depends on, for caches downstream (RFC 9110 s.12.5.5).
    pub(super) fn fields(&self) -> Vec<HeaderName> {
        let mut names = self.headers.clone();
        match &self.auth {
            Some(Auth::Status | Auth::PerCredential) => {
                names.extend([header::AUTHORIZATION, header::COOKIE]);
                names.extend(self.credentials.named());
            }
            Some(Auth::Header(name)) => names.push(name.clone()),
            Some(Auth::Cookie(_)) => names.push(header::COOKIE),
            Some(Auth::By(_)) | None => {}
        }
        if !self.cookies.is_empty() {
            names.push(header::COOKIE);
        }
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        names
    }

    fn uncovered(&self, req: &ServiceRequest, survey: &Survey) -> UncoveredCredentials {
        let Survey { authorization, cookie, credential: other, .. } = *survey;
        let mut uncovered = UncoveredCredentials { authorization, cookie, other };
        if let Some(auth) = &self.auth {
            let is_only = |name: &HeaderName| {
                auth::credential_names(req, &self.credentials)
                    .into_iter()
                    .all(|other| other == name || self.headers.contains(other))
            };
            let is_only = matches!(auth, Auth::Header(name) if other && is_only(name));
            auth.cover(&mut uncovered, is_only);
        }
        uncovered.cookie &= !self.cookies_are_harmless;
        uncovered
    }

    /// What tells these rules from others in this process.
    pub(super) fn hash_rules(&self, hasher: &mut impl Hasher) {
        format!("{self:?}").hash(hasher);
        self.custom.as_ref().map(|custom| Arc::as_ptr(&custom.0).cast::<()>().addr()).hash(hasher);
        self.auth.as_ref().map(Auth::function_address).hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn key_of(keying: &Keying, req: TestRequest) -> (CacheKey, UncoveredCredentials) {
        let req = req.to_srv_request();
        let survey = Survey::of(req.headers(), &keying.credentials);
        let keyed = keying.key(&req, survey, None, 0, &Secret::new(b"test")).unwrap();
        (keyed.key, keyed.uncovered)
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
        let uncovered = |req| key_of(&keying, req).1;
        let cookie = |value: &'static str| get("/").insert_header(("cookie", value));
        assert_eq!(uncovered(get("/")), UncoveredCredentials::default());
        assert_eq!(uncovered(cookie("_ga_1=x; currency=EUR")), UncoveredCredentials::default());
        assert!(uncovered(cookie("_ga_1=x; session=1")).cookie);
        assert!(uncovered(get("/").insert_header(("authorization", "Basic x"))).authorization);
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

//! How a request becomes a key: what is in it by default, and what settings add or leave out.

use std::{
    hash::{Hash as _, Hasher},
    sync::Arc,
};

use actix_web::{
    HttpRequest,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
};

use super::{
    all_settings::Config,
    auth::{Auth, AuthInput},
    cookies::{self, Pair},
    credential_headers::CredentialHeaders,
    functions::RequestFn,
    headers::{FORWARDING_HEADERS, HeaderFlags},
    paths::RuleNumber,
    settings::compliance::Forwarded,
    target::{Target, is_cached_scheme},
};
use crate::{
    key::{CacheKey, KeyBuilder, Part, Secret, digest, query::QueryRules},
    semantics::{storing::UncoveredCredentials, verdict::Reason},
};

/// A longer key bypasses the cache.
const MAX_KEY: usize = 8 * 1024;

/// What settings say about the key.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyRules {
    pub(super) query: Arc<QueryRules>,
    pub(super) forwarded: Forwarded,
    pub(super) headers: Vec<HeaderName>,
    pub(super) cookies: Vec<String>,
    pub(super) custom: Option<RequestFn>,
    pub(super) auth: Option<Auth>,
    pub(super) ignored_cookies: Vec<String>,
    pub(super) cookies_are_harmless: bool,
    pub(super) credentials: CredentialHeaders,
    /// Responses depend on `Origin`.
    pub(super) vary_by_origin: bool,
}

/// What a key is made from.
#[derive(Clone, Copy)]
pub(super) struct KeyInput<'a> {
    pub(super) req: &'a HttpRequest,
    pub(super) flags: HeaderFlags,
    /// The body of a QUERY or POST.
    pub(super) body: Option<&'a [u8]>,
    /// How many caches outside decide by other rules.
    pub(super) nested: u8,
    pub(super) rule: Option<RuleNumber>,
    /// What counts of the query, where the path's rule says it.
    pub(super) query: Option<&'a QueryRules>,
    pub(super) secret: &'a Secret,
    pub(super) server: Server<'a>,
    /// Whether the rule is [shared](super::rule::Rule::shared): credentials are no part of the key.
    pub(super) shared: bool,
}

/// What the server that gets a request says of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server<'a> {
    /// Whether the request came over TLS.
    pub(crate) secure: bool,
    /// The host of a request that names none.
    pub(crate) host: &'a str,
}

impl<'a> Server<'a> {
    pub(super) fn of(req: &'a HttpRequest) -> Self {
        let config = req.app_config();
        Self { secure: config.secure(), host: config.host() }
    }
}

/// A request's key, and what it does not tell.
#[derive(Debug)]
pub(crate) struct Keyed {
    /// The rule of its path.
    pub(crate) rule: Option<RuleNumber>,
    pub(crate) key: CacheKey,
    /// The credentials that are not part of the key.
    pub(crate) uncovered: UncoveredCredentials,
    /// Whether no cache behind this one, which does not know the key, may share the response.
    pub(crate) personal: bool,
}

impl KeyRules {
    pub(super) fn new(config: &Config) -> Self {
        let is_strict = config.compliance.is_strict;
        Self {
            query: config.query.rules().into(),
            forwarded: config.compliance.forwarded,
            headers: config.keyed_headers.clone(),
            cookies: config.keyed_cookies.clone(),
            custom: config.key_fn.clone(),
            auth: config.auth.clone(),
            ignored_cookies: config.credentials.ignored_cookies.clone(),
            cookies_are_harmless: config.credentials.are_cookies_harmless(is_strict),
            credentials: config.credentials.credential_headers(is_strict),
            vary_by_origin: config.compliance.vary_by_origin,
        }
    }

    /// Whether the request may have a key at all.
    pub(super) fn admits(&self, flags: &HeaderFlags) -> Result<(), Reason> {
        match flags {
            HeaderFlags { body: true, .. } => Err(Reason::RequestBody),
            HeaderFlags { method_override: true, .. } => Err(Reason::MethodOverride),
            HeaderFlags { upgrade: true, .. } => Err(Reason::Upgrade),
            HeaderFlags { forwarded: true, .. } if self.forwarded == Forwarded::Bypass => {
                Err(Reason::Forwarded)
            }
            _ => Ok(()),
        }
    }

    /// The request's key, and which credentials it does not tell.
    pub(super) fn key(&self, input: KeyInput<'_>) -> Result<Keyed, Reason> {
        let KeyInput { req, mut flags, .. } = input;
        if input.shared {
            return self.shared_key(&input);
        }
        let cookies = self.cookies(req, &mut flags)?;
        flags.credential = flags.credential && self.has_uncovered_credential(req);
        flags.authorization &= !self.headers.contains(&header::AUTHORIZATION);
        let input = KeyInput { flags, ..input };
        let mut key = self.begin(&input)?;
        self.write_settings(&input, &cookies, &mut key)?;
        let (uncovered, personal) = (self.uncovered(req, &flags), self.is_personal(req, &flags));
        Ok(Keyed { rule: input.rule, key: finish(key)?, uncovered, personal })
    }

    /// The key under a shared rule: it contains no credentials, and none count as missing from it.
    fn shared_key(&self, input: &KeyInput<'_>) -> Result<Keyed, Reason> {
        let mut key = self.begin(input)?;
        for name in self.headers.iter().filter(|name| !self.is_credential(name)) {
            key.secret_part(Part::Header, name.as_str(), values(input.req, name), input.secret);
        }
        self.write_custom(input, &mut key)?;
        let personal = self.custom.is_some();
        let uncovered = UncoveredCredentials::default();
        Ok(Keyed { rule: input.rule, key: finish(key)?, uncovered, personal })
    }

    fn is_credential(&self, name: &HeaderName) -> bool {
        [header::AUTHORIZATION, header::COOKIE].contains(name)
            || self.credentials.counts(name.as_str())
    }

    /// Begins the key with what no setting leaves out.
    fn begin(&self, input: &KeyInput<'_>) -> Result<KeyBuilder, Reason> {
        let KeyInput { req, ref flags, .. } = *input;
        let mut key = self.url(input)?;
        if let Some(body) = input.body {
            write_body(req, body, &mut key);
        }
        if input.nested > 0 {
            key.part(Part::Nested, "", std::iter::once([input.nested].as_slice()));
        }
        if flags.origin && self.vary_by_origin {
            key.part(Part::Origin, "", values(req, &header::ORIGIN));
        }
        Ok(key)
    }

    /// The part of the application's own function.
    fn write_custom(&self, input: &KeyInput<'_>, key: &mut KeyBuilder) -> Result<(), Reason> {
        if let Some(function) = &self.custom {
            let part = function.call(input.req).ok_or(Reason::NoKey)?;
            key.secret_part(Part::Custom, "", std::iter::once(part.as_bytes()), input.secret);
        }
        Ok(())
    }

    /// The parts that settings add to the key.
    fn write_settings(
        &self,
        input: &KeyInput<'_>,
        cookies: &[Pair<'_>],
        key: &mut KeyBuilder,
    ) -> Result<(), Reason> {
        let KeyInput { req, ref flags, secret, .. } = *input;
        for name in &self.headers {
            key.secret_part(Part::Header, name.as_str(), values(req, name), secret);
        }
        for name in &self.cookies {
            key.secret_part(Part::Cookie, name, cookies::values(cookies, name), secret);
        }
        self.write_custom(input, key)?;
        if let Some(auth) = &self.auth {
            let (ignored, credentials) = (self.ignored_cookies.as_slice(), &self.credentials);
            let auth_input = AuthInput { req, flags, cookies, ignored, credentials, secret };
            auth.write(&auth_input, key).ok_or(Reason::NoKey)?;
        }
        Ok(())
    }

    /// The part of the key that says which URL the client asked for: all that a handler or a guard
    /// can read of the target, as it was sent.
    fn url(&self, input: &KeyInput<'_>) -> Result<KeyBuilder, Reason> {
        let KeyInput { req, server, .. } = *input;
        let Target { scheme, authority, host_line } = Target::of(req)?;
        let uri = req.uri();
        let rules = input.query.unwrap_or(&self.query);
        let query = uri.query().and_then(|query| rules.apply(query));
        let query = query.as_deref();
        let trusts = input.flags.forwarded && self.forwarded == Forwarded::Trust;
        let mut key = if trusts {
            forwarded_url(req, query)?
        } else {
            let host = host_line.or(authority).unwrap_or(server.host);
            KeyBuilder::new(server.secure, host, uri.path(), query)
        };
        // mostly a target is path and query alone, beside one `Host`
        if trusts || scheme.is_some() || authority.is_some() || host_line.is_none() {
            let parts = [("scheme", scheme), ("authority", authority), ("host", host_line)];
            for (name, part) in parts {
                key.part(Part::Target, name, part.map(str::as_bytes).into_iter());
            }
            key.part(Part::Target, "secure", server.secure.then_some(&[][..]).into_iter());
        }
        Ok(key)
    }

    /// The rules for paths with a shared rule: without anything that identifies a client.
    pub(super) fn shared(&self) -> Self {
        let headers = self.headers.iter().filter(|name| !self.is_credential(name));
        Self {
            headers: headers.cloned().collect(),
            cookies: Vec::new(),
            auth: None,
            ..self.clone()
        }
    }

    /// Whether no setting adds to the key of a URL, or leaves out a part of it.
    pub(super) fn is_plain(&self) -> bool {
        *self.query == QueryRules::default()
            && self.headers.is_empty()
            && self.cookies.is_empty()
            && self.custom.is_none()
            && self.auth.is_none()
    }

    /// Whether a function of the user is part of the key, which nothing can tell other caches.
    pub(super) fn is_by_function(&self) -> bool {
        self.custom.is_some() || matches!(self.auth, Some(Auth::FromFn(_)))
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
            Some(Auth::FromFn(_)) | None => {}
        }
        if !self.cookies.is_empty() {
            names.push(header::COOKIE);
        }
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        names
    }

    /// What tells these rules from others in this process.
    pub(super) fn hash_rules(&self, hasher: &mut impl Hasher) {
        format!("{self:?}").hash(hasher);
        self.custom.as_ref().map(RequestFn::address).hash(hasher);
        self.auth.as_ref().map(Auth::function_address).hash(hasher);
    }
}

fn finish(key: KeyBuilder) -> Result<CacheKey, Reason> {
    if key.exceeds(MAX_KEY) { Err(Reason::KeyTooLong) } else { Ok(key.finish()) }
}

/// All lines of a header.
fn values<'r>(req: &'r HttpRequest, name: &HeaderName) -> impl Iterator<Item = &'r [u8]> {
    req.headers().get_all(name).map(HeaderValue::as_bytes)
}

/// The body of a QUERY or POST, and what says how to read it.
fn write_body(req: &HttpRequest, body: &[u8], key: &mut KeyBuilder) {
    if *req.method() == Method::POST {
        // no header is called so
        key.part(Part::Body, ":method", std::iter::once(b"POST".as_slice()));
    }
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE] {
        key.part(Part::Body, name.as_str(), values(req, &name));
    }
    key.part(Part::Body, "", std::iter::once(digest(body).as_slice()));
}

/// The URL that trusted forwarding headers say, and these headers.
fn forwarded_url(req: &HttpRequest, query: Option<&str>) -> Result<KeyBuilder, Reason> {
    let seen = req.connection_info();
    if !is_cached_scheme(seen.scheme()) {
        return Err(Reason::Target);
    }
    let secure = seen.scheme() == "https";
    let mut key = KeyBuilder::new(secure, seen.host(), req.uri().path(), query);
    for name in FORWARDING_HEADERS {
        let lines = req.headers().get_all(*name).map(HeaderValue::as_bytes);
        key.part(Part::Header, name, lines);
    }
    Ok(key)
}

#[cfg(test)]
mod tests;

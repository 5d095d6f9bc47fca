//! Which credentials of a request its key does not cover: a response may be shared with such a request
//! only if the response says so.

use actix_web::{HttpRequest, http::header::HeaderName};

use super::{
    auth::{self, Auth},
    cookies::{self, Pair},
    headers::HeaderFlags,
    key_rules::KeyRules,
};
use crate::semantics::{storing::UncoveredCredentials, verdict::Reason};

impl KeyRules {
    /// The request's cookies, where the key depends on them. Ignored and keyed ones are no credential.
    pub(super) fn cookies<'r>(
        &self,
        req: &'r HttpRequest,
        flags: &mut HeaderFlags,
    ) -> Result<Vec<Pair<'r>>, Reason> {
        let are_named = !self.ignored_cookies.is_empty() || !self.cookies.is_empty();
        let are_read = are_named || self.auth.as_ref().is_some_and(Auth::reads_cookies);
        if !flags.cookie || !are_read {
            return Ok(Vec::new());
        }
        let pairs = cookies::pairs(req.headers())?;
        flags.cookie = pairs.iter().any(|(name, _)| {
            !cookies::is_named(name, &self.ignored_cookies)
                && !self.cookies.iter().any(|keyed| keyed == name)
        });
        Ok(pairs)
    }

    /// Whether a header identifies the client that is not part of the key by itself.
    pub(super) fn has_uncovered_credential(&self, req: &HttpRequest) -> bool {
        self.headers.is_empty()
            || auth::credential_names(req, &self.credentials)
                .into_iter()
                .any(|name| !self.headers.contains(name))
    }

    /// Whether caches downstream may not share the response: the request has a credential, or a
    /// function of the application has made the key.
    pub(super) fn is_personal(&self, req: &HttpRequest, flags: &HeaderFlags) -> bool {
        let HeaderFlags { authorization, cookie, credential, .. } = *flags;
        let is_named = match &self.auth {
            Some(Auth::Header(name)) => req.headers().contains_key(name),
            _ => false,
        };
        authorization || cookie || credential || is_named || self.is_by_function()
    }

    pub(super) fn uncovered(&self, req: &HttpRequest, flags: &HeaderFlags) -> UncoveredCredentials {
        let HeaderFlags { authorization, cookie, credential: other, .. } = *flags;
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
}

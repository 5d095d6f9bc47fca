//! What responses say to caches downstream about keys that depend on more than the URL: the request
//! fields by `Vary`, or `private` where a function has made the key.

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
};

use super::{credential_headers::CredentialHeaders, key_rules::KeyRules};
use crate::semantics::client::without_sharing;

/// Header names of responses that rule caches downstream in place of `Cache-Control`, beside those
/// that end in `cdn-cache-control` (RFC 9213).
const TARGETED_DOWNSTREAM: [&str; 3] = ["edge-control", "surrogate-control", "x-accel-expires"];

/// What one cache's keys depend on.
#[derive(Debug)]
pub(crate) struct Downstream {
    names: Vec<HeaderName>,
    /// All names in one value, for responses that vary on nothing themselves.
    vary: Option<HeaderValue>,
    is_private: bool,
    /// Credentials that are in the key. Some are known by the beginning of their names only.
    credentials: Option<CredentialHeaders>,
    /// `Origin` is in the key.
    keys_origin: bool,
}

impl Downstream {
    pub(super) fn new(rules: &KeyRules) -> Self {
        let names = rules.fields();
        let text = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
        Self {
            vary: HeaderValue::try_from(text).ok().filter(|_| !names.is_empty()),
            names,
            is_private: rules.is_by_function(),
            credentials: rules.keyed_credentials().cloned(),
            keys_origin: rules.vary_by_origin,
        }
    }

    /// Writes it into the response to a request with these fields. The handler's own `Vary` stays.
    pub(crate) fn report<B>(
        &self,
        res: &mut HttpResponse<B>,
        req: &HeaderMap,
        may_allow_origin: bool,
    ) {
        if let Some(vary) = &self.vary {
            Self::add_vary(res.headers_mut(), &self.names, vary);
        }
        if self.keys_origin && may_allow_origin && allows_one_origin(res.headers()) {
            let origin = [header::ORIGIN];
            Self::add_vary(res.headers_mut(), &origin, &HeaderValue::from_static("origin"));
        }
        if self.is_private || self.has_unnamed_credential(req) {
            make_private(res.headers_mut());
        }
    }

    /// Whether the key depends on a credential of the request that `Vary` does not name.
    fn has_unnamed_credential(&self, req: &HeaderMap) -> bool {
        self.credentials.as_ref().is_some_and(|credentials| {
            req.keys().any(|name| credentials.counts(name.as_str()) && !self.names.contains(name))
        })
    }

    fn add_vary(fields: &mut HeaderMap, names: &[HeaderName], vary: &HeaderValue) {
        if !fields.contains_key(header::VARY) {
            fields.insert(header::VARY, vary.clone());
            return;
        }
        let said: Vec<String> = fields
            .get_all(header::VARY)
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        if said.iter().any(|name| name == "*") {
            return;
        }
        let is_said =
            |name: &&HeaderName| said.iter().any(|s| s.eq_ignore_ascii_case(name.as_str()));
        let more = names.iter().filter(|name| !is_said(name)).map(HeaderName::as_str);
        let merged = said.iter().map(String::as_str).chain(more).collect::<Vec<_>>().join(", ");
        if let Ok(merged) = HeaderValue::try_from(merged) {
            fields.insert(header::VARY, merged);
        }
    }
}

/// Only the client itself may keep the response.
pub(crate) fn make_private(fields: &mut HeaderMap) {
    let control = without_sharing(fields.get_all(header::CACHE_CONTROL));
    if let Some(control) = control {
        fields.insert(header::CACHE_CONTROL, control);
    }
    let is_targeted = |name: &HeaderName| {
        name.as_str().ends_with("cdn-cache-control") || TARGETED_DOWNSTREAM.contains(&name.as_str())
    };
    fields.retain(|name, _| !is_targeted(name));
}

/// Whether the response lets one origin read it, though another might get another one.
fn allows_one_origin(fields: &HeaderMap) -> bool {
    let mut origins = fields.get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    origins.any(|origin| origin.as_bytes().trim_ascii() != b"*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::functions::RequestFn;

    fn reported(names: &[&'static str], is_private: bool, given: &[(&str, &str)]) -> [String; 2] {
        let headers = names.iter().map(|name| HeaderName::from_static(name)).collect();
        let mut rules = KeyRules { headers, vary_by_origin: true, ..KeyRules::default() };
        if is_private {
            rules.custom = Some(RequestFn::new(|_| None));
        }
        let mut res = HttpResponse::Ok();
        for field in given {
            res.append_header(*field);
        }
        let mut res = res.finish();
        Downstream::new(&rules).report(&mut res, &HeaderMap::new(), true);
        [header::VARY, header::CACHE_CONTROL].map(|name| {
            let lines = res.headers().get_all(name).map(|line| line.to_str().unwrap());
            lines.collect::<Vec<_>>().join(" | ")
        })
    }

    #[test]
    fn vary_is_merged_with_that_of_the_handler() {
        let names = ["authorization", "cookie"];
        let vary = |given: &[(&str, &str)]| reported(&names, false, given)[0].clone();
        assert_eq!(vary(&[]), "authorization, cookie");
        assert_eq!(vary(&[("vary", "Accept")]), "Accept, authorization, cookie");
        let lines = [("vary", "Accept, Cookie"), ("vary", "Origin")];
        assert_eq!(vary(&lines), "Accept, Cookie, Origin, authorization");
        assert_eq!(vary(&[("vary", "*")]), "*");
        assert_eq!(reported(&[], false, &[("vary", "accept")])[0], "accept");
        assert_eq!(reported(&[], false, &[]), ["", ""]);
    }

    #[test]
    fn targeted_headers_do_not_override_private() {
        for name in ["cdn-cache-control", "cloudflare-cdn-cache-control", "x-accel-expires"] {
            let rules = KeyRules { custom: Some(RequestFn::new(|_| None)), ..KeyRules::default() };
            let mut res = HttpResponse::Ok().insert_header((name, "300")).finish();
            Downstream::new(&rules).report(&mut res, &HeaderMap::new(), true);
            assert!(!res.headers().contains_key(name), "{name}");
        }
    }

    #[test]
    fn one_allowed_origin_adds_vary_origin() {
        let given = [("access-control-allow-origin", "https://a.example")];
        assert_eq!(reported(&[], false, &given)[0], "origin");
        assert_eq!(reported(&[], false, &[("access-control-allow-origin", "*")])[0], "");
    }

    #[test]
    fn response_keyed_by_function_is_private() {
        for (said, expected) in [
            ("", "private"),
            ("public, max-age=60", "max-age=60, private"),
            ("max-age=60, s-maxage=600", "max-age=60, private"),
            ("Public", "private"),
            ("private, max-age=5", "private, max-age=5"),
            ("no-store", "no-store"),
            (
                "must-understand, no-store, max-age=60",
                "must-understand, no-store, max-age=60, private",
            ),
            ("private=\"x\", max-age=1", "private=\"x\", max-age=1, private"),
        ] {
            let given = [("cache-control", said)];
            let given = if said.is_empty() { &[][..] } else { &given[..] };
            assert_eq!(reported(&[], true, given)[1], expected, "{said}");
        }
    }
}

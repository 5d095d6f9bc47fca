//! What caches downstream are told of keys that depend on more than the URL: the request fields, by
//! `Vary`, or that the response is nobody else's, where a function has made the key.

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
};

use crate::semantics::client::without_sharing;

/// Header names of responses that rule caches downstream in place of `Cache-Control` (RFC 9213).
const TARGETED_DOWNSTREAM: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

/// What there is to tell of one cache's keys.
#[derive(Debug)]
pub(crate) struct Downstream {
    names: Vec<HeaderName>,
    /// All names in one value, for responses that vary on nothing themselves.
    vary: Option<HeaderValue>,
    is_private: bool,
}

impl Downstream {
    pub(super) fn new(names: Vec<HeaderName>, is_private: bool) -> Self {
        let text = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
        let vary = HeaderValue::try_from(text).ok().filter(|_| !names.is_empty());
        Self { names, vary, is_private }
    }

    /// Tells it. What the handler says of `Vary` stays.
    pub(crate) fn tell<B>(&self, res: &mut HttpResponse<B>) {
        if let Some(vary) = &self.vary {
            self.add_vary(res.headers_mut(), vary);
        }
        if self.is_private {
            make_private(res.headers_mut());
        }
    }

    fn add_vary(&self, fields: &mut HeaderMap, vary: &HeaderValue) {
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
        let more = self.names.iter().filter(|name| !is_said(name)).map(HeaderName::as_str);
        let merged = said.iter().map(String::as_str).chain(more).collect::<Vec<_>>().join(", ");
        if let Ok(merged) = HeaderValue::try_from(merged) {
            fields.insert(header::VARY, merged);
        }
    }
}

/// Only the client itself may keep the response.
fn make_private(fields: &mut HeaderMap) {
    let control = without_sharing(fields.get_all(header::CACHE_CONTROL));
    if let Some(control) = control {
        fields.insert(header::CACHE_CONTROL, control);
    }
    for name in TARGETED_DOWNSTREAM {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&'static str], is_private: bool, given: &[(&str, &str)]) -> [String; 2] {
        let names = names.iter().map(|name| HeaderName::from_static(name)).collect();
        let mut res = HttpResponse::Ok();
        for field in given {
            res.append_header(*field);
        }
        let mut res = res.finish();
        Downstream::new(names, is_private).tell(&mut res);
        [header::VARY, header::CACHE_CONTROL].map(|name| {
            let lines = res.headers().get_all(name).map(|line| line.to_str().unwrap());
            lines.collect::<Vec<_>>().join(" | ")
        })
    }

    #[test]
    fn vary_is_merged_with_what_the_handler_says() {
        let names = ["authorization", "cookie"];
        let vary = |given: &[(&str, &str)]| told(&names, false, given)[0].clone();
        assert_eq!(vary(&[]), "authorization, cookie");
        assert_eq!(vary(&[("vary", "Accept")]), "Accept, authorization, cookie");
        let lines = [("vary", "Accept, Cookie"), ("vary", "Origin")];
        assert_eq!(vary(&lines), "Accept, Cookie, Origin, authorization");
        assert_eq!(vary(&[("vary", "*")]), "*");
        assert_eq!(told(&[], false, &[("vary", "accept")])[0], "accept");
        assert_eq!(told(&[], false, &[]), ["", ""]);
    }

    #[test]
    fn what_a_function_has_keyed_is_private() {
        for (said, expected) in [
            ("", "private"),
            ("public, max-age=60", "max-age=60, private"),
            ("max-age=60, s-maxage=600", "max-age=60, private"),
            ("Public", "private"),
            ("private, max-age=5", "private, max-age=5"),
            ("no-store", "no-store"),
            ("private=\"x\", max-age=1", "private=\"x\", max-age=1, private"),
        ] {
            let given = [("cache-control", said)];
            let given = if said.is_empty() { &[][..] } else { &given[..] };
            assert_eq!(told(&[], true, given)[1], expected, "{said}");
        }
    }
}

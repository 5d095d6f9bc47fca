//! `ClientCache`: the freshness that responses state for clients, where handlers state none.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};

use crate::semantics::{
    client::{ClientTerms, Sharing},
    date::Timestamp,
};

/// `Cache-Control` and `Expires` for clients, written where the handler wrote neither.
///
/// The two agree with each other, and with the `Age` of a stored response: lifetimes count from the
/// response's `Date`, so a client keeps nothing for longer than this says, however old the stored
/// response was when the client got it.
///
/// A response that its request's credentials, a cookie that it sets or an auth key make personal is
/// never marked `public`; it becomes `private`.
///
/// ```
/// use std::time::Duration;
/// use actix_response_cache::{ClientCache, ResponseCache};
///
/// let cache = ResponseCache::memory()
///     .client_cache(ClientCache::public().max_age(Duration::from_secs(300)));
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct ClientCache {
    terms: ClientTerms,
    replace: bool,
}

impl ClientCache {
    /// Every cache on the way may keep the response; without a lifetime it asks before each use.
    pub const fn public() -> Self {
        Self::new(Sharing::Public)
    }

    /// Only the client itself may keep the response.
    pub const fn private() -> Self {
        Self::new(Sharing::Private)
    }

    /// No cache but this one may keep the response.
    pub const fn no_store() -> Self {
        Self::new(Sharing::NoStore)
    }

    const fn new(sharing: Sharing) -> Self {
        let terms = ClientTerms {
            sharing,
            max_age: None,
            must_revalidate: false,
            immutable: false,
            while_revalidate: None,
            if_error: None,
        };
        Self { terms, replace: false }
    }

    /// For how long a client may use the response, in whole seconds. Default: not without asking.
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.terms.max_age = Some(max_age);
        self
    }

    /// Whether stale use is forbidden (`must-revalidate`, RFC 9111 s.5.2.2.2). Default: `false`.
    pub const fn must_revalidate(mut self, on: bool) -> Self {
        self.terms.must_revalidate = on;
        self
    }

    /// Whether the response never changes while it is fresh, so that a reload need not ask
    /// (`immutable`, RFC 8246). Default: `false`.
    pub const fn immutable(mut self, on: bool) -> Self {
        self.terms.immutable = on;
        self
    }

    /// For how long past `max_age` a client may use the response while it asks (RFC 5861 s.3).
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.terms.while_revalidate = Some(window);
        self
    }

    /// For how long past `max_age` a client may use the response when asking fails (RFC 5861 s.4).
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.terms.if_error = Some(window);
        self
    }

    /// Whether the handler's own headers are replaced too. This cache still obeys the handler's.
    /// Default: `false`.
    pub const fn replace(mut self, on: bool) -> Self {
        self.replace = on;
        self
    }

    /// The terms of a response that is for one client only where it is `personal`.
    fn terms_for(&self, personal: bool) -> ClientTerms {
        let mut terms = self.terms;
        if personal && terms.sharing == Sharing::Public {
            terms.sharing = Sharing::Private;
        }
        terms
    }

    /// The `Cache-Control` that clients get, and when: a sentence for an explanation.
    pub(crate) fn explained(&self, personal: bool) -> String {
        let told = self.terms_for(personal).cache_control();
        let told = String::from_utf8_lossy(told.as_bytes()).into_owned();
        let whose =
            if self.replace { "whatever the handler says" } else { "unless the handler says more" };
        format!("clients are told `Cache-Control: {told}`, {whose}")
    }

    /// Writes the headers; `personal` where the response is for one client only.
    pub(crate) fn write<B>(&self, res: &mut HttpResponse<B>, date: Timestamp, personal: bool) {
        let said = |name| res.headers().contains_key(name);
        let stated = said(header::CACHE_CONTROL) || said(header::EXPIRES) || said(header::PRAGMA);
        let concerns = res.status().is_success() || res.status() == StatusCode::NOT_MODIFIED;
        if !concerns || (stated && !self.replace) {
            return;
        }
        let terms = self.terms_for(personal || said(header::SET_COOKIE));
        let stated = res.headers().get(header::DATE).map(HeaderValue::as_bytes);
        let date = stated.and_then(Timestamp::from_http_date).unwrap_or(date);
        let fields = res.headers_mut();
        fields.remove(header::PRAGMA);
        fields.insert(header::CACHE_CONTROL, terms.cache_control());
        let expires = if terms.sharing == Sharing::NoStore {
            HeaderValue::from_static("0")
        } else {
            terms.expires(date)
        };
        fields.insert(header::EXPIRES, expires);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: Timestamp = Timestamp::from_secs(784_111_777);
    const MINUTE: ClientCache = ClientCache::public().max_age(Duration::from_secs(60));

    fn written(client: &ClientCache, mut res: HttpResponse, personal: bool) -> [Option<String>; 2] {
        client.write(&mut res, DATE, personal);
        [header::CACHE_CONTROL, header::EXPIRES]
            .map(|name| res.headers().get(name).map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn cache_control_and_expires_agree() {
        let [control, expires] = written(&MINUTE, HttpResponse::Ok().finish(), false);
        assert_eq!(control.as_deref(), Some("public, max-age=60"));
        assert_eq!(expires.as_deref(), Some("Sun, 06 Nov 1994 08:50:37 GMT"));
        let dated = HttpResponse::Ok()
            .insert_header((header::DATE, "Sun, 06 Nov 1994 09:00:00 GMT"))
            .finish();
        let [_, expires] = written(&MINUTE, dated, false);
        assert_eq!(expires.as_deref(), Some("Sun, 06 Nov 1994 09:01:00 GMT"));
    }

    #[test]
    fn headers_of_the_handler_stay_unless_replaced() {
        for field in [("cache-control", "no-cache"), ("expires", "0"), ("pragma", "no-cache")] {
            let res = || HttpResponse::Ok().insert_header(field).finish();
            let [control, _] = written(&MINUTE, res(), false);
            assert!(control.is_none_or(|control| control == "no-cache"));
            let [control, _] = written(&MINUTE.clone().replace(true), res(), false);
            assert_eq!(control.as_deref(), Some("public, max-age=60"));
        }
        assert_eq!(written(&MINUTE, HttpResponse::NotFound().finish(), false), [None, None]);
    }

    #[test]
    fn personal_response_is_never_public() {
        let private = Some("private, max-age=60".to_owned());
        let cookie = HttpResponse::Ok().insert_header(("set-cookie", "a=b")).finish();
        assert_eq!(written(&MINUTE, cookie, false)[0], private);
        assert_eq!(written(&MINUTE, HttpResponse::Ok().finish(), true)[0], private);
    }
}

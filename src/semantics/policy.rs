//! The numbers and switches that the rules take. What a user sets becomes one of these; the rules
//! themselves hold no settings.

use std::time::Duration;

use actix_web::http::{StatusCode, header::HeaderName};

use super::declared::Declared;

/// What a cache may decide for itself where the standards leave it a choice.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Policy {
    /// The freshness lifetime of a 2xx response that states none; zero: not stored.
    pub default_ttl: Duration,
    /// Lifetimes for chosen statuses where the response states none (negative caching). Only a
    /// status that is named here is stored among those that [`storable`](super::storing::storable)
    /// otherwise refuses.
    pub status_ttls: Vec<(StatusCode, Duration)>,
    /// Whether a response that states no lifetime gets a heuristic one (RFC 9111 s.4.2.2).
    pub heuristic: bool,
    /// Whether the request's `Cache-Control` and `Pragma` are obeyed (RFC 9111 s.5.2.1), so that
    /// a client can force a request to the handler. `only-if-cached` is always obeyed.
    pub request_directives: bool,
    /// Whether a response with `Set-Cookie` may be stored.
    pub store_set_cookie: bool,
    /// Whether any final status, unknown ones too, is stored when it states its lifetime; else
    /// only statuses which a cache can store without harm.
    pub any_status: bool,
    /// Targeted fields (RFC 9213) that this cache consumes, most specific first.
    pub targets: Vec<HeaderName>,
    /// How long past its lifetime a response may be served while it is being revalidated, where
    /// it does not say so itself (RFC 5861 s.3).
    pub while_revalidate: Duration,
    /// How long past its lifetime a response may be served when the handler fails, where it does
    /// not say so itself (RFC 5861 s.4).
    pub if_error: Duration,
    /// The same two for errors (4xx, 5xx) and for the statuses of `status_ttls`: such responses are
    /// short-lived, and a window of the whole cache would make them long-lived.
    pub short_lived: Windows,
    /// Whether only responses are stored that a rule, the handler or their own headers declare cacheable.
    pub only_declared: bool,
    /// Whether the response is the same for everybody, so that none that sets a cookie is stored.
    pub shared: bool,
    /// What the handler declares. It goes before what the response's headers say.
    pub declared: Declared,
}

/// How long past its lifetime a response may be served that does not say so itself (RFC 5861).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    /// While it is being revalidated (s.3).
    pub while_revalidate: Duration,
    /// When the handler fails (s.4).
    pub if_error: Duration,
}

impl Policy {
    /// The windows of a response with this status.
    pub(super) fn windows(&self, status: StatusCode) -> Windows {
        let is_named = self.status_ttls.iter().any(|(named, _)| *named == status);
        if is_named || status.is_client_error() || status.is_server_error() {
            return self.short_lived;
        }
        Windows { while_revalidate: self.while_revalidate, if_error: self.if_error }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_ttl: Duration::from_secs(60),
            status_ttls: Vec::new(),
            heuristic: false,
            request_directives: false,
            store_set_cookie: false,
            any_status: false,
            targets: vec![HeaderName::from_static("app-cache-control")],
            while_revalidate: Duration::ZERO,
            if_error: Duration::ZERO,
            short_lived: Windows::default(),
            only_declared: false,
            shared: false,
            declared: Declared::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_statuses_of_rules_have_windows_of_their_own() {
        let windows = |seconds| {
            let span = Duration::from_secs(seconds);
            Windows { while_revalidate: span, if_error: span * 2 }
        };
        let Windows { while_revalidate, if_error } = windows(10);
        let status_ttls = vec![(StatusCode::FOUND, Duration::from_secs(5))];
        let policy = Policy {
            while_revalidate,
            if_error,
            short_lived: windows(1),
            status_ttls,
            ..Policy::default()
        };
        for (status, seconds) in [(200, 10), (301, 10), (302, 1), (404, 1), (500, 1)] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(policy.windows(status), windows(seconds), "{status}");
        }
    }
}

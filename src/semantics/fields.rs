//! The view of requests and responses that the rules see, and which fields belong to the
//! connection only (RFC 9110 s.7.6.1, RFC 9111 s.3.1).

use actix_web::http::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::{
    names::{
        AGE, CONNECTION, KEEP_ALIVE, PROXY_AUTHENTICATE, PROXY_AUTHENTICATION_INFO,
        PROXY_AUTHORIZATION, PROXY_CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
    policy::Policy,
    targeted::governing,
};

/// A stored list of header fields: repeated ones keep their order.
pub type FieldList = Vec<(HeaderName, HeaderValue)>;

/// Header fields, wherever they are kept.
pub(crate) trait Fields {
    /// Every value of the field `name`, in order.
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue>;

    /// Every field with its value; repeated ones in order.
    fn each(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)>;

    /// The first value of the field `name`.
    fn first<'a>(&'a self, name: &'a HeaderName) -> Option<&'a HeaderValue> {
        self.all(name).next()
    }

    /// Whether there is a field `name`.
    fn has(&self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }
}

impl Fields for HeaderMap {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        self.get_all(name)
    }

    fn each(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.iter()
    }
}

impl Fields for [(HeaderName, HeaderValue)] {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        self.iter().filter(move |(field, _)| field == name).map(|(_, value)| value)
    }

    fn each(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.iter().map(|(name, value)| (name, value))
    }
}

/// A request, as far as the rules look at it.
#[derive(Debug)]
pub(crate) struct RequestView<'a, F: Fields + ?Sized> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's header fields.
    pub fields: &'a F,
}

/// A response, as far as the rules look at it.
#[derive(Debug)]
pub(crate) struct ResponseView<'a, F: Fields + ?Sized> {
    /// The response's status.
    pub status: StatusCode,
    /// The response's header fields.
    pub fields: &'a F,
}

/// The fields of a response that are stored, in order.
///
/// Not stored are fields of the connection and of a proxy (RFC 9111 s.3.1), fields that
/// `no-cache="f"` and `private="f"` withhold (s.5.2.2.4, s.5.2.2.7), `Age`, which the terms hold,
/// and, unless `keep_targets`, the targeted fields that the cache consumes. Keep those where the
/// response can be freshened: a 304 need not repeat them.
pub(crate) fn storable_fields<S: Fields + ?Sized>(
    fields: &S,
    policy: &Policy,
    keep_targets: bool,
) -> FieldList {
    let directives = governing(fields, &policy.targets).directives;
    end_to_end(fields)
        .filter(|(name, _)| {
            **name != AGE
                && !directives.no_cache_fields.contains(name)
                && !directives.private_fields.contains(name)
                && (keep_targets || !policy.targets.contains(name))
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The fields that are not meant for the connection only (RFC 9110 s.7.6.1).
pub(super) fn end_to_end<S: Fields + ?Sized>(
    fields: &S,
) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let named = connection_options(fields);
    fields.each().filter(move |(name, _)| !is_hop_by_hop(name) && !named.contains(name))
}

/// Whether a field belongs to one connection, or to the proxy that sent it, whatever `Connection`
/// says (RFC 9110 s.7.6.1, RFC 9111 s.3.1).
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    let theirs: [&HeaderName; 10] = [
        &CONNECTION,
        &KEEP_ALIVE,
        &PROXY_AUTHENTICATE,
        &PROXY_AUTHENTICATION_INFO,
        &PROXY_AUTHORIZATION,
        &PROXY_CONNECTION,
        &TE,
        &TRAILER,
        &TRANSFER_ENCODING,
        &UPGRADE,
    ];
    theirs.contains(&name)
}

/// The fields that `Connection` names.
pub(crate) fn connection_options<F: Fields + ?Sized>(fields: &F) -> Vec<HeaderName> {
    fields
        .all(&CONNECTION)
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(lines: &[(&'static str, &'static str)], keep_targets: bool) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let kept = storable_fields(&map, &Policy::default(), keep_targets);
        kept.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect()
    }

    #[test]
    fn repeated_fields_keep_count_and_order() {
        let kept = stored(&[("link", "<a>"), ("link", "<b>"), ("link", "<a>")], false);
        assert_eq!(kept, ["link: <a>", "link: <b>", "link: <a>"]);
    }

    #[test]
    fn fields_of_the_connection_are_not_stored() {
        // s.3.1
        let hops = [
            ("connection", "close, X-Hop"),
            ("connection", " ,x-other"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authentication-info", "a"),
            ("proxy-authorization", "Basic"),
            ("proxy-connection", "close"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("age", "5"),
        ];
        assert_eq!(stored(&hops, false), [""; 0]);
        assert_eq!(stored(&[("x-hop", "1")], false), ["x-hop: 1"]);
    }

    #[test]
    fn withheld_fields_are_not_stored() {
        let control = ("cache-control", "max-age=1, no-cache=\"a\", private=\"B, c\"");
        let kept = stored(&[control, ("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")], false);
        assert!(kept.contains(&"d: 4".to_owned()));
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn consumed_targets_are_kept_on_request() {
        let target = [("app-cache-control", "max-age=1"), ("cdn-cache-control", "max-age=1")];
        assert_eq!(stored(&target, false), ["cdn-cache-control: max-age=1"]);
        assert_eq!(stored(&target, true).len(), 2);
    }
}

//! The view of requests and responses that the rules see, and which fields belong to the connection
//! only (RFC 9110 s.7.6.1).

use actix_web::http::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::names::{
    CONNECTION, KEEP_ALIVE, PROXY_AUTHENTICATE, PROXY_AUTHENTICATION_INFO, PROXY_AUTHORIZATION,
    PROXY_CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// A list of header fields: repeated ones keep their order.
pub(crate) type HeaderList = Vec<(HeaderName, HeaderValue)>;

/// Header fields, wherever they are kept.
pub(crate) trait Fields {
    /// Every value of the field `name`, in order.
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// The first value of the field `name`.
    fn first<'a>(&'a self, name: &'a HeaderName) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Whether there is a field `name`.
    fn has(&self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }
}

impl Fields for HeaderMap {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).map(HeaderValue::as_bytes)
    }
}

impl Fields for [(HeaderName, HeaderValue)] {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_bytes())
    }
}

/// The fields of a map as a list, which rules read faster: there are few fields, and many rules.
pub(crate) fn header_list(fields: &HeaderMap) -> HeaderList {
    fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The value as text, if it is of visible ASCII, spaces and tabs.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_visible))
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

/// The fields that are not meant for the connection only (RFC 9110 s.7.6.1).
pub(super) fn end_to_end(fields: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let named = connection_options(fields);
    fields.iter().filter(move |(name, _)| !is_hop_by_hop(name) && !named.contains(name))
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
        .flat_map(|line| line.split(|byte| *byte == b','))
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
        .collect()
}

#[cfg(test)]
pub(crate) mod lists {
    //! Lists of fields for tests.

    use super::{HeaderList, HeaderName, HeaderValue};

    /// The fields of these lines.
    pub(crate) fn fields(lines: &[(&'static str, &str)]) -> HeaderList {
        lines.iter().map(|(name, value)| field(HeaderName::from_static(name), value)).collect()
    }

    /// The fields of these lines, whose names are constants.
    pub(crate) fn known_fields(lines: &[(&HeaderName, &str)]) -> HeaderList {
        lines.iter().map(|(name, value)| field((*name).clone(), value)).collect()
    }

    fn field(name: HeaderName, value: &str) -> (HeaderName, HeaderValue) {
        (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::{lists::fields, *};
    use crate::semantics::names::{AGE, VARY};

    #[test]
    fn list_of_a_map_has_every_line_and_lines_of_one_name_in_their_order() {
        let mut map = HeaderMap::new();
        for line in fields(&[("vary", "b"), ("age", "1"), ("vary", "a")]) {
            map.append(line.0, line.1);
        }
        let list = header_list(&map);
        assert_eq!(list.len(), 3);
        for name in [&VARY, &AGE] {
            assert!(list.as_slice().all(name).eq(map.all(name)), "{name}");
        }
    }

    #[test]
    fn text_is_visible_ascii() {
        for (bytes, is_text) in [
            (b"a b\t~".as_slice(), true),
            (b"", true),
            (b"\x7f", false),
            (b"\n", false),
            ("\u{e9}".as_bytes(), false),
            (b"\xff", false),
        ] {
            assert_eq!(text(bytes).is_some(), is_text, "{bytes:?}");
        }
    }
}

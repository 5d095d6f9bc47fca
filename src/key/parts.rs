//! `KeyParts`: a key as slices of what it is made of, so that a key can be compared that has not been
//! written.

use super::{
    cache_key::{CacheKey, Places},
    encoding::SECURE,
};

/// The parts of a key. Equal parts mean equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyParts<'k> {
    flags: u8,
    host: &'k [u8],
    /// With the question mark before the query, if there is one.
    path_and_query: &'k [u8],
    path_len: usize,
    /// All parts after the URL.
    further: &'k [u8],
}

impl<'k> KeyParts<'k> {
    /// Whether there are no parts after the URL.
    pub(crate) const fn is_of_url_alone(&self) -> bool {
        self.further.is_empty()
    }

    /// The parts of the key of a URL alone, of which `path_len` bytes are the path.
    pub(crate) const fn of_url(
        secure: bool,
        host: &'k [u8],
        path_and_query: &'k str,
        path_len: usize,
    ) -> Self {
        Self {
            flags: if secure { SECURE } else { 0 },
            host,
            path_and_query: path_and_query.as_bytes(),
            path_len,
            further: &[],
        }
    }

    /// The parts of a key that has been written.
    pub(crate) fn of(key: &'k CacheKey) -> Self {
        let (bytes, Places { host, path, query }) = (key.as_bytes(), key.places());
        Self {
            flags: bytes.first().copied().unwrap_or_default(),
            host: bytes.get(host).unwrap_or_default(),
            path_and_query: bytes.get(path.start..query.end).unwrap_or_default(),
            path_len: path.len(),
            further: bytes.get(query.end..).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyBuilder, Part};

    #[test]
    fn parts_are_equal_where_keys_are() {
        let url = |secure, host, path: &'static str, query: Option<&'static str>| {
            let key = KeyBuilder::new(secure, host, path, query).finish();
            let whole = query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
            let parts = KeyParts::of_url(secure, host.as_bytes(), &whole, path.len());
            assert_eq!(parts, KeyParts::of(&key), "{key:?}");
            key
        };
        let urls = [
            (false, "h", "/a", None),
            (true, "h", "/a", None),
            (false, "h/", "a", None),
            (false, "h", "/a", Some("")),
            (false, "h", "/a", Some("b")),
            (false, "h", "/a?", Some("b")),
        ];
        let keys = urls.map(|(secure, host, path, query)| url(secure, host, path, query));
        let mut builder = KeyBuilder::new(false, "h", "/a", None);
        builder.part(Part::Header, "x", std::iter::empty());
        let further = [builder.finish(), keys[0].for_queries(None), keys[0].variant(b"gzip")];
        let keys: Vec<_> = keys.iter().chain(&further).collect();
        for one in &keys {
            for other in &keys {
                assert_eq!(KeyParts::of(one) == KeyParts::of(other), one == other);
            }
        }
    }
}

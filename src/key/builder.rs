//! `KeyBuilder` puts a key together, part by part.

use super::{
    cache_key::CacheKey,
    encoding::{HEADER, LEN, Part, SECURE, push_len, push_value, push_values},
    path,
    secret::Secret,
};

/// Puts a [`CacheKey`] together.
#[derive(Debug)]
pub(crate) struct KeyBuilder {
    bytes: Vec<u8>,
    /// The canonical reading of the path, where it differs from the path.
    canonical: Option<String>,
}

impl KeyBuilder {
    /// Begins the key of a URL. `query` comes without its question mark.
    ///
    /// Exactly as much room is made as the URL needs: most keys have no further part.
    pub(crate) fn new(secure: bool, host: &str, path: &str, query: Option<&str>) -> Self {
        let query_len = query.map_or(0, |query| query.len() + 1);
        let mut bytes = Vec::with_capacity(HEADER + host.len() + path.len() + query_len + LEN);
        bytes.push(if secure { SECURE } else { 0 });
        for len in [host.len(), path.len(), query_len] {
            push_len(&mut bytes, len);
        }
        bytes.extend_from_slice(host.as_bytes());
        bytes.extend_from_slice(path.as_bytes());
        if let Some(query) = query {
            bytes.push(b'?');
            bytes.extend_from_slice(query.as_bytes());
        }
        let canonical = path::differing(path);
        Self { bytes, canonical }
    }

    /// Adds a part: what it is called, and its values one by one. No value differs from an empty
    /// one, and two values from one with a comma.
    pub(crate) fn part<'v>(
        &mut self,
        part: Part,
        name: &str,
        values: impl Iterator<Item = &'v [u8]>,
    ) {
        self.bytes.push(part as u8);
        push_value(&mut self.bytes, name.as_bytes());
        push_values(&mut self.bytes, values);
    }

    /// Adds a part as a digest under `secret`, so that the key does not tell its values.
    pub(crate) fn secret_part<'v>(
        &mut self,
        part: Part,
        name: &str,
        values: impl Iterator<Item = &'v [u8]>,
        secret: &Secret,
    ) {
        let mut clear = Vec::new();
        push_values(&mut clear, values);
        let digest = secret.digest(&clear);
        self.part(part, name, std::iter::once(digest.as_slice()));
    }

    /// Whether the key so far is longer than this, in bytes.
    pub(crate) fn exceeds(&self, length: usize) -> bool {
        self.bytes.len() > length
    }

    /// The finished key.
    pub(crate) fn finish(self) -> CacheKey {
        CacheKey::new(self.bytes, self.canonical.as_deref())
    }
}

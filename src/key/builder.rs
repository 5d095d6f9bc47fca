//! `KeyBuilder` puts a key together, part by part.

use std::ops::Range;

use bytes::Bytes;

use super::{
    cache_key::CacheKey,
    encoding::{HEADER, Part, SECURE, owned, push_len, push_value, push_values},
    path,
    secret::Secret,
};

/// Puts a [`CacheKey`] together.
#[derive(Debug)]
pub(crate) struct KeyBuilder {
    bytes: Vec<u8>,
    host: Range<usize>,
    path: Range<usize>,
    query_end: usize,
}

/// The bytes of a key in a buffer that is used again: enough to look for a stored response.
#[derive(Debug)]
pub(crate) struct KeyBytes(KeyBuilder);

impl KeyBuilder {
    /// Begins the key of a URL. `query` comes without its question mark.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(secure: bool, host: &str, path: &str, query: Option<&str>) -> Self {
        Self::new_in(Vec::new(), secure, host, path, query)
    }

    /// The same in the memory of `buffer`, whose content goes.
    pub(crate) fn new_in(
        buffer: Vec<u8>,
        secure: bool,
        host: &str,
        path: &str,
        query: Option<&str>,
    ) -> Self {
        let query_len = query.map_or(0, |query| query.len() + 1);
        let mut bytes = buffer;
        bytes.clear();
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
        let host = HEADER..HEADER + host.len();
        let path = host.end..host.end + path.len();
        let query_end = path.end + query_len;
        Self { bytes, host, path, query_end }
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
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn finish(self) -> CacheKey {
        self.finish_bytes().to_key()
    }

    /// The bytes of the finished key.
    pub(crate) const fn finish_bytes(self) -> KeyBytes {
        KeyBytes(self)
    }
}

impl KeyBytes {
    /// The full key, to be compared byte by byte.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The key, in memory of its own.
    pub(crate) fn to_key(&self) -> CacheKey {
        let KeyBuilder { bytes, host, path, query_end } = &self.0;
        let text = bytes.get(path.clone()).and_then(|path| std::str::from_utf8(path).ok());
        CacheKey {
            bytes: Bytes::copy_from_slice(bytes),
            host: host.clone(),
            path: path.clone(),
            query_end: *query_end,
            canonical: owned(path::canonical(text.unwrap_or_default())),
        }
    }

    /// The buffer, to be used again.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.0.bytes
    }
}

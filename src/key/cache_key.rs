//! `CacheKey`: the full key of a stored response, and the readings of its URL by which it is purged.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;

use super::{
    encoding::{HEADER, OTHER_QUERIES, Part, owned, push_len},
    host, path, query,
    secret::digest,
};

/// The key of a stored response.
///
/// Its bytes are the full key: equal keys mean equal requests, not equal hashes.
#[derive(Clone)]
pub struct CacheKey {
    pub(super) bytes: Bytes,
    pub(super) host: Range<usize>,
    pub(super) path: Range<usize>,
    pub(super) query_end: usize,
    /// The canonical reading of the path, where it differs from the path.
    pub(super) canonical: Option<Arc<str>>,
}

impl CacheKey {
    /// The full key, to be compared byte by byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a full key back; `None` where the bytes are no key.
    pub fn from_bytes(bytes: Bytes) -> Option<Self> {
        let mut lengths = bytes.get(1..HEADER)?.chunks_exact(4).map(|len| {
            let len: [u8; 4] = len.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(len)).ok()
        });
        let mut next = || lengths.next().flatten();
        let host = HEADER..HEADER.checked_add(next()?)?;
        let path = host.end..host.end.checked_add(next()?)?;
        let query_end = path.end.checked_add(next()?)?;
        let text = |range: Range<usize>| std::str::from_utf8(bytes.get(range)?).ok();
        text(host.clone())?;
        text(path.end..query_end)?;
        let canonical = owned(path::canonical(text(path.clone())?));
        Some(Self { bytes, host, path, query_end, canonical })
    }

    /// 128 bits that stand for the key where its bytes would be too long, such as in a name.
    pub fn digest(&self) -> [u8; 16] {
        digest(&self.bytes)
    }

    /// The host the request named, as it named it.
    pub fn host(&self) -> &str {
        self.text(self.host.clone())
    }

    /// The request's path in its canonical reading, by which it is purged.
    pub fn path(&self) -> &str {
        self.canonical.as_deref().unwrap_or_else(|| self.text(self.path.clone()))
    }

    /// The canonical reading of the path, where it is kept beside the path.
    pub(crate) fn canonical_path(&self) -> Option<&str> {
        self.canonical.as_deref()
    }

    /// The host in the reading by which it is purged: in lower case, without a default port.
    pub fn canonical_host(&self) -> Cow<'_, str> {
        host::canonical(self.host())
    }

    /// The query in the reading by which it is purged: decoded, without its question mark.
    pub fn canonical_query(&self) -> Cow<'_, str> {
        query::canonical(self.query())
    }

    /// Whether requests with other queries are answered with the response too, because it says so
    /// by `No-Vary-Search`: a purge of any URL of the path concerns it.
    pub fn answers_other_queries(&self) -> bool {
        self.bytes.first().is_some_and(|flags| flags & OTHER_QUERIES != 0)
    }

    /// The request's query with its question mark, as far as it is part of the key; else empty.
    pub fn query(&self) -> &str {
        self.text(self.path.end..self.query_end)
    }

    /// The URL as it counts: host, path and query.
    pub fn url(&self) -> String {
        format!("{}{}{}", self.host(), self.path(), self.query())
    }

    /// The same key with another query, without its question mark.
    #[must_use]
    pub fn with_query(&self, query: Option<&str>) -> Self {
        self.rewritten(0, query)
    }

    /// The key of a response that [answers other queries](Self::answers_other_queries) as well:
    /// `canonical` is how all of them are written.
    #[must_use]
    pub(crate) fn for_queries(&self, canonical: Option<&str>) -> Self {
        self.rewritten(OTHER_QUERIES, canonical)
    }

    /// The same key, with memory of its own.
    #[must_use]
    pub(crate) fn with_own_memory(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), ..self.clone() }
    }

    fn rewritten(&self, more_flags: u8, query: Option<&str>) -> Self {
        let slice = |range: Range<usize>| self.bytes.get(range).unwrap_or_default();
        let query_len = query.map_or(0, |query| query.len() + 1);
        let mut bytes = Vec::with_capacity(self.bytes.len() + query_len);
        bytes.extend(slice(0..1).iter().map(|flags| flags | more_flags));
        bytes.extend_from_slice(slice(1..HEADER - 4));
        push_len(&mut bytes, query_len);
        bytes.extend_from_slice(slice(HEADER..self.path.end));
        if let Some(query) = query {
            bytes.push(b'?');
            bytes.extend_from_slice(query.as_bytes());
        }
        bytes.extend_from_slice(slice(self.query_end..self.bytes.len()));
        Self { bytes: bytes.into(), query_end: self.path.end + query_len, ..self.clone() }
    }

    /// The key of the variant with these normalised selecting fields (RFC 9111 s.4.1).
    #[must_use]
    pub fn variant(&self, selecting: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 1 + selecting.len());
        bytes.extend_from_slice(&self.bytes);
        bytes.push(Part::Variant as u8);
        bytes.extend_from_slice(selecting);
        Self { bytes: bytes.into(), ..self.clone() }
    }

    fn text(&self, range: Range<usize>) -> &str {
        self.bytes.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl PartialEq for CacheKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for CacheKey {}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl fmt::Debug for CacheKey {
    /// The URL only: other parts may identify a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({})", self.url())
    }
}

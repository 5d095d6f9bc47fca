//! The cache key: every part that tells two requests apart, length-prefixed, so that no two
//! different lists of parts are ever the same bytes. Secrets enter as keyed digests only.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;

use crate::{host, path, query};

/// The key of a stored response.
///
/// Its bytes are the full key: equal keys mean equal requests, not equal hashes.
#[derive(Clone)]
pub struct CacheKey {
    bytes: Bytes,
    host: Range<usize>,
    path: Range<usize>,
    query_end: usize,
    /// The canonical reading of the path, where it differs from the path.
    canonical: Option<Arc<str>>,
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
    /// The URL only: other parts may tell of a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({})", self.url())
    }
}

/// One byte of flags and the lengths of host, path and query.
const HEADER: usize = 1 + 3 * 4;
/// The flag of a request over TLS.
const SECURE: u8 = 1;
/// The flag of a response that answers other queries as well.
const OTHER_QUERIES: u8 = 2;

/// What a further part of a key says; a tag, so that parts of different kinds never meet.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Part {
    /// Values of a request field.
    Header = 1,
    /// The value of a cookie.
    Cookie = 2,
    /// Who is asking.
    Auth = 3,
    /// What the user's function made.
    Custom = 4,
    /// The `Origin` of a cross-origin request.
    Origin = 5,
    /// The selecting fields of a variant; always the last part.
    Variant = 6,
    /// The body of a QUERY, and what kind of body it is.
    Body = 7,
    /// The request's target, where it says more than path and query: scheme, authority, `Host`.
    Target = 8,
    /// How many caches outside key or admit requests by other rules.
    Nested = 9,
}

/// Puts a [`CacheKey`] together.
#[derive(Debug)]
pub struct KeyBuilder {
    bytes: Vec<u8>,
    host: Range<usize>,
    path: Range<usize>,
    query_end: usize,
    canonical: Option<Arc<str>>,
}

impl KeyBuilder {
    /// Begins the key of a URL. `query` comes without its question mark.
    ///
    /// Exactly as much room is made as the URL needs: most keys have no further part.
    pub fn new(secure: bool, host: &str, path: &str, query: Option<&str>) -> Self {
        let query_len = query.map_or(0, |query| query.len() + 1);
        let mut bytes = Vec::with_capacity(HEADER + host.len() + path.len() + query_len);
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
        let canonical = owned(path::canonical(path));
        let host = HEADER..HEADER + host.len();
        let path = host.end..host.end + path.len();
        let query_end = path.end + query_len;
        Self { bytes, host, path, query_end, canonical }
    }

    /// Adds a part: what it is called, and its values one by one. No value differs from an empty
    /// one, and two values from one with a comma.
    pub fn part<'v>(&mut self, part: Part, name: &str, values: impl Iterator<Item = &'v [u8]>) {
        self.bytes.push(part as u8);
        push_value(&mut self.bytes, name.as_bytes());
        push_values(&mut self.bytes, values);
    }

    /// Adds a part as a digest under `secret`, so that the key does not tell its values.
    pub fn secret_part<'v>(
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
    pub fn exceeds(&self, length: usize) -> bool {
        self.bytes.len() > length
    }

    /// The finished key.
    pub fn finish(self) -> CacheKey {
        let Self { bytes, host, path, query_end, canonical } = self;
        CacheKey { bytes: bytes.into(), host, path, query_end, canonical }
    }
}

/// A secret that turns credentials into digests.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret that `material`, of any length, stands for.
    pub fn new(material: &[u8]) -> Self {
        Self(blake3::derive_key("actix-response-cache 2026 credential digest", material))
    }

    /// What stands for `clear` in a key.
    pub(crate) fn digest(&self, clear: &[u8]) -> [u8; 16] {
        first_half(&blake3::keyed_hash(&self.0, clear))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// 128 bits of a collision-resistant digest.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 16] {
    first_half(&blake3::hash(bytes))
}

/// The canonical reading of a path, where it is not the path itself.
fn owned(canonical: Cow<'_, str>) -> Option<Arc<str>> {
    match canonical {
        Cow::Borrowed(_) => None,
        Cow::Owned(canonical) => Some(canonical.into()),
    }
}

fn first_half(hash: &blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    half
}

fn push_values<'v>(bytes: &mut Vec<u8>, values: impl Iterator<Item = &'v [u8]>) {
    let count_at = bytes.len();
    push_len(bytes, 0);
    let mut count = 0;
    for value in values {
        push_value(bytes, value);
        count += 1;
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes();
    bytes.iter_mut().skip(count_at).zip(count).for_each(|(to, from)| *to = from);
}

fn push_value(bytes: &mut Vec<u8>, value: &[u8]) {
    push_len(bytes, value.len());
    bytes.extend_from_slice(value);
}

fn push_len(bytes: &mut Vec<u8>, len: usize) {
    // no part of a request is 4 GiB long
    bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests;

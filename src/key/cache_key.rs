//! `CacheKey`: the full key of a stored response, and the readings of its URL by which it is purged.

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use super::{
    encoding::{HEADER, LEN, OTHER_QUERIES, Part, length, push_len},
    hexadecimal::hexadecimal,
    host, path, query,
    secret::digest,
};

/// How many bytes of a digest people are shown.
const SHOWN: usize = 6;

/// The key of a stored response.
///
/// Its bytes are the full key: equal keys mean equal requests, not equal hashes.
///
/// A clone shares the bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// The full key, the canonical reading of the path where it differs from the path, and the length
    /// of the full key: all in one piece, as there are as many keys as entries.
    bytes: Arc<[u8]>,
}

/// Where the parts of a URL are in the bytes of a key.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) host: Range<usize>,
    pub(super) path: Range<usize>,
    pub(super) query: Range<usize>,
}

impl Places {
    /// As the header of a key tells; no further than `usize` goes.
    fn of(bytes: &[u8]) -> Option<Self> {
        let after = |start: usize, number: usize| {
            Some(start..start.checked_add(length(bytes.get(1 + number * LEN..)?)?)?)
        };
        let host = after(HEADER, 0)?;
        let path = after(host.end, 1)?;
        let query = after(path.end, 2)?;
        Some(Self { host, path, query })
    }
}

impl CacheKey {
    /// The key that is written like this. `canonical` is the canonical reading of its path.
    pub(super) fn new(mut bytes: Vec<u8>, canonical: Option<&str>) -> Self {
        let len = bytes.len();
        bytes.extend_from_slice(canonical.unwrap_or_default().as_bytes());
        push_len(&mut bytes, len);
        Self { bytes: bytes.into() }
    }

    /// The full key, to be compared byte by byte.
    pub fn as_bytes(&self) -> &[u8] {
        self.halves().0
    }

    /// Reads a full key back; `None` where the bytes are no key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Places { host, path, query } = Places::of(bytes)?;
        let text = |range: Range<usize>| std::str::from_utf8(bytes.get(range)?).ok();
        text(host)?;
        text(query)?;
        let canonical = path::differing(text(path)?);
        Some(Self::new(bytes.to_vec(), canonical.as_deref()))
    }

    /// The full key, and what is kept of the path beside it.
    fn halves(&self) -> (&[u8], &[u8]) {
        let halves = || {
            let (bytes, len) = self.bytes.split_last_chunk::<LEN>()?;
            bytes.split_at_checked(length(len)?)
        };
        halves().unwrap_or_default()
    }

    /// Where the parts of the URL are.
    pub(super) fn places(&self) -> Places {
        let nowhere = Places { host: 0..0, path: 0..0, query: 0..0 };
        Places::of(self.as_bytes()).unwrap_or(nowhere)
    }

    /// How many bytes of memory it shares with its clones.
    pub(crate) fn shared_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// 128 bits that stand for the key where its bytes would be too long, such as in a name.
    pub fn digest(&self) -> [u8; 16] {
        digest(self.as_bytes())
    }

    /// The beginning of the digest, as people are shown it: the same digits in spans, statistics and lists.
    pub(crate) fn short_digest(&self) -> String {
        hexadecimal(self.digest().iter().take(SHOWN))
    }

    /// The host the request named, as it named it.
    pub fn host(&self) -> &str {
        self.text(self.places().host)
    }

    /// The request's path in its canonical reading, by which it is purged.
    pub fn path(&self) -> &str {
        self.canonical_path().unwrap_or_else(|| self.text(self.places().path))
    }

    /// The canonical reading of the path, where it is kept beside the path.
    fn canonical_path(&self) -> Option<&str> {
        let (_, canonical) = self.halves();
        std::str::from_utf8(canonical).ok().filter(|path| !path.is_empty())
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
        self.as_bytes().first().is_some_and(|flags| flags & OTHER_QUERIES != 0)
    }

    /// The request's query with its question mark, as far as it is part of the key; else empty.
    pub fn query(&self) -> &str {
        self.text(self.places().query)
    }

    /// The URL as it counts: host, path and query.
    pub fn url(&self) -> String {
        [self.host(), self.path(), self.query()].concat()
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

    fn rewritten(&self, more_flags: u8, query: Option<&str>) -> Self {
        let Places { path, query: old, .. } = self.places();
        let whole = self.as_bytes();
        let slice = |range: Range<usize>| whole.get(range).unwrap_or_default();
        let query_len = query.map_or(0, |query| query.len() + 1);
        let mut bytes = Vec::with_capacity(self.bytes.len() + query_len);
        bytes.extend(slice(0..1).iter().map(|flags| flags | more_flags));
        bytes.extend_from_slice(slice(1..HEADER - LEN));
        push_len(&mut bytes, query_len);
        bytes.extend_from_slice(slice(HEADER..path.end));
        if let Some(query) = query {
            bytes.push(b'?');
            bytes.extend_from_slice(query.as_bytes());
        }
        bytes.extend_from_slice(slice(old.end..whole.len()));
        Self::new(bytes, self.canonical_path())
    }

    /// The key of the variant with these normalised selecting fields (RFC 9111 s.4.1).
    #[must_use]
    pub fn variant(&self, selecting: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 1 + selecting.len());
        bytes.extend_from_slice(self.as_bytes());
        bytes.push(Part::Variant as u8);
        bytes.extend_from_slice(selecting);
        Self::new(bytes, self.canonical_path())
    }

    fn text(&self, range: Range<usize>) -> &str {
        self.as_bytes()
            .get(range)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl fmt::Debug for CacheKey {
    /// The URL only: other parts may identify a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({})", self.url())
    }
}

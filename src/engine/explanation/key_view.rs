//! A key as people see it: its parts one by one, credentials as digests.

use serde::Serialize;

use crate::key::{CacheKey, hexadecimal};

/// How many bytes of a digest are shown.
const SHOWN: usize = 8;

/// What a request is looked up by.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyView {
    /// Host, path and query, as far as they count.
    pub url: String,
    /// What tells the key from others of the same URL: the beginning of a digest of all of it.
    pub digest: String,
    /// The parts beside the URL.
    pub parts: Vec<KeyViewPart>,
    /// The parameters of the query that do not count.
    pub left_out: Vec<String>,
    /// The credentials of the request that are not part of the key: only a response that says that it may be
    /// shared answers it.
    pub uncovered: Vec<&'static str>,
}

/// A part of a key beside its URL.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyViewPart {
    /// What kind of part it is: `header`, `cookie`, `auth`, `key-fn`, `origin`, `target`, `body`.
    pub kind: &'static str,
    /// The name of the header or cookie.
    pub name: String,
    /// Its values. What may tell who is asking is a digest, in hexadecimal digits.
    pub values: Vec<String>,
}

impl KeyView {
    pub(crate) fn new(key: &CacheKey, left_out: Vec<String>, uncovered: Vec<&'static str>) -> Self {
        let parts = key.sections().into_iter().map(|section| KeyViewPart {
            kind: section.part.as_str(),
            name: section.name.to_owned(),
            values: section.values.into_iter().map(shown).collect(),
        });
        Self {
            url: key.url(),
            digest: key.short_digest(),
            parts: parts.collect(),
            left_out,
            uncovered,
        }
    }
}

/// A value as it is where it is text, else the beginning of its bytes: what is secret is no text, as it
/// enters a key as a digest.
fn shown(value: &[u8]) -> String {
    let text = std::str::from_utf8(value).ok();
    let is_text = |text: &&str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    text.filter(is_text).map_or_else(|| hexadecimal(value.iter().take(SHOWN)), str::to_owned)
}

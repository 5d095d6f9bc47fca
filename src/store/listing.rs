//! Entries as a store lists them for operators, and how many a purge would take.

use std::sync::Arc;

use crate::entry::Entry;

/// Some of the entries of a store.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Listed>,
    /// Where the next ones begin, if there may be more.
    pub(crate) next: Option<String>,
}

/// An entry, which may be without its body.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) entry: Arc<Entry>,
    /// The length of its body as it is stored.
    pub(crate) body_bytes: u64,
    /// How many bytes it takes where it is stored.
    pub(crate) bytes: u64,
}

/// How many responses a purge would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) responses: u64,
    /// Whether not all were counted.
    pub(crate) at_least: bool,
}

/// Why a listing does not begin where it was asked to.
#[cfg(any(feature = "memory", feature = "redis"))]
pub(crate) const NO_PLACE: &str = "not the end of a page of this store";

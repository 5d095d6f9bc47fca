//! Entries as a store lists them for people who look.

use std::sync::Arc;

use crate::entry::Entry;

/// Some of the entries of a store.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Listed>,
    /// Where the next ones begin, if there are more.
    pub(crate) next: Option<u32>,
}

/// An entry, and how many bytes of memory it takes.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) entry: Arc<Entry>,
    pub(crate) bytes: u64,
}

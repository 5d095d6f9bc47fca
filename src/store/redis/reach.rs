//! Where the entries are that a purge names.

use std::collections::VecDeque;

use super::{
    index::{Filter, Page},
    names::Names,
    scan::Scan,
};
use crate::purge::Target;

/// The two names of an entry: of its staged and of its live value.
pub(super) type Pair = [Vec<u8>; 2];

/// Where to look for the entries of a target. A scan finds more indexes, and for everything also entries that
/// are in none.
pub(super) struct Reach {
    pub(super) scans: VecDeque<Scan>,
    pub(super) indexes: VecDeque<(Vec<u8>, Page)>,
    pub(super) entries: Vec<Pair>,
    /// Which members of the indexes are meant.
    pub(super) filter: Filter,
}

impl Reach {
    pub(super) fn of(names: &Names, target: &Target) -> Self {
        let (mut scans, mut indexes, mut entries) = (VecDeque::new(), VecDeque::new(), Vec::new());
        let mut index = |name: String| indexes.push_back((name.into_bytes(), Page::first()));
        match target {
            Target::Entry(key) => {
                let digest = names.digest(key);
                let pair = [names.staged(&digest), names.live(&digest)];
                entries.push(pair.map(String::into_bytes));
            }
            Target::Path(path) | Target::Url { path, .. } | Target::AnyQuery { path, .. } => {
                index(names.path(path));
            }
            Target::Group(group) => index(names.group(group)),
            Target::Prefix(prefix) => {
                let prefix = prefix.trim_end_matches('/');
                index(names.path(prefix));
                scans.push_back(Scan::new(names.paths_below(prefix)));
            }
            Target::All => scans.push_back(Scan::new(names.everything())),
        }
        let filter = match target {
            Target::Url { host, query, .. } => Filter::url(host.as_deref(), query),
            Target::AnyQuery { host, .. } => Filter::any_query(host.as_deref()),
            _ => Filter::default(),
        };
        Self { scans, indexes, entries, filter }
    }
}

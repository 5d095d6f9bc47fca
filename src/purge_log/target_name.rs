//! How purges and entries meet: a purge has one name, and an entry is concerned by every purge whose
//! name is among its own.

use std::borrow::Cow;

use crate::{
    key::{CacheKey, host, path, query},
    purge::Target,
};

/// What a purge names, in its canonical reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TargetName<'a> {
    All,
    Entry(&'a CacheKey),
    Url {
        host: Option<&'a str>,
        path: &'a str,
        query: &'a str,
    },
    AnyQuery {
        host: Option<&'a str>,
        path: &'a str,
    },
    Path(&'a str),
    /// An [ancestor](path::ancestors) of paths, or a path.
    Prefix(&'a str),
    Group(&'a str),
}

/// Gives the name of what `target` names to `f`.
pub(crate) fn with_name<R>(target: &Target, f: impl FnOnce(TargetName<'_>) -> R) -> R {
    match target {
        Target::All => f(TargetName::All),
        Target::Entry(key) => f(TargetName::Entry(key)),
        Target::Url { host, path, query } => {
            let (host, query) = (host.as_deref().map(host::canonical), query::canonical(query));
            f(TargetName::Url { host: host.as_deref(), path, query: &query })
        }
        Target::AnyQuery { host, path } => {
            let host = host.as_deref().map(host::canonical);
            f(TargetName::AnyQuery { host: host.as_deref(), path })
        }
        Target::Path(path) => f(TargetName::Path(path)),
        Target::Prefix(prefix) => f(TargetName::Prefix(path::as_ancestor(prefix))),
        Target::Group(group) => f(TargetName::Group(group)),
    }
}

/// Every name of a purge that concerns an entry with this key and these groups.
pub(crate) struct EntryNames<'a> {
    key: &'a CacheKey,
    groups: &'a [String],
    host: Cow<'a, str>,
    query: Cow<'a, str>,
}

impl<'a> EntryNames<'a> {
    pub(crate) fn of(key: &'a CacheKey, groups: &'a [String]) -> Self {
        Self { key, groups, host: key.canonical_host(), query: key.canonical_query() }
    }

    /// All of them. Those of prefixes, which are many, may be left out where there are no such purges.
    pub(crate) fn iter(&self, has_prefixes: bool) -> impl Iterator<Item = TargetName<'_>> {
        let (path, query) = (self.key.path(), &*self.query);
        let hosts = [None, Some(&*self.host)];
        let urls = hosts.map(|host| TargetName::Url { host, path, query });
        let any_query = hosts.map(|host| TargetName::AnyQuery { host, path });
        let any_query = any_query.into_iter().filter(|_| self.key.answers_other_queries());
        let above = has_prefixes.then(|| path::ancestors(path)).into_iter().flatten();
        [TargetName::All, TargetName::Path(path), TargetName::Entry(self.key)]
            .into_iter()
            .chain(urls)
            .chain(any_query)
            .chain(above.map(TargetName::Prefix))
            .chain(self.groups.iter().map(|group| TargetName::Group(group)))
    }
}

#[cfg(test)]
mod tests;

//! What a purge names, what it did, and the logical time that orders purges and fills.

pub(crate) mod queue;

use url::Url;

use crate::{
    key::{CacheKey, host, path, query},
    semantics::date::Timestamp,
};

/// Which stored responses are to go, and how: removed, or only made stale.
///
/// A purge is wider than a key. Paths, queries and hosts are compared in their canonical reading, so
/// `/products/7` also takes what was stored for `//products/7/` or `/products/%37`, `/s?q=é` what was
/// stored for `/s?q=%C3%A9`, and `shop.example` what was stored for `Shop.example:80`.
///
/// A target that nothing can be stored under, such as a relative path or a pattern, makes a purge
/// that cannot be carried out: see [`problem`](Self::problem).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purge {
    target: Target,
    stale_since: Option<Timestamp>,
    is_counted: bool,
    refreshes: bool,
    problem: Option<Box<str>>,
}

/// What a [`Purge`] names.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One URL with all its variants and credentials, on one host or, without one, on all.
    Url {
        /// The host, compared without regard to case and default port.
        host: Option<String>,
        /// The path in its canonical reading.
        path: String,
        /// The query with its question mark, compared decoded; empty for none.
        query: String,
    },
    /// The responses of a path that [answer other queries](CacheKey::answers_other_queries) than the
    /// one they are stored under, on one host or, without one, on all.
    AnyQuery {
        /// The host, as of a URL.
        host: Option<String>,
        /// The path in its canonical reading.
        path: String,
    },
    /// A path: all hosts, queries, credentials and variants of it.
    Path(String),
    /// A path and everything below it, by whole segments.
    Prefix(String),
    /// Every response that names the group.
    Group(String),
    /// Exactly the response stored under this key.
    Entry(CacheKey),
    /// Everything.
    All,
}

impl Target {
    /// What it names, in one word: `url`, `path`, `prefix`, `group`, `entry` or `all`.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Url { .. } | Self::AnyQuery { .. } => "url",
            Self::Path(_) => "path",
            Self::Prefix(_) => "prefix",
            Self::Group(_) => "group",
            Self::Entry(_) => "entry",
            Self::All => "all",
        }
    }
}

impl Purge {
    /// One URL: `/products?page=2` on all hosts, `https://shop.example/products?page=2` or
    /// `//shop.example/products?page=2` on one. A fragment does not count.
    pub fn url(url: impl AsRef<str>) -> Self {
        let url = url.as_ref();
        let (read, has_host) = match url.strip_prefix('/') {
            Some(rest) => {
                (Url::parse(ANY_HOST).and_then(|any| any.join(url)), rest.starts_with('/'))
            }
            None => (Url::parse(url), true),
        };
        let problem = match &read {
            Ok(read) if !matches!(read.scheme(), "http" | "https") => {
                Some(format!("`{url}` is neither an `http` URL nor begins with `/`").into())
            }
            Ok(_) => pattern_in(url.split(['?', '#']).next().unwrap_or_default()),
            Err(_) => {
                Some(format!("`{url}` is neither an absolute URL nor begins with `/`").into())
            }
        };
        let Ok(read) = read else {
            return Self { problem, ..Target::Path(url.to_owned()).into() };
        };
        let host = read.host_str().filter(|_| has_host).map(|host| match read.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        let host = host.map(|host| host::canonical(&host).into_owned());
        let path = path::canonical(read.path()).into_owned();
        let query = read.query().map_or_else(String::new, |query| format!("?{query}"));
        Self { problem, ..Target::Url { host, path, query }.into() }
    }

    /// A path: all hosts, queries, credentials and variants of it.
    pub fn path(path: impl AsRef<str>) -> Self {
        let path = path.as_ref();
        let target = Target::Path(path::canonical(path).into_owned());
        Self { problem: problem_of_path(path), ..target.into() }
    }

    /// The path of a request, which may have a `*` like any other character.
    pub(crate) fn requested(path: &str) -> Self {
        Target::Path(path::canonical(path).into_owned()).into()
    }

    /// A path and everything below it, by whole segments.
    pub fn prefix(prefix: impl AsRef<str>) -> Self {
        let prefix = prefix.as_ref();
        let target = Target::Prefix(path::canonical(prefix).into_owned());
        Self { problem: problem_of_path(prefix), ..target.into() }
    }

    /// Every response that names the group. Groups are compared with regard to case (RFC 9875).
    pub fn group(group: impl Into<String>) -> Self {
        Target::Group(group.into()).into()
    }

    /// Exactly the response stored under this key.
    pub fn entry(key: CacheKey) -> Self {
        Target::Entry(key).into()
    }

    /// Everything.
    pub const fn all() -> Self {
        Self {
            target: Target::All,
            stale_since: None,
            is_counted: false,
            refreshes: false,
            problem: None,
        }
    }

    /// The same with a count: it waits until the store knows how many responses went.
    #[must_use]
    pub fn counted(self) -> Self {
        Self { is_counted: true, ..self }
    }

    /// The same, after which what was popular among what it took is asked for again at once, in the
    /// background: as [`CacheHandle::then_refresh`](crate::CacheHandle::then_refresh).
    #[must_use]
    pub fn then_refresh(self) -> Self {
        Self { refreshes: true, ..self }
    }

    /// Whether what was popular is asked for again.
    pub(crate) const fn refreshes(&self) -> bool {
        self.refreshes
    }

    /// Whether it waits for the [count](Purged::entries).
    pub const fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// The same as a soft purge: what it names is stale from then on instead of gone. It may be
    /// served where stale responses may be, while it is being validated or when the handler fails,
    /// and is validated as any stale response is.
    #[must_use]
    pub fn soft(self) -> Self {
        // no time is known from which to count: no stale window is shortened
        self.soft_since(Timestamp::from_millis(i64::MAX))
    }

    /// As [`soft`](Self::soft), stale since `then`: the stale windows are counted from it.
    #[must_use]
    pub fn soft_since(self, then: Timestamp) -> Self {
        let since = self.stale_since.map_or(then, |since| since.min(then));
        Self { stale_since: Some(since), ..self }
    }

    /// The same of another target.
    #[must_use]
    pub fn of(&self, target: Target) -> Self {
        Self { target, ..self.clone() }
    }

    /// What it names.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// For a soft purge, since when what it names is stale.
    pub const fn stale_since(&self) -> Option<Timestamp> {
        self.stale_since
    }

    /// What is wrong with the target, where nothing can be stored under it: it is relative, or has a
    /// `*` in its path, as there are no patterns (a path with a star in it is written with `%2A`).
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Whether it names the response stored under `key` with these `groups`.
    pub fn concerns(&self, key: &CacheKey, groups: &[String]) -> bool {
        match &self.target {
            Target::Url { host, path, query } => {
                is_on(host.as_deref(), key)
                    && path == key.path()
                    && query::canonical(query) == key.canonical_query()
            }
            Target::AnyQuery { host, path } => {
                key.answers_other_queries() && is_on(host.as_deref(), key) && path == key.path()
            }
            Target::Path(path) => path == key.path(),
            Target::Prefix(prefix) => path::is_under(key.path(), prefix),
            Target::Group(group) => groups.contains(group),
            Target::Entry(entry) => entry == key,
            Target::All => true,
        }
    }
}

impl From<Target> for Purge {
    fn from(target: Target) -> Self {
        Self { target, stale_since: None, is_counted: false, refreshes: false, problem: None }
    }
}

/// Whether the key is on this host, if it matters.
fn is_on(host: Option<&str>, key: &CacheKey) -> bool {
    host.is_none_or(|host| host::canonical(host) == key.canonical_host())
}

/// What a URL without a host is read against.
const ANY_HOST: &str = "http://any.invalid/";

fn problem_of_path(path: &str) -> Option<Box<str>> {
    if path.starts_with('/') {
        return pattern_in(path);
    }
    let hint = if path.contains("://") { "; for a URL there is `purge_url`" } else { "" };
    Some(format!("`{path}` does not begin with `/`{hint}").into())
}

fn pattern_in(path: &str) -> Option<Box<str>> {
    path.contains('*').then(|| {
        format!(
            "`{path}` has a `*`, and there are no patterns: purge the prefix, or write a star of the \
             path as `%2A`"
        )
        .into()
    })
}

/// What is known of a purge when it returns. From then on it holds, however much of what it took is
/// still to be removed: that happens in the background.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many stored responses went, or, by a soft purge, became stale, while the purge waited.
    /// `None` where that is not known: to count takes time in proportion to what is stored, so only
    /// a [counted](Purge::counted) purge waits for it.
    pub entries: Option<u64>,
    /// The store did not confirm the purge, which may have arrived or not. It is kept and repeated
    /// until the store confirms it, and before that this process serves nothing of the store. What
    /// this process does not live to repeat is lost, and other processes do not know of it yet.
    pub pending: bool,
    /// Of a counted purge: more than `entries` is still being removed, or marked as stale. A shared
    /// store does not wait for all of it, however much it is.
    pub removing: bool,
}

impl Purged {
    /// A purge that took `entries` stored responses.
    pub const fn of(entries: u64) -> Self {
        Self { entries: Some(entries), pending: false, removing: false }
    }

    /// A purge that holds, of which no count is known.
    pub const fn uncounted() -> Self {
        Self { entries: None, pending: false, removing: false }
    }

    /// A purge that the store has not confirmed.
    pub const fn pending() -> Self {
        Self { entries: None, pending: true, removing: false }
    }

    /// What is known of two purges together: the sum, where both are counted.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            entries: self.entries.zip(other.entries).map(|(one, other)| one + other),
            pending: self.pending || other.pending,
            removing: self.removing || other.removing,
        }
    }
}

/// A store's logical time. A response whose handler began under a lower number than that of a
/// purge which concerns it counts as purged, however late it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PurgeNumber(u64);

impl PurgeNumber {
    /// The purge number of this value.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its value.
    pub const fn number(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;

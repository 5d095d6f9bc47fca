//! What a purge names, what it did, and the logical time that orders purges and fills.

use crate::{key::CacheKey, path, semantics::date::Timestamp};

/// Which stored responses are to go, and how: removed, or only made stale.
///
/// Paths are compared in their canonical reading, so `/products/7` also takes what was stored for
/// `//products/7/` or `/products/%37`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purge {
    target: Target,
    stale_since: Option<Timestamp>,
}

/// What a [`Purge`] names.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One URL with all its variants and credentials, on one host or, without one, on all.
    Url {
        /// The host, compared without regard to case.
        host: Option<String>,
        /// The path.
        path: String,
        /// The query with its question mark; empty for none.
        query: String,
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

impl Purge {
    /// One URL: `/products?page=2` on all hosts, `https://shop.example/products?page=2` on one.
    pub fn url(url: &str) -> Self {
        let (host, rest) = match url.split_once("://") {
            Some((_, rest)) => {
                let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                (Some(host.to_ascii_lowercase()), rest)
            }
            None => (None, url),
        };
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let path = path::canonical(path).into_owned();
        Target::Url { host, path, query: query.to_owned() }.into()
    }

    /// A path: all hosts, queries, credentials and variants of it.
    pub fn path(path: &str) -> Self {
        Target::Path(path::canonical(path).into_owned()).into()
    }

    /// A path and everything below it, by whole segments.
    pub fn prefix(prefix: &str) -> Self {
        Target::Prefix(path::canonical(prefix).into_owned()).into()
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
        Self { target: Target::All, stale_since: None }
    }

    /// The same as a soft purge: what it names is stale from then on instead of gone. It may be
    /// served where stale responses may be, while it is being validated or when the handler fails,
    /// and is validated as any stale response is.
    #[must_use]
    pub fn softly(self) -> Self {
        // nobody has said since when: that shortens no stale window
        self.softly_since(Timestamp::from_millis(i64::MAX))
    }

    /// As [`softly`](Self::softly), stale since `then`: the stale windows are counted from it.
    #[must_use]
    pub fn softly_since(self, then: Timestamp) -> Self {
        let since = self.stale_since.map_or(then, |since| since.min(then));
        Self { stale_since: Some(since), ..self }
    }

    /// The same of another target.
    #[must_use]
    pub fn of(&self, target: Target) -> Self {
        Self { target, stale_since: self.stale_since }
    }

    /// What it names.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// For a soft purge, since when what it names is stale.
    pub const fn stale_since(&self) -> Option<Timestamp> {
        self.stale_since
    }

    /// Whether it names the response stored under `key` with these `groups`.
    pub fn concerns(&self, key: &CacheKey, groups: &[String]) -> bool {
        match &self.target {
            Target::Url { host, path, query } => {
                host.as_ref().is_none_or(|host| host.eq_ignore_ascii_case(key.host()))
                    && path == key.path()
                    && query == key.query()
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
        Self { target, stale_since: None }
    }
}

/// What a purge did.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many stored responses went, or, by a soft purge, became stale.
    pub entries: u64,
    /// The store did not confirm the purge, which may have arrived or not. It is kept and repeated
    /// until the store confirms it, and before that this process serves nothing of the store. What
    /// this process does not live to repeat is lost, and other processes do not know of it yet.
    pub pending: bool,
}

impl Purged {
    /// A purge that took `entries` stored responses.
    pub const fn of(entries: u64) -> Self {
        Self { entries, pending: false }
    }

    /// A purge that the store has not confirmed.
    pub const fn pending() -> Self {
        Self { entries: 0, pending: true }
    }
}

/// A store's logical time. A response whose fill began under a lower mark than that of a purge
/// which concerns it counts as purged, however late it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u64);

impl Mark {
    /// The mark with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The mark's number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyBuilder;

    fn key(host: &str, path: &str, query: Option<&str>) -> CacheKey {
        KeyBuilder::new(false, host, path, query).finish()
    }

    #[test]
    fn a_url_is_one_path_and_query_on_one_host_or_all() {
        let stored = key("Shop.example:8080", "/products/7", Some("page=2"));
        let concerned = |url: &str| Purge::url(url).concerns(&stored, &[]);
        assert!(concerned("/products/7?page=2"));
        assert!(concerned("http://shop.example:8080/products/7?page=2"));
        assert!(concerned("/products/%37/?page=2"));
        assert!(!concerned("http://other.example/products/7?page=2"));
        assert!(!concerned("/products/7"));
        assert!(!concerned("/products/7?page=22"));
    }

    #[test]
    fn a_path_is_every_query_and_a_prefix_whole_segments() {
        let stored = key("h", "/products/7", Some("page=2"));
        assert!(Purge::path("/products/7").concerns(&stored, &[]));
        assert!(!Purge::path("/products").concerns(&stored, &[]));
        assert!(Purge::prefix("/products").concerns(&stored, &[]));
        assert!(Purge::prefix("/").concerns(&stored, &[]));
        assert!(!Purge::prefix("/prod").concerns(&stored, &[]));
    }

    #[test]
    fn a_soft_purge_is_of_the_first_time_that_is_said() {
        let at = Timestamp::from_secs;
        let purge = Purge::group("g").softly();
        assert!(purge.stale_since().is_some() && Purge::group("g").stale_since().is_none());
        let purge = purge.softly_since(at(2)).softly_since(at(3)).softly();
        assert_eq!(purge.stale_since(), Some(at(2)));
        assert_eq!(purge.of(Target::All), Purge::all().softly_since(at(2)));
    }

    #[test]
    fn groups_are_compared_with_regard_to_case() {
        let stored = key("h", "/", None);
        let groups = ["products".to_owned()];
        assert!(Purge::group("products").concerns(&stored, &groups));
        assert!(!Purge::group("Products").concerns(&stored, &groups));
    }
}

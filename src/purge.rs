//! What a purge names, what it did, and the logical time that orders purges and fills.

use url::Url;

use crate::{host, key::CacheKey, path, query, semantics::date::Timestamp};

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

impl Purge {
    /// One URL: `/products?page=2` on all hosts, `https://shop.example/products?page=2` or
    /// `//shop.example/products?page=2` on one. A fragment does not count.
    pub fn url(url: &str) -> Self {
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
    pub fn path(path: &str) -> Self {
        let target = Target::Path(path::canonical(path).into_owned());
        Self { problem: problem_of_path(path), ..target.into() }
    }

    /// The path of a request, which may have a `*` like any other character.
    pub(crate) fn requested(path: &str) -> Self {
        Target::Path(path::canonical(path).into_owned()).into()
    }

    /// A path and everything below it, by whole segments.
    pub fn prefix(prefix: &str) -> Self {
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
        Self { target: Target::All, stale_since: None, problem: None }
    }

    /// The same as a soft purge: what it names is stale from then on instead of gone. It may be
    /// served where stale responses may be, while it is being validated or when the handler fails,
    /// and is validated as any stale response is.
    #[must_use]
    pub fn soft(self) -> Self {
        // nobody has said since when: that shortens no stale window
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
        Self { target, stale_since: None, problem: None }
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

/// What a purge did.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many stored responses went, or, by a soft purge, became stale, while the purge waited.
    pub entries: u64,
    /// The store did not confirm the purge, which may have arrived or not. It is kept and repeated
    /// until the store confirms it, and before that this process serves nothing of the store. What
    /// this process does not live to repeat is lost, and other processes do not know of it yet.
    pub pending: bool,
    /// What was purged holds, and more of it than `entries` is still being removed, or marked as
    /// stale, behind the caller: a shared store does not wait for that, however much it is.
    pub removing: bool,
}

impl Purged {
    /// A purge that took `entries` stored responses.
    pub const fn of(entries: u64) -> Self {
        Self { entries, pending: false, removing: false }
    }

    /// A purge that the store has not confirmed.
    pub const fn pending() -> Self {
        Self { entries: 0, pending: true, removing: false }
    }
}

/// A store's logical time. A response whose fill began under a lower mark than that of a purge
/// which concerns it counts as purged, however late it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PurgeNumber(u64);

impl PurgeNumber {
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
    fn spellings_of_one_url_name_the_same() {
        let concerns = |url: &str, key: &CacheKey| Purge::url(url).concerns(key, &[]);
        let stored = key("Shop.example:80", "/gr%C3%BCn", Some("q=a%20b"));
        for spelling in [
            "/grün?q=a b",
            "/gr%c3%bcn?q=a%20b",
            "/gr%C3%BCn/?q=a+b#top",
            "//shop.example/grün?q=a b",
            "http://shop.example/grün?q=a b",
            "HTTP://SHOP.EXAMPLE:80/x/../grün?%71=a b",
            "https://user@shop.example:443/grün?q=a b",
        ] {
            assert!(concerns(spelling, &stored), "{spelling}");
            assert_eq!(Purge::url(spelling).problem(), None, "{spelling}");
        }
        for other in ["/grün", "//shop.example:8080/grün?q=a b", "/grün?q=a", "//other/grün?q=a b"]
        {
            assert!(!concerns(other, &stored), "{other}");
        }
        assert!(concerns("/a", &key("h", "/a", Some(""))), "an empty query is none");
        assert!(concerns("http://bücher.example/", &key("xn--bcher-kva.example", "/", None)));
    }

    #[test]
    fn any_query_target_concerns_only_no_vary_search_entries() {
        let stored = key("h", "/s", Some("b=2&a=1")).for_queries(Some("a=1&b=2"));
        let any = |host: Option<&str>, path: &str| -> Purge {
            Target::AnyQuery { host: host.map(str::to_owned), path: path.to_owned() }.into()
        };
        assert!(
            any(None, "/s").concerns(&stored, &[]) && any(Some("h"), "/s").concerns(&stored, &[])
        );
        assert!(
            !any(Some("g"), "/s").concerns(&stored, &[]) && !any(None, "/t").concerns(&stored, &[])
        );
        assert!(!any(None, "/s").concerns(&key("h", "/s", Some("b=2&a=1")), &[]));
        assert!(Purge::url("/s?a=1&b=2").concerns(&stored, &[]));
    }

    #[test]
    fn targets_under_which_nothing_can_be_stored_have_a_problem() {
        let problems = [
            Purge::url(""),
            Purge::url("products/7"),
            Purge::url("*"),
            Purge::url("/products/*"),
            Purge::url("http://shop.example/*?q=1"),
            Purge::url("ftp://shop.example/a"),
            Purge::url("http://[/"),
            Purge::path(""),
            Purge::path("products/7"),
            Purge::path("/products/*"),
            Purge::path("https://shop.example/products"),
            Purge::prefix("products"),
            Purge::prefix("/products/*"),
        ];
        for purge in problems {
            assert!(purge.problem().is_some(), "{purge:?}");
            assert!(purge.soft().problem().is_some());
        }
        for purge in [Purge::url("/s?q=*"), Purge::path("/a%2Ab"), Purge::group("*"), Purge::all()]
        {
            assert_eq!(purge.problem(), None, "{purge:?}");
        }
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
        let purge = Purge::group("g").soft();
        assert!(purge.stale_since().is_some() && Purge::group("g").stale_since().is_none());
        let purge = purge.soft_since(at(2)).soft_since(at(3)).soft();
        assert_eq!(purge.stale_since(), Some(at(2)));
        assert_eq!(purge.of(Target::All), Purge::all().soft_since(at(2)));
    }

    #[test]
    fn groups_are_compared_with_regard_to_case() {
        let stored = key("h", "/", None);
        let groups = ["products".to_owned()];
        assert!(Purge::group("products").concerns(&stored, &groups));
        assert!(!Purge::group("Products").concerns(&stored, &groups));
    }
}

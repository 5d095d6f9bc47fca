//! [`PurgeNotice`]: what a hook is told, and the same in the words of CDNs.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::{
    purge::{Purge, Target},
    semantics::emitted_groups::encoded,
};

/// What in a path has to be written with `%` (RFC 3986).
const NOT_IN_PATHS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// Purges that a [`PurgeHook`](crate::PurgeHook) is told of together. All of them are soft, or none is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeNotice {
    /// What they name, in the order of the purges.
    pub targets: Vec<NoticeTarget>,
    /// Whether responses became stale instead of being removed.
    pub soft: bool,
}

/// What one purge names. Paths are in their canonical reading (percent-encoded where they have to be,
/// without empty segments or a slash at the end): a cache that has another spelling of one knows it by its groups.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeTarget {
    /// A URL: `/products?page=2` on all hosts, `//shop.example/products?page=2` on one.
    Url(String),
    /// A path with all queries, on all hosts.
    Path(String),
    /// A path and everything below it.
    Prefix(String),
    /// All responses in a group.
    Group(String),
    /// Everything.
    All,
}

impl PurgeNotice {
    pub(super) fn new(purges: &[Purge]) -> Self {
        Self {
            targets: purges.iter().map(|purge| target(purge.target())).collect(),
            soft: purges.iter().any(|purge| purge.stale_since().is_some()),
        }
    }

    /// The groups among what it names.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter_map(|target| match target {
            NoticeTarget::Group(group) => Some(group.as_str()),
            _ => None,
        })
    }

    /// Whether it names everything.
    pub fn is_all(&self) -> bool {
        self.targets.contains(&NoticeTarget::All)
    }

    /// The groups as `Surrogate-Key` has them, separated by spaces; `None` where it names none. They
    /// are written as [`Responses::emit_groups`](crate::Responses::emit_groups) writes them.
    pub fn surrogate_key(&self) -> Option<String> {
        self.joined(" ")
    }

    /// The groups as `Cache-Tag` has them, separated by commas; `None` where it names none.
    pub fn cache_tag(&self) -> Option<String> {
        self.joined(",")
    }

    /// The groups as `xkey` of Varnish has them, separated by spaces; `None` where it names none.
    pub fn xkey(&self) -> Option<String> {
        self.joined(" ")
    }

    fn joined(&self, separator: &str) -> Option<String> {
        let groups: Vec<_> = self.groups().map(|group| encoded(group).to_string()).collect();
        (!groups.is_empty()).then(|| groups.join(separator))
    }
}

fn target(target: &Target) -> NoticeTarget {
    match target {
        Target::Url { host, path, query } => NoticeTarget::Url(url(host.as_deref(), path, query)),
        Target::AnyQuery { path, .. } | Target::Path(path) => NoticeTarget::Path(in_url(path)),
        Target::Prefix(prefix) => NoticeTarget::Prefix(in_url(prefix)),
        Target::Group(group) => NoticeTarget::Group(group.clone()),
        Target::Entry(key) => NoticeTarget::Url(format!("//{}", key.url())),
        Target::All => NoticeTarget::All,
    }
}

fn url(host: Option<&str>, path: &str, query: &str) -> String {
    let host = host.map(|host| format!("//{host}")).unwrap_or_default();
    format!("{host}{}{query}", in_url(path))
}

fn in_url(path: &str) -> String {
    utf8_percent_encode(path, NOT_IN_PATHS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(purges: &[Purge]) -> PurgeNotice {
        PurgeNotice::new(purges)
    }

    #[test]
    fn targets_are_told_as_urls_have_them() {
        let notice = of(&[
            Purge::url("/s?q=%C3%A9&p=1"),
            Purge::url("https://Shop.example:443/products?page=2"),
            Purge::path("/a%20b/"),
            Purge::prefix("/products"),
            Purge::all(),
        ]);
        let expected = [
            NoticeTarget::Url("/s?q=%C3%A9&p=1".into()),
            NoticeTarget::Url("//shop.example/products?page=2".into()),
            NoticeTarget::Path("/a%20b".into()),
            NoticeTarget::Prefix("/products".into()),
            NoticeTarget::All,
        ];
        assert_eq!(notice.targets, expected);
        assert!(notice.is_all() && !notice.soft && notice.xkey().is_none());
    }

    #[test]
    fn groups_are_told_in_the_words_of_each_cdn() {
        let notice = of(&["products", "a b", "1,2"].map(|name| Purge::group(name).soft()));
        assert!(notice.soft && !notice.is_all());
        assert_eq!(notice.surrogate_key().unwrap(), "products a%20b 1%2C2");
        assert_eq!(notice.xkey(), notice.surrogate_key());
        assert_eq!(notice.cache_tag().unwrap(), "products,a%20b,1%2C2");
    }
}

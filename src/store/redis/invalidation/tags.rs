//! What a purge can name of an entry, as fields of the clock: the entry is checked against each.

use crate::{
    key::{self, CacheKey, host, path, query},
    purge::Target,
};

/// A field of the clock.
pub(in crate::store) type Field = [u8; 16];

/// The field that a purge of `target` raises.
pub(in crate::store) fn raised_by(target: &Target) -> Field {
    match target {
        Target::Url { host, path, query } => url(host.as_deref(), path, query),
        Target::AnyQuery { host, path } => any_query(host.as_deref(), path),
        Target::Path(path) => of_path(path),
        Target::Prefix(named) => prefix(named),
        Target::Group(named) => group(named),
        Target::Entry(key) => entry(key),
        Target::All => all(),
    }
}

fn all() -> Field {
    field(b'a', &[])
}

fn entry(key: &CacheKey) -> Field {
    field(b'e', &[key.as_bytes()])
}

fn url(host: Option<&str>, path: &str, query: &str) -> Field {
    let query = query::canonical(query);
    match host.map(host::canonical) {
        Some(host) => field(b'h', &[host.as_bytes(), path.as_bytes(), query.as_bytes()]),
        None => field(b'u', &[path.as_bytes(), query.as_bytes()]),
    }
}

fn any_query(host: Option<&str>, path: &str) -> Field {
    match host.map(host::canonical) {
        Some(host) => field(b'H', &[host.as_bytes(), path.as_bytes()]),
        None => field(b'U', &[path.as_bytes()]),
    }
}

fn of_path(path: &str) -> Field {
    field(b'p', &[path.as_bytes()])
}

fn group(group: &str) -> Field {
    field(b'g', &[group.as_bytes()])
}

fn prefix(prefix: &str) -> Field {
    field(b'x', &[path::as_ancestor(prefix).as_bytes()])
}

/// Every field that a purge of this entry may have set.
pub(in crate::store) fn concerning(key: &CacheKey, groups: &[String]) -> Vec<Field> {
    let (path, query) = (key.path(), key.query());
    let hosts = [None, Some(key.host())];
    let urls = hosts.map(|host| url(host, path, query)).into_iter();
    let any = hosts.map(|host| any_query(host, path)).into_iter();
    let any = any.filter(|_| key.answers_other_queries());
    let one = [all(), entry(key), of_path(path)].into_iter().chain(urls).chain(any);
    let prefixes = path::ancestors(key.path()).map(|above| field(b'x', &[above.as_bytes()]));
    let groups = groups.iter().map(|group| self::group(group));
    one.chain(prefixes).chain(groups).collect()
}

/// Parts are length-prefixed, so that no two targets share a field.
fn field(kind: u8, parts: &[&[u8]]) -> Field {
    let mut text = vec![kind];
    for part in parts {
        text.extend_from_slice(&part.len().to_be_bytes());
        text.extend_from_slice(part);
    }
    key::digest(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::KeyBuilder, purge::Purge};

    #[test]
    fn an_entry_is_fenced_by_what_concerns_it_and_nothing_else() {
        let key = KeyBuilder::new(false, "Shop.example", "/a/b", Some("q=1")).finish();
        let fields = concerning(&key, &["g".to_owned()]);
        let fenced = |purge: &Purge| fields.contains(&raised_by(purge.target()));
        let groups = ["g".to_owned()];
        for purge in [
            Purge::url("/a/b?q=1"),
            Purge::url("http://SHOP.example:80/a/b?q=1"),
            Purge::url("/a/b?%71=1"),
            Purge::url("http://other.example/a/b?q=1"),
            Purge::url("/a/b"),
            Purge::path("/a/b"),
            Purge::path("/a"),
            Purge::prefix("/"),
            Purge::prefix("/a"),
            Purge::prefix("/a/b"),
            Purge::prefix("/a/"),
            Purge::prefix("/a/b/c"),
            Purge::prefix("/ab"),
            Purge::group("g"),
            Purge::group("G"),
            Purge::entry(key.clone()),
            Purge::entry(key.variant(b"x")),
            Purge::all(),
        ] {
            assert_eq!(fenced(&purge), purge.concerns(&key, &groups), "{purge:?}");
        }
    }

    #[test]
    fn any_query_fence_concerns_only_no_vary_search_entries() {
        let key = KeyBuilder::new(false, "h", "/s", Some("b&a")).finish();
        let merged = key.for_queries(Some("a&b"));
        for (host, path) in [(None, "/s"), (Some("H:80"), "/s"), (Some("g"), "/s"), (None, "/t")] {
            let host = host.map(str::to_owned);
            let purge: Purge = Target::AnyQuery { host, path: path.to_owned() }.into();
            for key in [&key, &merged] {
                let is_fenced = concerning(key, &[]).contains(&raised_by(purge.target()));
                assert_eq!(is_fenced, purge.concerns(key, &[]), "{purge:?}");
            }
        }
    }

    #[test]
    fn a_prefix_too_deep_is_fenced_by_an_ancestor() {
        let deep = "/x".repeat(100);
        let key = KeyBuilder::new(false, "h", &format!("{deep}/y"), None).finish();
        assert!(concerning(&key, &[]).contains(&raised_by(&Target::Prefix(deep))));
    }
}

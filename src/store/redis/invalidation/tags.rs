//! The tags by which purges and entries meet in Redis and in announcements: digests of what a purge
//! names. In Redis a tag is a field of the [logical clock](super::logical_clock).

use crate::{
    key::{self, CacheKey},
    purge::Target,
    purge_log::{EntryNames, TargetName, with_name},
};

/// Stands for a target.
pub(in crate::store) type Tag = [u8; 16];

/// The tag of a purge of `target`.
pub(in crate::store) fn tag_of(target: &Target) -> Tag {
    with_name(target, tag)
}

/// The tags of all purges that concern an entry with this key and these groups.
pub(in crate::store) fn concerning(key: &CacheKey, groups: &[String]) -> Vec<Tag> {
    EntryNames::of(key, groups).iter(true).map(tag).collect()
}

/// The letters and the order of the parts are those in Redis: other versions of this crate read them.
fn tag(name: TargetName<'_>) -> Tag {
    match name {
        TargetName::All => digest(b'a', [] as [&str; 0]),
        TargetName::Entry(key) => digest(b'e', [key.as_bytes()]),
        TargetName::Url { host: Some(host), path, query } => digest(b'h', [host, path, query]),
        TargetName::Url { host: None, path, query } => digest(b'u', [path, query]),
        TargetName::AnyQuery { host: Some(host), path } => digest(b'H', [host, path]),
        TargetName::AnyQuery { host: None, path } => digest(b'U', [path]),
        TargetName::Path(path) => digest(b'p', [path]),
        TargetName::Group(group) => digest(b'g', [group]),
        TargetName::Prefix(prefix) => digest(b'x', [prefix]),
    }
}

/// Parts are length-prefixed, so that no two targets share a tag.
fn digest<const N: usize>(kind: u8, parts: [impl AsRef<[u8]>; N]) -> Tag {
    let mut text = vec![kind];
    for part in parts {
        let part = part.as_ref();
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
    fn entry_is_tagged_by_what_concerns_it_and_nothing_else() {
        let key = KeyBuilder::new(false, "Shop.example", "/a/b", Some("q=1")).finish();
        let groups = ["g".to_owned()];
        let tags = concerning(&key, &groups);
        for purge in [
            Purge::url("/a/b?q=1"),
            Purge::url("http://SHOP.example:80/a/b?q=1"),
            Purge::url("/a/b?%71=1"),
            Purge::url("http://other.example/a/b?q=1"),
            Purge::path("/a/b"),
            Purge::path("/a"),
            Purge::prefix("/a"),
            Purge::prefix("/ab"),
            Purge::group("g"),
            Purge::group("G"),
            Purge::entry(key.clone()),
            Purge::entry(key.variant(b"x")),
            Purge::all(),
        ] {
            let is_tagged = tags.contains(&tag_of(purge.target()));
            assert_eq!(is_tagged, purge.concerns(&key, &groups), "{purge:?}");
        }
    }

    #[test]
    fn no_two_kinds_of_target_share_a_tag() {
        let targets = [
            Purge::all().target().clone(),
            Target::Path("/a".into()),
            Target::Prefix("/a".into()),
            Target::Group("/a".into()),
            Target::AnyQuery { host: None, path: "/a".into() },
            Target::Url { host: None, path: "/a".into(), query: String::new() },
            Target::AnyQuery { host: Some("a".into()), path: "/a".into() },
            Target::Url { host: Some("a".into()), path: "/a".into(), query: String::new() },
            Target::Url { host: None, path: "/".into(), query: "a".into() },
        ];
        let tags: std::collections::HashSet<_> = targets.iter().map(tag_of).collect();
        assert_eq!(tags.len(), targets.len());
    }

    #[test]
    fn tags_are_those_of_other_versions() {
        let hex = |target: &Target| tag_of(target).map(|byte| format!("{byte:02x}")).concat();
        let host = || Some("H:80".to_owned());
        let path = || "/a".to_owned();
        for (target, expected) in [
            (Target::All, "17762fddd969a453925d65717ac3eea2"),
            (Target::Path(path()), "80303b59935357e7b8866356e5e96a5e"),
            (Target::Prefix("/a/".into()), "47f7af3bd982980e99cada91c9791003"),
            (Target::Group("g".into()), "4f1794300d1020ed0a5d1efbd4b185af"),
            (Target::AnyQuery { host: None, path: path() }, "42ea1d9ea414abd249ffbd1437f82eef"),
            (Target::AnyQuery { host: host(), path: path() }, "9be019b5fac13bba003e07c33b739eba"),
            (
                Target::Url { host: None, path: path(), query: "?q=1".into() },
                "5b5a1483c64d6d0b4cd023a7dee75583",
            ),
            (
                Target::Url { host: host(), path: path(), query: "?q=%31".into() },
                "79660e673b5c371799c44c214687bb29",
            ),
        ] {
            assert_eq!(hex(&target), expected, "{target:?}");
        }
    }
}

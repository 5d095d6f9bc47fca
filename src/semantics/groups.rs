//! Groups of responses that are purged together (RFC 9875).

use actix_web::http::header::HeaderName;
use sfv::{BareItem, List, ListEntry, Parser};

use super::{
    fields::{self, Fields},
    names::{CACHE_GROUP_INVALIDATION, CACHE_GROUPS, CACHE_TAG, SURROGATE_KEY, XKEY},
    targeted::joined,
    verdict::Reason,
};

/// How many groups a response may be in. RFC 9875 s.2 asks for 32 at least.
pub(crate) const MAX_GROUPS: usize = 128;

/// How many bytes the name of a group may have. RFC 9875 s.2 asks for 32 at least.
pub(crate) const MAX_GROUP_BYTES: usize = 256;

/// The groups that a response is in: those of `Cache-Groups`, and with `aliases` also those of
/// `Surrogate-Key`, `xkey` (separated by spaces) and `Cache-Tag` (separated by commas).
///
/// A response in more groups than an index takes, or in one with too long a name, is not stored:
/// a purge of a group that was cut off would miss it.
pub(crate) fn groups<S: Fields + ?Sized>(fields: &S, aliases: bool) -> Result<Vec<String>, Reason> {
    let mut groups = strings(fields, &CACHE_GROUPS);
    if aliases {
        for (name, separator) in [(&SURROGATE_KEY, ' '), (&XKEY, ' '), (&CACHE_TAG, ',')] {
            groups.extend(separated(fields, name, separator));
        }
    }
    within_bounds(groups)
}

/// Each group once, or the reason why there are too many.
pub(crate) fn within_bounds(groups: Vec<String>) -> Result<Vec<String>, Reason> {
    let groups = distinct(groups);
    let fits = groups.len() <= MAX_GROUPS && groups.iter().all(|g| g.len() <= MAX_GROUP_BYTES);
    if fits { Ok(groups) } else { Err(Reason::FieldsTooLong) }
}

/// The groups that a response to an unsafe request invalidates (RFC 9875 s.3).
pub(crate) fn invalidated_groups<S: Fields + ?Sized>(fields: &S) -> Vec<String> {
    distinct(strings(fields, &CACHE_GROUP_INVALIDATION))
}

/// Fields that name groups in other words, and are of no use to clients. `Cache-Groups` is for
/// every cache on the way.
pub(crate) const GROUP_ALIASES: [&str; 3] = ["surrogate-key", "xkey", "cache-tag"];

/// A Structured List of Strings, parameters ignored; as good as absent where it is not one
/// (RFC 9875 s.2).
fn strings<S: Fields + ?Sized>(fields: &S, name: &HeaderName) -> Vec<String> {
    let list = || Parser::new(&joined(fields, name)?).parse::<List>().ok();
    let texts = list().and_then(|list| list.into_iter().map(text).collect::<Option<Vec<_>>>());
    texts.unwrap_or_default()
}

fn text(member: ListEntry) -> Option<String> {
    match member {
        ListEntry::Item(item) => match item.bare_item {
            BareItem::String(text) => Some(text.into()),
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    }
}

fn separated<'a, S: Fields + ?Sized>(
    fields: &'a S,
    name: &'a HeaderName,
    separator: char,
) -> impl Iterator<Item = String> {
    fields
        .all(name)
        .filter_map(fields::text)
        .flat_map(move |line| line.split(separator))
        .map(|group| group.trim().to_owned())
}

/// Once each, and no empty ones: an index under the empty name would hold everything.
fn distinct(mut groups: Vec<String>) -> Vec<String> {
    groups.retain(|group| !group.is_empty());
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::semantics::fields::HeaderList;

    fn fields(name: &HeaderName, lines: &[&str]) -> HeaderList {
        lines.iter().map(|v| (name.clone(), HeaderValue::from_str(v).unwrap())).collect()
    }

    #[test]
    fn a_list_of_strings_and_nothing_else() {
        let table: &[(&[&str], &[&str])] = &[
            (&[r#""a""#], &["a"]),
            (&[r#""b", "a""#, r#""c""#], &["a", "b", "c"]),
            (&[r#""a", "a""#], &["a"]),
            // s.2.1: compared character by character, case-sensitive
            (&[r#""a", "A""#], &["A", "a"]),
            (&[r#""a";x=1, "b";y"#], &["a", "b"]),
            (&[r#""a\"b\\c, d""#], &[r#"a"b\c, d"#]),
            (&[r#""", "a""#], &["a"]),
            (&[r#""a", b"#], &[]),
            (&[r#""a", 1"#], &[]),
            (&[r#""a", ("b")"#], &[]),
            (&[r#""a","#], &[]),
            (&[r#""a"#], &[]),
            (&["a"], &[]),
            (&[""], &[]),
            (&[], &[]),
        ];
        for (lines, expected) in table {
            let stated = fields(&CACHE_GROUPS, lines);
            assert_eq!(groups(stated.as_slice(), false).unwrap(), *expected, "{lines:?}");
            let stated = fields(&CACHE_GROUP_INVALIDATION, lines);
            assert_eq!(invalidated_groups(stated.as_slice()), *expected, "{lines:?}");
        }
    }

    #[test]
    fn aliases_on_request() {
        let mut all = fields(&SURROGATE_KEY, &["a  b ", "c"]);
        all.extend(fields(&CACHE_TAG, &["d e, ,f"]));
        all.extend(fields(&XKEY, &["g"]));
        all.extend(fields(&CACHE_GROUPS, &[r#""h""#]));
        assert_eq!(groups(all.as_slice(), false).unwrap(), ["h"]);
        let found = groups(all.as_slice(), true).unwrap();
        assert_eq!(found, ["a", "b", "c", "d e", "f", "g", "h"]);
        assert!(GROUP_ALIASES.iter().all(|name| {
            groups(
                [(HeaderName::from_static(name), HeaderValue::from_static("a"))].as_slice(),
                true,
            )
            .is_ok_and(|groups| groups == ["a"])
        }));
    }

    #[test]
    fn bounds() {
        let list = |n: usize| (0..n).map(|i| format!("\"{i:032}\"")).collect::<Vec<_>>().join(", ");
        let of = |text: &str| groups(fields(&CACHE_GROUPS, &[text]).as_slice(), false);
        assert_eq!(of(&list(32)).unwrap().len(), 32);
        assert_eq!(of(&list(MAX_GROUPS)).unwrap().len(), MAX_GROUPS);
        assert_eq!(of(&list(MAX_GROUPS + 1)), Err(Reason::FieldsTooLong));
        assert!(of(&format!("\"{}\"", "a".repeat(MAX_GROUP_BYTES))).is_ok());
        let long = of(&format!("\"{}\"", "a".repeat(MAX_GROUP_BYTES + 1)));
        assert_eq!(long, Err(Reason::FieldsTooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(line in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                let names = [&CACHE_GROUPS, &CACHE_TAG, &XKEY];
                let all = names.map(|name| (name.clone(), value.clone()));
                let _ = groups(all.as_slice(), true);
            }
        }
    }
}

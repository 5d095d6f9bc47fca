//! Targeted fields such as `CDN-Cache-Control` (RFC 9213): which field rules a response.

use actix_web::http::header::HeaderName;
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::{
    cache_control::Directives, fields::Fields, list_members::Argument, names::CACHE_CONTROL,
};

/// The directives that rule a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Governing {
    /// The directives.
    pub directives: Directives,
    /// Whether a targeted field states them: `Cache-Control` and `Expires` are then ignored
    /// (RFC 9213 s.2.2).
    pub targeted: bool,
}

/// The first field of `targets` with a valid, non-empty value rules; else `Cache-Control`
/// (RFC 9213 s.2.2).
pub(crate) fn governing<F: Fields + ?Sized>(fields: &F, targets: &[HeaderName]) -> Governing {
    targets.iter().find_map(|target| from_target(fields, target)).map_or_else(
        || Governing { directives: Directives::parse(fields, &CACHE_CONTROL), targeted: false },
        |directives| Governing { directives, targeted: true },
    )
}

/// The directives of one targeted field; `None` where it is absent, empty or not a Structured
/// Dictionary: it then counts as absent (RFC 9213 s.2.1).
fn from_target<F: Fields + ?Sized>(fields: &F, target: &HeaderName) -> Option<Directives> {
    let members: Dictionary = Parser::new(&joined(fields, target)?).parse().ok()?;
    if members.is_empty() {
        return None;
    }
    let mut directives = Directives::default();
    for (name, value) in &members {
        add(&mut directives, name.as_str(), value);
    }
    Some(directives)
}

/// All lines of a structured field as one (RFC 9651 s.4.2); `None` where there is none.
pub(super) fn joined<F: Fields + ?Sized>(fields: &F, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = fields.all(name);
    let mut joined = lines.next()?.to_vec();
    for line in lines {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(line);
    }
    Some(joined)
}

/// Adds one member. A value of another type than the directive's is never coerced: where it states
/// a lifetime, that is invalid and so zero.
fn add(directives: &mut Directives, name: &str, value: &ListEntry) {
    let ListEntry::Item(item) = value else {
        return directives.add(name.as_bytes(), Argument::Invalid);
    };
    match &item.bare_item {
        // `no-store=?0` says that it is not there
        BareItem::Boolean(false) => {}
        BareItem::Boolean(true) => directives.add(name.as_bytes(), Argument::Absent),
        BareItem::Integer(number) if !takes_names(name) => {
            let digits = i64::from(*number).to_string();
            directives.add(name.as_bytes(), Argument::Token(digits.as_bytes()));
        }
        BareItem::String(list) if takes_names(name) => {
            directives.add(name.as_bytes(), Argument::Quoted(list.as_str().as_bytes()));
        }
        _ => directives.add(name.as_bytes(), Argument::Invalid),
    }
}

/// Whether the argument of a directive is a list of field names (RFC 9111 s.5.2.2.4, s.5.2.2.7).
fn takes_names(directive: &str) -> bool {
    matches!(directive, "no-cache" | "private")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::semantics::{cache_control::Flag, fields::lists::known_fields};

    static APP: HeaderName = HeaderName::from_static("app-cache-control");
    static CDN: HeaderName = HeaderName::from_static("cdn-cache-control");

    fn targeted_max_age(value: &'static str) -> (bool, Option<u64>) {
        let fields = known_fields(&[(&CDN, value), (&CACHE_CONTROL, "max-age=1")]);
        let governing = governing(fields.as_slice(), std::slice::from_ref(&CDN));
        (governing.targeted, governing.directives.max_age.map(|age| age.as_secs()))
    }

    #[test]
    fn a_dictionary_and_nothing_else_rules() {
        let table = [
            ("max-age=600", (true, Some(600))),
            ("max-age=600;a=b", (true, Some(600))),
            ("max-age=1, max-age=600", (true, Some(600))), // the last member of a key holds
            ("none", (true, None)),
            ("no-store", (true, None)),
            ("max-age=99999999999", (true, Some(1 << 31))),
            // not coerced (s.2.1)
            ("max-age=1.5", (true, Some(0))),
            ("max-age=\"600\"", (true, Some(0))),
            ("max-age=abc", (true, Some(0))),
            ("max-age=-1", (true, Some(0))),
            ("max-age=(1 2)", (true, Some(0))),
            ("max-age", (true, Some(0))),
            ("max-age=?0", (true, None)),
            // ignored as a whole (s.2.1)
            ("", (false, Some(1))),
            ("   ", (false, Some(1))),
            ("max-age=600,", (false, Some(1))),
            ("Max-Age=600", (false, Some(1))),
            ("max-age=600, &", (false, Some(1))),
            ("max-age=", (false, Some(1))),
            ("max-age=1000000000000000", (false, Some(1))),
            ("max-age=600 no-store", (false, Some(1))),
        ];
        for (value, expected) in table {
            assert_eq!(targeted_max_age(value), expected, "{value}");
        }
    }

    #[test]
    fn the_first_usable_target_wins() {
        let targets = [APP.clone(), CDN.clone()];
        let both = known_fields(&[(&CDN, "max-age=2"), (&APP, "max-age=3")]);
        let ruling = governing(both.as_slice(), &targets);
        assert_eq!(ruling.directives.max_age, Some(Duration::from_secs(3)));
        let broken = known_fields(&[(&CDN, "max-age=2"), (&APP, "max-age=3,,")]);
        let ruling = governing(broken.as_slice(), &targets);
        assert_eq!(ruling.directives.max_age, Some(Duration::from_secs(2)));
        // s.2.2: fields that are not on the list change nothing
        let ruling = governing(both.as_slice(), &[]);
        assert!(!ruling.targeted && !ruling.directives.is_present());
    }

    #[test]
    fn flag_permits_as_a_boolean_and_restricts_in_any_form() {
        let says = |value: &'static str, flag| {
            let fields = known_fields(&[(&CDN, value)]);
            governing(fields.as_slice(), std::slice::from_ref(&CDN)).directives.says(flag)
        };
        for (value, is_public) in [("public", true), ("public=?1", true), ("public=1", false)] {
            assert_eq!(says(value, Flag::Public), is_public, "{value}");
        }
        for value in ["no-cache", "no-cache=1", "no-cache=a", "no-cache=(\"a\")"] {
            assert!(says(value, Flag::NoCache), "{value}");
        }
    }

    #[test]
    fn several_lines_are_one_dictionary() {
        let lines = known_fields(&[(&CDN, "max-age=2"), (&CDN, "no-cache=\"a, b\", private")]);
        let ruling = governing(lines.as_slice(), std::slice::from_ref(&CDN)).directives;
        assert_eq!(ruling.max_age, Some(Duration::from_secs(2)));
        assert_eq!(ruling.no_cache_fields, ["a", "b"]);
        assert!(ruling.says(Flag::Private) && !ruling.says(Flag::NoCache));
    }
}

//! A response's groups in the header by which a CDN in front knows them.

use actix_web::http::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, PercentEncode, utf8_percent_encode};

use super::fields::{self, Fields, HeaderList};

/// What separates groups somewhere, or can be in no header, is written with `%`.
const NOT_IN_LISTS: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%');

/// The name of a group as lists of CDNs have it.
pub(crate) fn encoded(group: &str) -> PercentEncode<'_> {
    utf8_percent_encode(group, NOT_IN_LISTS)
}

/// The header that tells a CDN the groups of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmittedGroups {
    pub(crate) name: HeaderName,
    pub(crate) max_bytes: usize,
}

impl EmittedGroups {
    /// Writes the groups into the fields of a response, after what the handler has written there
    /// itself. `false` where groups were left out, as they do not fit.
    #[must_use]
    pub(crate) fn write(&self, fields: &mut HeaderList, groups: &[String]) -> bool {
        let (value, is_whole) = self.value(fields.as_slice(), groups);
        fields.retain(|(name, _)| *name != self.name);
        fields.extend(value.map(|value| (self.name.clone(), value)));
        is_whole
    }

    /// The header's value where there are any groups, and whether all of them are in it.
    pub(crate) fn value<S: Fields + ?Sized>(
        &self,
        stated: &S,
        groups: &[String],
    ) -> (Option<HeaderValue>, bool) {
        let separator = self.separator();
        let stated = stated.all(&self.name).filter_map(fields::text);
        let stated = stated.flat_map(|line| line.split(separator));
        let stated = stated.map(|group| group.trim().to_owned()).filter(|group| !group.is_empty());
        let groups = groups.iter().map(|group| encoded(group).to_string());
        let (mut all, mut length, mut is_whole) = (Vec::<String>::new(), 0, true);
        for group in stated.chain(groups) {
            if all.contains(&group) {
                continue;
            }
            if length + group.len() > self.max_bytes {
                is_whole = false;
                continue;
            }
            length += group.len() + 1;
            all.push(group);
        }
        let value = HeaderValue::try_from(all.join(&separator.to_string())).ok();
        (value.filter(|value| !value.is_empty()), is_whole)
    }

    /// Tags are separated by commas, keys by spaces.
    fn separator(&self) -> char {
        if self.name.as_str().ends_with("-tag") { ',' } else { ' ' }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emitted(name: &'static str, max_bytes: usize) -> EmittedGroups {
        EmittedGroups { name: HeaderName::from_static(name), max_bytes }
    }

    fn written(
        emitted: &EmittedGroups,
        stated: &[(&'static str, &'static str)],
        groups: &[&str],
    ) -> (String, bool) {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut fields: HeaderList = stated.iter().map(header).collect();
        let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        let is_whole = emitted.write(&mut fields, &groups);
        let all: Vec<_> = fields.iter().filter(|(name, _)| *name == emitted.name).collect();
        assert!(all.len() < 2);
        (all.first().map_or("", |(_, value)| value.to_str().unwrap()).to_owned(), is_whole)
    }

    #[test]
    fn groups_are_separated_as_the_header_has_it() {
        for (name, expected) in
            [("surrogate-key", "a b c%20d"), ("xkey", "a b c%20d"), ("cache-tag", "a,b,c%20d")]
        {
            assert_eq!(written(&emitted(name, 99), &[], &["a", "b", "c d"]).0, expected);
        }
    }

    #[test]
    fn what_the_handler_has_written_is_kept_and_nothing_is_there_twice() {
        let stated = [("xkey", "own a"), ("etag", "x"), ("xkey", "more")];
        let (value, is_whole) = written(&emitted("xkey", 99), &stated, &["a", "b"]);
        assert_eq!((value.as_str(), is_whole), ("own a more b", true));
    }

    #[test]
    fn groups_that_do_not_fit_are_left_out_whole() {
        for (max_bytes, expected) in [(7, "aaa bbb"), (6, "aaa c"), (0, "")] {
            let (value, is_whole) = written(&emitted("xkey", max_bytes), &[], &["aaa", "bbb", "c"]);
            assert_eq!((value.as_str(), is_whole), (expected, false));
            assert!(value.len() <= max_bytes);
        }
        assert_eq!(written(&emitted("xkey", 9), &[], &[]), (String::new(), true));
    }
}

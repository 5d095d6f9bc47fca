//! A finished key taken apart again, for explanations of what it is made of.

use super::{
    cache_key::CacheKey,
    encoding::{LEN, Part, length},
};

/// A part of a key beside its URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Section<'k> {
    pub(crate) part: Part,
    pub(crate) name: &'k str,
    /// What was sent, or its digest.
    pub(crate) values: Vec<&'k [u8]>,
}

impl CacheKey {
    /// The parts beside the URL, in their order.
    pub(crate) fn sections(&self) -> Vec<Section<'_>> {
        let query_end = self.places().query.end;
        let mut rest = self.as_bytes().get(query_end..).unwrap_or_default();
        std::iter::from_fn(|| section(&mut rest)).collect()
    }
}

fn section<'k>(rest: &mut &'k [u8]) -> Option<Section<'k>> {
    let part = Part::of(take(rest, 1)?.first().copied()?)?;
    if let Part::Variant = part {
        return Some(Section { part, name: "", values: vec![std::mem::take(rest)] });
    }
    let name = std::str::from_utf8(value(rest)?).ok()?;
    let count = length(take(rest, LEN)?)?;
    let values = (0..count).map_while(|_| value(rest)).collect();
    Some(Section { part, name, values })
}

fn value<'k>(rest: &mut &'k [u8]) -> Option<&'k [u8]> {
    let length = length(take(rest, LEN)?)?;
    take(rest, length)
}

fn take<'k>(rest: &mut &'k [u8], length: usize) -> Option<&'k [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyBuilder;

    #[test]
    fn sections_are_what_the_key_was_made_of() {
        let mut builder = KeyBuilder::new(false, "h", "/a", Some("b"));
        builder.part(Part::Header, "accept", [b"x".as_slice(), b""].into_iter());
        builder.part(Part::Origin, "", std::iter::empty());
        let key = builder.finish().variant(b"gzip");
        let section = |part, name, values| Section { part, name, values };
        let expected = [
            section(Part::Header, "accept", vec![b"x".as_slice(), b""]),
            section(Part::Origin, "", vec![]),
            section(Part::Variant, "", vec![b"gzip".as_slice()]),
        ];
        assert_eq!(key.sections(), expected);
        assert_eq!(KeyBuilder::new(true, "", "", None).finish().sections(), []);
    }
}

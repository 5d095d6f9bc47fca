//! How a key is written: a byte of flags, the lengths of host, path and query, these three, and then
//! length-prefixed parts, so that no two different lists of parts are ever the same bytes.

/// One byte of flags and the lengths of host, path and query.
pub(super) const HEADER: usize = 1 + 3 * LEN;
/// A length is so many bytes long.
pub(super) const LEN: usize = 4;
/// The flag of a request over TLS.
pub(super) const SECURE: u8 = 1;
/// The flag of a response that answers other queries as well.
pub(super) const OTHER_QUERIES: u8 = 2;

/// What a further part of a key says; a tag, so that parts of different kinds never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Part {
    /// Values of a request field.
    Header = 1,
    /// The value of a cookie.
    Cookie = 2,
    /// Who is asking.
    Auth = 3,
    /// What the user's function made.
    Custom = 4,
    /// The `Origin` of a cross-origin request.
    Origin = 5,
    /// The selecting fields of a variant; always the last part.
    Variant = 6,
    /// The body of a QUERY or POST, and what kind of body it is.
    Body = 7,
    /// The request's target, where it says more than path and query: scheme, authority, `Host`.
    Target = 8,
    /// How many caches outside key or admit requests by other rules.
    Nested = 9,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::Header,
        Self::Cookie,
        Self::Auth,
        Self::Custom,
        Self::Origin,
        Self::Variant,
        Self::Body,
        Self::Target,
        Self::Nested,
    ];

    /// The part with this tag.
    pub(super) fn of(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|part| *part as u8 == tag)
    }

    /// The part in lower case.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Auth => "auth",
            Self::Custom => "key-fn",
            Self::Origin => "origin",
            Self::Variant => "variant",
            Self::Body => "body",
            Self::Target => "target",
            Self::Nested => "nested",
        }
    }
}

pub(super) fn push_values<'v>(bytes: &mut Vec<u8>, values: impl Iterator<Item = &'v [u8]>) {
    let count_at = bytes.len();
    push_len(bytes, 0);
    let mut count = 0;
    for value in values {
        push_value(bytes, value);
        count += 1;
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes();
    bytes.iter_mut().skip(count_at).zip(count).for_each(|(to, from)| *to = from);
}

pub(super) fn push_value(bytes: &mut Vec<u8>, value: &[u8]) {
    push_len(bytes, value.len());
    bytes.extend_from_slice(value);
}

pub(super) fn push_len(bytes: &mut Vec<u8>, len: usize) {
    // no part of a request is 4 GiB long
    bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
}

/// The length that these bytes begin with.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn people_are_shown_a_word_for_each_part() {
        let words: BTreeSet<_> = Part::ALL.into_iter().map(Part::as_str).collect();
        assert_eq!(words.len(), Part::ALL.len());
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        assert!(words.iter().all(|word| word.len() > 2 && word.bytes().all(is_letter)));
    }
}

//! Which of a site's languages a client is given: lookup by `Accept-Language` (RFC 9110 s.12.5.4,
//! RFC 4647 s.3.4).

use super::preference::{Preference, preference};

/// How many ranges of a client count. Browsers send up to about ten.
const MAX_RANGES: usize = 32;
/// How long a range is at most that counts. The longest registered tags have 35 characters.
const MAX_RANGE: usize = 64;

/// The languages of a site, in the order of its own preference.
#[derive(Clone, Debug)]
pub(crate) struct Languages(Vec<String>);

impl Languages {
    /// These languages; the text that is no language tag where there is one, empty where there are none.
    pub(crate) fn new(tags: Vec<String>) -> Result<Self, String> {
        if tags.is_empty() {
            return Err(String::new());
        }
        match tags.iter().find(|tag| !is_tag(tag)) {
            Some(tag) => Err(tag.clone()),
            None => Ok(Self(tags)),
        }
    }

    /// The language for a client that says this in `Accept-Language`: the one that it wants most, or the
    /// first where it wants none of them or says nothing.
    pub(crate) fn choose(&self, accepted: Option<&str>) -> &str {
        let members = accepted.unwrap_or_default().as_bytes().split(|byte| *byte == b',');
        let members = members.map(<[u8]>::trim_ascii).filter(|member| member.len() <= MAX_RANGE);
        let mut ranges: Vec<Preference> = members.filter_map(preference).take(MAX_RANGES).collect();
        ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let mut wanted = ranges.iter().filter(|(_, weight)| *weight > 0);
        let chosen = wanted.find_map(|(range, _)| self.best(range, &ranges));
        chosen.or_else(|| self.0.first().map(String::as_str)).unwrap_or_default()
    }

    /// The language that a range means: itself or the nearest shorter one (`de` for `de-AT`), or else the
    /// first below it (`en-US` for `en`). `*` means those that no other range names.
    fn best(&self, range: &[u8], ranges: &[Preference]) -> Option<&str> {
        let mut tags = self.0.iter().map(String::as_str);
        if range == b"*" {
            return tags.find(|tag| weight(tag, ranges).is_none());
        }
        let allowed: Vec<&str> = tags.filter(|tag| weight(tag, ranges) != Some(0)).collect();
        let mut shorter = Some(range);
        while let Some(range) = shorter {
            let is_range = |tag: &&&str| tag.as_bytes().eq_ignore_ascii_case(range);
            if let Some(tag) = allowed.iter().find(is_range) {
                return Some(tag);
            }
            shorter = truncated(range);
        }
        allowed.into_iter().find(|tag| is_below(tag, range))
    }
}

/// The weight of the longest range that names the language or what it is a kind of.
fn weight(tag: &str, ranges: &[Preference]) -> Option<u16> {
    let names = |range: &[u8]| tag.as_bytes().eq_ignore_ascii_case(range) || is_below(tag, range);
    let naming = ranges.iter().filter(|(range, _)| names(range));
    naming.max_by_key(|(range, _)| range.len()).map(|(_, weight)| *weight)
}

/// Whether the tag is the range with further subtags.
fn is_below(tag: &str, range: &[u8]) -> bool {
    let tag = tag.as_bytes();
    let start = tag.get(..range.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(range))
        && tag.get(range.len()) == Some(&b'-')
}

/// The range without its last subtag, and without one of a single character that would then be the last:
/// it only introduces what follows it.
fn truncated(range: &[u8]) -> Option<&[u8]> {
    let end = range.iter().rposition(|byte| *byte == b'-')?;
    let shorter = range.get(..end)?;
    let last = shorter.rsplit(|byte| *byte == b'-').next()?;
    if last.len() == 1 { truncated(shorter) } else { Some(shorter) }
}

/// Whether the text has the form of a language tag (RFC 5646 s.2.1): subtags of one to eight letters and
/// digits, the first of letters.
fn is_tag(text: &str) -> bool {
    let is_subtag = |subtag: &str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let first = text.split('-').next().unwrap_or_default();
    text.split('-').all(is_subtag) && first.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn languages(tags: &[&str]) -> Languages {
        Languages::new(tags.iter().map(|tag| (*tag).to_owned()).collect()).unwrap()
    }

    #[test]
    fn client_is_given_what_it_wants_most() {
        let languages = languages(&["en", "de", "fr", "zh-Hant"]);
        for (accepted, chosen) in [
            ("de", "de"),
            ("DE", "de"),
            ("de-AT", "de"),
            ("de-AT-1996, fr;q=0.9", "de"),
            ("it, fr;q=0.5, de;q=0.7", "de"),
            ("fr;q=0.5,de;q=0.5", "fr"),
            ("zh-Hant-CN-x-private", "zh-Hant"),
            ("zh-x-private", "en"),
            ("zh", "zh-Hant"),
            ("it", "en"),
            ("", "en"),
            ("*", "en"),
            ("it, *;q=0.1", "en"),
            ("*, en;q=0.5", "de"),
            ("*;q=0.5, en;q=0.1, de;q=0.1", "fr"),
            ("en;q=0, *", "de"),
            ("en;q=0, de;q=0, *;q=0.5", "fr"),
            ("zh;q=0, zh-Hant", "zh-Hant"),
            ("zh-Hant;q=0, zh", "en"),
            ("de;q=0", "en"),
            ("de-AT;q=0", "en"),
            ("de-x-private", "de"),
            ("zh-Hant-C", "zh-Hant"),
            ("*;q=0", "en"),
            ("de;q=2, fr;q=0.1", "fr"),
            (";;;, =, de;q", "en"),
        ] {
            assert_eq!(languages.choose(Some(accepted)), chosen, "{accepted}");
        }
        assert_eq!(languages.choose(None), "en");
    }

    #[test]
    fn single_character_goes_with_what_it_introduces() {
        let languages = languages(&["en", "de-x", "de"]);
        assert_eq!(languages.choose(Some("de-x-private")), "de");
    }

    #[test]
    fn range_without_region_means_the_first_region() {
        let languages = languages(&["de", "en-US", "en-GB"]);
        for (accepted, chosen) in [
            ("en", "en-US"),
            ("en-GB", "en-GB"),
            ("en-AU, de;q=0.5", "de"),
            ("en-US;q=0, en", "en-GB"),
        ] {
            assert_eq!(languages.choose(Some(accepted)), chosen, "{accepted}");
        }
    }

    #[test]
    fn invalid_language_tag_is_refused() {
        for tags in [&[][..], &[""], &["*"], &["en", "de-"], &["en_US"], &["toolongtag"], &["1a"]] {
            assert!(Languages::new(tags.iter().map(|tag| (*tag).to_owned()).collect()).is_err());
        }
        assert!(Languages::new(vec!["es-419".to_owned(), "zh-Hant-TW".to_owned()]).is_ok());
    }

    #[test]
    fn long_header_is_read_in_a_bounded_time() {
        let languages = languages(&["en", "de"]);
        let long = format!("{}, {}de", "a-".repeat(50_000), "fr, ".repeat(MAX_RANGES));
        assert_eq!(languages.choose(Some(&long)), "en", "the ranges that count want neither");
    }

    proptest! {
        #[test]
        fn any_header_gives_one_of_the_languages(
            accepted in "([a-zA-Z*]{0,3}(-[a-zA-Z0-9]{0,9}){0,3} ?(;q=[0-9.]{0,5})?,? ?){0,6}",
            bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let tags = ["en", "de", "pt-BR"];
            let languages = languages(&tags);
            let bytes = String::from_utf8_lossy(&bytes);
            for accepted in [accepted.as_str(), &bytes] {
                let chosen = languages.choose(Some(accepted));
                prop_assert!(tags.contains(&chosen), "{accepted:?} gives {chosen:?}");
                // what is written into the request is read as the same language
                prop_assert_eq!(languages.choose(Some(chosen)), chosen);
            }
        }
    }
}

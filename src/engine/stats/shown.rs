//! How long texts of requests are shown: one that is too long is cut, and ends in `…`.

/// How many bytes of a text are shown at most, unless the last character needs more.
const MAX_SHOWN: usize = 512;

/// The text as it is shown.
pub(crate) fn shown(mut text: String) -> String {
    // a request may wait for this: the characters of a short text are not searched
    if text.len() > MAX_SHOWN
        && let Some((end, _)) = text.char_indices().find(|(at, _)| *at >= MAX_SHOWN)
    {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let short = "é".repeat(MAX_SHOWN / 2);
        assert_eq!(shown(short.clone()), short);
        let long = shown(format!("a{}", "é".repeat(MAX_SHOWN)));
        assert_eq!(long.chars().count(), 1 + MAX_SHOWN / 2 + 1);
        assert!(long.ends_with("é…"));
    }
}

//! Where replies end. Only that is looked for, by version 2 of the protocol: what is inside is for the
//! one who asked. What comes from a server is untrusted, so lines and lengths are bounded.

/// The longest line: a type and a number, a status, or an error.
const MAX_LINE: usize = 64 * 1024;
/// The longest string that a server sends.
const MAX_STRING: usize = 512 * 1024 * 1024;

/// Looks for the end of some replies, as more and more of them has come.
#[derive(Debug)]
pub(super) struct Scan {
    /// From where on it is not known what comes.
    at: usize,
    /// How many replies, or items of lists, are still to come.
    left: usize,
}

/// Bytes that are no replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Scan {
    /// Looks for the end of this number of replies.
    pub(super) const fn of(replies: usize) -> Self {
        Self { at: 0, left: replies }
    }

    /// Where they end in what has come so far; `None` where more is to come.
    pub(super) fn end_in(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        while self.left > 0 {
            let Some(rest) = bytes.get(self.at..).filter(|rest| !rest.is_empty()) else {
                return Ok(None);
            };
            let Some(head) = Head::read(rest)? else { return Ok(None) };
            self.at = self.at.saturating_add(head.length);
            self.left = (self.left - 1).checked_add(head.items).ok_or(Malformed)?;
        }
        Ok((self.at <= bytes.len()).then_some(self.at))
    }

    /// How much is known to be missing after these bytes.
    pub(super) const fn missing(&self, bytes: usize) -> usize {
        self.at.saturating_sub(bytes)
    }
}

/// What one reply, or one item, begins with.
pub(super) struct Head {
    /// How many bytes it takes, without the items that follow.
    pub(super) length: usize,
    /// Where its string is, if it is one.
    pub(super) string: Option<(usize, usize)>,
    /// How many items follow.
    items: usize,
}

impl Head {
    /// `None` where more is to come.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((kind, rest)) = bytes.split_first() else { return Ok(None) };
        let Some(end) = rest.iter().take(MAX_LINE).position(|byte| *byte == b'\n') else {
            return if rest.len() < MAX_LINE { Ok(None) } else { Err(Malformed) };
        };
        let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Malformed)?;
        let after = end + 2;
        let head = |length, string, items| Ok(Some(Self { length, string, items }));
        match (kind, length(line)) {
            (b'+' | b'-' | b':', _) | (b'$' | b'*', Ok(None)) => head(after, None, 0),
            (b'$', Ok(Some(long))) if long <= MAX_STRING => {
                head(after + long + 2, Some((after, after + long)), 0)
            }
            (b'*', Ok(Some(items))) => head(after, None, items),
            _ => Err(Malformed),
        }
    }
}

/// A length as a line says it; `None` for that of nothing.
fn length(line: &[u8]) -> Result<Option<usize>, Malformed> {
    if line == b"-1" {
        return Ok(None);
    }
    if line.is_empty() || line.len() > 10 {
        return Err(Malformed);
    }
    let digit = |sum: usize, byte: &u8| {
        byte.is_ascii_digit().then(|| sum * 10 + usize::from(byte - b'0')).ok_or(Malformed)
    };
    line.iter().try_fold(0, digit).map(Some)
}

/// However bytes come, in one piece or byte by byte, the reply ends at the same place, which the parser finds
/// to be the end of one reply.
#[cfg(any(fuzzing, test))]
#[allow(clippy::panic, reason = "a panic is what a fuzzer looks for")]
pub(crate) fn fuzz(input: &[u8]) {
    let whole = Scan::of(1).end_in(input);
    let mut scan = Scan::of(1);
    let by_bytes = (0..=input.len()).find_map(|end| match scan.end_in(input.get(..end)?) {
        Ok(None) => None,
        found => Some(found),
    });
    match (whole, by_bytes) {
        (Ok(Some(end)), Some(Ok(Some(other)))) => {
            assert_eq!(end, other);
            // it may be malformed inside, and is never read past its end
            let _ = super::Reply::parse(input.get(..end).unwrap_or_default());
        }
        (Ok(None), None) | (Err(_), Some(Err(_))) => {}
        (whole, by_bytes) => panic!("{whole:?} and {by_bytes:?}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPLIES: [(&[u8], usize); 6] = [
        (b"+OK\r\n", 1),
        (b"$-1\r\n:7\r\n", 2),
        (b"$5\r\nab\r\nc\r\n", 1),
        (b"$0\r\n\r\n-ERR no $3\r\n", 2),
        (b"*2\r\n*-1\r\n*2\r\n$1\r\nx\r\n+y\r\n", 1),
        (b"*0\r\n", 1),
    ];

    #[test]
    fn replies_end_where_they_end_however_they_come() {
        for (bytes, count) in REPLIES {
            let more = [bytes, b"+more\r\n"].concat();
            assert_eq!(Scan::of(count).end_in(&more), Ok(Some(bytes.len())));
            let mut scan = Scan::of(count);
            for end in 0..bytes.len() {
                assert_eq!(scan.end_in(&bytes[..end]), Ok(None), "{end} of {bytes:?}");
                assert!(scan.missing(end) <= bytes.len() - end);
            }
            assert_eq!(scan.end_in(bytes), Ok(Some(bytes.len())));
        }
    }

    #[test]
    fn length_of_a_string_tells_what_is_missing() {
        let mut scan = Scan::of(1);
        assert_eq!(scan.end_in(b"$1000\r\nabc"), Ok(None));
        assert_eq!(scan.missing(10), 1007 + 2 - 10);
    }

    #[test]
    fn bytes_that_are_no_reply_are_malformed() {
        let endless = [&b"+"[..], &b"x".repeat(MAX_LINE)].concat();
        for bytes in [
            &b"HTTP/1.1\r\n"[..],
            b"$x\r\n",
            b"$-2\r\n",
            b"$\r\n",
            b"$99999999999\r\n",
            b"+a\n",
            b"*1x\r\n",
            &endless,
        ] {
            assert_eq!(Scan::of(1).end_in(bytes), Err(Malformed), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_does_no_harm(bytes in any::<Vec<u8>>(), kind in "[+$*:-]", n in -3..99) {
            let bytes = [format!("{kind}{n}\r\n").as_bytes(), &bytes].concat();
            if let Ok(Some(end)) = Scan::of(2).end_in(&bytes) {
                prop_assert!(end <= bytes.len());
            }
        }
    }
}

//! What processes tell each other, in one channel for each prefix: short messages that scripts
//! publish with the change they tell of. Whatever else arrives there is nothing, or lost news.

use super::tags::Tag;
use crate::entry::Timestamp;

/// What begins the message of a purge: kind and version. The script of the fence adds the time
/// before the purge, the purge's number, for a soft one since when it makes stale, and the tag
/// of its target.
pub(in crate::store) const PURGED: &str = "p1";
const STORED: &[u8] = b"s1";
const RELEASED: &[u8] = b"r1";
const BEAT: &[u8] = b"b1";

/// Tells one store's messages from another's.
pub(in crate::store) type Origin = [u8; 8];
pub(in crate::store) type Digest = [u8; 16];

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum News {
    /// what `tag` stands for was purged with this number, softly if it says since when that makes stale; the purge
    /// before that had the number `before`.
    Purged { before: u64, number: u64, stale_since: Option<Timestamp>, tag: Tag },
    /// The entry with this digest was stored by `origin`.
    Stored { digest: Digest, origin: Origin },
    /// The lead in filling this entry was given up.
    Released { digest: Digest },
    /// What a process published for itself, with this number.
    Beat { number: u64 },
    /// A purge of which no more can be told.
    Unreadable,
    /// No message of ours.
    Noise,
}

/// The message that an entry was stored.
pub(in crate::store) fn stored(digest: &Digest, origin: Origin) -> Vec<u8> {
    [STORED, &origin, digest].concat()
}

/// The message that the lead in filling an entry was given up.
pub(in crate::store) fn released(digest: &Digest) -> Vec<u8> {
    [RELEASED, digest].concat()
}

/// The message that a process publishes for itself.
pub(in crate::store) fn beat(number: u64) -> Vec<u8> {
    [BEAT, &number.to_be_bytes()].concat()
}

impl News {
    /// Reads a message, which may be anything.
    pub(in crate::store) fn read(message: &[u8]) -> Self {
        if message.first() == PURGED.as_bytes().first() {
            return purged(message).unwrap_or(Self::Unreadable);
        }
        let rest = |kind| message.strip_prefix(kind);
        if let Some((origin, digest)) = rest(STORED).and_then(|rest| rest.split_first_chunk()) {
            let digest = digest.try_into().ok();
            return digest.map_or(Self::Noise, |digest| Self::Stored { digest, origin: *origin });
        }
        if let Some(number) = rest(BEAT).and_then(|rest| rest.try_into().ok()) {
            return Self::Beat { number: u64::from_be_bytes(number) };
        }
        let digest = rest(RELEASED).and_then(|rest| rest.try_into().ok());
        digest.map_or(Self::Noise, |digest| Self::Released { digest })
    }
}

fn purged(message: &[u8]) -> Option<News> {
    let (numbers, tag) = message.strip_prefix(PURGED.as_bytes())?.split_last_chunk()?;
    let mut numbers = std::str::from_utf8(numbers).ok()?.strip_suffix(' ')?.splitn(3, ' ');
    let (before, number) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let stale_since = match numbers.next()? {
        "-" => None,
        then => Some(Timestamp::from_millis(then.parse().ok()?)),
    };
    (before < number).then_some(News::Purged { before, number, stale_since, tag: *tag })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_are_read_back() {
        let (digest, origin) = ([7; 16], [8; 8]);
        assert_eq!(News::read(&stored(&digest, origin)), News::Stored { digest, origin });
        assert_eq!(News::read(&released(&digest)), News::Released { digest });
        assert_eq!(News::read(&beat(7)), News::Beat { number: 7 });
        let tag = [b' '; 16];
        for (then, stale_since) in [("-", None), ("1000", Some(Timestamp::from_millis(1000)))] {
            let message = [format!("p15 17 {then} ").as_bytes(), &tag].concat();
            let expected = News::Purged { before: 5, number: 17, stale_since, tag };
            assert_eq!(News::read(&message), expected);
        }
    }

    #[test]
    fn a_purge_that_cannot_be_read_is_one_all_the_same() {
        let tag = "0123456789abcdef";
        for text in [
            "p",
            "p2",
            "p1",
            "p1 ",
            "p11 1 - ",
            "p12 1 - ",
            "p1-1 2 - ",
            "p11 2 ",
            "p11 2 x ",
            "p11 2 - - ",
            "p11 99999999999999999999 - ",
        ] {
            assert_eq!(News::read(format!("{text}{tag}").as_bytes()), News::Unreadable, "{text}");
        }
        assert_eq!(News::read(b"p11 2 - short"), News::Unreadable);
    }

    #[test]
    fn what_is_foreign_is_noise() {
        for message in [b"".as_slice(), b"s", b"s1", b"s1short", b"r1", b"r2", b"b1", &[0xff; 1000]]
        {
            assert_eq!(News::read(message), News::Noise);
        }
        let long = [&stored(&[7; 16], [8; 8])[..], b"x"].concat();
        assert_eq!(News::read(&long), News::Noise);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(message: Vec<u8>) {
            let _ = News::read(&message);
            let _ = News::read(&[PURGED.as_bytes(), &message].concat());
        }
    }
}

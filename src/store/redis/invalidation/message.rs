//! The messages by which processes tell each other of changes, in one channel for each prefix: scripts
//! publish them together with the change. Anything else that arrives there is not ours and is ignored,
//! unless it looks like a purge: then one may have been missed.

use super::tags::Tag;
use crate::entry::Timestamp;

/// What begins the message of a purge: kind and version. The script that raises the fence adds the
/// number of the purge before, that of the purge, for a soft one since when it makes stale, and the tag
/// of its target.
pub(in crate::store) const PURGED: &str = "p1";
const STORED: &[u8] = b"s1";
const RELEASED: &[u8] = b"r1";
const HEARTBEAT: &[u8] = b"b1";

/// Tells one store's messages from another's.
pub(in crate::store) type Origin = [u8; 8];
/// Stands for an entry's key.
pub(in crate::store) type Digest = [u8; 16];

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Message {
    /// A purge of what `tag` stands for got this number; a soft one has a time since when it makes
    /// stale. The newest purge before it has the number `before`.
    Purged { before: u64, number: u64, stale_since: Option<Timestamp>, tag: Tag },
    /// The entry with this digest was stored by `origin`.
    Stored { digest: Digest, origin: Origin },
    /// The lease of this entry was released.
    Released { digest: Digest },
    /// What a process published for itself, with this number.
    Heartbeat { number: u64 },
    /// A purge that cannot be read.
    Unreadable,
    /// Not a message of this crate.
    Foreign,
}

/// The message that an entry was stored.
pub(in crate::store) fn stored(digest: &Digest, origin: Origin) -> Vec<u8> {
    [STORED, &origin, digest].concat()
}

/// The message that the lease of an entry was released.
pub(in crate::store) fn released(digest: &Digest) -> Vec<u8> {
    [RELEASED, digest].concat()
}

/// The message that a process publishes for itself.
pub(in crate::store) fn heartbeat(number: u64) -> Vec<u8> {
    [HEARTBEAT, &number.to_be_bytes()].concat()
}

impl Message {
    /// Reads a message, which may be anything.
    pub(in crate::store) fn read(message: &[u8]) -> Self {
        if message.first() == PURGED.as_bytes().first() {
            return purged(message).unwrap_or(Self::Unreadable);
        }
        let rest = |kind| message.strip_prefix(kind);
        if let Some((origin, digest)) = rest(STORED).and_then(|rest| rest.split_first_chunk()) {
            let digest = digest.try_into().ok();
            return digest.map_or(Self::Foreign, |digest| Self::Stored { digest, origin: *origin });
        }
        if let Some(number) = rest(HEARTBEAT).and_then(|rest| rest.try_into().ok()) {
            return Self::Heartbeat { number: u64::from_be_bytes(number) };
        }
        let digest = rest(RELEASED).and_then(|rest| rest.try_into().ok());
        digest.map_or(Self::Foreign, |digest| Self::Released { digest })
    }
}

fn purged(message: &[u8]) -> Option<Message> {
    let (numbers, tag) = message.strip_prefix(PURGED.as_bytes())?.split_last_chunk()?;
    let mut numbers = std::str::from_utf8(numbers).ok()?.strip_suffix(' ')?.splitn(3, ' ');
    let (before, number) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let stale_since = match numbers.next()? {
        "-" => None,
        then => Some(Timestamp::from_millis(then.parse().ok()?)),
    };
    (before < number).then_some(Message::Purged { before, number, stale_since, tag: *tag })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_are_read_back() {
        let (digest, origin) = ([7; 16], [8; 8]);
        assert_eq!(Message::read(&stored(&digest, origin)), Message::Stored { digest, origin });
        assert_eq!(Message::read(&released(&digest)), Message::Released { digest });
        assert_eq!(Message::read(&heartbeat(7)), Message::Heartbeat { number: 7 });
        let tag = [b' '; 16];
        for (then, stale_since) in [("-", None), ("1000", Some(Timestamp::from_millis(1000)))] {
            let message = [format!("p15 17 {then} ").as_bytes(), &tag].concat();
            let expected = Message::Purged { before: 5, number: 17, stale_since, tag };
            assert_eq!(Message::read(&message), expected);
        }
    }

    #[test]
    fn unreadable_purge_is_not_ignored() {
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
            assert_eq!(
                Message::read(format!("{text}{tag}").as_bytes()),
                Message::Unreadable,
                "{text}"
            );
        }
        assert_eq!(Message::read(b"p11 2 - short"), Message::Unreadable);
    }

    #[test]
    fn other_messages_are_foreign() {
        for message in [b"".as_slice(), b"s", b"s1", b"s1short", b"r1", b"r2", b"b1", &[0xff; 1000]]
        {
            assert_eq!(Message::read(message), Message::Foreign);
        }
        let long = [&stored(&[7; 16], [8; 8])[..], b"x"].concat();
        assert_eq!(Message::read(&long), Message::Foreign);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(message: Vec<u8>) {
            let _ = Message::read(&message);
            let _ = Message::read(&[PURGED.as_bytes(), &message].concat());
        }
    }
}

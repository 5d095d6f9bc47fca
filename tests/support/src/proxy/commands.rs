//! Where one command ends and the next begins, in what a client sends.

use bytes::{Buf as _, Bytes, BytesMut};

/// What has been read and is not yet a whole command.
#[derive(Default)]
pub(super) struct Commands(pub(super) BytesMut);

/// A whole command as it was sent.
pub(super) struct Command {
    pub(super) bytes: Bytes,
    /// Its first word, in upper case.
    pub(super) name: String,
}

impl Commands {
    pub(super) fn next(&mut self) -> Option<Command> {
        let mut rest = &self.0[..];
        let words = number(line(&mut rest)?, b'*');
        let mut name = None;
        for _ in 0..words {
            let length = number(line(&mut rest)?, b'$');
            if rest.len() < length + 2 {
                return None;
            }
            let word = rest.get(..length)?;
            name.get_or_insert_with(|| String::from_utf8_lossy(word).to_uppercase());
            rest.advance(length + 2);
        }
        let length = self.0.len() - rest.len();
        let bytes = self.0.split_to(length).freeze();
        Some(Command { bytes, name: name.unwrap_or_default() })
    }
}

fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|end| end == b"\r\n")?;
    let line = &rest[..end];
    rest.advance(end + 2);
    Some(line)
}

fn number(line: &[u8], kind: u8) -> usize {
    let digits = line.strip_prefix(&[kind]).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).expect("a client sends arrays of bulk strings")
}

//! How a header field is written into the memory that all fields of a response share, and read.

use actix_web::http::header::{HeaderName, HeaderValue};

use super::{
    names::{self, Name},
    values,
};

/// The bit of a code that says that the value is sensitive.
const SENSITIVE: u8 = 128;
/// In place of the length of a value: its number follows.
const KNOWN: u8 = 254;
/// In place of a length: four bytes follow, which are the length.
const LONG: u8 = 255;

/// A value as it is kept.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Known(&'static HeaderValue),
    Written(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Known(value) => value.as_bytes(),
            Self::Written(value) => value,
        }
    }
}

/// A field as it is written.
#[derive(Clone, Copy)]
pub(super) struct PackedField<'a> {
    pub(super) name: Name<'a>,
    pub(super) value: Value<'a>,
    pub(super) is_sensitive: bool,
}

impl PackedField<'_> {
    /// Whether this can be a field of a response.
    pub(super) fn is_valid(&self) -> bool {
        let is_valid = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 128..);
        self.name.is_valid() && self.value.as_bytes().iter().all(is_valid)
    }
}

/// The fields in packed bytes, up to the first that is incomplete.
pub(super) struct Packed<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Packed<'a> {
    type Item = PackedField<'a>;

    fn next(&mut self) -> Option<PackedField<'a>> {
        let (code, rest) = self.0.split_first()?;
        let number = code & !SENSITIVE;
        let (name, rest) = if number == 0 {
            let (name, rest) = piece(rest)?;
            (Name::Written(std::str::from_utf8(name).ok()?), rest)
        } else {
            (Name::Known(names::name(number)?), rest)
        };
        let (value, rest) = match rest {
            [KNOWN, number, rest @ ..] => (Value::Known(values::value(*number)?), rest),
            rest => piece(rest).map(|(value, rest)| (Value::Written(value), rest))?,
        };
        self.0 = rest;
        Some(PackedField { name, value, is_sensitive: code & SENSITIVE != 0 })
    }
}

/// Bytes with their length before them, and what follows.
fn piece(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (short, rest) = bytes.split_first()?;
    if *short < KNOWN {
        return rest.split_at_checked(usize::from(*short));
    }
    let (long, rest) = rest.split_first_chunk().filter(|_| *short == LONG)?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*long)).ok()?)
}

pub(super) fn push_field(bytes: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    let sensitive = if value.is_sensitive() { SENSITIVE } else { 0 };
    if let Some(number) = names::number(name) {
        bytes.push(number | sensitive);
    } else {
        bytes.push(sensitive);
        push_piece(bytes, name.as_str().as_bytes());
    }
    match values::number(value.as_bytes()) {
        Some(number) => bytes.extend_from_slice(&[KNOWN, number]),
        None => push_piece(bytes, value.as_bytes()),
    }
}

fn push_piece(bytes: &mut Vec<u8>, piece: &[u8]) {
    match u8::try_from(piece.len()) {
        Ok(short) if short < KNOWN => bytes.push(short),
        _ => {
            bytes.push(LONG);
            // no field is 4 GiB long
            let long = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&long.to_le_bytes());
        }
    }
    bytes.extend_from_slice(piece);
}

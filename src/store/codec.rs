//! Entries as bytes, for a store outside the process; the only place that knows `bincode`. What
//! is read back is untrusted: whatever is odd about it is an error, and never a panic.

use std::hash::Hasher as _;

use actix_web::http::{StatusCode, header::HeaderName};
use bytes::{Buf as _, Bytes};
use serde::{Deserialize, Serialize, Serializer};
use twox_hash::XxHash3_64;

use self::{
    body::{packed, packed_lengths, split_packed, unpack, with_packed},
    header::Header,
    terms::TermsRecord,
};
use super::error::{StoreError, StoreErrorKind};
use crate::{
    entry::{Entry, Kind, StoredHeaders, StoredResponse, Timestamp},
    key::CacheKey,
    purge::PurgeNumber,
    semantics::{coding_choice::Codings, vary::Selecting},
};

mod body;
mod header;
mod terms;

/// The most bytes that key, header fields and groups of one entry may take together.
pub const MAX_METADATA: usize = 256 * 1024;
/// How long [`Encoded::head`] is at least: magic and version, time of a soft purge, checksum,
/// flags, metadata length, logical time, length of the body.
pub(crate) const HEADER: usize = SINCE_AT + 8 + 4;
/// Where the time of a soft purge is in the header: eight bytes, zeros where there was none. It is
/// written in place, and is alone in not being covered by the checksum: whatever it is, it can but
/// make an entry stale.
pub(crate) const SOFT_PURGE_AT: usize = 4;
/// From where on the header stays as it was written.
pub(crate) const CHECKSUM_AT: usize = SOFT_PURGE_AT + 8;
/// Where the flags are in the header.
pub(crate) const FLAGS_AT: usize = CHECKSUM_AT + 8;
/// Where the logical time of the fill is in the header: eight bytes, the most significant first.
pub(crate) const SINCE_AT: usize = FLAGS_AT + 1 + 4;
/// The flag of an entry that is a note of variants and no response.
pub(crate) const VARIES: u8 = 1;
/// The flag of an entry whose body is compressed.
const COMPRESSED: u8 = 2;

/// The last byte is the version of the format: it changes with every change to [`Metadata`] or to
/// anything in it, and what has another one is not read.
pub(crate) const MAGIC: [u8; 4] = *b"arc\x0a";

/// So much memory reading the metadata may claim: a one-byte group takes a slice of sixteen.
const DECODE_LIMIT: usize = 16 * MAX_METADATA;

type Config = bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<DECODE_LIMIT>,
>;

const CONFIG: Config = bincode::config::standard().with_limit::<DECODE_LIMIT>();

/// An entry as bytes: two parts to be written one after the other, so that a body is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// A header with a checksum over all that follows it, and the metadata.
    pub head: Bytes,
    /// The body as it is.
    pub body: Bytes,
}

/// Everything about an entry apart from its body.
#[derive(Serialize, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    key: Raw<'a>,
    groups: Vec<&'a str>,
    kind: KindMetadata<'a>,
}

#[derive(Serialize, Deserialize)]
enum KindMetadata<'a> {
    Response {
        status: u16,
        #[serde(borrow)]
        headers: Raw<'a>,
        terms: TermsRecord,
        /// The packed bodies, which come before the plain one: the number of the coding, and the length.
        packed: Vec<(u8, u32)>,
    },
    Varies(Vec<&'a str>, Codings),
}

/// Bytes that serde takes in one piece.
#[derive(Deserialize)]
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// An entry as bytes: head and body are written one after the other. For a store of your own outside of
/// the process.
///
/// # Errors
///
/// [`Refused`](StoreErrorKind::Refused) for an entry whose metadata is longer than [`MAX_METADATA`].
pub fn encode(entry: &Entry) -> Result<Encoded, StoreError> {
    encode_above(entry, None)
}

/// [`encode`], with a body of `above` bytes or more compressed where that makes it smaller.
pub(super) fn encode_above(entry: &Entry, above: Option<usize>) -> Result<Encoded, StoreError> {
    let (flags, body) = match &entry.kind {
        Kind::Response(response) => {
            let body =
                response.whole_body().ok_or_else(|| corrupt("its body cannot be unpacked"))?;
            match above.and_then(|above| packed(response, &body, above)) {
                Some(plain) => (COMPRESSED, with_packed(response, plain)),
                None => (0, with_packed(response, body)),
            }
        }
        Kind::Varies(_) => (VARIES, Bytes::new()),
    };
    let mut head = vec![0; HEADER];
    bincode::serde::encode_into_std_write(Metadata::of(entry), &mut head, CONFIG)
        .map_err(|error| StoreError::with_source(StoreErrorKind::Refused, error))?;
    let (header, metadata) = head.split_at_mut(HEADER);
    if metadata.len() > MAX_METADATA {
        return Err(StoreError::with_source(StoreErrorKind::Refused, "too many header fields"));
    }
    let length = u32::try_from(metadata.len()).unwrap_or(u32::MAX);
    let since = entry.since.number().to_be_bytes();
    let body_length = u32::try_from(body.len())
        .map_err(|error| StoreError::with_source(StoreErrorKind::TooLarge, error))?;
    let tail = [&[flags][..], &length.to_le_bytes(), &since, &body_length.to_le_bytes()].concat();
    let sum = checksum([&tail[..], metadata, &body]).to_le_bytes();
    let fields = MAGIC.into_iter().chain([0; 8]).chain(sum).chain(tail);
    header.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    Ok(Encoded { head: head.into(), body })
}

/// The entry that [`encode`] wrote as these bytes. The body is a slice of `bytes`. The caller compares the
/// entry's key with the one that it looked up.
///
/// # Errors
///
/// [`Corrupt`](StoreErrorKind::Corrupt) for bytes that are damaged, incomplete, or of another version.
pub fn decode(bytes: &Bytes) -> Result<Entry, StoreError> {
    let read = |key: &[u8]| CacheKey::from_bytes(key).ok_or_else(|| corrupt("not a key"));
    decode_with(bytes.clone(), read)
}

/// [`decode`], where the entry is that of this key. The body is the rest of `bytes`.
#[cfg(feature = "redis")]
pub(super) fn decode_entry_of(key: &CacheKey, bytes: Bytes) -> Result<Entry, StoreError> {
    decode_with(bytes, |read| {
        let is_same = *read == *key.as_bytes();
        is_same.then(|| key.clone()).ok_or_else(|| corrupt("the entry of another key"))
    })
}

fn decode_with(
    mut bytes: Bytes,
    key: impl FnOnce(&[u8]) -> Result<CacheKey, StoreError>,
) -> Result<Entry, StoreError> {
    let header = Header::read(&bytes).ok_or_else(|| corrupt("too short"))?;
    let end = end_of_metadata(&header, &bytes)?;
    let metadata = bytes.get(HEADER..end).unwrap_or_default();
    let (read, used) =
        bincode::serde::borrow_decode_from_slice::<Metadata<'_>, _>(metadata, CONFIG)
            .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))?;
    if used != metadata.len() {
        return Err(corrupt("metadata shorter than it says"));
    }
    let packed = read.kind.packed();
    let mut entry = read.into_entry(header.since(), key)?;
    bytes.advance(end);
    if let (Some(packed), Kind::Response(response)) = (packed, &mut entry.kind) {
        response.packed =
            split_packed(&packed, &mut bytes).ok_or_else(|| corrupt("no packed bodies"))?;
    }
    match (header.flags, &mut entry.kind) {
        (0, Kind::Response(response)) => response.set_body(bytes),
        (COMPRESSED, Kind::Response(response)) => {
            let body = unpack(&bytes).ok_or_else(|| corrupt("cannot be unpacked"))?;
            response.set_body(body);
        }
        (VARIES, Kind::Varies(_)) if bytes.is_empty() => {}
        _ => return Err(corrupt("parts do not match")),
    }
    Ok(with_soft_purge(entry, &header))
}

/// The entry without its body whose value begins with these bytes, for people who look: damage is found only
/// as far as what is there can be read.
#[cfg(feature = "redis")]
pub(super) fn decode_begin(begin: &[u8]) -> Result<Begin, StoreError> {
    let header = Header::read(begin).filter(|header| header.magic == MAGIC);
    let header = header.ok_or_else(|| corrupt("not an entry, or one of another version"))?;
    let [length, body_length] = [header.length, header.body_length].map(u32::from_le_bytes);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX_METADATA {
        return Err(corrupt("metadata too long"));
    }
    let end = HEADER.saturating_add(length);
    let Some(metadata) = begin.get(HEADER..end) else { return Ok(Begin::Longer(end)) };
    let (read, _) = bincode::serde::borrow_decode_from_slice::<Metadata<'_>, _>(metadata, CONFIG)
        .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))?;
    let key = |key: &[u8]| CacheKey::from_bytes(key).ok_or_else(|| corrupt("not a key"));
    let entry = with_soft_purge(read.into_entry(header.since(), key)?, &header);
    Ok(Begin::Entry { entry: Box::new(entry), length: end, body_length: body_length.into() })
}

/// What the begin of a value says.
#[cfg(feature = "redis")]
pub(super) enum Begin {
    Entry {
        entry: Box<Entry>,
        /// How many bytes are before the body.
        length: usize,
        body_length: u64,
    },
    /// So many bytes are needed.
    Longer(usize),
}

/// Whether a value that begins with these bytes is a response, and one that is not stale by a soft purge;
/// `None` where it is no entry.
#[cfg(feature = "redis")]
pub(super) fn kind_of(begin: &[u8]) -> Option<(bool, bool)> {
    let header = Header::read(begin).filter(|header| header.magic == MAGIC)?;
    Some((header.flags != VARIES, header.soft_purge == [0; 8]))
}

fn with_soft_purge(entry: Entry, header: &Header) -> Entry {
    match i64::from_le_bytes(header.soft_purge) {
        0 => entry,
        then => entry.stale_since(Timestamp::from_millis(then)),
    }
}

/// Where the metadata ends in a value that is whole and undamaged.
fn end_of_metadata(header: &Header, bytes: &[u8]) -> Result<usize, StoreError> {
    if header.magic != MAGIC {
        return Err(corrupt("not an entry, or one of another version"));
    }
    let checked = bytes.get(FLAGS_AT..).unwrap_or_default();
    if XxHash3_64::oneshot(checked) != u64::from_le_bytes(header.checksum) {
        return Err(corrupt("checksum does not match"));
    }
    let [length, body_length] = [header.length, header.body_length]
        .map(|length| usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX));
    let end = HEADER.saturating_add(length);
    if length > MAX_METADATA || end > bytes.len() {
        return Err(corrupt("metadata too long"));
    }
    if bytes.len() - end != body_length {
        return Err(corrupt("body of another length"));
    }
    Ok(end)
}

fn corrupt(what: &'static str) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, what)
}

/// How long a value is that begins with these bytes; `None` where they are no entry's.
#[cfg(feature = "redis")]
pub(super) fn length(begin: &[u8]) -> Option<usize> {
    let header = Header::read(begin).filter(|header| header.magic == MAGIC)?;
    let parts = [header.length, header.body_length].map(u32::from_le_bytes);
    parts.into_iter().try_fold(HEADER, |sum, part| sum.checked_add(usize::try_from(part).ok()?))
}

/// What a soft purge writes at [`SOFT_PURGE_AT`]: since when the entry is stale.
pub(crate) fn stale_since_bytes(stale_since: Timestamp) -> [u8; 8] {
    stale_since.as_millis().max(1).to_le_bytes()
}

/// `XXH3`, of 64 bits. It takes the widest registers that the machine has, so that it costs less than a
/// copy: a body is checked however it came, as what damages bytes need not be the line.
fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hasher = XxHash3_64::new();
    parts.into_iter().for_each(|part| hasher.write(part));
    hasher.finish()
}

impl<'a> Metadata<'a> {
    fn of(entry: &'a Entry) -> Self {
        let kind = match &entry.kind {
            Kind::Response(response) => {
                let headers = Raw(response.headers.as_bytes());
                let (status, terms) = (response.status().as_u16(), response.terms());
                let packed = packed_lengths(response);
                KindMetadata::Response { status, headers, terms: (&terms).into(), packed }
            }
            Kind::Varies(Selecting { names, codings }) => {
                KindMetadata::Varies(names.iter().map(HeaderName::as_str).collect(), *codings)
            }
        };
        let groups = entry.groups.iter().map(String::as_str).collect();
        Self { key: Raw(entry.key.as_bytes()), groups, kind }
    }

    /// The entry, without a body yet.
    fn into_entry(
        self,
        since: PurgeNumber,
        key: impl FnOnce(&[u8]) -> Result<CacheKey, StoreError>,
    ) -> Result<Entry, StoreError> {
        let kind = self.kind.read().ok_or_else(|| corrupt("no status or header field"))?;
        let groups = self.groups.into_iter().map(str::to_owned).collect();
        Ok(Entry { key: key(self.key.0)?, since, groups, kind })
    }
}

impl KindMetadata<'_> {
    /// The packed bodies of a response that has any.
    fn packed(&self) -> Option<Vec<(u8, u32)>> {
        match self {
            Self::Response { packed, .. } if !packed.is_empty() => Some(packed.clone()),
            _ => None,
        }
    }

    /// What was valid when it was written need not be valid now.
    fn read(self) -> Option<Kind> {
        Some(match self {
            KindMetadata::Response { status, headers, terms, .. } => {
                let status = StatusCode::from_u16(status).ok()?;
                let headers = StoredHeaders::from_bytes(headers.0)?;
                Kind::Response(StoredResponse::new(status, headers, &terms.into(), Bytes::new()))
            }
            KindMetadata::Varies(names, codings) => {
                let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).ok();
                let names = names.into_iter().map(name).collect::<Option<_>>()?;
                Kind::Varies(Selecting { names, codings })
            }
        })
    }
}

/// A value with these bytes behind its checksum.
#[cfg(any(fuzzing, test))]
pub(crate) fn sealed(tail: &[u8]) -> Bytes {
    [&MAGIC[..], &[0; 8], &checksum([tail]).to_le_bytes(), tail].concat().into()
}

#[cfg(test)]
mod tests;

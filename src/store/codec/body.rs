//! The body of a stored value: as it is, or compressed, and before it the bodies that are packed for
//! clients.

#[cfg(feature = "compression")]
use actix_web::http::header::CONTENT_ENCODING;
use bytes::{Bytes, BytesMut};

#[cfg(feature = "compression")]
use crate::store::compress;
use crate::{
    entry::{PackedBodies, StoredResponse},
    semantics::negotiation::Coding,
};

/// The body compressed, unless the handler or a middleware has done so.
#[cfg(feature = "compression")]
pub(super) fn packed(response: &StoredResponse, body: &Bytes, above: usize) -> Option<Bytes> {
    if response.headers.get(&CONTENT_ENCODING).is_some() || body.len() < above {
        return None;
    }
    compress::pack(body)
}

#[cfg(not(feature = "compression"))]
pub(super) fn packed(_: &StoredResponse, _: &Bytes, _: usize) -> Option<Bytes> {
    None
}

#[cfg(feature = "compression")]
pub(super) fn unpack(body: &Bytes) -> Option<Bytes> {
    compress::unpack(body)
}

/// A value that another process has compressed is none to this one.
#[cfg(not(feature = "compression"))]
pub(super) fn unpack(_: &Bytes) -> Option<Bytes> {
    None
}

/// The codings of the packed bodies, and how long each is.
pub(super) fn packed_lengths(response: &StoredResponse) -> Vec<(u8, u32)> {
    let length = |body: &Bytes| u32::try_from(body.len()).unwrap_or(u32::MAX);
    response.packed.iter().map(|(coding, body)| (coding.number(), length(body))).collect()
}

/// The packed bodies with the plain one behind them.
pub(super) fn with_packed(response: &StoredResponse, plain: Bytes) -> Bytes {
    if response.packed.is_empty() {
        return plain;
    }
    let mut bytes = BytesMut::with_capacity(response.packed.total() + plain.len());
    response.packed.iter().for_each(|(_, body)| bytes.extend_from_slice(body));
    bytes.extend_from_slice(&plain);
    bytes.freeze()
}

/// Takes the packed bodies from the front of `bytes`; `None` where they are not there, or one twice.
pub(super) fn split_packed(lengths: &[(u8, u32)], bytes: &mut Bytes) -> Option<PackedBodies> {
    let is_sorted = lengths.is_sorted_by(|(one, _), (next, _)| one < next);
    let one = |(coding, length): &(u8, u32)| {
        let length = usize::try_from(*length).ok().filter(|length| *length <= bytes.len())?;
        Some((Coding::from_number(*coding)?, bytes.split_to(length)))
    };
    if is_sorted { lengths.iter().map(one).collect() } else { None }
}

//! The body of a stored value: as it is, or compressed.

#[cfg(feature = "compression")]
use actix_web::http::header::CONTENT_ENCODING;
use bytes::Bytes;

use crate::entry::StoredResponse;
#[cfg(feature = "compression")]
use crate::store::compress;

/// The body compressed, unless the handler or a middleware has done so.
#[cfg(feature = "compression")]
pub(super) fn packed(response: &StoredResponse, above: usize) -> Option<Bytes> {
    if response.headers.get(&CONTENT_ENCODING).is_some() || response.body.len() < above {
        return None;
    }
    compress::pack(&response.body)
}

#[cfg(not(feature = "compression"))]
pub(super) fn packed(_: &StoredResponse, _: usize) -> Option<Bytes> {
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

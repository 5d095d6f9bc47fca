//! Parts of a stored body: one as it is, several as `multipart/byteranges` (RFC 9110 s.14).

use std::{
    hash::{BuildHasher as _, RandomState},
    ops::Range,
};

use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};

use crate::semantics::{
    multipart::{Boundary, Segment, total_length},
    range::content_range,
};

/// The body of a 206, and the header that says what it is.
pub(super) struct Partial {
    pub(super) body: Bytes,
    /// `Content-Range` of the one part, or the `Content-Type` of the several.
    pub(super) header: (HeaderName, HeaderValue),
}

impl Partial {
    /// These parts of a body of this type.
    pub(super) fn new(content_type: Option<&[u8]>, whole: &Bytes, parts: &[Range<u64>]) -> Self {
        let length = whole.len() as u64;
        if let [part] = parts {
            let header = (header::CONTENT_RANGE, content_range(part, length));
            return Self { body: cut(whole, part), header };
        }
        let boundary = Boundary(unpredictable());
        let segments = boundary.segments(content_type, parts, length);
        let total = usize::try_from(total_length(&segments)).unwrap_or_default();
        let mut body = BytesMut::with_capacity(total);
        for segment in segments {
            match segment {
                Segment::Text(text) => body.extend_from_slice(&text),
                Segment::Body(part) => body.extend_from_slice(&cut(whole, &part)),
            }
        }
        Self { body: body.freeze(), header: (header::CONTENT_TYPE, boundary.content_type()) }
    }
}

fn cut(body: &Bytes, part: &Range<u64>) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
    body.slice(place(part.start).min(place(part.end))..place(part.end))
}

/// A random number, so that no body can contain the boundary that will be between its parts.
fn unpredictable() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(0_u8));
    (half() << 64) | half()
}

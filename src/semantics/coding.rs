//! Content codings (RFC 9110 s.8.4, s.12.5.3): whether a client may get other bytes than those that
//! are stored, because something outside the cache compresses them.

use super::{
    fields::Fields,
    names::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
    preference::preference,
};

/// Whether compression outside of the cache could encode this stored response for this request.
///
/// Offsets into the stored bytes then mean nothing to the client: it counts in the encoded ones.
pub(super) fn may_be_encoded<Q: Fields + ?Sized, S: Fields + ?Sized>(req: &Q, stored: &S) -> bool {
    accepts_coding(req) && is_encodable(stored)
}

/// Whether compression outside of the cache could encode this stored response for some request.
pub(crate) fn is_encodable<S: Fields + ?Sized>(stored: &S) -> bool {
    !stored.has(&CONTENT_ENCODING) && is_compressible(stored)
}

/// Whether the request accepts any coding but `identity` (RFC 9110 s.12.5.3).
pub(super) fn accepts_coding<Q: Fields + ?Sized>(req: &Q) -> bool {
    let members = req.all(&ACCEPT_ENCODING).flat_map(|line| line.split(|b| *b == b','));
    members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).any(|member| {
        // most have no weight: browsers name the codings alone
        if !member.contains(&b';') {
            return !member.eq_ignore_ascii_case(b"identity");
        }
        // a member that is not of the grammar may be one that others understand
        preference(member).is_none_or(|(coding, weight)| weight > 0 && coding != b"identity")
    })
}

/// Whether compression layers, such as `Compress` of actix-web, encode responses of this type: all
/// but images and videos. A response without a type is encoded as well.
fn is_compressible<S: Fields + ?Sized>(stored: &S) -> bool {
    let Some(value) = stored.first(&CONTENT_TYPE) else { return true };
    let media_type = value.trim_ascii_start();
    let is = |start: &[u8]| {
        media_type.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    };
    let is_compressed = is(b"video/") || is(b"image/");
    !is_compressed || is(b"image/svg")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::fields::lists::fields;

    #[test]
    fn identity_alone_is_no_coding() {
        for (accepted, expected) in [
            ("", false),
            ("identity", false),
            ("Identity;q=1, *;q=0", false),
            ("gzip;q=0, br; q=0.000", false),
            ("gzip", true),
            ("identity, br;q=0.1", true),
            ("*", true),
            ("gzip;level=9", true),
        ] {
            let req = fields(&[("accept-encoding", accepted)]);
            assert_eq!(accepts_coding(req.as_slice()), expected, "{accepted}");
        }
        assert!(!accepts_coding(fields(&[]).as_slice()));
    }

    #[test]
    fn compressed_types_and_codings_are_not_encoded() {
        let req = fields(&[("accept-encoding", "gzip")]);
        let encoded = |lines: &[(&'static str, &'static str)]| {
            may_be_encoded(req.as_slice(), fields(lines).as_slice())
        };
        for compressible in ["text/html", "application/json", "audio/wav", "image/svg+xml"] {
            assert!(encoded(&[("content-type", compressible)]), "{compressible}");
            assert!(!encoded(&[("content-type", compressible), ("content-encoding", "gzip")]));
        }
        for compressed in ["image/png", "Video/mp4"] {
            assert!(!encoded(&[("content-type", compressed)]), "{compressed}");
        }
        assert!(encoded(&[]), "a response without a type");
    }
}

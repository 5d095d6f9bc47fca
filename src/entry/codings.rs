//! The one place that knows the crates which pack.

use std::io::{Read, Write as _};

use bytes::Bytes;

use crate::semantics::negotiation::Coding;

/// The window of brotli, as a power of two: 4 MiB, as servers have it.
const BROTLI_WINDOW: i32 = 22;

/// The body in this coding, in exactly the memory that it needs; `None` where that is hardly smaller.
pub(crate) fn pack(coding: Coding, level: u32, body: &Bytes) -> Option<Bytes> {
    let packed = match coding {
        Coding::Brotli => brotli(level, body),
        Coding::Zstd => zstd::bulk::compress(body, i32::try_from(level).ok()?).ok(),
        Coding::Gzip => gzip(level, body),
    }?;
    // what saves less than a twentieth is not worth its memory
    let is_smaller = packed.len() <= body.len() - body.len() / 20;
    is_smaller.then(|| packed.into_boxed_slice().into())
}

fn brotli(level: u32, body: &[u8]) -> Option<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: i32::try_from(level).ok()?,
        lgwin: BROTLI_WINDOW,
        size_hint: body.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*body, &mut packed, &params).ok()?;
    Some(packed)
}

fn gzip(level: u32, body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// The body of which this is the packed form; `None` where it has not exactly this length.
pub(super) fn unpack(coding: Coding, packed: &[u8], length: usize) -> Option<Bytes> {
    let body = match coding {
        Coding::Brotli => {
            read_at_most(brotli::Decompressor::new(packed, packed.len().max(1)), length)
        }
        Coding::Zstd => zstd::bulk::decompress(packed, length).ok(),
        Coding::Gzip => read_at_most(flate2::read::GzDecoder::new(packed), length),
    }?;
    (body.len() == length).then(|| body.into_boxed_slice().into())
}

/// What there is to read, up to one byte more than this many.
fn read_at_most(from: impl Read, length: usize) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(length);
    from.take(length as u64 + 1).read_to_end(&mut body).ok()?;
    Some(body)
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn packed_body_is_smaller_and_the_same() {
        let text = Bytes::from("all work and no play makes jack a dull boy. ".repeat(100));
        for (coding, levels) in
            [(Coding::Brotli, 0..=11), (Coding::Gzip, 1..=9), (Coding::Zstd, 1..=19)]
        {
            for level in levels {
                let packed = pack(coding, level, &text).unwrap();
                assert!(packed.len() < text.len() / 2, "{coding:?} {level}");
                let back = unpack(coding, &packed, text.len());
                assert_eq!(back.as_ref(), Some(&text), "{coding:?} {level}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_packed_body_is_unpacked_to_the_same(
            body in proptest::collection::vec(0_u8..8, 0..5000),
            level in 1_u32..7,
        ) {
            let body = Bytes::from(body);
            for coding in Coding::ALL {
                if let Some(packed) = pack(coding, level, &body) {
                    prop_assert_eq!(unpack(coding, &packed, body.len()), Some(body.clone()));
                }
            }
        }
    }

    #[test]
    fn only_a_body_of_the_known_length_is_unpacked() {
        let text = Bytes::from("all work and no play makes jack a dull boy. ".repeat(100));
        for coding in Coding::ALL {
            let packed = pack(coding, 5, &text).unwrap();
            for length in [0, 1, text.len() - 1, text.len() + 1, 2 * text.len()] {
                assert_eq!(unpack(coding, &packed, length), None, "{coding:?} {length}");
            }
            let mut damaged = packed.to_vec();
            damaged.truncate(packed.len() / 2);
            assert_eq!(unpack(coding, &damaged, text.len()), None, "{coding:?}");
            assert_eq!(unpack(coding, b"", text.len()), None, "{coding:?}");
        }
    }

    #[test]
    fn body_that_does_not_shrink_is_not_packed() {
        let noise: Bytes = (0..4096).map(|_| fastrand::u8(..)).collect::<Vec<_>>().into();
        for coding in Coding::ALL {
            assert_eq!(pack(coding, 5, &noise), None);
            assert_eq!(pack(coding, 5, &Bytes::new()), None);
        }
    }
}

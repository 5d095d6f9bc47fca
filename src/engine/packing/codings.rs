//! The one place that knows the crates which pack.

use std::io::Write as _;

use bytes::Bytes;

use crate::semantics::negotiation::Coding;

/// The window of brotli, as a power of two: 4 MiB, as servers have it.
const BROTLI_WINDOW: i32 = 22;

/// The body in this coding, in exactly the memory that it needs; `None` where that is hardly smaller.
pub(super) fn pack(coding: Coding, level: u32, body: &Bytes) -> Option<Bytes> {
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

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn unpack(coding: Coding, packed: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        match coding {
            Coding::Brotli => {
                brotli::Decompressor::new(packed, 4096).read_to_end(&mut body).unwrap();
            }
            Coding::Zstd => body = zstd::stream::decode_all(packed).unwrap(),
            Coding::Gzip => {
                flate2::read::GzDecoder::new(packed).read_to_end(&mut body).unwrap();
            }
        }
        body
    }

    #[test]
    fn packed_body_is_smaller_and_the_same() {
        let text = Bytes::from("all work and no play makes jack a dull boy. ".repeat(100));
        for (coding, levels) in
            [(Coding::Brotli, 0..=11), (Coding::Gzip, 1..=9), (Coding::Zstd, 1..=19)]
        {
            for level in levels {
                let packed = pack(coding, level, &text).unwrap();
                assert!(packed.len() < text.len() / 2, "{coding:?} {level}");
                assert_eq!(unpack(coding, &packed), text, "{coding:?} {level}");
            }
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

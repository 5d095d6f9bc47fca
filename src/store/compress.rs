//! Bodies of stored values, compressed: by LZ4, as reading is what counts and it costs little more than
//! a copy. What is read back is untrusted: the length it states is bounded by what LZ4 can pack.

use bytes::Bytes;

/// LZ4 packs no byte into less than this part of one.
const MAX_PER_BYTE: usize = 255;

/// The body compressed, where that makes it smaller.
pub(super) fn pack(body: &Bytes) -> Option<Bytes> {
    // the length is written before it, in four bytes
    u32::try_from(body.len()).ok()?;
    let packed = lz4_flex::block::compress_prepend_size(body);
    (packed.len() < body.len()).then(|| packed.into())
}

/// The body of what [`pack`] wrote; nothing where it is anything else.
pub(super) fn unpack(packed: &Bytes) -> Option<Bytes> {
    let (length, packed) = packed.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length > packed.len().saturating_mul(MAX_PER_BYTE) {
        return None;
    }
    let body = lz4_flex::block::decompress(packed, length).ok()?;
    (body.len() == length).then(|| body.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(chunk in any::<Vec<u8>>(), times in 0..200_usize) {
            let body = Bytes::from(chunk.repeat(times));
            if let Some(packed) = pack(&body) {
                prop_assert!(packed.len() < body.len());
                prop_assert_eq!(unpack(&packed), Some(body));
            }
        }

        #[test]
        fn whatever_is_unpacked_is_bounded_and_does_no_harm(bytes in any::<Vec<u8>>()) {
            let bytes = Bytes::from(bytes);
            if let Some(body) = unpack(&bytes) {
                prop_assert!(body.len() <= bytes.len() * MAX_PER_BYTE);
            }
        }
    }

    #[test]
    fn a_bomb_is_nothing() {
        let packed = pack(&Bytes::from(vec![0; 10_000])).expect("smaller");
        let bomb: Bytes = [&u32::MAX.to_le_bytes(), &packed[4..]].concat().into();
        assert_eq!(unpack(&bomb), None);
        assert_eq!(unpack(&packed.slice(..packed.len() - 1)), None, "cut");
        assert_eq!(unpack(&Bytes::new()), None);
        assert!(pack(&Bytes::from_static(b"x")).is_none(), "not smaller");
    }
}

//! The header of a stored value, as bytes.

use crate::purge::PurgeNumber;

/// What a value begins with.
pub(super) struct Header {
    pub(super) magic: [u8; 4],
    pub(super) soft_purge: [u8; 8],
    pub(super) checksum: [u8; 8],
    pub(super) flags: u8,
    pub(super) length: [u8; 4],
    pub(super) since: [u8; 8],
    pub(super) body_length: [u8; 4],
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk()?;
        let (soft_purge, rest) = rest.split_first_chunk()?;
        let (checksum, rest) = rest.split_first_chunk()?;
        let (flags, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (since, rest) = rest.split_first_chunk()?;
        let body_length = rest.first_chunk()?;
        Some(Self {
            magic: *magic,
            soft_purge: *soft_purge,
            checksum: *checksum,
            flags: *flags,
            length: *length,
            since: *since,
            body_length: *body_length,
        })
    }

    /// The logical time of the fill.
    pub(super) const fn since(&self) -> PurgeNumber {
        PurgeNumber::new(u64::from_be_bytes(self.since))
    }
}

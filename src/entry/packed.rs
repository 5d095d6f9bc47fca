//! `PackedBodies`: the body of a stored response once more in each coding that makes it smaller.

use std::sync::Arc;

use bytes::Bytes;

#[cfg(feature = "precompress")]
use super::codings::unpack;
use crate::semantics::negotiation::Coding;

/// The codings, beginning with the one that is unpacked the fastest.
const FASTEST_FIRST: [Coding; 3] = [Coding::Zstd, Coding::Gzip, Coding::Brotli];

/// Bodies by their coding. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedBodies(Option<Arc<[(Coding, Bytes)]>>);

impl PackedBodies {
    /// The body in this coding.
    pub(crate) fn get(&self, coding: Coding) -> Option<&Bytes> {
        self.iter().find(|(there, _)| *there == coding).map(|(_, body)| body)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Coding, &Bytes)> {
        self.0.iter().flat_map(|bodies| bodies.iter()).map(|(coding, body)| (*coding, body))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many bytes they are together.
    pub(crate) fn total(&self) -> usize {
        self.iter().map(|(_, body)| body.len()).sum()
    }

    /// The body as it came, of this length.
    pub(super) fn unpack(&self, length: usize) -> Option<Bytes> {
        FASTEST_FIRST.into_iter().find_map(|coding| unpack(coding, self.get(coding)?, length))
    }

    /// The same, each body made by `copy`.
    pub(crate) fn map(&self, copy: impl Fn(&Bytes) -> Bytes) -> Self {
        self.iter().map(|(coding, body)| (coding, copy(body))).collect()
    }
}

/// Without the crates that pack nothing is unpacked.
#[cfg(not(feature = "precompress"))]
fn unpack(_: Coding, _: &[u8], _: usize) -> Option<Bytes> {
    None
}

impl FromIterator<(Coding, Bytes)> for PackedBodies {
    fn from_iter<I: IntoIterator<Item = (Coding, Bytes)>>(bodies: I) -> Self {
        let bodies: Arc<[_]> = bodies.into_iter().collect();
        Self((!bodies.is_empty()).then_some(bodies))
    }
}

//! `StoredBody`: the body of a stored response, as it came, or in its packed forms only.

use bytes::Bytes;

use super::packed::PackedBodies;

/// The body of a stored response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoredBody {
    /// As it came.
    Whole(Bytes),
    /// It has this length, and is unpacked where a request needs it: memory is short.
    PackedOnly(usize),
}

impl StoredBody {
    /// How many bytes it has as it came.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(body) => body.len(),
            Self::PackedOnly(length) => *length,
        }
    }

    /// The body, where it is kept as it came.
    #[inline]
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        match self {
            Self::Whole(body) => Some(body),
            Self::PackedOnly(_) => None,
        }
    }

    /// How many bytes of memory hold it.
    pub(super) fn held(&self) -> usize {
        self.whole().map_or(0, Bytes::len)
    }

    /// The same, its bytes made by `copy`.
    pub(crate) fn map(&self, copy: impl Fn(&Bytes) -> Bytes) -> Self {
        match self {
            Self::Whole(body) => Self::Whole(copy(body)),
            Self::PackedOnly(length) => Self::PackedOnly(*length),
        }
    }

    /// The body as it came; `None` where no packed form of it unpacks to its length.
    pub(crate) fn unpacked(&self, packed: &PackedBodies) -> Option<Bytes> {
        match self {
            Self::Whole(body) => Some(body.clone()),
            Self::PackedOnly(length) => packed.unpack(*length),
        }
    }
}

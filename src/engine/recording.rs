//! The body of a streamed response while it is recorded: one buffer that grows with what comes, and
//! reserves in the [budget](super::recording_budget) what is allocated for it.

use bytes::Bytes;

use super::recording_budget::Reservation;
use crate::semantics::verdict::Reason;

/// Where the budget does not allow a recording to double, it grows by this fraction of itself
/// (one in eight). In smaller steps it would be copied for each chunk.
const SMALL_STEP: usize = 8;

/// The part of a body that has come so far.
#[derive(Debug)]
pub(crate) struct Recording {
    bytes: Vec<u8>,
    /// How long the body may be.
    max_length: usize,
    /// How long the response says that the body is.
    content_length: Option<u64>,
    reservation: Reservation,
}

impl Recording {
    /// A recording of a body of at most `max_length` bytes; of exactly `content_length` bytes, where
    /// that is known. A known length reserves nothing by itself: a client that reads slowly could
    /// else take all of the budget at no cost.
    pub(crate) fn new(
        max_length: usize,
        content_length: Option<u64>,
        reservation: Reservation,
    ) -> Self {
        Self { bytes: Vec::new(), max_length, content_length, reservation }
    }

    /// Records a chunk, or says why the body is not stored.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), Reason> {
        let length = self.bytes.len().saturating_add(chunk.len());
        if length > self.max_length {
            return Err(Reason::TooLarge);
        }
        if length > self.stated_length() {
            return Err(Reason::BodyLength);
        }
        self.reserve(length)?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The whole body, in exactly the memory that it needs.
    pub(crate) fn finish(self) -> Result<Bytes, Reason> {
        match self.content_length {
            Some(stated) if stated != self.bytes.len() as u64 => Err(Reason::BodyLength),
            _ => Ok(self.bytes.into_boxed_slice().into()),
        }
    }

    /// The content length, as far as it bounds the body.
    fn stated_length(&self) -> usize {
        self.content_length.and_then(|stated| usize::try_from(stated).ok()).unwrap_or(usize::MAX)
    }

    /// Makes room for `length` bytes: twice the capacity that there was, so that a body in many
    /// chunks is copied a few times only; less where the budget does not have that.
    fn reserve(&mut self, length: usize) -> Result<(), Reason> {
        let capacity = self.bytes.capacity();
        if length <= capacity {
            return Ok(());
        }
        let bound = self.max_length.min(self.stated_length()).max(length);
        let steps = [capacity.saturating_mul(2), capacity.saturating_add(capacity / SMALL_STEP)];
        let mut capacities = steps.into_iter().map(|step| step.clamp(length, bound));
        let found = capacities.find(|wanted| self.reservation.grow(wanted - capacity));
        let wanted = found.ok_or(Reason::RecordingBudget)?;
        self.bytes.reserve_exact(wanted - self.bytes.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! The body of a stream while it is recorded: one buffer that grows with what comes, and takes of the
//! budget what is allocated for it.

use bytes::Bytes;

use super::budget::Share;
use crate::semantics::verdict::Reason;

/// Where the budget has no room for doubling a recording, it grows by this part of itself (one in that many). By any
/// less, it would be copied for each chunk.
const SMALL_STEP: usize = 8;

/// A body as far as it has come.
#[derive(Debug)]
pub(crate) struct Recording {
    bytes: Vec<u8>,
    at_most: usize,
    stated: Option<u64>,
    share: Share,
}

impl Recording {
    /// A recording of a body of at most `at_most` bytes; of exactly `stated` bytes, where it is stated.
    /// A stated length makes no room by itself: it costs a client nothing to be slow.
    pub(crate) fn new(at_most: usize, stated: Option<u64>, share: Share) -> Self {
        Self { bytes: Vec::new(), at_most, stated, share }
    }

    /// Records a chunk, or says why not.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), Reason> {
        let length = self.bytes.len().saturating_add(chunk.len());
        if length > self.at_most {
            return Err(Reason::TooLarge);
        }
        if length > self.stated() {
            return Err(Reason::BodyLength);
        }
        self.make_room(length)?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The whole body, in exactly the memory that it needs.
    pub(crate) fn finish(self) -> Result<Bytes, Reason> {
        match self.stated {
            Some(stated) if stated != self.bytes.len() as u64 => Err(Reason::BodyLength),
            _ => Ok(self.bytes.into_boxed_slice().into()),
        }
    }

    /// The stated length, as far as it bounds the body.
    fn stated(&self) -> usize {
        self.stated.and_then(|stated| usize::try_from(stated).ok()).unwrap_or(usize::MAX)
    }

    /// Makes room for `length` bytes: twice as much as there was, so that a body in many chunks is
    /// copied a few times only; less where the budget has no more.
    fn make_room(&mut self, length: usize) -> Result<(), Reason> {
        let room = self.bytes.capacity();
        if length <= room {
            return Ok(());
        }
        let bound = self.at_most.min(self.stated());
        let steps = [room.saturating_mul(2), room.saturating_add(room / SMALL_STEP)];
        let mut rooms = steps.into_iter().map(|step| step.clamp(length, bound.max(length)));
        let found = rooms.find(|wanted| self.share.grow(wanted - room));
        let wanted = found.ok_or(Reason::RecordingBudget)?;
        self.bytes.reserve_exact(wanted - self.bytes.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::budget::Budget;

    const MIB: usize = 1 << 20;

    fn recording(budget: &Budget, at_most: usize, stated: Option<u64>) -> Recording {
        Recording::new(at_most, stated, budget.share())
    }

    #[test]
    fn budget_counts_what_is_allocated() {
        let budget = Budget::new(64 * MIB);
        let mut recording = recording(&budget, 2 * MIB, None);
        for count in 1..=100_000 {
            recording.push(b"x").unwrap();
            assert_eq!(budget.taken(), recording.bytes.capacity());
            assert!(budget.taken() < 2 * count || count < 2);
        }
        let body = recording.finish().unwrap();
        assert_eq!((body.len(), budget.taken()), (100_000, 0));
    }

    #[test]
    fn first_chunk_takes_no_more_than_it_needs() {
        let budget = Budget::new(MIB);
        let mut recording = recording(&budget, MIB, None);
        recording.push(b"four").unwrap();
        assert_eq!(budget.taken(), 4);
    }

    #[test]
    fn stated_length_takes_nothing_before_it_comes_and_bounds_what_is_taken() {
        let budget = Budget::new(64 * MIB);
        let mut recording = recording(&budget, 2 * MIB, Some(MIB as u64));
        recording.push(b"x").unwrap();
        assert_eq!(budget.taken(), 1);
        recording.push(&vec![b'x'; 600_000]).unwrap();
        recording.push(&vec![b'x'; 100_000]).unwrap();
        assert_eq!(budget.taken(), MIB, "and not twice 600,000");
        recording.push(&vec![b'x'; MIB - 700_001]).unwrap();
        assert_eq!(recording.finish().unwrap().len(), MIB);
    }

    #[test]
    fn body_of_another_length_than_stated_is_refused() {
        let budget = Budget::new(MIB);
        let mut longer = recording(&budget, MIB, Some(3));
        assert_eq!(longer.push(b"four"), Err(Reason::BodyLength));
        let mut shorter = recording(&budget, MIB, Some(3));
        shorter.push(b"2!").unwrap();
        assert_eq!(shorter.finish(), Err(Reason::BodyLength));
        let no_number = recording(&budget, MIB, Some(u64::MAX));
        assert_eq!(no_number.finish(), Err(Reason::BodyLength));
    }

    #[test]
    fn body_grows_up_to_its_bound() {
        let budget = Budget::new(MIB);
        let mut recording = recording(&budget, 10, None);
        recording.push(b"123456").unwrap();
        recording.push(b"7").unwrap();
        assert_eq!(budget.taken(), 10);
        recording.push(b"890").unwrap();
        assert_eq!(recording.push(b"1"), Err(Reason::TooLarge));
        assert_eq!(recording.push(&[]), Ok(()));
    }

    #[test]
    fn where_doubling_finds_no_room_a_smaller_step_may() {
        let budget = Budget::new(1000);
        let mut recording = recording(&budget, MIB, None);
        recording.push(&[b'x'; 800]).unwrap();
        recording.push(b"x").unwrap();
        assert_eq!(budget.taken(), 900);
        recording.push(&[b'x'; 99]).unwrap();
        assert_eq!(recording.push(b"x"), Err(Reason::RecordingBudget));
    }

    #[test]
    fn chunks_of_larger_buffers_do_not_keep_them() {
        let budget = Budget::new(MIB);
        let buffer = Bytes::from(vec![b'x'; MIB]);
        let mut recording = recording(&budget, MIB, None);
        recording.push(&buffer.slice(..50)).unwrap();
        let body = recording.finish().unwrap();
        assert!(buffer.is_unique());
        assert_eq!(body, buffer.slice(..50));
    }
}

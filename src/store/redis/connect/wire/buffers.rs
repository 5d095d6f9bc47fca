//! What replies are read into. A long reply is handed out as the memory that it was read into, and that
//! memory is used again when the reply is gone: memory for each one would cost more than reading it, as
//! allocators return what is large to the system, which clears every page of it before the next use.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};

/// How much is read at once, unless more is known to come.
pub(super) const READ: usize = 16 * 1024;
/// How much more is read behind a reply: the beginning of the next.
const NEXT: usize = 1024;
/// How much room is made at once for what is to come, however long a server says that it is.
const MAX_RESERVED: usize = 2 * 1024 * 1024;
/// Shorter replies are copied, so that they do not keep a buffer in memory; longer ones are what was
/// read.
pub(super) const MAX_COPIED: usize = 8 * 1024;
/// How many buffers a connection keeps to use them again, and how many bytes all of them have.
const MAX_KEPT: usize = 16;
const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;
/// The largest buffer that is kept.
const MAX_KEPT_SIZE: usize = MAX_KEPT_BYTES / 4;
/// A buffer is used where at least this part of it is wanted: a reply that is kept keeps all of it.
const MIN_USED: usize = 2;

/// The buffer that is read into, and those that have been.
#[derive(Debug)]
pub(super) struct Buffers {
    current: Buffer,
    /// The latest is last. Of some the replies are still in use.
    kept: VecDeque<Buffer>,
    kept_bytes: usize,
    /// How many bytes were cut off that were not copied.
    lent: usize,
}

#[derive(Debug)]
struct Buffer {
    bytes: BytesMut,
    size: usize,
}

impl Buffer {
    fn new(size: usize) -> Self {
        Self { bytes: BytesMut::with_capacity(size), size }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self { current: Buffer::new(READ), kept: VecDeque::new(), kept_bytes: 0, lent: 0 }
    }
}

impl Buffers {
    /// What has been read and not been cut off.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.current.bytes
    }

    /// Where to read more, with room for at least this much.
    pub(super) fn with_room(&mut self, wanted: usize) -> &mut BytesMut {
        let bytes = &self.current.bytes;
        if bytes.capacity() - bytes.len() < wanted.max(1) {
            let size = (bytes.len() + wanted + NEXT).max(READ);
            if size <= MAX_RESERVED {
                self.move_on(size);
            } else {
                self.current.bytes.reserve((wanted + NEXT).min(MAX_RESERVED));
                self.current.size = self.current.bytes.capacity();
            }
        }
        &mut self.current.bytes
    }

    /// The first bytes, which are there no more. Then as much is expected as `next` says.
    pub(super) fn cut(&mut self, end: usize, next: usize) -> Bytes {
        if end > MAX_COPIED {
            self.lent += end;
            let cut = self.current.bytes.split_to(end);
            let next = next.min(MAX_RESERVED) + NEXT;
            self.move_on(next.max(READ).max(self.current.bytes.len()));
            return cut.freeze();
        }
        let cut = Bytes::copy_from_slice(self.bytes().get(..end).unwrap_or_default());
        self.skip(end);
        cut
    }

    /// How many bytes have been cut off since it was asked last that were not copied.
    pub(super) const fn take_lent(&mut self) -> usize {
        std::mem::replace(&mut self.lent, 0)
    }

    /// Forgets the first bytes.
    pub(super) fn skip(&mut self, end: usize) {
        self.current.bytes.advance(end.min(self.current.bytes.len()));
    }

    /// Reads into another buffer from now on, of this size, which what was not cut off moves to.
    fn move_on(&mut self, size: usize) {
        let mut next = self.take(size);
        next.bytes.extend_from_slice(&self.current.bytes);
        let mut last = std::mem::replace(&mut self.current, next);
        last.bytes.clear();
        self.keep(last);
    }

    /// The buffer of this size that was used last and is free, so that its memory is still in the
    /// processor's cache.
    fn take(&mut self, size: usize) -> Buffer {
        let fits = |buffer: &mut Buffer| {
            (size..=size * MIN_USED).contains(&buffer.size) && buffer.bytes.try_reclaim(buffer.size)
        };
        let found = self.kept.iter_mut().rposition(fits);
        match found.and_then(|at| self.kept.remove(at)) {
            Some(buffer) => {
                self.kept_bytes -= buffer.size;
                buffer
            }
            None => Buffer::new(size),
        }
    }

    fn keep(&mut self, buffer: Buffer) {
        if buffer.size > MAX_KEPT_SIZE {
            return;
        }
        self.kept_bytes += buffer.size;
        self.kept.push_back(buffer);
        while self.kept.len() > MAX_KEPT || self.kept_bytes > MAX_KEPT_BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: usize = 100_000;

    /// Reads a reply of this length, all of it this byte.
    fn read(buffers: &mut Buffers, length: usize, byte: u8) -> Bytes {
        buffers.with_room(length).resize(length, byte);
        buffers.cut(length, length)
    }

    #[test]
    fn buffer_of_a_reply_that_is_gone_is_used_again() {
        let mut buffers = Buffers::default();
        let first = read(&mut buffers, LONG, b'a');
        let at = first.as_ptr();
        drop(first);
        let second = read(&mut buffers, LONG, b'b');
        drop(second);
        let third = read(&mut buffers, LONG, b'c');
        assert_eq!((third.as_ptr(), third.len()), (at, LONG));
    }

    #[test]
    fn reply_in_use_is_not_overwritten() {
        let mut buffers = Buffers::default();
        let replies: Vec<_> = (0..50).map(|byte| read(&mut buffers, LONG, byte)).collect();
        let part = replies[7].slice(10..20);
        drop(replies);
        for byte in 50..99 {
            assert!(read(&mut buffers, LONG, byte).iter().all(|read| *read == byte));
        }
        assert!(part.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn kept_buffers_are_bounded() {
        let mut buffers = Buffers::default();
        for (length, count) in [(LONG, 50), (10_000, 50), (MAX_RESERVED * 2, 3)] {
            let replies: Vec<_> = (0..count).map(|_| read(&mut buffers, length, b'x')).collect();
            drop(replies);
            let sizes: usize = buffers.kept.iter().map(|buffer| buffer.size).sum();
            assert_eq!(sizes, buffers.kept_bytes);
            assert!(sizes <= MAX_KEPT_BYTES && buffers.kept.len() <= MAX_KEPT, "{length}");
            assert!(buffers.kept.iter().all(|buffer| buffer.size <= MAX_KEPT_SIZE));
            assert!(buffers.kept.len() > 1, "{length}");
        }
    }

    #[test]
    fn memory_for_the_next_reply_is_bounded_however_long_it_is_expected_to_be() {
        let mut buffers = Buffers::default();
        buffers.with_room(LONG).resize(LONG, b'a');
        drop(buffers.cut(LONG, usize::MAX));
        assert_eq!(buffers.current.size, MAX_RESERVED + NEXT);
    }

    #[test]
    fn short_reply_that_is_kept_keeps_no_buffer() {
        let mut buffers = Buffers::default();
        drop(read(&mut buffers, LONG, b'l'));
        assert_eq!(buffers.take_lent(), LONG);
        let at = buffers.with_room(READ).as_ptr();
        let short = read(&mut buffers, MAX_COPIED, b'a');
        assert!(!(at..at.wrapping_add(READ)).contains(&short.as_ptr()));
        assert_eq!(buffers.take_lent(), 0);
        drop(read(&mut buffers, LONG, b'b'));
        let medium = read(&mut buffers, MAX_COPIED + 1, b'c');
        assert!(buffers.kept.iter().all(|buffer| buffer.size <= READ || buffer.size > LONG));
        drop((short, medium));
    }

    #[test]
    fn bytes_after_a_reply_move_to_the_next_buffer() {
        let mut buffers = Buffers::default();
        buffers.with_room(LONG + 3).resize(LONG, b'a');
        buffers.with_room(3).extend_from_slice(b"bcd");
        assert_eq!(buffers.cut(LONG, 0).len(), LONG);
        assert_eq!(buffers.bytes(), b"bcd");
        buffers.skip(1);
        assert_eq!(&buffers.cut(2, 0)[..], b"cd");
        assert!(buffers.bytes().is_empty());
    }
}

//! The task that owns a socket: it writes what requests have queued, all of it at once, and hands each
//! the replies that are its own.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, Bytes, BytesMut};
use redis::RedisError;

use super::{
    overdue::Overdue,
    queue::{Queue, Waiting},
    scan::Scan,
    stream::Stream,
};

/// How much is read at once, unless more is known to come.
const READ: usize = 16 * 1024;
/// How much more is read behind a reply: a hit's second one, and the beginning of the next.
const NEXT: usize = 1024;
/// How much room is made at once for what is to come, however long a server says that it is.
const MAX_RESERVED: usize = 2 * 1024 * 1024;
/// Shorter replies are copied, so that they do not keep the buffer in memory; longer ones are what was
/// read.
const MAX_COPIED: usize = 8 * 1024;

pub(super) struct Task {
    stream: Stream,
    queue: Arc<Queue>,
    out: Vec<u8>,
    /// How much of `out` is written.
    written: usize,
    waiting: VecDeque<Waiting>,
    buffer: BytesMut,
    /// Looks for the end of what the first one waits for.
    scan: Option<Scan>,
    overdue: Overdue,
}

impl Task {
    /// A task that lets requests wait for as long as `response`.
    pub(super) fn new(stream: Stream, queue: Arc<Queue>, response: Duration) -> Self {
        let buffer = BytesMut::with_capacity(READ);
        let (out, waiting) = (Vec::new(), VecDeque::new());
        let overdue = Overdue::new(response);
        Self { stream, queue, out, written: 0, waiting, buffer, scan: None, overdue }
    }

    fn poll_io(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RedisError>> {
        loop {
            if !self.queue.take(&mut self.out, &mut self.waiting, cx) {
                return Poll::Ready(Ok(()));
            }
            if self.out.is_empty() {
                break;
            }
            self.write(cx)?;
            if !self.out.is_empty() {
                break; // the server takes no more for now
            }
        }
        let is_over = self.poll_replies(cx)?;
        // after the replies, as one that has come is not late
        self.overdue.check(&mut self.waiting, cx);
        is_over.map(Ok)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), RedisError> {
        while let Some(bytes) = self.out.get(self.written..).filter(|bytes| !bytes.is_empty()) {
            match self.stream.poll_write(bytes, cx)? {
                Poll::Ready(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(written) => self.written += written,
                Poll::Pending => return Ok(()),
            }
        }
        self.out.clear();
        self.out.shrink_to(READ);
        self.written = 0;
        Ok(())
    }

    fn poll_replies(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RedisError>> {
        loop {
            let missing = self.scan.as_ref().map_or(0, |scan| scan.missing(self.buffer.len()));
            if self.buffer.capacity() - self.buffer.len() < missing.max(1) {
                // with room for what follows, or a long reply would be moved to make some
                self.buffer.reserve((missing + NEXT).clamp(READ, MAX_RESERVED));
            }
            match ready!(self.stream.poll_read(&mut self.buffer, cx))? {
                0 => return Poll::Ready(Err(super::queue::closed())),
                _ => self.deliver()?,
            }
        }
    }

    /// Hands out the replies that have come as a whole.
    fn deliver(&mut self) -> Result<(), RedisError> {
        let malformed = || RedisError::from((redis::ErrorKind::Parse, "not a reply of Redis"));
        while !self.buffer.is_empty() {
            let first = self.waiting.front().ok_or_else(malformed)?;
            let scan = self.scan.get_or_insert_with(|| Scan::of(first.replies));
            let Some(end) = scan.end_in(&self.buffer).map_err(|_| malformed())? else { break };
            self.scan = None;
            let replies = self.cut(end);
            if let Some(sender) = self.waiting.pop_front().and_then(|first| first.sender) {
                // one that has gone needs none
                let _ = sender.send(Ok(replies));
            }
        }
        Ok(())
    }

    /// The first bytes of the buffer, which are in it no more.
    fn cut(&mut self, end: usize) -> Bytes {
        if end > MAX_COPIED {
            return self.buffer.split_to(end).freeze();
        }
        let bytes = Bytes::copy_from_slice(self.buffer.get(..end).unwrap_or_default());
        self.buffer.advance(end);
        bytes
    }
}

/// Ends when the connection does, or nothing uses it any more.
impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        let ended = ready!(task.poll_io(cx));
        task.queue.close();
        if let Err(error) = ended {
            for sender in task.waiting.drain(..).filter_map(|waiting| waiting.sender) {
                let _ = sender.send(Err(error.clone().into()));
            }
        }
        Poll::Ready(())
    }
}

/// Also with its runtime.
impl Drop for Task {
    fn drop(&mut self) {
        self.queue.close();
    }
}

//! The task that owns a socket: it writes what requests have queued, all of it at once, and hands each
//! the replies that are its own.

use std::{
    collections::VecDeque,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use redis::{RedisError, Value};
use tokio::task::yield_now;

use super::{
    buffers::{Buffers, READ},
    overdue::Overdue,
    queue::{self, Queue},
    reply::Reply,
    scan::{Head, Scan},
    stream::Stream,
    waiting::{Asker, Waiting},
};

/// How much is handed out before those who get it run: the memory of what they are done with is used again
/// while the processor still has it at hand.
const MAX_LENT: usize = 64 * 1024;

pub(super) struct Task {
    stream: Stream,
    queue: Arc<Queue>,
    out: Vec<u8>,
    /// How much of `out` is written.
    written: usize,
    waiting: VecDeque<Waiting>,
    buffers: Buffers,
    /// Looks for the end of what the first one waits for.
    scan: Option<Scan>,
    /// The time of the entries that are read now.
    clock: Reply,
    overdue: Overdue,
}

impl Task {
    /// A task that lets requests wait for as long as `response`.
    pub(super) fn new(stream: Stream, queue: Arc<Queue>, response: Duration) -> Self {
        Self {
            stream,
            queue,
            out: Vec::new(),
            written: 0,
            waiting: VecDeque::new(),
            buffers: Buffers::default(),
            scan: None,
            clock: Reply::Value(Value::Nil),
            overdue: Overdue::new(response),
        }
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
            let has = self.buffers.bytes().len();
            let missing = self.scan.as_ref().map_or(0, |scan| scan.missing(has));
            let wanted = missing.max(self.expected().saturating_sub(has));
            match ready!(self.stream.poll_read(self.buffers.with_room(wanted), cx))? {
                0 => return Poll::Ready(Err(queue::closed())),
                _ => self.deliver()?,
            }
            if self.buffers.take_lent() > MAX_LENT && !self.waiting.is_empty() {
                // first those run that have got them
                ready!(pin!(yield_now()).poll(cx));
            }
        }
    }

    /// How much is known to come next: before a value there may be the time.
    fn expected(&self) -> usize {
        self.waiting.iter().take(2).map(|waiting| waiting.expected).max().unwrap_or_default()
    }

    /// Hands out the replies that have come as a whole.
    fn deliver(&mut self) -> Result<(), RedisError> {
        while !self.buffers.bytes().is_empty() {
            let first = self.waiting.front().ok_or_else(malformed)?;
            let scan = self.scan.get_or_insert_with(|| Scan::of(first.replies));
            let end = scan.end_in(self.buffers.bytes()).map_err(|_| malformed())?;
            let (Some(end), Some(first)) = (end, end.and_then(|_| self.waiting.pop_front())) else {
                break;
            };
            self.scan = None;
            self.answer(first.asker, end)?;
        }
        Ok(())
    }

    /// Hands out the first bytes.
    fn answer(&mut self, asker: Asker, end: usize) -> Result<(), RedisError> {
        // one that has gone needs no answer
        match asker {
            Asker::Entry(sender) => {
                let value = self.cut_reply(end)?;
                let _ = sender.send(Ok([value, self.clock.clone()]));
            }
            Asker::Clock => self.read_clock(end)?,
            Asker::Commands(sender) => {
                let expected = self.expected();
                let _ = sender.send(Ok(self.buffers.cut(end, expected)));
            }
            Asker::Gone => self.buffers.skip(end),
        }
        Ok(())
    }

    /// Takes the first bytes, which are the time.
    fn read_clock(&mut self, end: usize) -> Result<(), RedisError> {
        let bytes = self.buffers.bytes().get(..end).unwrap_or_default();
        let head = Head::read(bytes).ok().flatten().ok_or_else(malformed)?;
        let text = head.string.and_then(|(from, to)| bytes.get(from..to));
        self.clock = match text.and_then(Reply::from_digits) {
            Some(number) => number,
            None => Reply::parse(bytes)?,
        };
        self.buffers.skip(end);
        Ok(())
    }

    /// Takes the first bytes, which are one reply.
    fn cut_reply(&mut self, end: usize) -> Result<Reply, RedisError> {
        let bytes = self.buffers.bytes().get(..end).unwrap_or_default();
        let head = Head::read(bytes).ok().flatten().ok_or_else(malformed)?;
        let Some((from, to)) = head.string else {
            let reply = Reply::parse(bytes)?;
            self.buffers.skip(end);
            return Ok(reply);
        };
        let expected = self.expected();
        self.buffers.skip(from);
        let string = self.buffers.cut(to - from, expected);
        self.buffers.skip(end - to);
        Ok(Reply::Bytes(string))
    }
}

fn malformed() -> RedisError {
    (redis::ErrorKind::Parse, "not a reply of Redis").into()
}

/// Ends when the connection does, or nothing uses it any more.
impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        let ended = ready!(task.poll_io(cx));
        task.queue.close();
        if let Err(error) = ended {
            for mut waiting in task.waiting.drain(..) {
                waiting.asker.fail(error.clone().into());
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

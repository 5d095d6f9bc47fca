//! The bodies of responses: passed on, from the store, or recorded while they stream.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    Error,
    body::{BodySize, MessageBody},
    dev::ServiceResponse,
    rt,
};
use bytes::Bytes;
use pin_project_lite::pin_project;
use tokio::{sync::oneshot, time::timeout};

use super::recorder::{Recorder, record};
use crate::engine::{Engine, stats::WorkerCounters};

/// What becomes of a request that passed a cache.
pub(super) type CacheResult<B> = Result<ServiceResponse<CacheBody<B>>, Error>;

pin_project! {
    /// The body of a response that passed a cache.
    #[project = Projected]
    #[derive(Debug)]
    pub struct CacheBody<B> {
        #[pin]
        kind: BodyKind<B>,
        // boxed, as hardly any body has them
        companions: Option<Box<Companions>>,
    }
}

/// What is dropped with a body.
#[derive(Debug, Default)]
struct Companions {
    /// Its receiver learns that the response is gone.
    gone: Option<oneshot::Sender<()>>,
    /// Where the body is a stream of the handler's.
    meter: Option<Meter>,
}

/// Counts the bytes of a stream of a handler's, when it has ended or is dropped.
#[derive(Debug)]
struct Meter {
    counters: Rc<WorkerCounters>,
    rule: Option<usize>,
    bytes: u64,
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.counters.handler_made(self.rule, self.bytes);
    }
}

/// A body until its end, shared by its client and the task that reads it on.
#[derive(Debug)]
struct Unfinished<B>(RefCell<Option<Pin<Box<B>>>>);

pin_project! {
    #[project = ProjectedBodyKind]
    #[derive(Debug)]
    enum BodyKind<B> {
        Passed { #[pin] body: B },
        // boxed, as every response is as large as its largest body
        Recorded { #[pin] body: B, recorder: Option<Box<Recorder>> },
        Whole { bytes: Bytes },
        // a recorded body that is read to its end when the client goes away
        Finishing { body: Rc<Unfinished<CacheBody<B>>> },
        // the body of a response to HEAD: its length, and none of it
        Unsent { length: u64 },
    }
}

impl<B> CacheBody<B> {
    fn of(kind: BodyKind<B>) -> Self {
        Self { kind, companions: None }
    }

    /// The same body; `gone` is dropped with it.
    pub(super) fn holding(mut self, gone: oneshot::Sender<()>) -> Self {
        self.companions.get_or_insert_default().gone = Some(gone);
        self
    }

    /// Whether something waits until it is dropped.
    pub(super) fn is_held(&self) -> bool {
        self.companions.as_ref().is_some_and(|companions| companions.gone.is_some())
    }

    pub(super) fn passed(body: B) -> Self {
        Self::of(BodyKind::Passed { body })
    }

    /// The same body of a handler's response, whose bytes are counted.
    pub(super) fn measured(mut self, counters: &Rc<WorkerCounters>, rule: Option<usize>) -> Self
    where
        B: MessageBody,
    {
        match self.size() {
            BodySize::None => {}
            BodySize::Sized(bytes) => counters.handler_made(rule, bytes),
            BodySize::Stream => {
                let meter = Meter { counters: Rc::clone(counters), rule, bytes: 0 };
                self.companions.get_or_insert_default().meter = Some(meter);
            }
        }
        self
    }

    pub(super) fn recorded(body: B, recorder: Recorder) -> Self {
        Self::of(BodyKind::Recorded { body, recorder: Some(Box::new(recorder)) })
    }

    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::of(BodyKind::Whole { bytes })
    }

    /// The same body; when its client goes away it is read to its end all the same, in `within`
    /// this time, if it is being recorded.
    pub(super) fn finishing(self, within: Duration, engine: &Engine) -> Self
    where
        B: MessageBody + 'static,
    {
        if !matches!(self.kind, BodyKind::Recorded { .. }) {
            return self;
        }
        let body = Rc::new(Unfinished(RefCell::new(Some(Box::pin(self)))));
        let (gone, running) = (Rc::clone(&body), engine.background_tasks().track());
        let room = Arc::clone(engine.detached_handlers());
        let (sender, receiver) = oneshot::channel::<()>();
        rt::spawn(async move {
            let _running = running;
            // the sender is dropped with the body; it never sends
            let _ = receiver.await;
            let rest = gone.0.borrow_mut().take();
            if let Some(rest) = rest
                && let Ok(_room) = room.try_acquire()
            {
                let _ = timeout(within, read_to_end(rest)).await;
            }
        });
        Self::of(BodyKind::Finishing { body }).holding(sender)
    }

    /// Reads the body to its end in `within` this time, if it is being recorded and for as long as it
    /// is; its client needs none of it.
    pub(super) fn finish_in_background(self, within: Duration, engine: &Engine)
    where
        B: MessageBody + 'static,
    {
        if !matches!(self.kind, BodyKind::Recorded { .. }) {
            return;
        }
        let running = engine.background_tasks().track();
        let room = Arc::clone(engine.detached_handlers());
        rt::spawn(async move {
            let _running = running;
            let Ok(_room) = room.try_acquire() else { return };
            let _ = timeout(within, read_while_recorded(Box::pin(self))).await;
        });
    }

    fn is_recording(&self) -> bool {
        matches!(&self.kind, BodyKind::Recorded { recorder: Some(_), .. })
    }

    /// How many bytes of a stored body the client is sent.
    pub(super) fn stored_length(&self) -> u64 {
        match &self.kind {
            BodyKind::Whole { bytes } => bytes.len() as u64,
            _ => 0,
        }
    }

    pub(super) fn unsent(length: usize) -> Self {
        Self::of(BodyKind::Unsent { length: length as u64 })
    }
}

impl<B: MessageBody> MessageBody for CacheBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        match &self.kind {
            BodyKind::Passed { body } | BodyKind::Recorded { body, .. } => body.size(),
            BodyKind::Whole { bytes } => bytes.size(),
            BodyKind::Finishing { body } => {
                body.0.borrow().as_ref().map_or(BodySize::Sized(0), MessageBody::size)
            }
            BodyKind::Unsent { length } => BodySize::Sized(*length),
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Projected { kind, companions } = self.project();
        match kind.project() {
            ProjectedBodyKind::Passed { body } => {
                let chunk = ready!(body.poll_next(cx));
                measure(companions, chunk.as_ref());
                Poll::Ready(chunk)
            }
            ProjectedBodyKind::Recorded { body, recorder } => {
                let chunk = ready!(body.poll_next(cx));
                measure(companions, chunk.as_ref());
                record(recorder, chunk.as_ref());
                Poll::Ready(chunk)
            }
            ProjectedBodyKind::Whole { bytes } => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            ProjectedBodyKind::Finishing { body } => {
                let mut unfinished = body.0.borrow_mut();
                let Some(body) = unfinished.as_mut() else { return Poll::Ready(None) };
                let chunk = ready!(body.as_mut().poll_next(cx));
                if !matches!(chunk, Some(Ok(_))) {
                    *unfinished = None;
                }
                Poll::Ready(chunk)
            }
            ProjectedBodyKind::Unsent { .. } => Poll::Ready(None),
        }
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        match self.kind {
            BodyKind::Passed { body } => body.try_into_bytes().map_err(Self::passed),
            BodyKind::Whole { bytes } => Ok(bytes),
            kind => Err(Self { kind, companions: self.companions }),
        }
    }
}

fn measure<E>(companions: &mut Option<Box<Companions>>, chunk: Option<&Result<Bytes, E>>) {
    let meter = companions.as_mut().and_then(|companions| companions.meter.as_mut());
    if let (Some(meter), Some(Ok(chunk))) = (meter, chunk) {
        meter.bytes = meter.bytes.saturating_add(chunk.len() as u64);
    }
}

/// Reads a body to its end, as only then it is stored; `None` where it fails.
pub(super) async fn read_to_end<B: MessageBody>(mut body: Pin<Box<B>>) -> Option<()> {
    while let Some(chunk) = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        chunk.ok()?;
    }
    Some(())
}

async fn read_while_recorded<B: MessageBody>(mut body: Pin<Box<CacheBody<B>>>) {
    while body.is_recording() {
        let chunk = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
        if !matches!(chunk, Some(Ok(_))) {
            return;
        }
    }
}

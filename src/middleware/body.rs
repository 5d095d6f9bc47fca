//! The bodies of answers: passed on, from the store, or recorded while they stream. A recording is
//! committed on the clean end of the body; never on its drop, never on an error.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    body::{BodySize, MessageBody},
    rt,
};
use bytes::Bytes;
use pin_project_lite::pin_project;
use tokio::{sync::oneshot, time::timeout};

use super::passage::Passage;
use crate::{
    engine::{Engine, fill::Draft, recording::Recording},
    semantics::verdict::Reason,
};

pin_project! {
    /// The body of an answer that passed a cache.
    #[project = Projected]
    #[derive(Debug)]
    pub struct CacheBody<B> {
        #[pin]
        kind: Kind<B>,
        // its drop tells that the answer is gone
        gone: Option<oneshot::Sender<()>>,
    }
}

/// A body until its end, with whoever reads it.
#[derive(Debug)]
struct Unfinished<B>(RefCell<Option<Pin<Box<B>>>>);

pin_project! {
    #[project = ProjectedKind]
    #[derive(Debug)]
    enum Kind<B> {
        Passed { #[pin] body: B },
        // boxed, as every answer is as large as its largest body
        Recorded { #[pin] body: B, recorder: Option<Box<Recorder>> },
        Whole { bytes: Bytes },
        // a recorded body that is read to its end when the client goes away
        Finishing { body: Rc<Unfinished<CacheBody<B>>> },
        // the body of an answer to HEAD: its length, and none of it
        Unsent { length: u64 },
    }
}

impl<B> CacheBody<B> {
    fn of(kind: Kind<B>) -> Self {
        Self { kind, gone: None }
    }

    /// The same body; `gone` is dropped with it.
    pub(super) fn telling(self, gone: oneshot::Sender<()>) -> Self {
        Self { gone: Some(gone), ..self }
    }

    pub(super) fn passed(body: B) -> Self {
        Self::of(Kind::Passed { body })
    }

    pub(super) fn recorded(body: B, recorder: Recorder) -> Self {
        Self::of(Kind::Recorded { body, recorder: Some(Box::new(recorder)) })
    }

    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::of(Kind::Whole { bytes })
    }

    /// The same body; when its client goes away it is read to its end all the same, in `within`
    /// this time, if it is being recorded.
    pub(super) fn finishing(self, within: Duration, engine: &Engine) -> Self
    where
        B: MessageBody + 'static,
    {
        if !matches!(self.kind, Kind::Recorded { .. }) {
            return self;
        }
        let body = Rc::new(Unfinished(RefCell::new(Some(Box::pin(self)))));
        let (gone, running) = (Rc::clone(&body), engine.pending().enter());
        let room = Arc::clone(engine.unattended());
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
        Self::of(Kind::Finishing { body }).telling(sender)
    }

    /// Reads the body to its end in `within` this time, if it is being recorded and for as long as it
    /// is; its client needs none of it.
    pub(super) fn finish_behind(self, within: Duration, engine: &Engine)
    where
        B: MessageBody + 'static,
    {
        if !matches!(self.kind, Kind::Recorded { .. }) {
            return;
        }
        let running = engine.pending().enter();
        let room = Arc::clone(engine.unattended());
        rt::spawn(async move {
            let _running = running;
            let Ok(_room) = room.try_acquire() else { return };
            let _ = timeout(within, read_while_recorded(Box::pin(self))).await;
        });
    }

    fn is_recording(&self) -> bool {
        matches!(&self.kind, Kind::Recorded { recorder: Some(_), .. })
    }

    pub(super) fn unsent(length: usize) -> Self {
        Self::of(Kind::Unsent { length: length as u64 })
    }
}

impl<B: MessageBody> MessageBody for CacheBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        match &self.kind {
            Kind::Passed { body } | Kind::Recorded { body, .. } => body.size(),
            Kind::Whole { bytes } => bytes.size(),
            Kind::Finishing { body } => {
                body.0.borrow().as_ref().map_or(BodySize::Sized(0), MessageBody::size)
            }
            Kind::Unsent { length } => BodySize::Sized(*length),
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match self.project().kind.project() {
            ProjectedKind::Passed { body } => body.poll_next(cx),
            ProjectedKind::Recorded { body, recorder } => {
                let chunk = ready!(body.poll_next(cx));
                record(recorder, chunk.as_ref());
                Poll::Ready(chunk)
            }
            ProjectedKind::Whole { bytes } => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            ProjectedKind::Finishing { body } => {
                let mut unfinished = body.0.borrow_mut();
                let Some(body) = unfinished.as_mut() else { return Poll::Ready(None) };
                let chunk = ready!(body.as_mut().poll_next(cx));
                if !matches!(chunk, Some(Ok(_))) {
                    *unfinished = None;
                }
                Poll::Ready(chunk)
            }
            ProjectedKind::Unsent { .. } => Poll::Ready(None),
        }
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        match self.kind {
            Kind::Passed { body } => body.try_into_bytes().map_err(Self::passed),
            Kind::Whole { bytes } => Ok(bytes),
            kind => Err(Self { kind, gone: self.gone }),
        }
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

fn record<E>(recorder: &mut Option<Box<Recorder>>, chunk: Option<&Result<Bytes, E>>) {
    match chunk {
        Some(Ok(bytes)) => {
            if let Some(recording) = recorder
                && let Err(why) = recording.push(bytes)
                && let Some(recording) = recorder.take()
            {
                recording.abandon(why);
            }
        }
        Some(Err(_)) => {
            if let Some(recording) = recorder.take() {
                recording.abandon(Reason::BodyFailed);
            }
        }
        None => recorder.take().map_or((), |recording| recording.commit()),
    }
}

/// Keeps a copy of what passes. Dropped before its end, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Recorder {
    draft: Option<Draft>,
    /// What the handler says of its response while the body streams.
    passage: Passage,
    body: Option<Recording>,
}

impl Recorder {
    pub(super) fn new(draft: Draft, passage: Passage, body: Recording) -> Self {
        Self { draft: Some(draft), passage, body: Some(body) }
    }

    /// Records a chunk, or says why not.
    fn push(&mut self, chunk: &[u8]) -> Result<(), Reason> {
        self.body.as_mut().map_or(Ok(()), |body| body.push(chunk))
    }

    /// The body has come to its clean end.
    fn commit(mut self) {
        let body = self.body.take().map(Recording::finish);
        let body = body.unwrap_or(Err(Reason::BodyFailed));
        let body = body.and_then(|body| self.apply_late_hints().map(|()| body));
        match body {
            Ok(body) => self.draft.take().map_or((), |draft| draft.commit(body)),
            Err(why) => self.abandon(why),
        }
    }

    /// What the handler has said since the head of its response counts as well.
    fn apply_late_hints(&mut self) -> Result<(), Reason> {
        let said = self.passage.said();
        if said.skip {
            return Err(Reason::OptedOut);
        }
        match &mut self.draft {
            Some(draft) => draft.add_groups(&said.groups),
            None => Ok(()),
        }
    }

    fn abandon(mut self, why: Reason) {
        if let Some(draft) = self.draft.take() {
            draft.abandon(why);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(draft) = self.draft.take() {
            draft.abandon_with_client();
        }
    }
}

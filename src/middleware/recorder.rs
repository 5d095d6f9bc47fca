//! Recording of a response's body while it streams to its client. What is recorded is stored on the
//! clean end of the body; never on its drop, never on an error.

use std::fmt;

use bytes::Bytes;

use crate::{
    engine::{draft_entry::DraftEntry, recording::Recording},
    semantics::verdict::Reason,
};

/// What a handler may say while the body of its response streams.
pub(crate) trait LateHints: fmt::Debug {
    /// Adds it to the draft. An error where the response is not to be stored after all.
    fn apply(&self, draft: &mut DraftEntry) -> Result<(), Reason>;
}

/// Keeps a copy of what passes. Dropped before its end, nothing is stored.
#[derive(Debug)]
pub(crate) struct Recorder {
    draft: Option<DraftEntry>,
    hints: Box<dyn LateHints>,
    body: Option<Recording>,
}

impl Recorder {
    pub(super) fn new(draft: DraftEntry, hints: Box<dyn LateHints>, body: Recording) -> Self {
        Self { draft: Some(draft), hints, body: Some(body) }
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

    /// Hints that the handler has given since the head of its response count as well.
    fn apply_late_hints(&mut self) -> Result<(), Reason> {
        self.draft.as_mut().map_or(Ok(()), |draft| self.hints.apply(draft))
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
            draft.abandon_on_disconnect();
        }
    }
}

/// Records a chunk of a body, its failure, or its end.
pub(super) fn record<E>(recorder: &mut Option<Box<Recorder>>, chunk: Option<&Result<Bytes, E>>) {
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

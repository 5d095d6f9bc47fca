//! Who waits to hear of an entry.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{announce::Digest, known::Known};

/// Those who wait, by digest.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<HashMap<Digest, Vec<oneshot::Sender<()>>>>);

impl Waiting {
    /// Something was heard of the entry with this digest.
    pub(super) fn wake(&self, digest: &Digest) {
        for listener in self.lock().remove(digest).unwrap_or_default() {
            // who waited may have gone away
            let _ = listener.send(());
        }
    }

    /// Nothing more may be heard of any.
    pub(super) fn wake_all(&self) {
        // dropped, they wake too
        self.lock().clear();
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Vec<oneshot::Sender<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears of one entry once.
pub(super) struct Listener {
    known: Arc<Known>,
    digest: Digest,
    heard: oneshot::Receiver<()>,
}

impl Listener {
    pub(super) fn new(known: &Arc<Known>, digest: Digest) -> Self {
        let (tell, heard) = oneshot::channel();
        known.waiting().lock().entry(digest).or_default().push(tell);
        Self { known: Arc::clone(known), digest, heard }
    }

    /// Waits until something is heard, or nothing will be.
    pub(super) async fn heard(&mut self) {
        let _ = (&mut self.heard).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.heard.close();
        let mut waiting = self.known.waiting().lock();
        if let Some(listeners) = waiting.get_mut(&self.digest) {
            listeners.retain(|listener| !listener.is_closed());
            if listeners.is_empty() {
                waiting.remove(&self.digest);
            }
        }
    }
}

//! Tasks that wait until something is announced of an entry.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::message::Digest;

/// The tasks that wait, by the digest of the entry.
#[derive(Debug, Default)]
pub(in crate::store) struct Listeners(Mutex<HashMap<Digest, Vec<oneshot::Sender<()>>>>);

impl Listeners {
    /// Waits for what is announced of the entry with this digest from now on.
    pub(super) fn add(self: &Arc<Self>, digest: Digest) -> Listener {
        let (sender, announced) = oneshot::channel();
        self.lock().entry(digest).or_default().push(sender);
        Listener { listeners: Arc::clone(self), digest, announced }
    }

    /// Something was announced of the entry with this digest.
    pub(super) fn wake(&self, digest: &Digest) {
        for sender in self.lock().remove(digest).unwrap_or_default() {
            // the task may have been cancelled
            let _ = sender.send(());
        }
    }

    /// Nothing more may be announced of any entry.
    pub(super) fn wake_all(&self) {
        // a receiver whose sender is dropped wakes too
        self.lock().clear();
    }

    #[cfg(test)]
    pub(in crate::store) fn count(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Vec<oneshot::Sender<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for one announcement of one entry.
pub(in crate::store) struct Listener {
    listeners: Arc<Listeners>,
    digest: Digest,
    announced: oneshot::Receiver<()>,
}

impl Listener {
    /// Waits until something is announced, or nothing will be.
    pub(in crate::store) async fn announced(&mut self) {
        let _ = (&mut self.announced).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.announced.close();
        let mut listeners = self.listeners.lock();
        if let Some(senders) = listeners.get_mut(&self.digest) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                listeners.remove(&self.digest);
            }
        }
    }
}

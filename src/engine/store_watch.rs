//! Tells the one who asked for a response whether it was stored in the end.

use tokio::sync::oneshot;

use crate::semantics::verdict::Reason;

/// Told once; dropped before, its receiver learns that the fill has ended without a word.
#[derive(Debug, Default)]
pub(crate) struct StoreWatch(Option<oneshot::Sender<Result<(), Reason>>>);

impl StoreWatch {
    /// A watch, and where it tells.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<(), Reason>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), receiver)
    }

    pub(super) fn tell(&mut self, stored: Result<(), Reason>) {
        if let Some(sender) = self.0.take() {
            // it may be gone
            let _ = sender.send(stored);
        }
    }
}

//! How many handlers run at a time, over all workers: past a bound that settings give, none is called.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The handlers that run for one cache, as far as they are counted.
#[derive(Debug, Default)]
pub(crate) struct RunningHandlers(Arc<AtomicUsize>);

/// A handler that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct HandlerPermit(Arc<AtomicUsize>);

/// As many handlers run as may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overloaded;

impl RunningHandlers {
    /// Counts one more, unless `max` run.
    pub(crate) fn begin(&self, max: usize) -> Result<HandlerPermit, Overloaded> {
        let one_more = |running| (running < max).then_some(running + 1);
        // the number guards nothing but itself
        let begun = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        begun.map(|_| HandlerPermit(Arc::clone(&self.0))).map_err(|_| Overloaded)
    }

    /// How many are counted.
    pub(crate) fn len(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for HandlerPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_run_than_may() {
        let handlers = RunningHandlers::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let permit = handlers.begin(3);
                        assert!(handlers.len() <= 3);
                        drop(permit);
                    }
                });
            }
        });
        let three = [(); 3].map(|()| handlers.begin(3).unwrap());
        assert!(handlers.begin(3).is_err());
        drop(three);
        assert_eq!(handlers.len(), 0);
    }
}

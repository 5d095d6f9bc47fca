//! What happens once a second in every cache of the process, whether requests come or not: steps of the
//! timeline end, and metrics are published. It has a thread of its own, as the runtimes of workers come and
//! go.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};

use super::state::Engine;

const PERIOD: Duration = Duration::from_secs(1);

/// The caches of this process.
static CACHES: Mutex<Caches> = Mutex::new(Caches { engines: Vec::new(), is_running: false });

struct Caches {
    engines: Vec<Weak<Engine>>,
    /// Whether the thread runs. It ends with the last cache.
    is_running: bool,
}

/// Lets a cache tick from now on, until it is dropped.
pub(crate) fn start(engine: &Arc<Engine>) {
    let mut caches = lock();
    if caches.engines.iter().any(|known| known.as_ptr() == Arc::as_ptr(engine)) {
        return;
    }
    caches.engines.push(Arc::downgrade(engine));
    if !caches.is_running {
        let thread = thread::Builder::new().name("response-cache-ticker".to_owned());
        // without a thread there is no timeline, and nothing else is missing
        caches.is_running = thread.spawn(run).is_ok();
    }
    drop(caches);
    engine.tick_unharmed();
}

fn run() {
    loop {
        thread::sleep(PERIOD);
        let engines: Vec<_> = {
            let mut caches = lock();
            caches.engines.retain(|engine| engine.strong_count() > 0);
            if caches.engines.is_empty() {
                caches.is_running = false;
                return;
            }
            caches.engines.iter().filter_map(Weak::upgrade).collect()
        };
        for engine in engines {
            engine.tick_unharmed();
        }
    }
}

fn lock() -> MutexGuard<'static, Caches> {
    CACHES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Ticks. A store or a recorder of the application may panic: the thread serves other caches too.
    fn tick_unharmed(&self) {
        let tick = AssertUnwindSafe(|| self.tick());
        if catch_unwind(tick).is_err() {
            self.counters.error();
        }
    }

    /// Another second has passed.
    fn tick(&self) {
        self.timeline.tick(self.clock.moment(), || self.stats());
        self.examples.tick();
        self.listeners.report_changes(|| self.store.health());
        #[cfg(feature = "metrics")]
        self.publish_metrics();
    }

    /// Gives the recorder of the application what has changed.
    #[cfg(feature = "metrics")]
    pub(super) fn publish_metrics(&self) {
        self.publisher.publish(&self.stats());
    }
}

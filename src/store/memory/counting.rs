//! Purges that count: what a purge took is looked for, and the responses are counted that were alive
//! until it came.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::{
    old_entries::OldEntries,
    slot::Slot,
    sweep::{Fate, Sweep},
    table::Table,
};
use crate::{
    purge::Purge,
    purge_log::{PurgeState, RecordedPurge, SharedPurgeLog},
};

/// How many steps a count takes before it goes on on a thread where no request waits behind it.
const STEPS_IN_PLACE: usize = 16;
/// Between two steps of a sweep in the background, so that requests get the lock of the table.
pub(super) const PAUSE: Duration = Duration::from_micros(50);

/// A purge whose entries are removed, or marked, and counted.
pub(super) struct Counting {
    table: Arc<Table>,
    purges: Arc<SharedPurgeLog>,
    sweep: Sweep,
    purge: Purge,
    recorded: RecordedPurge,
    responses: u64,
}

impl Counting {
    pub(super) fn new(
        table: &Arc<Table>,
        purges: &Arc<SharedPurgeLog>,
        purge: &Purge,
        recorded: RecordedPurge,
    ) -> Self {
        let sweep = table.sweep_of(purge.target());
        let (table, purges) = (Arc::clone(table), Arc::clone(purges));
        Self { table, purges, sweep, purge: purge.clone(), recorded, responses: 0 }
    }

    /// How many responses there were.
    pub(super) async fn run(mut self) -> u64 {
        if (0..STEPS_IN_PLACE).any(|_| self.step()) {
            return self.responses;
        }
        run_behind(move || {
            while !self.step() {
                std::thread::sleep(PAUSE);
            }
            self.responses
        })
        .await
    }

    /// Whether it was the last step.
    fn step(&mut self) -> bool {
        let Self { table, purges, sweep, purge, recorded, responses } = self;
        table.step(sweep, |slot| {
            if !purge.concerns(&slot.entry.key, &slot.entry.groups) {
                return Fate::Keep;
            }
            *responses += u64::from(takes(purge, slot, purges, recorded));
            slot.fate(purges)
        })
    }
}

/// Whether it is this purge that takes the response, or makes it stale.
fn takes(purge: &Purge, slot: &Slot, purges: &SharedPurgeLog, recorded: &RecordedPurge) -> bool {
    let (entry, checked) = (&slot.entry, slot.checked());
    match purges.state(entry, checked).0 {
        // a fill that began after the purge is not what it was for
        PurgeState::Valid => false,
        PurgeState::StaleSince(then) => {
            slot.make_stale(then) && purges.was_fresh_before(entry, checked, recorded)
        }
        PurgeState::Purged | PurgeState::Unknown => {
            let is_hard = purge.stale_since().is_none();
            is_hard
                && entry.response().is_some()
                && purges.was_valid_before(entry, checked, recorded)
        }
    }
}

/// How many responses were alive until everything was purged. What is left of them is dropped.
pub(super) async fn count_everything(
    purges: &Arc<SharedPurgeLog>,
    old: OldEntries,
    recorded: RecordedPurge,
) -> u64 {
    let purges = Arc::clone(purges);
    run_behind(move || {
        let was_alive = |slot: &Arc<Slot>| {
            let is_response = slot.entry.response().is_some();
            is_response && purges.was_valid_before(&slot.entry, slot.checked(), &recorded)
        };
        let count = old.iter().filter(was_alive).count() as u64;
        old.drop_behind();
        count
    })
    .await
}

/// Does this on a thread where no request waits for it, if there is a runtime with one.
pub(super) async fn run_behind(work: impl FnOnce() -> u64 + Send + 'static) -> u64 {
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await.unwrap_or_default(),
        Err(_) => work(),
    }
}

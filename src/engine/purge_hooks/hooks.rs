//! The hooks of one cache.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use super::{attempt, hook::AnyPurgeHook, pending::PendingNotices};
use crate::{clock::Clock, engine::stats::PurgeHookStats, purge::Purge};

/// The hooks of one cache, and what they have yet to be told.
pub(crate) struct PurgeHooks {
    clock: Clock,
    hooks: RwLock<Vec<Arc<PendingNotices>>>,
}

impl PurgeHooks {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, hooks: RwLock::default() }
    }

    /// Adds those hooks that are not there yet: clones of a cache have the same ones.
    pub(crate) fn add(&self, hooks: &[AnyPurgeHook]) {
        if hooks.iter().all(|hook| self.all().iter().any(|known| known.hook().is(hook))) {
            return;
        }
        let mut known = self.hooks.write().unwrap_or_else(PoisonError::into_inner);
        for hook in hooks {
            if !known.iter().any(|known| known.hook().is(hook)) {
                let name = free_name(&hook.name(), &known);
                known.push(Arc::new(PendingNotices::new(hook.clone(), name, self.clock.clone())));
            }
        }
    }

    /// These purges hold: all hooks are told of them, and nothing waits for that.
    pub(crate) fn tell(&self, purges: &[Purge]) {
        for hook in self.all() {
            if hook.add(purges) {
                attempt::begin(&hook);
            }
        }
    }

    /// How the hooks are doing.
    pub(crate) fn stats(&self) -> Vec<PurgeHookStats> {
        self.all().iter().map(|hook| hook.stats()).collect()
    }

    fn all(&self) -> Vec<Arc<PendingNotices>> {
        self.hooks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The name, with a number where another hook has it: statistics tell hooks apart by their names.
fn free_name(name: &str, known: &[Arc<PendingNotices>]) -> String {
    let is_taken = |name: &str| known.iter().any(|known| known.name() == name);
    let numbered = (2..=known.len() + 1).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_else(|| name.to_owned())
}

impl Drop for PurgeHooks {
    fn drop(&mut self) {
        self.all().iter().for_each(|hook| hook.close());
    }
}

impl fmt::Debug for PurgeHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().iter().map(|hook| hook.name().to_owned())).finish()
    }
}

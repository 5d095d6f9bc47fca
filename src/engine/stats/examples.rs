//! A recent request for each reason for which responses did not come from the store, so that operators
//! can look at one.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use serde::Serialize;

use super::shown::shown;
use crate::{
    counting::serialized::unix_seconds,
    semantics::verdict::{Reason, Verdict},
};

const REASONS: usize = Reason::ALL.len();

/// A recent request that was not answered from the store, or whose response was not stored.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestExample {
    /// Why.
    pub reason: Reason,
    /// The method.
    pub method: String,
    /// The path with its query, at most 512 bytes of them.
    pub url: String,
    /// When it was; serialized as seconds since the Unix epoch.
    #[serde(serialize_with = "unix_seconds")]
    pub at: SystemTime,
}

/// The examples of one cache: a new one for each reason and second at most.
#[derive(Debug)]
pub(crate) struct Examples {
    taken: [AtomicBool; REASONS],
    examples: Mutex<Vec<RequestExample>>,
}

impl Default for Examples {
    fn default() -> Self {
        Self { taken: [const { AtomicBool::new(false) }; REASONS], examples: Mutex::default() }
    }
}

impl Examples {
    /// Whether an example is wanted of a request with this verdict, and for which reason.
    pub(crate) fn wants(&self, verdict: &Verdict) -> Option<Reason> {
        let Verdict::Forwarded { why, stored, .. } = verdict else { return None };
        let reason = stored.err().or_else(|| why.reason())?;
        let taken = self.taken.get(reason as usize)?;
        let is_wanted = !taken.load(Ordering::Relaxed) && !taken.swap(true, Ordering::Relaxed);
        is_wanted.then_some(reason)
    }

    /// Keeps an example in place of the last one for its reason.
    pub(crate) fn keep(&self, reason: Reason, method: &str, url: &str, at: SystemTime) {
        let [method, url] = [method, url].map(|text| shown(text.to_owned()));
        let mut examples = self.lock();
        examples.retain(|known| known.reason != reason);
        examples.push(RequestExample { reason, method, url, at });
    }

    /// Another second has passed.
    pub(crate) fn tick(&self) {
        for taken in &self.taken {
            taken.store(false, Ordering::Relaxed);
        }
    }

    /// The examples, the newest last.
    pub(crate) fn read(&self) -> Vec<RequestExample> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RequestExample>> {
        self.examples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

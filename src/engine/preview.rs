//! How many responses a purge would take.

use std::fmt;

use serde::Serialize;

use super::state::Engine;
use crate::{
    purge::Purge,
    store::{StoreError, StoreErrorKind},
};

/// How many responses a purge would take: [`CacheHandle::preview`](crate::CacheHandle::preview).
///
/// It is shown as `7`, `at least 7` or `not known`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// How many were counted; `None` with a store of your own, which does not say what it has.
    pub responses: Option<u64>,
    /// Whether there may be more: in Redis, counting ends after a second.
    pub at_least: bool,
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.responses, self.at_least) {
            (None, _) => f.write_str("not known"),
            (Some(responses), true) => write!(f, "at least {responses}"),
            (Some(responses), false) => write!(f, "{responses}"),
        }
    }
}

impl Engine {
    /// How many responses the purge would take now.
    pub(crate) async fn preview(&self, purge: Purge) -> Result<Preview, StoreError> {
        let purge = self.with_time(purge);
        if let Some(problem) = purge.problem() {
            return Err(StoreError::with_source(StoreErrorKind::NoTarget, problem));
        }
        let count = self.store.count(self.all_spellings(&purge)).await?;
        Ok(count.map_or_else(Preview::default, |count| Preview {
            responses: Some(count.responses),
            at_least: count.at_least,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_count_is_shown_as_unknown() {
        let shown = |responses, at_least| Preview { responses, at_least }.to_string();
        assert_eq!(shown(Some(7), false), "7");
        assert_eq!(shown(Some(7), true), "at least 7");
        assert_eq!(shown(None, false), "not known");
    }
}

//! Who can explain what becomes of a request: the clones of a cache that serve requests.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use futures_util::future::BoxFuture;

use super::{answer::Explanation, error::ExplainError, inquiry::Inquiry};

/// How many clones with settings of their own are asked. An application has a few.
const MAX_CLONES: usize = 64;

/// A clone of a cache that explains what it does.
pub(crate) trait Explain: Send + Sync {
    /// What the clone would do with the request now.
    fn explain<'a>(
        &'a self,
        inquiry: &'a Inquiry,
    ) -> BoxFuture<'a, Result<Explanation, ExplainError>>;
}

/// All clones that serve requests, each with what tells its settings from others.
#[derive(Default)]
pub(crate) struct Explainers(RwLock<Vec<(usize, Arc<dyn Explain>)>>);

impl Explainers {
    /// Adds a clone, unless one with the same settings is known: each worker has a clone.
    pub(crate) fn add<E>(
        &self,
        settings: usize,
        clone: impl FnOnce() -> Result<Arc<dyn Explain>, E>,
    ) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MAX_CLONES
            && !all.iter().any(|(known, _)| *known == settings)
            && let Ok(clone) = clone()
        {
            all.push((settings, clone));
        }
    }

    /// What becomes of the request: of several clones, the first one answers that caches the path.
    pub(crate) async fn explain(&self, inquiry: &Inquiry) -> Result<Explanation, ExplainError> {
        let all: Vec<_> = {
            let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
            all.iter().map(|(_, clone)| Arc::clone(clone)).collect()
        };
        let mut first = None;
        for clone in &all {
            let mut explanation = clone.explain(inquiry).await?;
            if all.len() > 1 {
                explanation.notes.push(format!(
                    "{} clones of the cache with different settings serve requests; this is what the \
                     first of them says for which the path is",
                    all.len()
                ));
            }
            if explanation.key.is_some() {
                return Ok(explanation);
            }
            first = first.or(Some(explanation));
        }
        first.ok_or(ExplainError::NotServing)
    }
}

impl fmt::Debug for Explainers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Explainers").field("clones", &all.len()).finish()
    }
}

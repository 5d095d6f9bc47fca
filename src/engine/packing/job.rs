//! How bodies are packed, and how many at a time.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::{
    entry::{PackedBodies, codings::pack},
    semantics::negotiation::Coding,
};

/// How many bodies are packed at a time, and how many more wait for it: past that entries stay as they
/// are.
const MAX_RUNNING: usize = 2;
const MAX_JOBS: usize = 64;

/// How bodies are packed.
#[derive(Clone, Debug)]
pub(crate) struct Packing {
    pub(crate) levels: Vec<(Coding, u32)>,
    /// How long a body is at least, in bytes.
    pub(crate) above: usize,
}

impl Packing {
    /// Whether a body of this length is packed.
    pub(crate) fn wants(&self, length: u64) -> bool {
        length > self.above as u64
    }

    pub(super) fn pack(&self, body: &Bytes) -> PackedBodies {
        let packed =
            |(coding, level): &(Coding, u32)| Some((*coding, pack(*coding, *level, body)?));
        self.levels.iter().filter_map(packed).collect()
    }
}

/// Permits for the jobs that pack.
#[derive(Debug)]
pub(crate) struct Packers {
    pub(super) jobs: Arc<Semaphore>,
    pub(super) running: Semaphore,
}

impl Default for Packers {
    fn default() -> Self {
        Self { jobs: Arc::new(Semaphore::new(MAX_JOBS)), running: Semaphore::new(MAX_RUNNING) }
    }
}

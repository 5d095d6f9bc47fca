//! `Memory`: a store in the process's own memory.

/// A store in the process's own memory, shared by all workers of one process.
///
/// | setting | default |
/// | --- | --- |
/// | [`max_capacity`](Self::max_capacity) | 64 MiB |
///
/// ```
/// use actix_response_cache::{Memory, ResponseCache};
///
/// let cache = ResponseCache::new(Memory::new().max_capacity(256 << 20));
/// ```
///
/// Each cache that is made from such a value has memory of its own; clones of one cache share it.
#[must_use = "a store does nothing until a cache gets it"]
#[derive(Clone, Debug)]
pub struct Memory {
    pub(crate) max_capacity: u64,
}

impl Memory {
    /// The defaults of the table above.
    pub fn new() -> Self {
        Self { max_capacity: 64 * 1024 * 1024 }
    }

    /// How much memory entries may take, in bytes. Default: 64 MiB. What tables and allocator add
    /// counts as well: about 1 KiB for each entry beside its body. Entries that are of no more use,
    /// expired and past every stale window, go first, and then those that are not read again.
    ///
    /// Beside that, each worker keeps up to 2 MiB of what it uses most, also for a while after that has
    /// been evicted or purged. What is freed goes back to the allocator, which may keep it for later.
    pub fn max_capacity(mut self, bytes: u64) -> Self {
        self.max_capacity = bytes;
        self
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

//! `Tiered`: memory before Redis.

use super::{memory::Memory, redis::Redis};

/// A store of two tiers: memory before Redis. What the process has stored or read lately is answered
/// without asking Redis.
///
/// What is stored or purged by one process is announced to all others, which takes about a
/// millisecond. A process that does not hear of Redis for a second uses nothing that it had from
/// before, and holds what it gets for at most a second, so that even while Redis is away a handler is
/// called once a second and not for each request.
///
/// ```
/// use actix_response_cache::{Memory, Redis, ResponseCache, Tiered};
///
/// let redis = Redis::new("redis://cache.example").key_prefix("shop:");
/// let cache = ResponseCache::new(Tiered::new(Memory::new().max_capacity(64 << 20), redis));
/// ```
#[must_use = "a store does nothing until a cache gets it"]
#[derive(Clone, Debug)]
pub struct Tiered {
    pub(crate) memory: Memory,
    pub(crate) redis: Redis,
}

impl Tiered {
    /// `memory` before `redis`.
    pub fn new(memory: Memory, redis: Redis) -> Self {
        Self { memory, redis }
    }
}

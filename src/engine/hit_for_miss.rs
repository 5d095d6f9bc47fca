//! Hit-for-miss: for a while after a response that could not be shared, requests for its key do not
//! wait for one another. Without that, each of them would wait for a response that it does not get,
//! and a busy URL that is not stored would be answered one request after the other.

use std::time::Duration;

use super::{flight::Leader, state::Engine};
use crate::key::CacheKey;

/// How long a key stays hit-for-miss after a response that was not stored.
const AFTER_UNSTORED: Duration = Duration::from_secs(5);
/// How long a key stays hit-for-miss after requests have waited for a long stream that could not be shared.
const AFTER_LONG_STREAM: Duration = Duration::from_secs(60);

impl Engine {
    /// The leader's response cannot be shared: its key becomes hit-for-miss, and its followers go
    /// on, side by side.
    pub(super) fn mark_hit_for_miss(&self, leader: Leader) {
        self.hit_for_miss.insert(leader.key(), AFTER_UNSTORED);
        leader.release();
    }

    /// The response of the key is a long stream: the key becomes hit-for-miss.
    pub(crate) fn mark_long_stream(&self, key: &CacheKey) {
        self.hit_for_miss.insert(key, AFTER_LONG_STREAM);
    }

    pub(super) fn is_hit_for_miss(&self, key: &CacheKey) -> bool {
        self.hit_for_miss.contains(key)
    }

    /// A response of the key can be shared.
    pub(super) fn unmark_hit_for_miss(&self, key: &CacheKey) {
        self.hit_for_miss.remove(key);
    }
}

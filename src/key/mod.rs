//! What identifies a request: every part that tells two requests apart. Secrets enter a key as keyed
//! digests only.

#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "public with that feature"))]
pub(crate) mod builder;
mod cache_key;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "public with that feature"))]
mod encoding;
pub(crate) mod host;
pub(crate) mod path;
pub(crate) mod query;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "public with that feature"))]
mod secret;

#[cfg(feature = "testing")]
pub use self::{builder::KeyBuilder, encoding::Part, secret::Secret};
#[cfg(not(feature = "testing"))]
pub(crate) use self::{builder::KeyBuilder, encoding::Part, secret::Secret};
pub use cache_key::CacheKey;
pub(crate) use secret::digest;

#[cfg(test)]
mod tests;

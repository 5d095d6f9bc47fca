//! What identifies a request: every part that tells two requests apart. Secrets enter a key as keyed
//! digests only.

pub(crate) mod builder;
mod cache_key;
mod encoding;
pub(crate) mod host;
pub(crate) mod path;
pub(crate) mod query;
mod secret;

pub use builder::KeyBuilder;
pub use cache_key::CacheKey;
pub use encoding::Part;
pub use secret::Secret;
pub(crate) use secret::digest;

#[cfg(test)]
mod tests;

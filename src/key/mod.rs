//! What identifies a request: every part that tells two requests apart. Secrets enter a key as keyed
//! digests only.

pub(crate) mod builder;
mod cache_key;
#[cfg(feature = "redis")]
mod digests;
mod encoding;
mod hexadecimal;
pub(crate) mod host;
mod parts;
pub(crate) mod path;
pub(crate) mod query;
mod secret;
mod sections;

pub(crate) use self::{
    builder::KeyBuilder,
    encoding::Part,
    hexadecimal::hexadecimal,
    parts::KeyParts,
    secret::{Secret, digest},
};
pub use cache_key::CacheKey;
#[cfg(feature = "redis")]
pub(crate) use digests::KeyDigests;

#[cfg(test)]
mod tests;

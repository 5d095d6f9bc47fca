//! Digests: of keys, for names of a fixed length, and of credentials, under a secret.

use std::fmt;

/// A secret that turns credentials into digests.
#[derive(Clone)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    /// The secret that `material`, of any length, stands for.
    pub(crate) fn new(material: &[u8]) -> Self {
        Self(blake3::derive_key("actix-response-cache 2026 credential digest", material))
    }

    /// What stands for `clear` in a key.
    pub(crate) fn digest(&self, clear: &[u8]) -> [u8; 16] {
        first_half(&blake3::keyed_hash(&self.0, clear))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// 128 bits of a collision-resistant digest.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 16] {
    first_half(&blake3::hash(bytes))
}

pub(super) fn first_half(hash: &blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    half
}

//! `KeyDigests`: what stands for keys in the names of what is stored outside of the process. Those of one
/// version of the application differ from those of another.
use super::{cache_key::CacheKey, secret::first_half};

/// The digests of keys for one version of the application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyDigests(Option<[u8; 32]>);

impl KeyDigests {
    /// Those of this version; of none where it is empty.
    pub(crate) fn for_version(version: &str) -> Self {
        let context = "actix-response-cache 2026 keys of a version";
        Self((!version.is_empty()).then(|| blake3::derive_key(context, version.as_bytes())))
    }

    /// 128 bits that stand for the key.
    pub(crate) fn of(&self, key: &CacheKey) -> [u8; 16] {
        let Some(version) = &self.0 else { return key.digest() };
        first_half(&blake3::keyed_hash(version, key.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyBuilder;

    #[test]
    fn versions_have_digests_of_their_own() {
        let key = |path| KeyBuilder::new(false, "h", path, None).finish();
        let of = |version, path| KeyDigests::for_version(version).of(&key(path));
        assert_eq!(of("", "/"), key("/").digest());
        assert_eq!(of("1", "/"), of("1", "/"));
        let digests = [of("", "/"), of("1", "/"), of("2", "/"), of("1", "/a")];
        let distinct: std::collections::HashSet<_> = digests.into_iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }
}

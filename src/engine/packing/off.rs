//! Without the feature `precompress` nothing is packed; what other processes have packed is served.

/// How bodies are packed: in no way.
#[derive(Debug)]
pub(crate) enum Packing {}

impl Packing {
    pub(crate) fn wants(&self, _: u64) -> bool {
        match *self {}
    }
}

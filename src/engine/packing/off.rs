//! Without the feature `precompress` nothing is packed; what other processes have packed is served.

use std::sync::Arc;

use crate::{engine::Engine, entry::Entry};

/// How bodies are packed: in no way.
#[derive(Debug)]
pub(crate) enum Packing {}

impl Packing {
    pub(crate) fn wants(&self, _: u64) -> bool {
        match *self {}
    }
}

/// The jobs that pack: none.
#[derive(Debug, Default)]
pub(crate) struct Packers;

impl Engine {
    pub(crate) fn pack_behind(_: &Arc<Self>, _: &Arc<Entry>, packing: &Packing) {
        match *packing {}
    }
}

//! The jobs that pack: on threads where no request waits. The packed bodies take the place of the entry
//! that was stored, if that is still there.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::Packing;
use crate::{
    engine::state::Engine,
    entry::{Entry, Kind, PackedBodies},
};

impl Engine {
    /// Packs the body of an entry that has just been stored. No request waits for it.
    pub(crate) fn pack_behind(engine: &Arc<Self>, entry: &Arc<Entry>, packing: &Arc<Packing>) {
        let Some(response) = entry.response() else { return };
        let is_to_be_packed = response.terms().is_negotiated && response.packed.is_empty();
        let Some(body) = response.stored_body().whole().filter(|_| is_to_be_packed) else { return };
        if !packing.wants(body.len() as u64) {
            return;
        }
        let Ok(job) = Arc::clone(&engine.packers.jobs).try_acquire_owned() else { return };
        let (body, packing) = (body.clone(), Arc::clone(packing));
        let (engine, entry) = (Arc::clone(engine), Arc::clone(entry));
        let task = Arc::clone(&engine);
        engine.background_tasks.spawn(async move {
            let _job = job;
            let Ok(_running) = task.packers.running.acquire().await else { return };
            if let Ok(packed) = spawn_blocking(move || packing.pack(&body)).await {
                task.keep_packed(&entry, packed).await;
            }
        });
    }

    /// Puts the entry with its packed bodies in place of the one without. It is as old as that one: a purge
    /// since the handler was called refuses it.
    async fn keep_packed(&self, entry: &Arc<Entry>, packed: PackedBodies) {
        let mut with_packed = Entry::clone(entry);
        let Kind::Response(response) = &mut with_packed.kind else { return };
        if packed.is_empty() {
            return;
        }
        response.packed = packed;
        let passed = self.clock.now().since(response.terms().response_time);
        let keep_for = response.useful_for().saturating_sub(passed);
        if let Err(error) = self.store.replace(entry, Arc::new(with_packed), keep_for).await {
            self.store_failed("store packed bodies", &error);
        }
    }
}

//! A cache fill, from the head of the response on: the entry is committed when the body has come to
//! its clean end, and at no other time. A truncated body is never stored.

use std::{sync::Arc, time::Duration};

use actix_web::http::{
    StatusCode,
    header::{ETAG, HeaderValue},
};
use bytes::Bytes;

use super::{
    flight::{Leader, LogicalTime, Published},
    packing::Packing,
    state::Engine,
    store_watch::StoreWatch,
};
use crate::{
    entry::{Entry, Kind, PackedBodies, Selecting, StoredHeaders, StoredResponse},
    key::CacheKey,
    semantics::{
        coding::is_encodable,
        declared::Declared,
        emitted_groups::EmittedGroups,
        etag::{self, TagForm},
        groups,
        lifetime_source::LifetimeSource,
        terms::Terms,
        verdict::Reason,
    },
};

/// An entry without its body.
#[derive(Debug)]
pub(crate) struct DraftEntry {
    pub(super) engine: Arc<Engine>,
    pub(super) url: CacheKey,
    /// The key of the variant, or of the URL where it has none.
    pub(super) key: CacheKey,
    pub(super) since: LogicalTime,
    pub(super) selecting: Selecting,
    pub(super) groups: Vec<String>,
    pub(super) status: StatusCode,
    pub(super) headers: StoredHeaders,
    pub(super) terms: Terms,
    /// Where the response gets an `ETag` as soon as its body is known: in which form the client is given it.
    pub(super) tag: Option<TagForm>,
    /// How the body is packed for clients, if it is.
    pub(super) packing: Option<Arc<Packing>>,
    pub(super) packed: PackedBodies,
    pub(super) leader: Option<Leader>,
    /// The header that tells its groups, where there is one.
    pub(super) emitted_groups: Option<EmittedGroups>,
    pub(super) watch: StoreWatch,
}

impl DraftEntry {
    /// Whether the store will be asked to keep it, or why not.
    pub(crate) fn can_be_stored(&self) -> Result<(), Reason> {
        self.since.store.map(|_| ()).ok_or(Reason::StoreFailed)
    }

    /// The body is streamed, and may take long.
    pub(crate) fn set_streaming(&mut self) {
        self.leader.iter_mut().for_each(Leader::set_streaming);
    }

    /// Whether other clients may be given the body in another coding than this one: it is to be packed, if
    /// it is of this length.
    pub(crate) fn negotiate(&mut self, length: Option<u64>) -> bool {
        let wants = |packing: &Arc<Packing>| length.is_none_or(|length| packing.wants(length));
        self.packing = self.packing.take().filter(wants);
        self.terms.is_negotiated = self.packing.is_some();
        // nothing outside of the cache changes the bytes
        if self.terms.is_negotiated && self.tag.is_some() {
            self.tag = Some(TagForm::Strong);
        }
        self.terms.is_negotiated
    }

    /// The body of a renewed response has been packed before.
    pub(crate) fn with_packed(self, packed: &PackedBodies) -> Self {
        Self { packed: packed.clone(), ..self }
    }

    /// Gives the response an `ETag`, made of this body, where it is to have one. The client is given this
    /// form of it.
    pub(crate) fn make_etag(&mut self, body: &[u8]) -> Option<HeaderValue> {
        let form = self.tag.take()?;
        let tag = etag::tag(&self.headers, body);
        self.headers = self.headers.with(&ETAG, &tag);
        self.terms.etag_is_made = true;
        self.terms.etag_may_be_weak = !self.terms.is_negotiated && is_encodable(&self.headers);
        Some(form.apply(tag))
    }

    /// The body has come to its clean end: stores the response. Where the store takes its time,
    /// no request waits for that. The body has memory of its own: it is no slice of a larger buffer.
    pub(crate) fn commit(mut self, body: Bytes) {
        if !self.terms.is_negotiated {
            self.negotiate(Some(body.len() as u64));
        }
        self.make_etag(&body);
        let packing = self.packing.take();
        let packed = std::mem::take(&mut self.packed);
        let engine = Arc::clone(&self.engine);
        let Self {
            url,
            key,
            since,
            selecting,
            groups,
            status,
            headers,
            terms,
            mut leader,
            watch,
            ..
        } = self;
        // now, as the client has its response, and may send another request before the store is asked
        leader.iter_mut().for_each(Leader::begin_put);
        let response = StoredResponse::new(status, headers, &terms, body);
        let kind = Kind::Response(response.with_packed(packed));
        let entry = Entry { key, since: since.store.unwrap_or_default(), groups, kind };
        let entry = Arc::new(entry);
        let published = Arc::new(Published { entry, url, selecting, stored: Ok(()) });
        let task = Arc::clone(&engine);
        let storing =
            async move { task.store_entry(published, since, leader, packing, watch).await };
        // a response may always be left out of the store
        if !engine.background_tasks.run_or_drop(engine.store.is_immediate(), storing) {
            engine.counters.error();
        }
    }

    /// The draft of a renewed response. Its handler took this time for the whole response; a 304 says less
    /// about that, so the longer time is kept.
    pub(crate) fn with_handler_time(self, took: Duration) -> Self {
        let took = self.terms.took.max(took);
        Self { terms: Terms { took, ..self.terms }, ..self }
    }

    /// What the response has its lifetime from.
    pub(crate) fn lifetime_from(&self) -> LifetimeSource {
        self.terms.lifetime_from
    }

    /// The path of its URL.
    pub(crate) fn path(&self) -> &str {
        self.url.path()
    }

    /// The handler has declared more of the response after its head.
    pub(crate) fn declare(&mut self, declared: Declared) -> Result<(), Reason> {
        self.terms = declared.amend(self.terms)?;
        Ok(())
    }

    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Adds groups of the response.
    pub(crate) fn add_groups(&mut self, more: &[String]) -> Result<(), Reason> {
        if more.iter().any(|group| !self.groups.contains(group)) {
            let groups = std::mem::take(&mut self.groups);
            self.groups = groups::within_bounds([groups.as_slice(), more].concat())?;
            self.write_groups();
        }
        Ok(())
    }

    /// Tells its groups in this header.
    pub(crate) fn emitting_groups(mut self, header: &EmittedGroups) -> Self {
        self.emitted_groups = Some(header.clone());
        self.write_groups();
        self
    }

    fn write_groups(&mut self) {
        let Some(header) = &self.emitted_groups else { return };
        let mut fields = self.headers.expand().collect();
        if !header.write(&mut fields, &self.groups) {
            self.engine.left_out_groups(header);
        }
        self.headers = fields.into_iter().collect();
    }

    /// The response as it will be stored, with this body.
    pub(crate) fn response(&self, body: Bytes) -> StoredResponse {
        let packed = self.packed.clone();
        let response = StoredResponse::new(self.status, self.headers.clone(), &self.terms, body);
        response.with_packed(packed)
    }

    /// The response will not be stored after all.
    pub(crate) fn abandon(mut self, why: Reason) {
        self.engine.left_out(why, &self.key);
        self.watch.tell(Err(why));
        let Some(leader) = self.leader.take() else { return };
        if why == Reason::BodyFailed {
            leader.fail();
        } else {
            self.engine.mark_hit_for_miss(leader);
        }
    }

    /// The client has disconnected before the end of the body: the next follower calls the handler.
    pub(crate) fn abandon_on_disconnect(self) {
        self.engine.left_out(Reason::BodyFailed, &self.key);
    }
}

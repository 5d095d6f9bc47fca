//! A cache fill, up to the head of the handler's response: it begins before the handler is called,
//! and decides whether the response is stored. Then it becomes a [draft](super::draft_entry).

use std::{sync::Arc, time::Duration};

use actix_web::http::{
    Method, StatusCode,
    header::{ACCEPT_ENCODING, ETAG, HeaderName, HeaderValue},
};

use super::{
    draft_entry::DraftEntry,
    flight::{Leader, LogicalTime},
    lookup::{Lookup, variant_key},
    packing::Packing,
    state::Engine,
    store_watch::StoreWatch,
};
use crate::{
    entry::{Entry, PackedBodies, Selecting},
    key::{CacheKey, Secret},
    semantics::{
        date::{Moment, Monotonic, Timestamp},
        etag::{TagForm, wants_tag},
        fields::{Fields, HeaderList, RequestView, ResponseView, header_list},
        negotiation::{is_packable, known_tag},
        no_vary_search::NoVarySearch,
        policy::Policy,
        storing::{Exchange, Storable, UncoveredCredentials, storable},
        validation::{Condition, evaluate, is_conditional},
        verdict::Reason,
    },
};

/// A cache fill whose handler is being called.
#[derive(Debug)]
pub(crate) struct CacheFill {
    engine: Arc<Engine>,
    key: CacheKey,
    /// The logical time before the handler was called. The store refuses the response where a purge
    /// concerns it that came after this time.
    since: LogicalTime,
    begun_at: Monotonic,
    method: Method,
    /// The request's headers as they came: inner middleware may change its copy.
    headers: HeaderList,
    secret: Secret,
    uncovered: UncoveredCredentials,
    is_personal: bool,
    may_renew: bool,
    /// The handler failed, and the response is made of its error.
    handler_failed: bool,
    /// The role in the flight, where other requests may be waiting.
    leader: Option<Leader>,
    watch: StoreWatch,
}

/// What is added to a handler's response before it is stored.
#[derive(Debug)]
pub(crate) struct Added {
    /// An `ETag`, of which the client is given this form.
    tag: Option<TagForm>,
    /// The body in other codings.
    packing: Option<Arc<Packing>>,
}

/// The conditions of a client's request, for which the handler has been called without them.
#[derive(Debug)]
pub(crate) struct ClientConditions {
    method: Method,
    fields: HeaderList,
    received: Timestamp,
}

impl ClientConditions {
    /// Whether the client has this response already.
    pub(crate) fn are_met_by<F: Fields + ?Sized>(&self, res: &ResponseView<'_, F>) -> bool {
        let request = RequestView { method: &self.method, fields: self.fields.as_slice() };
        evaluate(&request, res, self.received) == Condition::NotModified
    }

    /// The tag of the packed form that the client has of this response, whose body is packed later.
    pub(crate) fn packed_form<F: Fields + ?Sized>(
        &self,
        res: &ResponseView<'_, F>,
    ) -> Option<HeaderValue> {
        let is_answered = self.method == Method::GET && res.status == StatusCode::OK;
        let tag = res.fields.first(&ETAG).filter(|_| is_answered)?;
        known_tag(self.fields.as_slice(), tag, None, |_| false)
    }
}

/// When a fill begins, in the order of purges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FillTime {
    since: LogicalTime,
    /// Whether the stored entry that is being validated may be renewed: no purge has removed it up to
    /// this time.
    may_renew: bool,
}

impl Engine {
    /// When a fill begins whose handler is called next. Where the handler is asked to validate a
    /// `stored` entry, its 304 may renew the entry only if no purge has removed that meanwhile: the
    /// 304 of a handler with a coarse validator, such as a date of whole seconds, would bring back
    /// what was purged.
    pub(crate) async fn fill_time(
        &self,
        leader: Option<&mut Leader>,
        stored: Option<&Entry>,
    ) -> FillTime {
        // first, as a purge of this process is counted before it reaches the store
        let process = self.local_purges.purge_number().number();
        // not read again where the lease brought it
        let number = match (stored, leader.and_then(Leader::take_purge_number)) {
            (Some(entry), _) => self.store.purge_number_to_renew(entry).await,
            (None, Some(number)) => Ok((number, false)),
            (None, None) => self.store.purge_number().await.map(|number| (number, false)),
        };
        let (store, may_renew) = match number {
            Ok((number, may_renew)) => (Some(number), may_renew),
            Err(error) => {
                self.store_failed("read the logical time", &error);
                (None, false)
            }
        };
        FillTime { since: LogicalTime { store, process }, may_renew }
    }

    /// Begins a cache fill, before the handler is called.
    pub(crate) fn begin_fill(
        self: &Arc<Self>,
        lookup: &Lookup<'_>,
        is_personal: bool,
        mut leader: Option<Leader>,
        time: FillTime,
    ) -> CacheFill {
        let FillTime { since, may_renew } = time;
        if let Some(leader) = &mut leader {
            leader.begin(since);
        }
        CacheFill {
            engine: Arc::clone(self),
            key: lookup.key.clone(),
            since,
            begun_at: self.clock.monotonic(),
            method: lookup.view.method.clone(),
            headers: header_list(lookup.view.fields),
            secret: lookup.secret.clone(),
            uncovered: lookup.uncovered,
            is_personal,
            may_renew,
            handler_failed: false,
            leader,
            watch: StoreWatch::default(),
        }
    }
}

impl CacheFill {
    /// The same fill, which tells `watch` whether its response was stored.
    pub(crate) fn watched(self, watch: StoreWatch) -> Self {
        Self { watch, ..self }
    }

    /// Whether the handler's response may renew the stored response that is being validated.
    pub(crate) fn may_renew(&self) -> bool {
        self.may_renew
    }

    /// Whether the handler's response may be stored, and under which terms.
    pub(crate) fn check_storable<F: Fields + ?Sized>(
        &self,
        res: &ResponseView<'_, F>,
        policy: &Policy,
    ) -> Result<Storable, Reason> {
        let received = self.now();
        let response_delay = received.monotonic.since(self.begun_at);
        let exchange = Exchange { received, response_delay };
        let storable = storable(&self.request(), res, self.uncovered, exchange, policy)?;
        // a response that cannot be stored may be shared all the same, where others wait for it
        match (self.since.store, &self.leader) {
            (None, None) => Err(Reason::StoreFailed),
            _ => Ok(storable),
        }
    }

    /// The time at which the response counts as received.
    pub(crate) fn now(&self) -> Moment {
        self.engine.clock.moment()
    }

    /// The request as it came.
    fn request(&self) -> RequestView<'_, [(HeaderName, HeaderValue)]> {
        RequestView { method: &self.method, fields: &self.headers }
    }

    /// What the client says of the response that it has.
    pub(crate) fn client_conditions(&self) -> ClientConditions {
        let is_condition = |(name, _): &&(HeaderName, HeaderValue)| {
            is_conditional(name) || *name == ACCEPT_ENCODING
        };
        let fields = self.headers.iter().filter(is_condition).cloned().collect();
        ClientConditions { method: self.method.clone(), fields, received: self.now().date }
    }

    /// What is added to the handler's response before it is stored. `packing` is how bodies are packed.
    pub(crate) fn added<F: Fields + ?Sized>(
        &self,
        res: &ResponseView<'_, F>,
        makes_etags: bool,
        packing: Option<&Arc<Packing>>,
    ) -> Added {
        let form = || TagForm::of(self.headers.as_slice(), res.fields);
        let is_packed = || self.method == Method::GET && is_packable(res);
        Added {
            tag: (makes_etags && wants_tag(&self.method, res)).then(form),
            packing: packing.filter(|_| is_packed()).cloned(),
        }
    }

    /// Whether no cache downstream may share the response.
    pub(crate) fn is_personal(&self) -> bool {
        self.is_personal
    }

    /// Ends the fill: the response, of this status, is not stored.
    pub(crate) fn refuse(mut self: Box<Self>, why: Reason, status: StatusCode) {
        self.engine.left_out(why, &self.key);
        self.watch.tell(Err(why));
        let Some(leader) = self.leader.take() else { return };
        if self.handler_failed {
            leader.fail();
        } else if says_nothing_about_next(why, status) {
            leader.retry();
        } else {
            self.engine.mark_hit_for_miss(leader);
        }
    }

    /// Ends the fill: the handler has failed without a response, and no stale one is served.
    pub(crate) fn end_without_response(mut self) {
        if let Some(leader) = self.leader.take() {
            leader.fail();
        }
    }

    /// The response is made of an error of the handler.
    pub(crate) fn set_handler_failed(&mut self) {
        self.handler_failed = true;
    }

    /// Ends the fill: the handler has failed, and the stale response of `key` is served. For
    /// `backoff` the handler is not called again, and followers are served the stale response too.
    pub(crate) fn end_with_stale(mut self, key: &CacheKey, backoff: Duration) {
        self.engine.failing_handlers.insert(key, backoff);
        if let Some(leader) = self.leader.take()
            && !backoff.is_zero()
        {
            leader.release();
        }
    }

    /// The draft of an entry for a response of this `status`, of which `fields` are stored.
    pub(crate) fn into_draft(
        self: Box<Self>,
        status: StatusCode,
        fields: HeaderList,
        storable: &Storable,
        groups: Vec<String>,
        added: Added,
    ) -> Result<DraftEntry, Reason> {
        let (url, selecting) = match self.stored_under(&fields, &storable.selecting) {
            Ok(stored_under) => stored_under,
            Err(why) => {
                self.refuse(why, status);
                return Err(why);
            }
        };
        let key = if selecting.is_empty() {
            url.clone()
        } else {
            variant_key(&url, &selecting, self.headers.as_slice(), &self.secret)
        };
        Ok(DraftEntry {
            engine: self.engine,
            url,
            key,
            since: self.since,
            selecting,
            groups,
            status,
            headers: fields.into_iter().collect(),
            terms: storable.terms,
            tag: added.tag,
            packing: added.packing,
            packed: PackedBodies::default(),
            leader: self.leader,
            emitted_groups: None,
            watch: self.watch,
        })
    }

    /// The URL's key under which the response is stored, and what selects between its variants.
    fn stored_under(
        &self,
        fields: &[(HeaderName, HeaderValue)],
        names: &[HeaderName],
    ) -> Result<(CacheKey, Selecting), Reason> {
        let rule = NoVarySearch::parse(fields);
        let url = match self.engine.no_vary_search.learn(&self.key, rule) {
            // purges of URLs of this path did not know that the response answers them
            Some((_, true)) if self.is_any_url_purged() => return Err(Reason::Purged),
            Some((url, _)) => url,
            None => self.key.clone(),
        };
        // a URL that has varied may vary again, though this response has no `Vary`
        let known = self.engine.vary.selecting(&url);
        let mut selecting = known.map(Arc::unwrap_or_clone).unwrap_or_default();
        if !names.is_empty() {
            selecting.add(names);
        }
        selecting.learn(self.headers.as_slice(), fields);
        Ok((url, selecting))
    }

    /// Whether a URL of the path has been purged since the handler was called.
    fn is_any_url_purged(&self) -> bool {
        let purged = |since| self.engine.store.is_any_url_purged_since(&self.key, since);
        self.since.store.is_some_and(purged)
    }
}

/// Whether the response to the next request may be stored although this one is not: the handler
/// failed, or this response concerns its own request only.
fn says_nothing_about_next(why: Reason, status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status.as_u16(), 206 | 304 | 412 | 416)
        || why.is_of_credentials()
        || why == Reason::RequestNoStore
}

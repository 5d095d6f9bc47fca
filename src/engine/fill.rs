//! From a handler's response to an entry in the store: begun before the handler runs, judged when
//! its head is there, committed when its body has come to a clean end, and at no other time.

use std::{sync::Arc, time::Duration};

use actix_web::http::{Method, StatusCode, header::HeaderMap};
use bytes::Bytes;

use super::{
    flight::{Lead, LogicalTime, Published},
    state::Engine,
};
use crate::{
    entry::{Entry, Kind, Selecting, StoredResponse},
    key::CacheKey,
    semantics::{
        date::{Moment, Monotonic},
        fields::{FieldList, Fields, RequestView, ResponseView},
        groups,
        no_vary_search::NoVarySearch,
        policy::Policy,
        storing::{Exchange, UncoveredCredentials, storable},
        terms::Terms,
        validation::{Condition, evaluate},
        vary,
        verdict::Reason,
    },
};

/// A fill that has begun: the handler is being asked.
#[derive(Debug)]
pub(crate) struct Fill {
    engine: Arc<Engine>,
    key: CacheKey,
    /// The logical time before the handler was called.
    since: LogicalTime,
    begun: Monotonic,
    method: Method,
    /// The request's fields as they came: inner middleware may change its copy.
    fields: HeaderMap,
    uncovered: UncoveredCredentials,
    personal: bool,
    /// The stored response that is asked about may be renewed by the answer.
    renews: bool,
    /// The handler failed, and the response is made of its error.
    has_failed: bool,
    /// Others may be waiting.
    lead: Option<Lead>,
}

/// A response that will be stored once its whole body is there.
#[derive(Debug)]
pub(crate) struct Draft {
    engine: Arc<Engine>,
    url: CacheKey,
    key: CacheKey,
    since: LogicalTime,
    selecting: Selecting,
    groups: Vec<String>,
    status: StatusCode,
    fields: FieldList,
    terms: Terms,
    lead: Option<Lead>,
}

impl Engine {
    /// Begins a fill. To be called before the handler is. Where the handler is to be asked whether a
    /// `stored` entry still is good, its answer may renew the entry only if no purge has taken that
    /// meanwhile: a date of whole seconds, and any validator of a handler that is slow to notice,
    /// confirms what was purged.
    pub(crate) async fn begin_fill(
        self: &Arc<Self>,
        key: CacheKey,
        req: &RequestView<'_, HeaderMap>,
        uncovered: UncoveredCredentials,
        personal: bool,
        mut lead: Option<Lead>,
        stored: Option<&Entry>,
    ) -> Fill {
        // first, as a purge of this process is counted before it reaches the store
        let process = self.purges_here.purge_number().number();
        let mark = match stored {
            Some(entry) => self.store.purge_number_to_renew(entry).await,
            None => self.store.purge_number().await.map(|mark| (mark, false)),
        };
        let (store, renews) = match mark {
            Ok((mark, renews)) => (Some(mark), renews),
            Err(error) => {
                self.failed("read the logical time", &error);
                (None, false)
            }
        };
        let since = LogicalTime { store, process };
        if let Some(lead) = &mut lead {
            lead.begin(since);
        }
        Fill {
            engine: Arc::clone(self),
            key,
            since,
            begun: self.clock.monotonic(),
            method: req.method.clone(),
            fields: req.fields.clone(),
            uncovered,
            personal,
            renews,
            has_failed: false,
            lead,
        }
    }
}

impl Fill {
    /// Whether the stored response that is asked about may be renewed by the handler's answer.
    pub(crate) fn renews(&self) -> bool {
        self.renews
    }

    /// Whether the handler's response may be stored, and under which terms.
    pub(crate) fn judge<F: Fields + ?Sized>(
        &self,
        res: &ResponseView<'_, F>,
        policy: &Policy,
    ) -> Result<Terms, Reason> {
        let received = self.now();
        let response_delay = received.monotonic.since(self.begun);
        let exchange = Exchange { received, response_delay };
        let terms = storable(&self.request(), res, self.uncovered, exchange, policy)?;
        // what is not stored may be shared all the same, where there is a request to share it with
        match (self.since.store, &self.lead) {
            (None, None) => Err(Reason::StoreFailed),
            _ => Ok(terms),
        }
    }

    /// The time at which the response counts as received.
    pub(crate) fn now(&self) -> Moment {
        self.engine.clock.moment()
    }

    /// The request as it came.
    pub(crate) fn request(&self) -> RequestView<'_, HeaderMap> {
        RequestView { method: &self.method, fields: &self.fields }
    }

    /// Whether the client has this response already, as the conditions of its request say.
    pub(crate) fn is_known_to_client<F: Fields + ?Sized>(&self, res: &ResponseView<'_, F>) -> bool {
        evaluate(&self.request(), res, self.now().date) == Condition::NotModified
    }

    /// Whether a URL of the path has been purged since the handler was called.
    fn is_any_url_purged(&self) -> bool {
        let purged = |since| self.engine.store.is_any_url_purged_since(&self.key, since);
        self.since.store.is_some_and(purged)
    }

    /// Whether no cache behind this one may share the response.
    pub(crate) fn is_personal(&self) -> bool {
        self.personal
    }

    /// The response, of this status, is not stored.
    pub(crate) fn refuse(mut self, why: Reason, status: StatusCode) {
        self.engine.counters.not_stored(why);
        let Some(lead) = self.lead.take() else { return };
        if self.has_failed {
            lead.fail();
        } else if says_nothing_about_next(why, status) {
            lead.retry();
        } else {
            self.engine.mark_hit_for_miss(lead);
        }
    }

    /// The handler has failed without a response, and there is no stale one either.
    pub(crate) fn failed_without_response(mut self) {
        if let Some(lead) = self.lead.take() {
            lead.fail();
        }
    }

    /// The handler failed with an error of the server's, of which the response is made.
    pub(crate) fn fails(&mut self) {
        self.has_failed = true;
    }

    /// The handler has failed, and a stale response stands in. The handler is left alone for
    /// `pause`, in which those who wait have the stale response too.
    pub(crate) fn failed(mut self, key: &CacheKey, pause: Duration) {
        self.engine.failing.set(key, pause);
        if let Some(lead) = self.lead.take()
            && !pause.is_zero()
        {
            lead.release();
        }
    }

    /// The entry-to-be, of the response `res`. `fields` are those of its fields that are stored.
    pub(crate) fn draft<F: Fields + ?Sized>(
        self,
        res: &ResponseView<'_, F>,
        fields: FieldList,
        terms: Terms,
        groups: Vec<String>,
    ) -> Result<Draft, Reason> {
        // a header that is not stored, such as one that `Connection` names, selects all the same
        let names = match vary::selecting(res.fields) {
            Ok(names) => names,
            Err(why) => {
                self.refuse(why, res.status);
                return Err(why);
            }
        };
        let search = NoVarySearch::parse(res.fields);
        let url = match self.engine.search.learn(&self.key, search) {
            // purges of its URLs did not know that this is an answer to them
            Some((_, true)) if self.is_any_url_purged() => {
                self.refuse(Reason::Purged, res.status);
                return Err(Reason::Purged);
            }
            Some((url, _)) => url,
            None => self.key,
        };
        // what has varied may vary again, though this response, being plain, does not say so
        let known = self.engine.vary.selecting(&url);
        let mut selecting = known.map(Arc::unwrap_or_clone).unwrap_or_default();
        selecting.add(&names);
        selecting.learn(&self.fields, res.fields);
        let key = if selecting.is_empty() {
            url.clone()
        } else {
            self.engine.variant_key(&url, &selecting, &self.fields)
        };
        Ok(Draft {
            engine: self.engine,
            url,
            key,
            since: self.since,
            selecting,
            groups,
            status: res.status,
            fields,
            terms,
            lead: self.lead,
        })
    }
}

impl Draft {
    /// Whether the store is asked to keep it, or why not.
    pub(crate) fn is_for_store(&self) -> Result<(), Reason> {
        self.since.store.map(|_| ()).ok_or(Reason::StoreFailed)
    }

    /// The body is streamed, and may be for long.
    pub(crate) fn streams(&mut self) {
        self.lead.iter_mut().for_each(Lead::streams);
    }

    /// The body has come to its clean end: stores the response. Where the store takes its time,
    /// no request waits for that. The body has memory of its own: it is no slice of a larger buffer.
    pub(crate) fn commit(self, body: Bytes) {
        let engine = Arc::clone(&self.engine);
        let Self { url, key, since, selecting, groups, status, fields, terms, mut lead, .. } = self;
        // now, as the client has its answer, and may ask again before the store is asked
        lead.iter_mut().for_each(Lead::close);
        let kind = Kind::Response(StoredResponse { status, fields, terms, body });
        let entry = Entry { key, since: since.store.unwrap_or_default(), groups, kind };
        let published =
            Published { entry: Arc::new(entry.with_own_head()), url, selecting, stored: Ok(()) };
        let task = Arc::clone(&engine);
        let storing = async move { task.store_entry(published, since, lead).await };
        if !engine.pending.run(engine.store.is_immediate(), storing) {
            engine.counters.error();
        }
    }

    /// The response is in these groups too.
    pub(crate) fn add_groups(&mut self, more: &[String]) -> Result<(), Reason> {
        if more.iter().any(|group| !self.groups.contains(group)) {
            let groups = std::mem::take(&mut self.groups);
            self.groups = groups::within_bounds([groups.as_slice(), more].concat())?;
        }
        Ok(())
    }

    /// The response as it will be stored, with this body.
    pub(crate) fn response(&self, body: Bytes) -> StoredResponse {
        let (status, fields, terms) = (self.status, self.fields.clone(), self.terms);
        StoredResponse { status, fields, terms, body }
    }

    /// The response will not be stored after all.
    pub(crate) fn abandon(mut self, why: Reason) {
        self.engine.counters.not_stored(why);
        let Some(lead) = self.lead.take() else { return };
        if why == Reason::BodyFailed {
            lead.fail();
        } else {
            self.engine.mark_hit_for_miss(lead);
        }
    }

    /// The client has gone before the end of the body: the next follower asks the handler.
    pub(crate) fn abandon_with_client(self) {
        self.engine.counters.not_stored(Reason::BodyFailed);
    }
}

/// Whether the handler may well answer the next request with what can be stored: it failed, or
/// answered what only this request asked.
fn says_nothing_about_next(why: Reason, status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status.as_u16(), 206 | 304 | 412 | 416)
        || why.is_of_credentials()
        || why == Reason::RequestNoStore
}

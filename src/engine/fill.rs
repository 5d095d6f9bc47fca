//! From a handler's response to an entry in the store: begun before the handler runs, judged when
//! its head is there, committed when its body has come to a clean end, and at no other time.

use std::{sync::Arc, time::Duration};

use actix_web::http::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName},
};
use bytes::Bytes;

use super::{
    Engine,
    flight::{Landed, Lead},
};
use crate::{
    entry::{Entry, Kind, StoredResponse},
    key::CacheKey,
    purge::{Mark, Purge},
    semantics::{
        date::Timestamp,
        fields::{FieldList, Fields, RequestView, ResponseView},
        groups,
        no_vary_search::NoVarySearch,
        policy::Policy,
        storing::{Credentials, Exchange, storable},
        terms::Terms,
        vary,
        verdict::WhyNot,
    },
    store::{Put, StoreErrorKind},
};

/// For so long nobody waits for the answers of a key whose answer was not stored.
const UNSHARED: Duration = Duration::from_secs(5);

/// A fill that has begun: the handler is being asked.
#[derive(Debug)]
pub(crate) struct Fill {
    engine: Arc<Engine>,
    key: CacheKey,
    /// The store's logical time before the handler ran; `None` where the store did not tell.
    since: Option<Mark>,
    request_time: Timestamp,
    method: Method,
    /// The request's fields as they came: inner middleware may change its copy.
    fields: HeaderMap,
    unkeyed: Credentials,
    personal: bool,
    /// The stored response that is asked about may be renewed by the answer.
    renews: bool,
    /// Others may be waiting.
    lead: Option<Lead>,
}

/// A response that will be stored once its whole body is there.
#[derive(Debug)]
pub(crate) struct Draft {
    engine: Arc<Engine>,
    url: CacheKey,
    key: CacheKey,
    since: Mark,
    names: Vec<HeaderName>,
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
        unkeyed: Credentials,
        personal: bool,
        lead: Option<Lead>,
        stored: Option<&Entry>,
    ) -> Fill {
        let mark = match stored {
            Some(entry) => self.store.mark_to_renew(entry).await,
            None => self.store.mark().await.map(|mark| (mark, false)),
        };
        let (since, renews) = match mark {
            Ok((mark, renews)) => (Some(mark), renews),
            Err(error) => {
                self.failed("read the logical time", &error);
                (None, false)
            }
        };
        if let (Some(lead), Some(since)) = (&lead, since) {
            lead.begin(since);
        }
        Fill {
            engine: Arc::clone(self),
            key,
            since,
            request_time: self.clock.now(),
            method: req.method.clone(),
            fields: req.fields.clone(),
            unkeyed,
            personal,
            renews,
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
    ) -> Result<Terms, WhyNot> {
        let exchange = Exchange { request_time: self.request_time, response_time: self.now() };
        let terms = storable(&self.request(), res, self.unkeyed, exchange, policy)?;
        self.since.ok_or(WhyNot::StoreFailed).map(|_| terms)
    }

    /// The time at which the response counts as received.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// The request as it came.
    pub(crate) fn request(&self) -> RequestView<'_, HeaderMap> {
        RequestView { method: &self.method, fields: &self.fields }
    }

    /// Whether no cache behind this one may share the response.
    pub(crate) fn is_personal(&self) -> bool {
        self.personal
    }

    /// The response, of this status, is not stored.
    pub(crate) fn refuse(mut self, why: WhyNot, status: StatusCode) {
        self.engine.counters.not_stored(why);
        if let Some(lead) = self.lead.take()
            && !speaks_for_itself(why, status)
        {
            self.engine.unshare(lead);
        }
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
    ) -> Result<Draft, WhyNot> {
        // a field that is not stored, such as one that `Connection` names, selects all the same
        let selected = vary::selecting(res.fields).and_then(|names| {
            let since = self.since.ok_or(WhyNot::StoreFailed)?;
            Ok((names, since))
        });
        let (mut names, since) = match selected {
            Ok(selected) => selected,
            Err(why) => {
                self.refuse(why, res.status);
                return Err(why);
            }
        };
        let search = NoVarySearch::parse(res.fields);
        let url = match self.engine.search.learn(&self.key, search) {
            // purges of its URLs did not know that this is an answer to them
            Some((_, true)) if self.engine.store.is_any_url_purged_since(&self.key, since) => {
                self.refuse(WhyNot::Purged, res.status);
                return Err(WhyNot::Purged);
            }
            Some((url, _)) => url,
            None => self.key,
        };
        // what has varied may vary again, though this response, being plain, does not say so
        if let Some(known) = self.engine.vary.names(&url) {
            names.extend(known.iter().cloned());
            names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
            names.dedup();
        }
        let key = match names.as_slice() {
            [] => url.clone(),
            names => self.engine.variant_key(&url, names, &self.fields),
        };
        Ok(Draft {
            engine: self.engine,
            url,
            key,
            since,
            names,
            groups,
            status: res.status,
            fields,
            terms,
            lead: self.lead,
        })
    }
}

impl Draft {
    /// The body has come to its clean end: stores the response. Where the store takes its time,
    /// nobody waits for it. The body has memory of its own: it is no slice of a larger buffer.
    pub(crate) fn commit(self, body: Bytes) {
        let engine = Arc::clone(&self.engine);
        let Self { url, key, since, names, groups, status, fields, terms, lead, .. } = self;
        let response = StoredResponse { status, fields, terms, body };
        let entry = Entry { key, since, groups, kind: Kind::Response(response) };
        let landed = Landed { entry: Arc::new(entry.with_own_head()), url, names };
        if engine.store.is_immediate() {
            use futures_util::FutureExt as _;
            let _done = engine.store_entry(landed, lead).now_or_never();
        } else {
            let task = Arc::clone(&engine);
            engine.pending.spawn(async move { task.store_entry(landed, lead).await });
        }
    }

    /// The response is in these groups too.
    pub(crate) fn add_groups(&mut self, more: &[String]) -> Result<(), WhyNot> {
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
    pub(crate) fn abandon(mut self, why: WhyNot) {
        self.engine.counters.not_stored(why);
        if let Some(lead) = self.lead.take()
            && why != WhyNot::BodyFailed
        {
            self.engine.unshare(lead);
        }
    }
}

/// Whether the handler may well answer the next request with what can be stored: it failed, or
/// answered what only this request asked. Then one of those who wait tries next.
fn speaks_for_itself(why: WhyNot, status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status.as_u16(), 206 | 304 | 412 | 416)
        || why.is_of_credentials()
        || why == WhyNot::RequestNoStore
}

impl Engine {
    async fn store_entry(&self, landed: Landed, mut lead: Option<Lead>) {
        let Landed { entry, url, names } = &landed;
        lead.iter().for_each(Lead::close);
        let keep_for = entry.response().map_or_else(Default::default, StoredResponse::useful_for);
        match self.store.put(Arc::clone(entry), keep_for).await {
            Ok(Put::Kept) => self.counters.stored(),
            // whoever waits may have come after the purge: the next one asks the handler anew
            Ok(Put::Stale) => {
                self.counters.stored();
                drop(lead.take());
            }
            Ok(Put::Refused) => return self.counters.not_stored(WhyNot::Purged),
            Err(error) => {
                let why = match error.kind() {
                    StoreErrorKind::TooLarge => WhyNot::TooLarge,
                    _ => self.failed("store", &error),
                };
                self.counters.not_stored(why);
                return lead.map_or((), |lead| self.unshare(lead));
            }
        }
        let mut displaced = None;
        if !names.is_empty() {
            displaced = self.vary.stored(url, names, &entry.key);
            self.store_note(&landed, keep_for).await;
        }
        if let Some(lead) = lead {
            self.land(lead, landed);
        }
        if let Some(oldest) = displaced {
            self.purge_uncounted(Purge::entry(oldest)).await;
        }
    }

    /// Stores the note that the URL has variants; named by the same groups as the variant, so that
    /// a purge of the group leaves no note without variants.
    async fn store_note(&self, variant: &Landed, keep_for: Duration) {
        let Entry { since, ref groups, .. } = *variant.entry;
        let (key, kind) = (variant.url.clone(), Kind::Varies(variant.names.clone()));
        let note = Entry { key, since, groups: groups.clone(), kind };
        if let Err(error) = self.store.put(Arc::new(note), keep_for).await {
            self.failed("store the variants' note", &error);
        }
    }

    /// Gives what has been stored to those who wait, if it can answer anybody.
    fn land(&self, lead: Lead, landed: Landed) {
        let terms = landed.entry.response().map(|response| response.terms);
        if terms.is_some_and(|terms| !terms.no_cache && terms.initial_age < terms.lifetime) {
            self.unshared.clear(lead.key());
            lead.land(landed);
        } else {
            self.unshare(lead);
        }
    }

    /// Nobody waits for answers that cannot be shared.
    fn unshare(&self, lead: Lead) {
        self.unshared.set(lead.key(), UNSHARED);
        lead.release();
    }
}

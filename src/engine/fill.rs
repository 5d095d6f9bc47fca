//! From a handler's response to an entry in the store: begun before the handler runs, judged when
//! its head is there, committed when its body has come to a clean end, and at no other time.

use std::sync::Arc;

use actix_web::http::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName},
};
use bytes::Bytes;

use super::Engine;
use crate::{
    entry::{Entry, Kind, StoredResponse},
    key::CacheKey,
    purge::Mark,
    semantics::{
        date::Timestamp,
        fields::{FieldList, Fields, RequestView, ResponseView},
        no_vary_search::NoVarySearch,
        policy::Policy,
        storing::{Credentials, Exchange, storable},
        terms::Terms,
        vary,
        verdict::WhyNot,
    },
};

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
}

impl Engine {
    /// Begins a fill. To be called before the handler is.
    pub(crate) async fn begin_fill(
        self: &Arc<Self>,
        key: CacheKey,
        req: &RequestView<'_, HeaderMap>,
        unkeyed: Credentials,
        personal: bool,
    ) -> Fill {
        let since = match self.store.mark().await {
            Ok(mark) => Some(mark),
            Err(error) => {
                self.failed("read the logical time", &error);
                None
            }
        };
        Fill {
            engine: Arc::clone(self),
            key,
            since,
            request_time: self.clock.now(),
            method: req.method.clone(),
            fields: req.fields.clone(),
            unkeyed,
            personal,
        }
    }
}

impl Fill {
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

    /// The entry-to-be, of the response `res`. `fields` are those of its fields that are stored.
    pub(crate) fn draft<F: Fields + ?Sized>(
        self,
        res: &ResponseView<'_, F>,
        fields: FieldList,
        terms: Terms,
        groups: Vec<String>,
    ) -> Result<Draft, WhyNot> {
        let search = NoVarySearch::parse(res.fields);
        let url = self.engine.search.learn(&self.key, search).unwrap_or(self.key);
        // a field that is not stored, such as one that `Connection` names, selects all the same
        let mut names = vary::selecting(res.fields)?;
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
            since: self.since.ok_or(WhyNot::StoreFailed)?,
            names,
            groups,
            status: res.status,
            fields,
            terms,
        })
    }
}

impl Draft {
    /// The body has come to its clean end: stores the response. Where the store takes its time,
    /// nobody waits for it.
    pub(crate) fn commit(self, body: Bytes) {
        let engine = Arc::clone(&self.engine);
        let Self { url, key, since, names, groups, status, fields, terms, .. } = self;
        let response = StoredResponse { status, fields, terms, body };
        let entry = Entry { key, since, groups, kind: Kind::Response(response) };
        if engine.store.is_immediate() {
            use futures_util::FutureExt as _;
            let _done = engine.store_entry(url, names, entry).now_or_never();
        } else {
            let task = Arc::clone(&engine);
            engine.pending.spawn(async move { task.store_entry(url, names, entry).await });
        }
    }

    /// The response as it will be stored, with this body.
    pub(crate) fn response(&self, body: Bytes) -> StoredResponse {
        let (status, fields, terms) = (self.status, self.fields.clone(), self.terms);
        StoredResponse { status, fields, terms, body }
    }

    /// The response will not be stored after all.
    pub(crate) fn abandon(self, why: WhyNot) {
        self.engine.counters.not_stored(why);
    }
}

impl Engine {
    async fn store_entry(&self, url: CacheKey, names: Vec<HeaderName>, entry: Entry) {
        let keep_for = entry.response().map_or_else(Default::default, StoredResponse::useful_for);
        let (since, variant, groups) = (entry.since, entry.key.clone(), entry.groups.clone());
        if let Err(error) = self.store.put(Arc::new(entry), keep_for).await {
            self.counters.not_stored(self.failed("store", &error));
            return;
        }
        self.counters.stored();
        if names.is_empty() {
            return;
        }
        let displaced = self.vary.stored(&url, &names, &variant);
        // named by the same groups, so that a purge of the group leaves no note without variants
        let note = Entry { key: url, since, groups, kind: Kind::Varies(names) };
        if let Err(error) = self.store.put(Arc::new(note), keep_for).await {
            self.failed("store the variants' note", &error);
        }
        if let Some(oldest) = displaced {
            self.purge_uncounted(&crate::purge::Purge::Entry(oldest)).await;
        }
    }
}

//! From a handler's response to what is stored of it: at once where its body is there, else when it
//! has streamed to its end.

use std::{borrow::Cow, rc::Rc};

use actix_web::{
    body::{BodySize, MessageBody},
    dev::ServiceResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;

use super::late_hints::StreamedHints;
use crate::{
    config::{paths::RuleNumber, policies::NamedPolicy},
    engine::{cache_fill::CacheFill, draft_entry::DraftEntry, jitter, recording::Recording},
    middleware::{
        body::CacheBody, context::RequestContext, recorder::Recorder, respond::negotiated::mark,
        worker::Worker,
    },
    semantics::{
        declared::Declared,
        fields::{Fields, HeaderList, ResponseView, header_list},
        groups::{self, invalidated_groups},
        policy::Policy,
        stored_fields::storable_fields,
        storing::Storable,
        validation::has_validator,
        verdict::{Reason, Stored},
    },
};

/// What decides whether and how a response is stored, beside the response itself.
pub(super) struct Storing<'a> {
    pub(super) worker: &'a Rc<Worker>,
    pub(super) context: &'a RequestContext,
    /// The rule of the request's path.
    pub(super) rule: Option<RuleNumber>,
    /// The request's path as the router matches it.
    pub(super) routed: &'a str,
    /// Whether it is the response to a POST.
    pub(super) is_post: bool,
    /// The groups of a stored response that a 304 or the response to a HEAD has brought up to date:
    /// it stays in them, as handlers name groups beside a body.
    pub(super) groups: &'a [String],
    /// What was declared of that stored response.
    pub(super) before: Declared,
}

/// A handler's response on its way to the client.
pub(super) struct Handled<B> {
    pub(super) res: ServiceResponse<CacheBody<B>>,
    pub(super) stored: Stored,
    /// Whether its body is packed for other requests.
    pub(super) is_negotiated: bool,
}

impl<B> Handled<B> {
    fn not_stored(res: ServiceResponse<B>, why: Reason) -> Self {
        let res = res.map_body(|_, body| CacheBody::passed(body));
        Self { res, stored: Err(why), is_negotiated: false }
    }
}

/// Stores the response, or says why not.
pub(super) fn store<B: MessageBody + 'static>(
    worker: &Rc<Worker>,
    context: &RequestContext,
    rule: Option<RuleNumber>,
    fill: Box<CacheFill>,
    mut res: ServiceResponse<B>,
) -> Handled<B> {
    let routed = res.request().match_info().as_str();
    let chosen = context.hints().policy.as_deref().and_then(|name| worker.plan.policy(name));
    let client = worker.plan.client(rule, chosen.map(|policy| policy.number));
    let client = client.map(|client| (client, fill.now().date));
    let personal = fill.is_personal();
    let is_post = *res.request().method() == Method::POST;
    let before = Declared::default();
    let storing = Storing { worker, context, rule, routed, is_post, groups: &[], before };
    let emitted = storing.emitted_groups(res.headers());
    let draft = storing.draft(fill, res.status(), header_list(res.headers()));
    // after the headers were taken, so that what is stored is the handler's word alone
    if let Some((client, now)) = client
        && !matches!(draft, Err(Reason::InnerCache))
    {
        client.write(res.response_mut(), now, personal);
    }
    if let Some((name, value)) = emitted {
        res.headers_mut().insert(name, value);
    }
    match draft {
        Ok(draft) => store_body(worker, context, rule, draft, res),
        Err(why) => Handled::not_stored(res, why),
    }
}

impl Storing<'_> {
    /// The entry-to-be of a response without its body, or why there is none. The response is the
    /// handler's, or a stored one that has been brought up to date.
    pub(super) fn draft(
        &self,
        fill: Box<CacheFill>,
        status: StatusCode,
        fields: HeaderList,
    ) -> Result<DraftEntry, Reason> {
        let res = ResponseView { status, fields: fields.as_slice() };
        let decided = self.policy(status).and_then(|policy| {
            // the handler says that it has changed something
            if self.is_post && !invalidated_groups(res.fields).is_empty() {
                return Err(Reason::Method);
            }
            let (storable, groups) = self.decide(&fill, &policy, &res)?;
            Ok((policy, storable, groups))
        });
        let (policy, storable, groups) = match decided {
            Ok(decided) => decided,
            Err(why) => {
                fill.refuse(why, status);
                return Err(why);
            }
        };
        let plan = &self.worker.plan;
        let added = fill.added(&res, plan.makes_etags, plan.packing.as_ref());
        let fields = stored_headers(self.worker, &policy, fields, &storable);
        let draft = fill.into_draft(status, fields, &storable, groups, added)?;
        Ok(match &self.worker.plan.responses().emitted_groups {
            Some(header) => draft.emitting_groups(header),
            None => draft,
        })
    }

    /// The policy that the handler has chosen, now or when it made the stored response.
    fn chosen(&self) -> Result<Option<&NamedPolicy>, Reason> {
        let chosen = self.worker.chosen_policy(&self.context.hints())?;
        Ok(chosen.or_else(|| self.worker.plan.policy_numbered(self.before.policy)))
    }

    /// By which policy a response of this status is stored. An error where the handler has said that it is
    /// not.
    fn policy(&self, status: StatusCode) -> Result<Cow<'_, Policy>, Reason> {
        // what the cache inside keeps out is kept out here as well
        if self.context.inner().is_some() {
            return Err(Reason::InnerCache);
        }
        let hints = self.context.hints();
        if let Some(why) = hints.refusal() {
            return Err(why);
        }
        let chosen = self.chosen()?;
        if chosen.is_some_and(NamedPolicy::is_bypass) {
            return Err(Reason::OptedOut);
        }
        let policy = self.worker.plan.treatment(self.rule, chosen).policy(self.is_post);
        let declared = hints.declared(chosen, status).or(self.before);
        if declared == Declared::default() {
            return Ok(policy);
        }
        Ok(Cow::Owned(Policy { declared, ..policy.into_owned() }))
    }

    /// Whether a response is stored, under which terms and in which groups.
    fn decide(
        &self,
        fill: &CacheFill,
        policy: &Policy,
        res: &ResponseView<'_, [(HeaderName, HeaderValue)]>,
    ) -> Result<(Storable, Vec<String>), Reason> {
        let worker = self.worker;
        let mut storable = fill.check_storable(res, policy)?;
        // a lifetime that was declared before was shortened then
        if self.before.ttl.is_none() || policy.declared.ttl != self.before.ttl {
            let jitter = worker.plan.responses().ttl_jitter;
            jitter::shorten_lifetime(&mut storable.terms, jitter, fastrand::f64());
        }
        Ok((storable, self.all_groups(res.fields)?))
    }

    /// The groups of a response: those of its rule and its policy, of its headers, and of hints.
    fn all_groups<F: Fields + ?Sized>(&self, fields: &F) -> Result<Vec<String>, Reason> {
        let plan = &self.worker.plan;
        let mut all = plan.groups(self.rule, self.chosen()?, self.routed);
        all.extend_from_slice(self.groups);
        all.extend(groups::groups(fields, plan.compliance().surrogate_keys)?);
        all.extend(self.context.hints().groups.iter().cloned());
        groups::within_bounds(all)
    }

    /// The header that tells a CDN in front the groups of a response, stored here or not: it may store
    /// what this cache does not.
    fn emitted_groups(&self, fields: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
        let header = self.worker.plan.responses().emitted_groups.as_ref()?;
        let groups = self.all_groups(fields).unwrap_or_default();
        let (value, is_whole) = header.value(fields, &groups);
        if !is_whole {
            self.worker.engine.left_out_groups(header);
        }
        Some((header.name.clone(), value?))
    }
}

pub(super) fn view<B>(res: &ServiceResponse<B>) -> ResponseView<'_, HeaderMap> {
    ResponseView { status: res.status(), fields: res.headers() }
}

/// The headers to store: without those of one request, and always with a `Date`. What is for this
/// cache only is kept where a 304 may come that does not repeat it, and stripped from responses.
fn stored_headers(
    worker: &Worker,
    policy: &Policy,
    fields: HeaderList,
    storable: &Storable,
) -> HeaderList {
    let keep_targets =
        worker.plan.compliance().forward_targeted_headers || has_validator(fields.as_slice());
    let mut fields = storable_fields(fields, &storable.withheld, policy, keep_targets);
    fields.retain(|(name, _)| !worker.plan.excluded_headers.contains(name));
    if !fields.iter().any(|(name, _)| *name == header::DATE) {
        let date = worker.date(storable.terms.response_time);
        fields.extend(date.map(|date| (header::DATE, date)));
    }
    fields
}

fn store_body<B: MessageBody + 'static>(
    worker: &Rc<Worker>,
    context: &RequestContext,
    rule: Option<RuleNumber>,
    mut draft: DraftEntry,
    mut res: ServiceResponse<B>,
) -> Handled<B> {
    let at_most = worker.plan.responses().max_body;
    let stated = stated_length(&res);
    let has_body = !matches!(res.status(), StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    if has_body && stated.is_some_and(|stated| stated > at_most as u64) {
        draft.abandon(Reason::TooLarge);
        return Handled::not_stored(res, Reason::TooLarge);
    }
    let from = draft.lifetime_from();
    let mut stored = draft.can_be_stored().map(|()| from);
    let is_negotiated = draft.negotiate(stated);
    if is_negotiated {
        mark(res.headers_mut());
    }
    let res = res.map_body(|head, body| match body.try_into_bytes() {
        Ok(bytes) => {
            let is_whole = check(&bytes, stated, at_most);
            stored = is_whole.and(stored);
            match is_whole {
                Ok(()) => {
                    if let Some(tag) = draft.make_etag(&bytes) {
                        head.headers_mut().insert(header::ETAG, tag);
                    }
                    // copied, as it may be a slice of a larger buffer, all of which it would keep
                    draft.commit(Bytes::copy_from_slice(&bytes));
                }
                Err(why) => draft.abandon(why),
            }
            CacheBody::whole(bytes)
        }
        Err(body) => {
            draft.set_streaming();
            let max_bytes = worker.plan.responses().recording_budget;
            let reservation = worker.engine.recording_budget().reservation(max_bytes);
            let recording = Recording::new(at_most, stated, reservation);
            let late = Box::new(StreamedHints::new(worker, context, rule));
            CacheBody::recorded(body, Recorder::new(draft, late, recording))
        }
    });
    Handled { res, stored, is_negotiated }
}

/// The length that the response states for its body.
fn stated_length<B: MessageBody>(res: &ServiceResponse<B>) -> Option<u64> {
    let field = res.headers().get(header::CONTENT_LENGTH);
    match (field, res.response().body().size()) {
        // a length that is no number is never met, so nothing is stored
        (Some(value), _) => {
            Some(value.to_str().ok().and_then(|v| v.parse().ok()).unwrap_or(u64::MAX))
        }
        (None, BodySize::Sized(length)) => Some(length),
        (None, _) => None,
    }
}

fn check(bytes: &Bytes, stated: Option<u64>, at_most: usize) -> Result<(), Reason> {
    if bytes.len() > at_most {
        Err(Reason::TooLarge)
    } else if stated.is_some_and(|stated| stated != bytes.len() as u64) {
        Err(Reason::BodyLength)
    } else {
        Ok(())
    }
}

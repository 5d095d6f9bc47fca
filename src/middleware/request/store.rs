//! From a handler's response to what is stored of it: at once where its body is there, else when it
//! has streamed to its end.

use actix_web::{
    body::{BodySize, MessageBody},
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;

use crate::{
    config::{paths::RuleNumber, resolved_rule::ResolvedRule},
    engine::{cache_fill::CacheFill, draft_entry::DraftEntry, jitter, recording::Recording},
    middleware::{body::CacheBody, context::RequestContext, recorder::Recorder, worker::Worker},
    semantics::{
        fields::{HeaderList, ResponseView, header_list},
        groups,
        stored_fields::storable_fields,
        storing::Storable,
        validation::has_validator,
        verdict::Reason,
    },
};

/// What decides whether and how a response is stored, beside the response itself.
pub(super) struct Storing<'a> {
    pub(super) worker: &'a Worker,
    pub(super) context: &'a RequestContext,
    /// The rule of the request's path.
    pub(super) rule: Option<RuleNumber>,
    /// The request's path as the router matches it.
    pub(super) routed: &'a str,
    /// The groups of a stored response that a 304 or the response to a HEAD has brought up to date:
    /// it stays in them, as handlers name groups beside a body.
    pub(super) groups: &'a [String],
}

/// Stores the response, or says why not.
pub(super) fn store<B: MessageBody + 'static>(
    worker: &Worker,
    context: &RequestContext,
    rule: Option<RuleNumber>,
    fill: Box<CacheFill>,
    mut res: ServiceResponse<B>,
) -> (ServiceResponse<CacheBody<B>>, Result<(), Reason>) {
    let routed = res.request().match_info().as_str();
    let client = worker.plan.client(rule).map(|client| (client, fill.now().date));
    let personal = fill.is_personal();
    let draft = Storing { worker, context, rule, routed, groups: &[] }.draft(
        fill,
        res.status(),
        header_list(res.headers()),
    );
    // after the headers were taken, so that what is stored is the handler's word alone
    if let Some((client, now)) = client
        && !matches!(draft, Err(Reason::InnerCache))
    {
        client.write(res.response_mut(), now, personal);
    }
    match draft {
        Ok(draft) => store_body(worker, context, draft, res),
        Err(why) => (res.map_body(|_, body| CacheBody::passed(body)), Err(why)),
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
        let treatment = self.worker.plan.rule(self.rule);
        let mut groups = self.worker.plan.groups(self.rule, self.routed);
        groups.extend_from_slice(self.groups);
        let res = ResponseView { status, fields: fields.as_slice() };
        let (storable, groups) = match self.decide(&fill, treatment, groups, &res) {
            Ok(decided) => decided,
            Err(why) => {
                fill.refuse(why, status);
                return Err(why);
            }
        };
        let fields = stored_headers(self.worker, treatment, fields, &storable);
        fill.into_draft(status, fields, &storable, groups)
    }

    /// Whether a response is stored at all, under which terms and in which groups.
    fn decide(
        &self,
        fill: &CacheFill,
        treatment: &ResolvedRule,
        mut groups: Vec<String>,
        res: &ResponseView<'_, [(HeaderName, HeaderValue)]>,
    ) -> Result<(Storable, Vec<String>), Reason> {
        let Self { worker, context, .. } = self;
        // what the cache inside keeps out is kept out here as well
        if context.inner().is_some() {
            return Err(Reason::InnerCache);
        }
        if context.hints().no_store {
            return Err(Reason::OptedOut);
        }
        let mut storable = fill.check_storable(res, &treatment.policy)?;
        let jitter = worker.plan.responses().ttl_jitter;
        jitter::shorten_lifetime(&mut storable.terms, jitter, fastrand::f64());
        groups.extend(groups::groups(res.fields, worker.plan.compliance().surrogate_keys)?);
        groups.extend(context.hints().groups.iter().cloned());
        Ok((storable, groups::within_bounds(groups)?))
    }
}

pub(super) fn view<B>(res: &ServiceResponse<B>) -> ResponseView<'_, header::HeaderMap> {
    ResponseView { status: res.status(), fields: res.headers() }
}

/// The headers to store: without those of one request, and always with a `Date`. What is for this
/// cache only is kept where a 304 may come that does not repeat it, and stripped from responses.
fn stored_headers(
    worker: &Worker,
    treatment: &ResolvedRule,
    fields: HeaderList,
    storable: &Storable,
) -> HeaderList {
    let keep_targets =
        worker.plan.compliance().forward_targeted_headers || has_validator(fields.as_slice());
    let mut fields = storable_fields(fields, &storable.withheld, &treatment.policy, keep_targets);
    fields.retain(|(name, _)| !worker.plan.excluded_headers.contains(name));
    if !fields.iter().any(|(name, _)| *name == header::DATE) {
        let date = worker.date(storable.terms.response_time);
        fields.extend(date.map(|date| (header::DATE, date)));
    }
    fields
}

fn store_body<B: MessageBody + 'static>(
    worker: &Worker,
    context: &RequestContext,
    mut draft: DraftEntry,
    res: ServiceResponse<B>,
) -> (ServiceResponse<CacheBody<B>>, Result<(), Reason>) {
    let at_most = worker.plan.responses().max_body;
    let stated = stated_length(&res);
    let has_body = !matches!(res.status(), StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    if has_body && stated.is_some_and(|stated| stated > at_most as u64) {
        draft.abandon(Reason::TooLarge);
        return (res.map_body(|_, body| CacheBody::passed(body)), Err(Reason::TooLarge));
    }
    let mut stored = draft.can_be_stored();
    let res = res.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => {
            let is_whole = check(&bytes, stated, at_most);
            stored = is_whole.and(stored);
            match is_whole {
                // copied, as it may be a slice of a larger buffer, all of which it would keep
                Ok(()) => draft.commit(Bytes::copy_from_slice(&bytes)),
                Err(why) => draft.abandon(why),
            }
            CacheBody::whole(bytes)
        }
        Err(body) => {
            draft.set_streaming();
            let max_bytes = worker.plan.responses().recording_budget;
            let reservation = worker.engine.recording_budget().reservation(max_bytes);
            let recording = Recording::new(at_most, stated, reservation);
            CacheBody::recorded(body, Recorder::new(draft, context.share_hints(), recording))
        }
    });
    (res, stored)
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

//! Requests that do not concern the cache: they go to the handler, and their responses pass.

use std::{rc::Rc, time::Duration};

use actix_web::{Error, body::MessageBody, dev::ServiceResponse, http::Method};

use super::validate_only::validate;
use crate::{
    config::{downstream::make_private, paths::Refusal},
    middleware::{
        body::{CacheBody, CacheResult},
        context::RequestContext,
        report::{Report, write_headers},
        span,
        worker::{Worker, place},
    },
    semantics::verdict::{Reason, Verdict},
};

/// The handler has responded to a request that has the shared context of bypasses, or failed.
pub(crate) fn finish<B: MessageBody + 'static>(
    worker: &Rc<Worker>,
    Refusal { why, rule }: Refusal,
    res: Result<ServiceResponse<B>, Error>,
) -> CacheResult<B> {
    let mut verdict = Verdict::bypassed(why);
    let res = res.inspect_err(|_| worker.count(rule, &verdict))?;
    let is_measured = *res.request().method() != Method::HEAD;
    let mut res = res.map_body(|_, body| match CacheBody::passed(body) {
        body if is_measured => body.measured(&worker.counters, place(rule)),
        body => body,
    });
    if why == Reason::ValidateOnly {
        let (validated, status) = validate(worker, res);
        (res, verdict) = (validated, verdict.with_status(status));
    }
    worker.take_example(res.request(), &verdict);
    let inner = RequestContext::inner_of(res.request());
    worker.strip(&mut res);
    if concerns_keys(why) {
        worker.report_downstream(rule, &mut res);
    }
    if RequestContext::is_private(res.request()) {
        make_private(res.headers_mut());
    }
    if inner.is_none() {
        worker.count(rule, &verdict);
        if span::is_wanted() {
            span::record(&span::begin(), worker, rule, None, &verdict);
        }
        write_headers(worker, res.response_mut(), verdict, None);
    } else {
        let (saved, begun) = (Duration::ZERO, None);
        let (outer, verdict_holder, key, span) = (None, None, None, None);
        let report = Report { outer, inner, verdict_holder, key, rule, saved, begun, span };
        report.write(worker, res.response_mut(), verdict);
    }
    Ok(res)
}

/// Whether a request that bypasses the cache is one of those that have keys, though this one may have
/// none: a cache downstream could serve its response to one that has.
pub(super) fn concerns_keys(why: Reason) -> bool {
    use Reason::{AmbiguousPath, Excluded, Method, NotIncluded, ValidateOnly};
    !matches!(why, Method | Excluded | NotIncluded | AmbiguousPath | ValidateOnly)
}

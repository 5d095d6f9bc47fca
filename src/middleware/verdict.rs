//! The verdict of the cache on a request, for middleware outside of it: access logs, traces, metrics.

use std::fmt;

use actix_web::HttpRequest;

use super::context;
use crate::semantics::verdict::{Reason, StaleCause, Verdict, VerdictKind};

/// What the cache did with a request, for access logs and other middleware outside of the cache.
///
/// ```
/// use actix_response_cache::{CacheVerdict, ResponseCache, Responses};
/// use actix_web::{App, dev::Service as _, web};
///
/// let app = App::new()
///     .route("/", web::get().to(async || "Hello"))
///     .wrap(ResponseCache::memory().responses(Responses::new().verdict(true)))
///     // outside of the cache, as it is registered after it
///     .wrap_fn(|req, service| {
///         let response = service.call(req);
///         async move {
///             let res = response.await?;
///             if let Some(verdict) = CacheVerdict::of(res.request()) {
///                 // `/ 200 hit`, `/form 200 miss private`, `/me 200 bypass cookie`
///                 println!("{} {} {verdict}", res.request().path(), res.status().as_u16());
///             }
///             Ok(res)
///         }
///     });
/// ```
///
/// Where a request passes several caches, it is the verdict of the outermost of those that the reader
/// is outside of. A middleware that returns an error has no request to read it from.
///
/// It is displayed as the word for its kind, then its reasons.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheVerdict {
    /// Where the response comes from.
    pub kind: VerdictKind,
    /// Why the request was not served from the store: `None` where it was, and where nothing was
    /// stored for it.
    pub reason: Option<Reason>,
    /// Why the handler's response is not stored: `None` where it is, and where it was not to be.
    pub not_stored: Option<Reason>,
    /// Why a stale response is served instead of the handler's: `None` where it is not, and where it
    /// is revalidated in the background.
    pub stale_cause: Option<StaleCause>,
    /// Whether the response is that of another request, which this one has waited for.
    pub collapsed: bool,
    /// The pattern of the rule that applies to the request's path.
    pub rule: Option<String>,
}

impl CacheVerdict {
    /// The verdict on the request of a response; `None` where no cache inside leaves one, as
    /// [`Responses::verdict`](crate::Responses::verdict) is not set.
    pub fn of(req: &HttpRequest) -> Option<Self> {
        let (worker, verdict) = context::verdict(req)?;
        let rule = worker.plan.rule_of(req.match_info().as_str());
        let rule = rule.and_then(|rule| worker.plan.rule_pattern(rule));
        Some(Self { rule: rule.map(str::to_owned), ..Self::without_rule(verdict) })
    }

    fn without_rule(verdict: Verdict) -> Self {
        let kind = VerdictKind::of(&verdict);
        let (mut reason, mut not_stored) = (None, None);
        let (mut stale_cause, mut is_collapsed) = (None, false);
        match verdict {
            Verdict::Hit { .. } | Verdict::Stale { .. } => {}
            Verdict::StaleFallback { cause, .. } => stale_cause = Some(cause),
            Verdict::Refused(why) => reason = Some(why),
            Verdict::Forwarded { why, stored, collapsed, .. } => {
                reason = why.reason();
                not_stored = stored.err().filter(|_| kind != VerdictKind::Bypass);
                is_collapsed = collapsed;
            }
        }
        Self { kind, reason, not_stored, stale_cause, collapsed: is_collapsed, rule: None }
    }
}

impl fmt::Display for CacheVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(cause) = self.stale_cause {
            write!(f, " {}", cause.as_str())?;
        }
        for reason in self.reason.iter().chain(&self.not_stored) {
            write!(f, " {reason}")?;
        }
        Ok(())
    }
}

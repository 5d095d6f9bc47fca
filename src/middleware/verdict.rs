//! The verdict of the cache on a request, for middleware outside of it: access logs, traces, metrics.

use std::fmt;

use actix_web::HttpRequest;

use super::context;
use crate::semantics::verdict::{Forwarding, Reason, StaleCause, Verdict};

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

/// Where a response comes from.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerdictKind {
    /// From the store, and fresh.
    Hit,
    /// From the store, and stale.
    Stale,
    /// From the handler, as the store had no response that could be used; or a 504 to
    /// `only-if-cached`.
    Miss,
    /// From the handler, as the request is not for the cache.
    Bypass,
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
                reason = reason_of(why);
                not_stored = stored.err().filter(|_| kind != VerdictKind::Bypass);
                is_collapsed = collapsed;
            }
        }
        Self { kind, reason, not_stored, stale_cause, collapsed: is_collapsed, rule: None }
    }
}

impl VerdictKind {
    /// The kind in lower case: `hit`, `stale`, `miss` or `bypass`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }

    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Hit { .. } => Self::Hit,
            Verdict::Stale { .. } | Verdict::StaleFallback { .. } => Self::Stale,
            Verdict::Forwarded { .. } if verdict.is_bypass() => Self::Bypass,
            Verdict::Forwarded { .. } | Verdict::Refused(_) => Self::Miss,
        }
    }
}

fn reason_of(forwarding: Forwarding) -> Option<Reason> {
    match forwarding {
        Forwarding::Bypass(why) | Forwarding::Miss(why) => Some(why),
        Forwarding::Method => Some(Reason::Method),
        Forwarding::Request => Some(Reason::RequestDirective),
        Forwarding::Stale => Some(Reason::Stale),
        Forwarding::UriMiss | Forwarding::VaryMiss => None,
    }
}

impl fmt::Display for VerdictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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

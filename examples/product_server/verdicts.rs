//! `Verdicts`: what the cache did with the last requests. The middleware that records them is
//! outside of the cache, where hits are seen, too.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
    middleware::Next,
    web::Data,
};

/// The page that lists verdicts, and its stylesheet: each view of it would push two others out.
const UNRECORDED: [&str; 2] = ["/", "/style.css"];

/// How many verdicts are kept.
const MAX_VERDICTS: usize = 20;

/// How many characters of a target are kept. Clients choose them, and may send 64 KiB.
const MAX_TARGET: usize = 120;

/// The verdicts of the last requests to all workers.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(Mutex<VecDeque<Verdict>>);

impl Verdicts {
    pub(crate) fn newest_first(&self) -> Vec<Verdict> {
        self.lock().iter().cloned().collect()
    }

    fn push(&self, verdict: Verdict) {
        let mut verdicts = self.lock();
        verdicts.truncate(MAX_VERDICTS - 1);
        verdicts.push_front(verdict);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Verdict>> {
        // no code that may panic holds the lock between two changes
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// When the response was there.
    pub(crate) at: Instant,
    /// Method and target, as the client sent them.
    pub(crate) request: String,
    pub(crate) status: StatusCode,
    /// The time until the response was there; its body may have taken longer.
    pub(crate) took: Duration,
    /// The value of `Cache-Status`; empty where there is none.
    pub(crate) cache_status: String,
}

/// The middleware. Registered after the cache, so that it is outside of it.
pub(crate) async fn record(
    verdicts: Data<Verdicts>,
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody + 'static>, Error> {
    if UNRECORDED.contains(&req.path()) {
        return next.call(req).await;
    }
    let started = Instant::now();
    let request = format!("{} {}", req.method(), shorten(&req.uri().to_string()));
    let outcome = next.call(req).await;
    let (status, cache_status) = match &outcome {
        Ok(res) => (res.status(), cache_status(res.headers())),
        Err(error) => (error.as_response_error().status_code(), String::new()),
    };
    let at = Instant::now();
    verdicts.push(Verdict { at, request, status, took: at.duration_since(started), cache_status });
    outcome
}

fn shorten(target: &str) -> String {
    let mut letters = target.chars();
    let mut short: String = letters.by_ref().take(MAX_TARGET).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

/// All values in one line: each cache on the way appends its own.
fn cache_status(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::CACHE_STATUS).filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{MAX_TARGET, shorten};

    #[test]
    fn long_target_is_cut_between_characters() {
        let longest = "ü".repeat(MAX_TARGET);
        assert_eq!(shorten(&longest), longest);
        assert_eq!(shorten(&format!("{longest}ü")), format!("{longest}…"));
    }
}

//! The verdict on a request, as a middleware outside of the cache reads it for its log.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_response_cache::{
    CacheVerdict, Clock, Reason, ResponseCache, Responses, Rule, StaleCause, VerdictKind,
};
use actix_web::{
    App, HttpResponse,
    dev::{Service as _, ServiceResponse},
    test::{TestRequest, init_service},
};

use futures_util::future::join;

use crate::support::{
    Origin,
    gate::{Gate, is_waiting},
    get, get_with, send, settle,
};

/// A cache whose requests carry verdicts.
fn logged_cache() -> ResponseCache {
    ResponseCache::memory().responses(Responses::new().verdict(true))
}

/// What a log has read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Option<CacheVerdict>>>>);

impl Log {
    fn read<B>(&self, res: &ServiceResponse<B>) {
        self.0.lock().unwrap().push(CacheVerdict::of(res.request()));
    }

    fn last(&self) -> CacheVerdict {
        self.0.lock().unwrap().pop().unwrap().unwrap()
    }

    fn shown(&self) -> String {
        self.last().to_string()
    }
}

/// A middleware that logs.
macro_rules! logging {
    ($log:expr) => {{
        let log = $log.clone();
        move |req, service| {
            let (response, log) = (service.call(req), log.clone());
            async move {
                let res = response.await?;
                log.read(&res);
                Ok(res)
            }
        }
    }};
}

/// An application with one cache, and a log outside of it.
macro_rules! logged {
    ($cache:expr, $origin:expr, $log:expr) => {
        init_service(
            App::new()
                .wrap($cache.clone())
                .wrap_fn(logging!($log))
                .default_service($origin.route()),
        )
        .await
    };
}

#[actix_rt::test]
async fn verdict_says_hit_and_miss_with_reasons() {
    let clock = Clock::manual();
    let cache = logged_cache().clock(clock.clone()).ttl(Duration::from_secs(10));
    let (log, origin) = (
        Log::default(),
        Origin::new(|req, _| match req.path() {
            "/private" => HttpResponse::Ok().insert_header(("cache-control", "private")).finish(),
            _ => HttpResponse::Ok().body("…"),
        }),
    );
    let app = logged!(cache, origin, log);
    send(&app, get("/")).await;
    let miss = log.last();
    assert_eq!((miss.kind, miss.reason, miss.not_stored), (VerdictKind::Miss, None, None));
    send(&app, get("/")).await;
    let hit = log.last();
    assert_eq!((hit.kind, hit.reason, hit.rule.as_deref()), (VerdictKind::Hit, None, None));
    assert_eq!(hit.to_string(), "hit");
    send(&app, get("/private")).await;
    assert_eq!(log.last().not_stored, Some(Reason::Private));
    clock.advance(Duration::from_secs(10));
    send(&app, get("/")).await;
    assert_eq!(log.last().reason, Some(Reason::Stale));
    send(&app, get_with("/new", ("cache-control", "only-if-cached"))).await;
    assert_eq!(log.shown(), "miss only-if-cached");
}

#[actix_rt::test]
async fn verdict_says_bypass_with_reason() {
    let cache = logged_cache().exclude("/users/me");
    let (log, origin) = (Log::default(), Origin::counting());
    let app = logged!(cache, origin, log);
    send(&app, get("/users/me")).await;
    let bypass = log.last();
    assert_eq!((bypass.kind, bypass.reason), (VerdictKind::Bypass, Some(Reason::Excluded)));
    assert_eq!((bypass.not_stored, bypass.to_string()), (None, "bypass excluded".to_owned()));
    send(&app, get_with("/", ("cookie", "session=1"))).await;
    assert_eq!(log.shown(), "bypass cookie");
    send(&app, TestRequest::post().uri("/")).await;
    assert_eq!(log.shown(), "bypass method");
}

#[actix_rt::test]
async fn verdict_names_rule_of_path() {
    let rule = Rule::new().ttl(Duration::from_secs(30));
    let cache = logged_cache().rule("/products/{id}", rule).rule("/admin", Rule::bypass());
    let (log, origin) = (Log::default(), Origin::counting());
    let app = logged!(cache, origin, log);
    for (path, shown, rule) in [
        ("/products/7", "miss", Some("/products/{id}")),
        ("/products/7", "hit", Some("/products/{id}")),
        ("/admin", "bypass excluded", Some("/admin")),
        ("/", "miss", None),
    ] {
        send(&app, get(path)).await;
        let verdict = log.last();
        assert_eq!(
            (verdict.to_string().as_str(), verdict.rule.as_deref()),
            (shown, rule),
            "{path}"
        );
    }
}

#[actix_rt::test]
async fn verdict_says_why_stale_response_is_served() {
    let clock = Clock::manual();
    let cache = logged_cache()
        .clock(clock.clone())
        .ttl(Duration::from_secs(10))
        .stale_while_revalidate(Duration::from_secs(10))
        .stale_if_error(Duration::from_secs(60));
    let (log, origin) = (
        Log::default(),
        Origin::new(|_, call| match call {
            1 | 2 => HttpResponse::Ok().body("…"),
            _ => HttpResponse::BadGateway().finish(),
        }),
    );
    let app = logged!(cache, origin, log);
    send(&app, get("/")).await;
    clock.advance(Duration::from_secs(15));
    send(&app, get("/")).await;
    let revalidated = log.last();
    assert_eq!((revalidated.kind, revalidated.stale_cause), (VerdictKind::Stale, None));
    settle(&cache).await;
    clock.advance(Duration::from_secs(30));
    send(&app, get("/")).await;
    let failed = log.last();
    assert_eq!(
        (failed.kind, failed.stale_cause),
        (VerdictKind::Stale, Some(StaleCause::Failed(Some(502))))
    );
    send(&app, get("/")).await;
    assert_eq!(log.shown(), "stale handler-left-alone");
}

#[actix_rt::test]
async fn verdict_says_that_response_is_of_another_request() {
    let (log, gate) = (Log::default(), Gate::counting());
    let app = logged!(logged_cache(), gate, log);
    let mut leader = pin!(send(&app, get("/")));
    assert!(is_waiting(&mut leader).await);
    let mut follower = pin!(send(&app, get("/")));
    assert!(is_waiting(&mut follower).await);
    gate.open();
    let _ = join(leader, follower).await;
    let mut collapsed = [log.last(), log.last()].map(|verdict| verdict.collapsed);
    collapsed.sort_unstable();
    assert_eq!(collapsed, [false, true]);
}

#[actix_rt::test]
async fn log_reads_verdict_of_outermost_cache_inside_of_it() {
    let outer = logged_cache().rule("/{tail:.*}", Rule::new());
    let inner = logged_cache().rule("/reports", Rule::new());
    let (outside, between, origin) = (Log::default(), Log::default(), Origin::counting());
    let app = init_service(
        App::new()
            .wrap(inner.clone())
            .wrap_fn(logging!(between))
            .wrap(outer.clone().exclude("/other"))
            .wrap_fn(logging!(outside))
            .default_service(origin.route()),
    )
    .await;
    for expected in ["miss", "hit"] {
        send(&app, get("/reports")).await;
        let (outer, inner) = (outside.last(), between.last());
        assert_eq!((outer.kind.as_str(), inner.kind.as_str()), (expected, expected));
        assert_eq!(outer.rule.as_deref(), Some("/{tail:.*}"));
        assert_eq!(inner.rule.as_deref(), Some("/reports"));
    }
}

#[actix_rt::test]
async fn request_has_no_verdict_unless_set() {
    let (log, origin) = (Log::default(), Origin::counting());
    let app = logged!(ResponseCache::memory(), origin, log);
    for path in ["/", "/"] {
        send(&app, get(path)).await;
        assert_eq!(log.0.lock().unwrap().pop().unwrap(), None);
    }
}

//! Purge hooks: a cache in front is told of every purge, and its outage loses none; and it learns the
//! groups of responses.

use std::{
    error::Error,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{
    CacheHints, Compliance, NoticeTarget, Purge, PurgeHook, PurgeNotice, ResponseCache, Responses,
    Rule,
};
use actix_web::{App, HttpResponse, test::init_service, web};
use tokio::sync::Notify;

use crate::support::{Origin, app, get, request, send, until};

mod varnish;

/// How a hook behaves until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Works,
    Fails,
    Panics,
    Hangs,
}

/// A hook that keeps what it is told of.
#[derive(Clone)]
struct Cdn {
    mode: Arc<Mutex<Mode>>,
    told: Arc<Mutex<Vec<PurgeNotice>>>,
    attempts: Arc<AtomicUsize>,
    /// Each notice is taken only after one of these, where there is any.
    gate: Option<Arc<Notify>>,
}

impl Cdn {
    fn new(mode: Mode) -> Self {
        let (mode, told) = (Arc::new(Mutex::new(mode)), Arc::default());
        Self { mode, told, attempts: Arc::default(), gate: None }
    }

    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn told(&self) -> Vec<PurgeNotice> {
        self.told.lock().unwrap().clone()
    }

    /// All targets that it was told of, in order.
    fn targets(&self) -> Vec<NoticeTarget> {
        self.told().into_iter().flat_map(|notice| notice.targets).collect()
    }

    async fn attempted(&self, times: usize) {
        until("the hook is called", || self.attempts.load(Ordering::SeqCst) >= times).await;
    }

    async fn has(&self, targets: usize) {
        until("the hook is told", || self.targets().len() >= targets).await;
    }
}

impl PurgeHook for Cdn {
    async fn purged(&self, notice: &PurgeNotice) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        let mode = *self.mode.lock().unwrap();
        match mode {
            Mode::Works => {}
            Mode::Fails => return Err("the CDN is down".into()),
            Mode::Panics => panic!("a hook of the application"),
            Mode::Hangs => pending().await,
        }
        self.told.lock().unwrap().push(notice.clone());
        Ok(())
    }

    fn name(&self) -> String {
        "cdn".to_owned()
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(if *self.mode.lock().unwrap() == Mode::Hangs { 50 } else { 60_000 })
    }
}

fn group(name: &str) -> NoticeTarget {
    NoticeTarget::Group(name.to_owned())
}

fn path(path: &str) -> NoticeTarget {
    NoticeTarget::Path(path.to_owned())
}

#[actix_rt::test]
async fn every_purge_is_told_in_order_and_said_to_be_soft() {
    let cdn = Cdn::new(Mode::Works);
    let cache = ResponseCache::memory().purge_hook(cdn.clone());
    let handle = cache.handle().unwrap();
    handle.purge_url("https://shop.example/products?page=2").await.unwrap();
    handle.purge_path("/products/7").await.unwrap();
    handle.soft().purge_group("products").await.unwrap();
    handle.purge_prefix("/images").await.unwrap();
    handle.counted().purge_all().await.unwrap();
    cdn.has(5).await;
    let expected = [
        NoticeTarget::Url("//shop.example/products?page=2".to_owned()),
        path("/products/7"),
        group("products"),
        NoticeTarget::Prefix("/images".to_owned()),
        NoticeTarget::All,
    ];
    assert_eq!(cdn.targets(), expected);
    let soft = cdn.told().into_iter().filter(|notice| notice.soft).collect::<Vec<_>>();
    assert_eq!(soft.len(), 1);
    assert_eq!(soft[0].surrogate_key().as_deref(), Some("products"));
    assert!(handle.purge_path("products").await.is_err(), "it names nothing");
    handle.purge_path("/last").await.unwrap();
    cdn.has(6).await;
    assert_eq!(cdn.targets()[5], path("/last"), "nothing came in between");
}

#[actix_rt::test]
async fn hooks_of_all_clones_hear_of_purges_by_unsafe_requests() {
    let (first, second) = (Cdn::new(Mode::Works), Cdn::new(Mode::Works));
    let cache = ResponseCache::memory()
        .purge_hook(first.clone())
        .rule("/products/{id}", Rule::new().groups(["product-{id}"]));
    let origin = Origin::new(|req, _| {
        let mut res = HttpResponse::Ok();
        if req.method() == "POST" {
            res.insert_header(("cache-group-invalidation", "\"products\""));
        }
        res.finish()
    });
    let app = app(&cache.clone().purge_hook(second.clone()), &origin).await;
    assert_eq!(send(&app, get("/products/7")).await.status, 200);
    assert_eq!(send(&app, request("POST", "/products/7")).await.status, 200);
    for cdn in [&first, &second] {
        cdn.has(2).await;
        assert_eq!(cdn.targets(), [path("/products/7"), group("products")]);
        assert!(!cdn.told()[0].soft);
    }
    let names: Vec<_> =
        cache.handle().unwrap().stats().purge_hooks.into_iter().map(|hook| hook.hook).collect();
    assert_eq!(names, ["cdn", "cdn-2"]);
}

/// While the hook does not work, purges are as fast and as good as ever; then it is told of all that
/// it missed, once.
async fn outage(mode: Mode) {
    let cdn = Cdn::new(mode);
    let cache = ResponseCache::memory().purge_hook(cdn.clone());
    let handle = cache.handle().unwrap();
    for number in 0..50 {
        handle.purge_path(format!("/{number}")).await.unwrap();
        handle.purge_group("all").await.unwrap();
    }
    cdn.attempted(3).await;
    handle.settle().await;
    let stats = handle.stats().purge_hooks.remove(0);
    assert_eq!((stats.pending, stats.delivered), (51, 0));
    assert!(stats.failures >= 2);
    assert!(stats.last_error.is_some());
    cdn.set(Mode::Works);
    cdn.has(51).await;
    until("it is counted", || handle.stats().purge_hooks[0].pending == 0).await;
    let mut targets = cdn.targets();
    assert_eq!(targets.len(), 51, "once each: {targets:?}");
    assert_eq!(targets.remove(1), group("all"));
    assert_eq!(targets, (0..50).map(|number| path(&format!("/{number}"))).collect::<Vec<_>>());
    assert_eq!(handle.stats().purge_hooks[0].delivered, 2, "30 at a time");
}

#[actix_rt::test]
async fn hook_that_fails_is_told_later() {
    outage(Mode::Fails).await;
}

#[actix_rt::test]
async fn hook_that_panics_is_told_later() {
    outage(Mode::Panics).await;
}

#[actix_rt::test]
async fn hook_that_hangs_is_told_later() {
    outage(Mode::Hangs).await;
}

#[actix_rt::test]
async fn purge_of_what_is_being_told_is_told_again() {
    let gate = Arc::new(Notify::new());
    let cdn = Cdn { gate: Some(Arc::clone(&gate)), ..Cdn::new(Mode::Works) };
    let handle = ResponseCache::memory().purge_hook(cdn.clone()).handle().unwrap();
    handle.purge_path("/a").await.unwrap();
    cdn.attempted(1).await;
    handle.purge_path("/b").await.unwrap();
    handle.purge_path("/a").await.unwrap();
    handle.soft().purge_path("/a").await.unwrap();
    gate.notify_one();
    cdn.has(1).await;
    gate.notify_one();
    cdn.has(3).await;
    assert_eq!(cdn.targets(), [path("/a"), path("/b"), path("/a")]);
    assert!(cdn.told().iter().all(|notice| !notice.soft), "the hard one counts");
}

#[actix_rt::test]
async fn too_many_purges_become_one_of_everything() {
    let cdn = Cdn::new(Mode::Fails);
    let handle = ResponseCache::memory().purge_hook(cdn.clone()).handle().unwrap();
    for number in 0..600 {
        handle.soft().purge_path(format!("/{number}")).await.unwrap();
    }
    assert!(handle.stats().purge_hooks[0].pending < 100);
    cdn.set(Mode::Works);
    until("all is told", || handle.stats().purge_hooks[0].pending == 0).await;
    let told = cdn.told();
    let all = told.iter().position(PurgeNotice::is_all).expect("one of everything");
    assert!(!told[all].soft);
    assert_eq!(cdn.targets().last(), Some(&path("/599")));
}

#[actix_rt::test]
async fn one_dead_hook_holds_up_no_other() {
    let (dead, alive) = (Cdn::new(Mode::Hangs), Cdn::new(Mode::Works));
    let cache = ResponseCache::memory().purge_hook(dead.clone()).purge_hook(alive.clone());
    let handle = cache.handle().unwrap();
    for number in 0..3 {
        handle.purge_path(format!("/{number}")).await.unwrap();
        alive.has(number + 1).await;
    }
    assert!(dead.told().is_empty());
}

#[actix_rt::test]
async fn purge_from_a_thread_without_a_runtime_is_told() {
    let cdn = Cdn::new(Mode::Works);
    let handle = ResponseCache::memory().purge_hook(cdn.clone()).handle().unwrap();
    let of_thread = handle.clone();
    std::thread::spawn(move || {
        futures_util::FutureExt::now_or_never(of_thread.purge_all()).expect("at once").unwrap();
    })
    .join()
    .unwrap();
    cdn.has(1).await;
    assert_eq!(cdn.targets(), [NoticeTarget::All]);
}

#[actix_rt::test]
async fn statistics_tell_how_hooks_are_doing() {
    let cdn = Cdn::new(Mode::Fails);
    let handle = ResponseCache::memory().purge_hook(cdn.clone()).handle().unwrap();
    handle.purge(&Purge::all()).await.unwrap();
    cdn.attempted(2).await;
    let text = handle.prometheus_text();
    assert!(text.contains("http_cache_purge_hook_pending{hook=\"cdn\"} 1"), "{text}");
    let json = serde_json::to_value(handle.stats()).unwrap();
    assert_eq!(json["purge_hooks"][0]["last_error"]["problem"], "the CDN is down");
    assert_eq!(json["purge_hooks"][0]["pending"], 1);
}

fn emitting(header: &str) -> ResponseCache {
    let rule = Rule::new().groups(["products", "product-{id}"]);
    ResponseCache::memory()
        .rule("/products/{id}", rule)
        .responses(Responses::new().emit_groups(header))
}

#[actix_rt::test]
async fn misses_and_hits_tell_their_groups() {
    for (header, expected) in [
        ("Surrogate-Key", "product-7 products"),
        ("xkey", "product-7 products"),
        ("Cache-Tag", "product-7,products"),
    ] {
        let app = app(&emitting(header), &Origin::counting()).await;
        for answer in ["miss", "hit"] {
            let seen = send(&app, get("/products/7")).await;
            assert_eq!(seen.all(header), [expected], "{answer}");
        }
        let seen = send(&app, get("/else")).await;
        assert_eq!(seen.all(header), [""; 0], "it is in no group");
    }
}

#[actix_rt::test]
async fn groups_that_the_handler_names_are_told_with_those_of_rules() {
    let compliance = Compliance::careful().surrogate_keys(true);
    let cache = emitting("Surrogate-Key").compliance(compliance);
    let handler = async |hints: CacheHints| {
        hints.group("hinted");
        HttpResponse::Ok().insert_header(("surrogate-key", "own")).finish()
    };
    let app = init_service(
        App::new().wrap(cache.clone()).service(web::resource("/products/{id}").to(handler)),
    )
    .await;
    for _ in 0..2 {
        let seen = send(&app, get("/products/7")).await;
        assert_eq!(seen.all("surrogate-key"), ["own hinted product-7 products"]);
    }
    cache.handle().unwrap().purge_group("own").await.unwrap();
    let stats = cache.handle().unwrap().stats();
    send(&app, get("/products/7")).await;
    assert_eq!(cache.handle().unwrap().stats().misses, stats.misses + 1);
}

#[actix_rt::test]
async fn response_that_is_not_stored_here_tells_its_groups_too() {
    let cache = emitting("xkey");
    let origin = Origin::new(|_, _| HttpResponse::Ok().body("x".repeat(3 << 20)));
    let app = app(&cache, &origin).await;
    let seen = send(&app, get("/products/7")).await;
    assert_eq!(seen.all("xkey"), ["product-7 products"]);
    assert_eq!(cache.handle().unwrap().stats().stores, 0);
}

#[actix_rt::test]
async fn groups_that_do_not_fit_are_left_out_whole() {
    let responses = Responses::new().emit_groups("xkey").emit_groups_at_most(12);
    let cache = emitting("xkey").responses(responses);
    let app = app(&cache, &Origin::counting()).await;
    for _ in 0..2 {
        assert_eq!(send(&app, get("/products/7")).await.all("xkey"), ["product-7"]);
    }
}

#[actix_rt::test]
async fn header_name_that_is_none_keeps_the_server_from_starting() {
    let responses = Responses::new().emit_groups("x key");
    let error = ResponseCache::memory().responses(responses).check().await.unwrap_err();
    assert!(error.to_string().contains("emit_groups"), "{error}");
    let undone = Responses::new().emit_groups("xkey").emit_groups(None).emit_groups_at_most(9);
    let report = ResponseCache::memory().responses(undone).check().await.unwrap();
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
}

//! Statistics by rule: outcomes with their reasons, bytes, time, and the last hour.

use std::time::Duration;

use actix_response_cache::{
    Clock, HandlerPolicy, Histogram, Memory, ResponseCache, Rule, RuleStats, Stats, VerdictKind,
};
use actix_web::{App, HttpResponse, rt::time::sleep, test::init_service, web};
use bytes::Bytes;
use futures_util::stream;

use crate::support::{Origin, SECOND, app, get, request, send, settle};

fn stats(cache: &ResponseCache) -> Stats {
    cache.handle().unwrap().stats()
}

fn rule_stats(stats: &Stats, pattern: Option<&str>) -> RuleStats {
    let found = stats.rules.iter().find(|rule| rule.rule.as_deref() == pattern);
    found.cloned().expect("statistics of the rule")
}

/// The outcomes as `hit`, `miss uri-miss`, with their counts.
fn outcomes(rule: &RuleStats) -> Vec<(String, u64)> {
    let shown = |verdict: VerdictKind, reason: &str| format!("{verdict} {reason}");
    let all = rule.outcomes.iter();
    all.map(|one| (shown(one.verdict, one.reason).trim_end().to_owned(), one.count)).collect()
}

#[actix_rt::test]
async fn each_rule_has_its_outcomes_with_their_reasons() {
    let cache = ResponseCache::memory()
        .rule("/products/{id}", Rule::new().ttl(SECOND * 60))
        .rule("/reports/{tail}*", Rule::bypass());
    let app = app(&cache, &Origin::counting()).await;
    for req in [
        get("/products/1"),
        get("/products/1"),
        get("/products/2"),
        request("POST", "/products/2"),
        get("/reports/today"),
        get("/other"),
    ] {
        send(&app, req).await;
    }
    let stats = stats(&cache);
    let expected = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
        list.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect()
    };
    let products = rule_stats(&stats, Some("/products/{id}"));
    let counted = expected(&[("hit", 1), ("miss uri-miss", 2), ("bypass method", 1)]);
    assert_eq!(outcomes(&products), counted);
    assert_eq!((products.requests(), products.count(VerdictKind::Miss)), (4, 2));
    assert!((products.hit_ratio().unwrap() - 1.0 / 3.0).abs() < 1e-9);
    let reports = rule_stats(&stats, Some("/reports/{tail}*"));
    assert_eq!(outcomes(&reports), expected(&[("bypass excluded", 1)]));
    assert_eq!(reports.hit_ratio(), None);
    assert_eq!(outcomes(&rule_stats(&stats, None)), expected(&[("miss uri-miss", 1)]));
    assert_eq!(stats.hit_ratio(), Some(0.25));
}

#[actix_rt::test]
async fn bytes_are_counted_where_they_come_from() {
    let cache = ResponseCache::memory().exclude("/private");
    let origin = Origin::new(|req, _| match req.path() {
        "/stream" | "/private/stream" => {
            let chunks =
                ["ab", "cd", "e"].map(|chunk| Ok::<_, actix_web::Error>(Bytes::from(chunk)));
            HttpResponse::Ok().streaming(stream::iter(chunks))
        }
        _ => HttpResponse::Ok().insert_header(("etag", "\"1\"")).body("x".repeat(100)),
    });
    let app = app(&cache, &origin).await;
    let counted = || {
        let stats = stats(&cache);
        (stats.bytes_from_handlers, stats.bytes_from_store)
    };
    send(&app, get("/")).await;
    assert_eq!(counted(), (100, 0));
    send(&app, get("/")).await;
    assert_eq!(counted(), (100, 100));
    send(&app, get("/").insert_header(("range", "bytes=0-9"))).await;
    assert_eq!(counted(), (100, 110), "a part is sent");
    send(&app, get("/").insert_header(("if-none-match", "\"1\""))).await;
    send(&app, request("HEAD", "/")).await;
    assert_eq!(counted(), (100, 110), "no body is sent");
    send(&app, get("/stream")).await;
    assert_eq!(counted(), (105, 110));
    settle(&cache).await;
    send(&app, get("/stream")).await;
    assert_eq!(counted(), (105, 115));
    send(&app, get("/private/stream")).await;
    assert_eq!(counted(), (110, 115));
}

/// An app whose handler takes this long, and answers validation by a 304.
async fn slow_app(cache: &ResponseCache, took: Duration) -> impl crate::support::TestApp + use<> {
    let handler = move |req: actix_web::HttpRequest| async move {
        if req.headers().contains_key("if-none-match") {
            return HttpResponse::NotModified().insert_header(("etag", "\"1\"")).finish();
        }
        sleep(took).await;
        HttpResponse::Ok().insert_header(("etag", "\"1\"")).body("x")
    };
    init_service(App::new().default_service(web::to(handler)).wrap(cache.clone())).await
}

#[actix_rt::test]
async fn hits_save_what_the_handler_took_for_the_whole_response() {
    let took = Duration::from_millis(20);
    let clock = Clock::manual();
    let cache = ResponseCache::memory().ttl(SECOND * 60).clock(clock.clone());
    let app = slow_app(&cache, took).await;
    // the handler's time is that of the cache's clock, which passes here while it runs
    let pass = async {
        tokio::task::yield_now().await;
        clock.advance(took);
    };
    futures_util::future::join(send(&app, get("/")), pass).await;
    settle(&cache).await;
    for _ in 0..3 {
        send(&app, get("/")).await;
    }
    assert_eq!(stats(&cache).handler_time_saved, took * 3);
    clock.advance(SECOND * 61);
    assert_eq!(send(&app, get("/")).await.text(), "x");
    send(&app, get("/")).await;
    assert_eq!(stats(&cache).handler_time_saved, took * 4, "a 304 took no time, the response did");
}

#[actix_rt::test]
async fn times_have_exact_sums() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    for n in 0..20 {
        send(&app, get(&format!("/{n}"))).await;
    }
    let stats = stats(&cache);
    let Stats { handler_times, miss_times, .. } = &stats;
    assert_eq!((handler_times.count(), miss_times.count()), (20, 20));
    assert!(handler_times.sum() > Duration::ZERO && handler_times.sum() <= miss_times.sum());
    let bounds = |times: &Histogram| (times.mean(), times.quantile(1.0));
    let (mean, longest) = bounds(miss_times);
    assert!(mean > Duration::ZERO && mean <= longest);
}

#[actix_rt::test]
async fn purges_are_counted_by_target() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/a")).await;
    let handle = cache.handle().unwrap();
    handle.purge_path("/a").await.unwrap();
    handle.soft().purge_group("g").await.unwrap();
    handle.purge_all().await.unwrap();
    let stats = stats(&cache);
    let counted: Vec<_> = stats
        .purges_by_target
        .iter()
        .map(|purge| (purge.target, purge.soft, purge.count))
        .collect();
    assert_eq!(counted, [("path", false, 1), ("all", false, 1), ("group", true, 1)]);
    assert_eq!(stats.purges, 3);
}

#[actix_rt::test]
async fn refreshes_are_counted_by_result() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory()
        .ttl(SECOND)
        .stale_while_revalidate(SECOND * 60)
        .handlers(HandlerPolicy::new().failure_backoff(Duration::ZERO))
        .clock(clock.clone());
    let origin = Origin::new(|_, call| match call {
        3 => HttpResponse::InternalServerError().finish(),
        _ => HttpResponse::Ok().body("x"),
    });
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    for _ in 0..2 {
        clock.advance(SECOND * 2);
        send(&app, get("/")).await;
        settle(&cache).await;
    }
    let results: Vec<_> =
        stats(&cache).refreshes_by_result.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(results, [("succeeded", 1), ("failed", 1)]);
    let rule = rule_stats(&stats(&cache), None);
    assert_eq!(outcomes(&rule)[..1], [("stale revalidated".to_owned(), 2)]);
}

#[actix_rt::test]
async fn memory_says_how_entries_have_left() {
    let capacity = 200_000;
    let cache = ResponseCache::new(Memory::new().max_capacity(capacity));
    let origin = Origin::new(|_, _| HttpResponse::Ok().body("x".repeat(5000)));
    let app = app(&cache, &origin).await;
    for n in 0..100 {
        send(&app, get(&format!("/{n}"))).await;
    }
    let kept = stats(&cache).entries.unwrap();
    cache.handle().unwrap().purge_all().await.unwrap();
    let store = stats(&cache).store;
    let evictions = store.evictions.expect("a store in memory");
    assert_eq!((evictions.for_room, evictions.purged), (100 - kept, kept));
    assert_eq!((store.store, store.capacity), ("memory", Some(capacity)));
    assert_eq!(store.redis, None);
}

#[actix_rt::test]
async fn timeline_shows_the_running_step_at_once() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone());
    let app = app(&cache, &Origin::counting()).await;
    for _ in 0..3 {
        send(&app, get("/")).await;
    }
    clock.advance(SECOND);
    let steps = cache.handle().unwrap().timeline();
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!((step.hits, step.misses, step.span), (2, 1, SECOND));
}

#[actix_rt::test]
async fn counts_of_workers_that_have_ended_are_kept() {
    let cache = ResponseCache::memory();
    for _ in 0..2 {
        let app = app(&cache, &Origin::counting()).await;
        send(&app, get("/")).await;
    }
    assert_eq!((stats(&cache).hits, stats(&cache).misses), (1, 1));
}

#[actix_rt::test]
async fn examples_show_a_recent_request_for_each_reason() {
    let cache = ResponseCache::memory().exclude("/private");
    let origin = Origin::new(|req, _| match req.path() {
        "/cookie" => HttpResponse::Ok().insert_header(("set-cookie", "a=b")).finish(),
        _ => HttpResponse::Ok().body("x"),
    });
    let app = app(&cache, &origin).await;
    for req in [
        get("/private/a?page=2"),
        get("/private/b"),
        get("/cookie"),
        get("/stored"),
        request("POST", &format!("/{}", "x".repeat(2000))),
    ] {
        send(&app, req).await;
    }
    let mut shown: Vec<_> = cache
        .handle()
        .unwrap()
        .examples()
        .into_iter()
        .map(|example| (example.reason.as_str(), example.method, example.url))
        .collect();
    shown.sort();
    let [excluded, method, set_cookie] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!((excluded.0, excluded.2.as_str()), ("excluded", "/private/a?page=2"));
    assert_eq!((method.0, method.1.as_str()), ("method", "POST"));
    assert!(method.2.len() < 600 && method.2.ends_with("x…"), "{}", method.2);
    assert_eq!((set_cookie.0, set_cookie.2.as_str()), ("set-cookie", "/cookie"));
}

#[actix_rt::test]
async fn keys_that_are_asked_for_most_are_known() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    for n in 0..400 {
        send(&app, get("/popular")).await;
        if n % 20 == 0 {
            send(&app, get(&format!("/other/{n}"))).await;
        }
    }
    let top = cache.handle().unwrap().top_keys();
    assert!(top.by_hits[0].key.ends_with("/popular"), "{top:?}");
    assert!((350..=450).contains(&top.by_hits[0].hits), "{top:?}");
    assert!(!top.by_handler_time.is_empty());
}

//! What a cache in memory costs when it is large: purges at ten entries and at a million, the memory
//! of an entry, two threads beside one, and which requests it answers when it is full, beside moka
//! and a plain LRU. Prints a table; takes some minutes.
//!
//! `cargo bench --bench scale [purges|memory|threads|ratio]` runs one part.

#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::panic, reason = "a bench")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::{
    env, fs,
    hint::black_box,
    process::Command,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use actix_http::Request;
use actix_response_cache::{CacheHandle, Memory, Purge, ResponseCache, Rule};
use actix_web::{App, HttpResponse, body::to_bytes, dev::Service, test::init_service, web};
use lru::LruCache;
use moka::sync::Cache;

mod support;

use support::plain_request;
use test_support::app::TestApp;

const MILLION: u64 = 1_000_000;
/// Tells a process that it is to measure the memory of entries.
const MEMORY: &str = "SCALE_MEMORY";

fn main() {
    if env::var(MEMORY).is_ok() {
        return run(measure_memory());
    }
    let part = env::args().skip(1).find(|word| !word.starts_with("--"));
    let is_asked = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if is_asked("memory") {
        let program = env::current_exe().expect("this program");
        let status = Command::new(program).env(MEMORY, "1").status().expect("runs");
        assert!(status.success());
    }
    if is_asked("purges") {
        for entries in [10, MILLION] {
            run(purges(entries));
        }
    }
    if is_asked("threads") {
        threads();
    }
    if is_asked("ratio") {
        run(hit_ratios());
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(work)
}

/// A cache that holds what the bench stores.
fn large() -> ResponseCache {
    let memory = Memory::new().max_capacity(4 << 30);
    let grouped = Rule::new().groups(["item:{id}"]);
    ResponseCache::new(memory).ttl(Duration::from_secs(3600)).rule("/items/{id}", grouped)
}

/// A response as an API sends it, with a body of 200 bytes.
async fn item() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("cache-control", "max-age=3600"))
        .insert_header(("etag", "\"33a64df551425fcc55e4d42a148795d9\""))
        .body(vec![b'x'; 200])
}

macro_rules! app {
    ($cache:expr) => {
        init_service(App::new().wrap($cache.clone()).default_service(web::to(item))).await
    };
}

async fn ask(app: &impl TestApp, uri: &str) -> bool {
    let res = app.call(plain_request(uri)).await.expect("an answer");
    let status = res.headers().get("cache-status").and_then(|value| value.to_str().ok());
    let is_hit = status.is_some_and(|status| status.contains("; hit"));
    let _ = black_box(to_bytes(res.into_body()).await);
    is_hit
}

fn row(name: &str, value: impl std::fmt::Display) {
    println!("| {name} | {value} |");
}

fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() * 1024.0
}

async fn measure_memory() {
    let cache = large();
    let app = app!(cache);
    (0..1000).for_each(|_| drop(plain_request("/items/1")));
    ask(&app, "/warm").await;
    let before = resident();
    for number in 0..MILLION {
        ask(&app, &format!("/products/{number}")).await;
    }
    let stats = cache.handle().expect("settings are right").stats();
    let entries = stats.entries.unwrap_or(1) as f64;
    let grown = (resident() - before) / entries;
    let counted = stats.bytes.unwrap_or(0) as f64 / entries;
    row("bytes per entry beyond its body of 200, resident", format!("{:.0}", grown - 200.0));
    row("the same, counted", format!("{:.0}", counted - 200.0));
    row("counted / resident", format!("{:.3}", counted / grown));
}

async fn fill(app: &impl TestApp, entries: u64) {
    for number in 0..entries {
        ask(app, &format!("/items/{number}")).await;
    }
}

/// The median and the longest time of a purge of one entry.
async fn time_purges(handle: &CacheHandle, purge: impl Fn(u64) -> Purge) -> String {
    let mut times = Vec::new();
    for number in 0..9 {
        let purge = purge(number);
        let start = Instant::now();
        handle.purge(&purge).await.expect("purged");
        times.push(start.elapsed());
        actix_rt::time::sleep(Duration::from_millis(5)).await;
    }
    times.sort();
    let (median, longest) = (times.get(4).copied(), times.last().copied());
    format!("{:?}, at most {:?}", median.unwrap_or_default(), longest.unwrap_or_default())
}

async fn purges(entries: u64) {
    let cache = large();
    let handle = cache.handle().expect("settings are right");
    let app = app!(cache);
    let empty = resident();
    fill(&app, entries).await;
    let full = resident();
    let named = |what: &str| format!("{what}, {entries} entries");
    let path = |number: u64| Purge::path(format!("/items/{number}"));
    row(&named("purge of a path"), time_purges(&handle, path).await);
    let group = |number: u64| Purge::group(format!("item:{number}"));
    fill(&app, 10).await;
    row(&named("purge of a group of one"), time_purges(&handle, group).await);
    fill(&app, 10).await;
    row(&named("counted, of a path"), time_purges(&handle, |number| path(number).counted()).await);
    fill(&app, 10).await;
    row(
        &named("counted, of a group"),
        time_purges(&handle, |number| group(number).counted()).await,
    );
    fill(&app, 10).await;
    let prefix = |number: u64| Purge::prefix(format!("/items/{number}"));
    row(&named("purge of a prefix"), time_purges(&handle, prefix).await);
    let start = Instant::now();
    handle.purge_all().await.expect("purged");
    row(&named("purge of everything"), format!("{:?}", start.elapsed()));
    if entries > 1000 {
        let is_back = || resident() - empty < (full - empty) / 10.0;
        let longest = longest_request(&app, start, is_back).await;
        let (taken, left) = (start.elapsed(), (resident() - empty) / (full - empty) * 100.0);
        row(&named("resident after a purge of everything"), format!("{left:.0} % after {taken:?}"));
        row(&named("longest request meanwhile"), format!("{longest:?}"));
        handle.purge_all().await.expect("purged");
    }
    fill(&app, entries).await;
    let again = (resident() - empty) / (full - empty) * 100.0;
    row(&named("resident when filled again"), format!("{again:.0} %"));
    let start = Instant::now();
    let purged = handle.counted().purge_all().await.expect("purged");
    row(&named("counted, of everything"), format!("{:?}", start.elapsed()));
    assert_eq!(purged.entries, Some(entries));
}

/// Asks until `is_over`, and says how long a request took at most.
async fn longest_request(
    app: &impl TestApp,
    since: Instant,
    is_over: impl Fn() -> bool,
) -> Duration {
    let mut longest = Duration::ZERO;
    for number in 0_u64.. {
        let start = Instant::now();
        ask(app, &format!("/meanwhile/{}", number % 100)).await;
        longest = longest.max(start.elapsed());
        if is_over() || since.elapsed() > Duration::from_secs(5) {
            break;
        }
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
    longest
}

/// Hits in a second, by this many threads together.
fn hits_per_second(cache: &ResponseCache, threads: usize, keys: u64) -> f64 {
    const TIMES: u64 = 400_000;
    let barrier = &Barrier::new(threads);
    let work = move || {
        run(async {
            let app = app!(cache);
            let mut rng = fastrand::Rng::new();
            let requests = |count: u64, rng: &mut fastrand::Rng| -> Vec<Request> {
                (0..count).map(|_| plain_request(&format!("/items/{}", rng.u64(..keys)))).collect()
            };
            barrier.wait();
            let mut taken = Duration::ZERO;
            for _ in 0..TIMES / 1000 {
                let requests = requests(1000, &mut rng);
                let start = Instant::now();
                for request in requests {
                    black_box(app.call(request).await.expect("an answer"));
                }
                taken += start.elapsed();
            }
            TIMES as f64 / taken.as_secs_f64()
        })
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().map(|each| each.join().expect("no panic")).sum()
    })
}

fn threads() {
    for (name, keys) in [("one hot key", 1), ("100,000 keys", 100_000)] {
        let cache = large();
        run(async {
            let app = app!(cache);
            fill(&app, keys).await;
        });
        let (one, two) = (hits_per_second(&cache, 1, keys), hits_per_second(&cache, 2, keys));
        row(&format!("hits per second, {name}, one thread; two"), format!("{one:.0}; {two:.0}"));
        row(&format!("two threads / one, {name}"), format!("{:.2}", two / one));
    }
}

/// Requests that follow a Zipf distribution (s = 0.9).
fn zipf(keys: usize, length: usize) -> Vec<usize> {
    let mut sum = 0.0;
    let cumulated: Vec<f64> = (1..=keys)
        .map(|rank| {
            sum += (rank as f64).powf(-0.9);
            sum
        })
        .collect();
    let mut rng = fastrand::Rng::with_seed(7);
    (0..length).map(|_| cumulated.partition_point(|below| *below < rng.f64() * sum)).collect()
}

/// The same, with a run over other keys, each asked for once, after every ten thousand.
fn with_scans(keys: usize, length: usize) -> Vec<usize> {
    let mut next = keys;
    let mut trace = Vec::new();
    for some in zipf(keys, length).chunks(10_000) {
        trace.extend_from_slice(some);
        trace.extend(next..next + 10_000);
        next += 10_000;
    }
    trace
}

async fn hit_ratios() {
    const KEYS: usize = 100_000;
    const KEPT: usize = KEYS / 100;
    for (name, trace) in
        [("Zipf", zipf(KEYS, 1_000_000)), ("Zipf with scans", with_scans(KEYS, 500_000))]
    {
        let (moka, mut lru) =
            (by_weight(KEPT as u64), LruCache::new(KEPT.try_into().expect("some")));
        let (mut ours, mut by_moka, mut by_lru) = (0_u32, 0_u32, 0_u32);
        let weight = weight_of_one().await;
        let memory = Memory::new().max_capacity(weight * KEPT as u64);
        let cache = ResponseCache::new(memory).ttl(Duration::from_secs(3600));
        let app = app!(cache);
        for key in &trace {
            ours += u32::from(ask(&app, &format!("/products/{key:07}")).await);
            match moka.get(key) {
                Some(()) => by_moka += 1,
                None => moka.insert(*key, ()),
            }
            by_lru += u32::from(lru.put(*key, ()).is_some());
        }
        let ratio = |hits: u32| f64::from(hits) / trace.len() as f64 * 100.0;
        let figures =
            format!("{:.2} %; {:.2} %; {:.2} %", ratio(ours), ratio(by_moka), ratio(by_lru));
        row(&format!("hits, {name}: ours; moka; LRU"), figures);
    }
}

/// Moka, kept to a weight as the cache is.
fn by_weight(kept: u64) -> Cache<usize, ()> {
    const WEIGHT: u32 = 700;
    Cache::builder().max_capacity(kept * u64::from(WEIGHT)).weigher(|_, ()| WEIGHT).build()
}

/// What one entry of the trace weighs.
async fn weight_of_one() -> u64 {
    let cache = large();
    let app = app!(cache);
    ask(&app, "/products/0000001").await;
    cache.handle().expect("settings are right").stats().bytes.unwrap_or(1)
}

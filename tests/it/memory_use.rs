//! The memory that the memory store takes: no more than it counts, also where handlers' bodies are
//! slices of larger buffers, and no more than its capacity; and expired entries make room.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_response_cache::{Clock, Memory, Purge, Redis, ResponseCache, Rule, Tiered};
use actix_web::{
    App, Error, HttpResponse,
    dev::Service,
    http::{StatusCode, header::HeaderValue},
    test::init_service,
    web,
};
use bytes::Bytes;
use futures_util::{future::join_all, stream};

use crate::support::{Origin, SECOND, TestApp, app, get, redis::RedisServer, send, settle};

const MIB: usize = 1 << 20;

/// Large buffers, and how many of them something still holds.
#[derive(Clone, Default)]
struct Buffers(Arc<AtomicUsize>);

struct Buffer {
    bytes: Vec<u8>,
    held: Arc<AtomicUsize>,
}

impl Buffers {
    fn another(&self) -> Bytes {
        self.0.fetch_add(1, Ordering::SeqCst);
        let (bytes, held) = (vec![b'x'; MIB], Arc::clone(&self.0));
        Bytes::from_owner(Buffer { bytes, held })
    }

    fn held(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::SeqCst);
    }
}

fn value(buffer: &Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(buffer.slice(100..150)).unwrap()
}

/// Answers with slices of large buffers, each path in another way.
fn sliced(buffers: &Buffers, path: &str) -> HttpResponse {
    let buffer = buffers.another();
    let slice = buffer.slice(..50);
    let mut res = HttpResponse::Ok();
    match path {
        "/field" => res.insert_header(("x-large", value(&buffer))).body("x"),
        "/stream" => {
            let halves = [buffer.slice(..25), buffer.slice(25..50)];
            res.streaming(stream::iter(halves.map(Ok::<_, Error>)))
        }
        "/one-chunk" => res.streaming(stream::iter([Ok::<_, Error>(slice)])),
        "/error" => res
            .status(StatusCode::NOT_FOUND)
            .insert_header(("cache-control", "max-age=9"))
            .body(slice),
        "/variant" => res.insert_header(("vary", "x")).body(slice),
        _ => res.body(slice),
    }
}

#[actix_rt::test]
async fn stored_response_keeps_no_larger_buffer() {
    for path in ["/body", "/field", "/stream", "/one-chunk", "/error", "/variant"] {
        let buffers = Buffers::default();
        let own = buffers.clone();
        let origin = Origin::new(move |req, _| sliced(&own, req.path()));
        let app = app(&ResponseCache::memory(), &origin).await;
        let length = if path == "/field" { 1 } else { 50 };
        for word in ["MISS", "HIT"] {
            let seen = send(&app, get(path)).await;
            assert_eq!((seen.word(), seen.body.len()), (word, length), "{path}");
        }
        assert_eq!((origin.calls(), buffers.held()), (1, 0), "{path}");
    }
}

#[actix_rt::test]
async fn shared_response_keeps_no_larger_buffer() {
    let buffers = Buffers::default();
    let own = buffers.clone();
    let route = web::to(move || {
        let slice = own.another().slice(..50);
        async move {
            // until the others wait
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            HttpResponse::Ok().body(slice)
        }
    });
    let cache = ResponseCache::memory();
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let answers = join_all((0..3).map(|_| app.call(get("/").to_request()))).await;
    assert_eq!(cache.handle().unwrap().stats().collapsed, 2);
    let mut answers = answers.into_iter().map(Result::unwrap);
    drop(answers.next().expect("the handler's own answer"));
    let unread: Vec<_> = answers.collect();
    assert_eq!((unread.len(), buffers.held()), (2, 0));
}

#[actix_rt::test]
async fn validated_response_keeps_no_larger_buffer() {
    let (buffers, clock) = (Buffers::default(), Clock::manual());
    let own = buffers.clone();
    let origin = Origin::new(move |_, call| {
        let mut res = HttpResponse::Ok();
        res.insert_header(("etag", "\"1\"")).insert_header(("x-large", value(&own.another())));
        if call == 1 {
            res.body(own.another().slice(..50))
        } else {
            res.status(StatusCode::NOT_MODIFIED).finish()
        }
    });
    let cache = ResponseCache::memory().clock(clock.clone()).ttl(SECOND);
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    let first = cache.handle().unwrap().stats().bytes;
    for call in 2..5 {
        clock.advance(2 * SECOND);
        assert_eq!(send(&app, get("/")).await.body.len(), 50);
        // actix-http keeps the heads of responses for the next ones, which these are
        drop([(); 8].map(|()| HttpResponse::Ok().finish()));
        assert_eq!((origin.calls(), buffers.held()), (call, 0));
    }
    assert_eq!(cache.handle().unwrap().stats().bytes, first);
}

#[actix_rt::test]
async fn recording_takes_at_most_twice_the_received_bytes() {
    let cache = ResponseCache::memory();
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    let receiver = std::rc::Rc::new(std::cell::RefCell::new(Some(receiver)));
    let route = web::to(move || {
        let receiver = receiver.borrow_mut().take();
        let chunks = stream::unfold(receiver, |receiver| async move {
            let mut receiver = receiver?;
            let chunk = receiver.recv().await?;
            Some((Ok::<_, Error>(chunk), Some(receiver)))
        });
        async move { HttpResponse::Ok().insert_header(("content-length", "2000000")).streaming(chunks) }
    });
    let app = init_service(App::new().wrap(cache.clone()).default_service(route)).await;
    let buffers = Buffers::default();
    let read = send(&app, get("/"));
    let write = async {
        for come in 0..10_000_u64 {
            let recorded = cache.handle().unwrap().stats().recorded;
            assert!(recorded <= 2 * come, "{recorded} bytes for {come}");
            sender.send(buffers.another().slice(..1)).await.unwrap();
        }
        assert!(buffers.held() < 5, "chunks are copied");
        drop(sender);
    };
    futures_util::future::join(read, write).await;
    assert_eq!(cache.handle().unwrap().stats().recorded, 0);
}

/// Asks for 20 pages in turn, twenty times each.
async fn ask_for_pages(app: &impl TestApp, cache: &ResponseCache, folder: &str) {
    for n in 0..400 {
        send(app, get(&format!("/{folder}/{}", n % 20))).await;
        settle(cache).await;
    }
}

fn one_mib() -> Memory {
    Memory::new().max_capacity(MIB as u64)
}

fn of_pages(cache: ResponseCache, clock: &Clock) -> (ResponseCache, Origin) {
    let cache = cache.clock(clock.clone()).ttl(60 * SECOND);
    (cache, Origin::new(|_, _| HttpResponse::Ok().body("x".repeat(50_000))))
}

#[actix_rt::test]
async fn expired_popular_entries_make_room() {
    let clock = Clock::manual();
    let (cache, origin) = of_pages(ResponseCache::new(one_mib()), &clock);
    let app = app(&cache, &origin).await;
    ask_for_pages(&app, &cache, "old").await;
    clock.advance(61 * SECOND);
    ask_for_pages(&app, &cache, "new").await;
    assert_eq!(origin.calls(), 40, "each page is filled once");
}

#[actix_rt::test]
async fn expired_popular_entries_make_room_in_tiered_store() {
    let (server, clock) = (RedisServer::start(), Clock::manual());
    let tiered = ResponseCache::new(Tiered::new(
        one_mib(),
        Redis::new(server.url()).response_timeout(2 * SECOND),
    ));
    let (cache, origin) = of_pages(tiered, &clock);
    let app = app(&cache, &origin).await;
    ask_for_pages(&app, &cache, "old").await;
    // until the process hears of what happens in Redis, and so may keep what it has
    loop {
        let before = server.calls("get");
        ask_for_pages(&app, &cache, "old").await;
        if server.calls("get") == before {
            break;
        }
    }
    clock.advance(61 * SECOND);
    let before = server.calls("get");
    ask_for_pages(&app, &cache, "new").await;
    let asked = server.calls("get") - before;
    assert!(asked <= 40, "Redis was asked {asked} times for 20 pages");
}

#[actix_rt::test]
async fn expired_entries_are_removed() {
    let clock = Clock::manual();
    let origin = Origin::with_fields(&[("vary", "x")]);
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .ttl(10 * SECOND)
        .stale_while_revalidate(5 * SECOND);
    let app = app(&cache, &origin).await;
    for n in 0..20 {
        send(&app, get(&format!("/{n}"))).await;
    }
    clock.advance(14 * SECOND);
    assert_eq!(
        cache.handle().unwrap().stats().entries,
        Some(40),
        "responses and notes of variants"
    );
    clock.advance(2 * SECOND);
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.entries, stats.bytes), (Some(0), Some(0)));
}

#[actix_rt::test]
async fn popular_entries_survive_a_crawl() {
    let cache = ResponseCache::new(Memory::new().max_capacity(MIB as u64));
    let origin = Origin::new(|_, _| HttpResponse::Ok().body("x".repeat(5000)));
    let app = app(&cache, &origin).await;
    let mut missed = 0;
    for n in 0..2000 {
        send(&app, get(&format!("/crawled/{n}"))).await;
        let popular = send(&app, get(&format!("/popular/{}", n % 20))).await;
        missed += usize::from(popular.word() == "MISS");
    }
    assert!(missed <= 40, "20 pages were filled {missed} times");
}

/// Waits until a cache has this many entries, without asking it for anything.
async fn until_entries(cache: &ResponseCache, entries: u64, what: &str) {
    let begun = Instant::now();
    loop {
        let there = cache.handle().unwrap().stats().entries;
        if there == Some(entries) {
            return;
        }
        assert!(begun.elapsed() < 20 * SECOND, "{what}: {there:?} entries are left");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[actix_rt::test]
async fn purged_entries_leave_without_further_requests() {
    for (purge, left) in [
        (Purge::all(), 0),
        (Purge::group("even"), 3000),
        (Purge::path("/p"), 3000),
        (Purge::url("/p?number=2"), 5999),
        (Purge::prefix("/p"), 3000),
    ] {
        let cache =
            ResponseCache::memory().ttl(600 * SECOND).rule("/p", Rule::new().groups(["even"]));
        let app = app(&cache, &Origin::counting()).await;
        for number in 0..3000 {
            send(&app, get(&format!("/p?number={number}"))).await;
            send(&app, get(&format!("/q/{number}"))).await;
        }
        let purged = cache.handle().unwrap().purge(&purge).await.unwrap();
        assert_eq!(purged.entries, None);
        until_entries(&cache, left, &format!("{purge:?}")).await;
        assert_eq!(send(&app, get("/p?number=2")).await.word(), "MISS");
        let word = if left == 0 { "MISS" } else { "HIT" };
        assert_eq!(send(&app, get("/q/2")).await.word(), word, "{purge:?}");
    }
}

#[actix_rt::test]
async fn many_purges_at_once_remove_what_they_name_and_no_more() {
    let cache = ResponseCache::memory().ttl(600 * SECOND);
    let app = app(&cache, &Origin::counting()).await;
    for number in 0..2000 {
        send(&app, get(&format!("/{}/{number}", number % 2))).await;
    }
    let handle = cache.handle().unwrap();
    for number in 0..1000 {
        handle.purge_prefix(format!("/0/{}", 2 * number)).await.unwrap();
    }
    until_entries(&cache, 1000, "prefixes").await;
    assert_eq!(send(&app, get("/1/7")).await.word(), "HIT");
}

#[actix_rt::test]
async fn responses_stored_after_a_purge_of_everything_stay() {
    let cache = ResponseCache::memory().ttl(600 * SECOND);
    let app = app(&cache, &Origin::counting()).await;
    let handle = cache.handle().unwrap();
    for round in 0..20 {
        for number in 0..200 {
            send(&app, get(&format!("/{number}"))).await;
        }
        handle.purge_all().await.unwrap();
        for number in 0..3 {
            let path = format!("/{number}");
            assert_eq!(send(&app, get(&path)).await.word(), "MISS", "round {round}");
            assert_eq!(send(&app, get(&path)).await.word(), "HIT", "round {round}");
        }
        assert_eq!(handle.stats().entries, Some(3));
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))] // weights are those of its allocator
mod resident {
    //! Each case runs in a process of its own, whose growth is measured.

    use std::{
        fmt::Write as _,
        process::{Command, Stdio},
    };

    use super::*;

    /// Tells a process which case it is.
    const CASE: &str = "MEMORY_CASE";
    const PAUSE: Duration = Duration::from_millis(550);

    /// What is stored: how many responses, the length of their bodies, the number of their headers.
    struct Case {
        name: &'static str,
        count: usize,
        length: usize,
        fields: usize,
        capacity: usize,
        /// The time from one to the next: real time, as an allocator's and a table's own is.
        pause: Duration,
    }

    const LARGE: Case = Case {
        name: "",
        count: 0,
        length: 50,
        fields: 3,
        capacity: 256 * MIB,
        pause: Duration::ZERO,
    };

    const CASES: [Case; 8] = [
        Case { name: "bare", count: 15_000, fields: 0, ..LARGE },
        Case { name: "small", count: 15_000, ..LARGE },
        Case { name: "many fields", count: 5000, fields: 25, ..LARGE },
        Case { name: "redirects", count: 15_000, length: 0, fields: 1, ..LARGE },
        Case { name: "pages", count: 3000, length: 5000, ..LARGE },
        Case { name: "images", count: 250, length: 100_000, ..LARGE },
        Case { name: "full", count: 6000, length: 5000, capacity: 20 * MIB, ..LARGE },
        Case {
            name: "slow",
            count: 10,
            length: 2_000_000,
            capacity: 10 * MIB,
            pause: PAUSE,
            ..LARGE
        },
    ];

    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    fn page(case: &Case) -> Origin {
        let (length, fields) = (case.length, case.fields);
        Origin::new(move |_, _| {
            let mut res = HttpResponse::Ok();
            for (field, value) in
                [("etag", "\"0123456789abcdef\""), ("link", "</style.css>; rel=preload")]
                    .into_iter()
                    .take(fields)
            {
                res.insert_header((field, value));
            }
            for n in 2..fields {
                res.insert_header((format!("x-field-{n}"), "0123456789".repeat(3)));
            }
            res.body(vec![b'x'; length])
        })
    }

    /// The growth at its highest, and what is counted of it in the end.
    async fn grow(case: &Case) -> (u64, u64) {
        let origin = page(case);
        let warm = ResponseCache::memory();
        let warmed = app(&warm, &origin).await;
        for n in 0..200 {
            send(&warmed, get(&format!("/warm/{n}"))).await;
        }
        let cache = ResponseCache::new(Memory::new().max_capacity(case.capacity as u64));
        let app = app(&cache, &origin).await;
        let before = resident();
        let mut highest = before;
        for n in 0..case.count {
            let path = format!("/products/shoes/{n}");
            send(&app, get(&path)).await;
            send(&app, get(&path)).await;
            if n % 8 == 0 || case.count < 100 {
                highest = highest.max(resident());
            }
            if !case.pause.is_zero() {
                actix_rt::time::sleep(case.pause).await;
            }
        }
        (highest - before, cache.handle().unwrap().stats().bytes.unwrap())
    }

    #[actix_rt::test]
    #[ignore = "run by the test below, in a process of its own"]
    async fn case() {
        let Ok(name) = std::env::var(CASE) else { return };
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let (grown, counted) = grow(case).await;
        println!("\nRESIDENT {grown} {counted}");
    }

    #[test]
    fn reported_bytes_match_resident_growth() {
        let start = |case: &Case| {
            let mut process = Command::new(std::env::current_exe().unwrap());
            process.args(["--exact", "memory_use::resident::case", "--ignored", "--nocapture"]);
            if case.length > MIB {
                // what is freed is given back at once: else a few bodies more stay resident
                process.env("MALLOC_MMAP_THRESHOLD_", "65536");
            }
            process.env(CASE, case.name).stdout(Stdio::piped()).spawn().unwrap()
        };
        let processes = CASES.each_ref().map(|case| (case, start(case)));
        let mut report = String::new();
        let mut is_right = true;
        for (case, process) in processes {
            let output = process.wait_with_output().unwrap();
            let output = String::from_utf8(output.stdout).unwrap();
            let line = output.lines().find_map(|line| line.strip_prefix("RESIDENT "));
            let (grown, counted) = line.expect(&output).split_once(' ').unwrap();
            let (grown, counted): (u64, u64) = (grown.parse().unwrap(), counted.parse().unwrap());
            let percent = counted * 100 / grown;
            let name = case.name;
            writeln!(report, "{name}: {grown} resident, {counted} counted, {percent} %").unwrap();
            is_right &= (90..=111).contains(&percent) && counted <= case.capacity as u64;
        }
        println!("{report}");
        assert!(is_right, "{report}");
    }
}

//! Streams, and an expired response under constant load, over real HTTP: servers in processes of their
//! own, without the cache and with it, measured side by side. Prints three tables:
//! `cargo bench --bench stream`.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench"
)]

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_response_cache::{ResponseCache, Responses};
use actix_web::{App, Error, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::{Stream, future::join_all, stream};
use http_body_util::BodyExt as _;
use test_support::client::{Client, get};
use tokio::time::sleep;

/// Tells a process which server it is.
const ROLE: &str = "STREAM_BENCH_SERVER";
/// Without the cache, with it, and with one in which a body may be longer than a large stream, so
/// that only the budget bounds what is recorded.
const ROLES: [&str; 3] = ["bare", "cached", "recording"];
const SLOW_STREAMS: usize = 300;
const LARGE_STREAMS: usize = 200;
const LARGE: usize = 50 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const LOAD: usize = 8;
const SPAN: Duration = Duration::from_secs(10);
/// How long the handler of what expires takes.
const WORK: Duration = Duration::from_millis(50);

fn main() {
    match env::var(ROLE) {
        Ok(role) => actix_rt::System::new().block_on(serve(&role)),
        Err(_) => actix_rt::System::new().block_on(measure()),
    }
}

/// Serves until the parent is gone.
async fn serve(role: &str) {
    let calls = Arc::new(AtomicUsize::new(0));
    let (cached, recording) = (role != ROLES[0], role == ROLES[2]);
    let cache = ResponseCache::memory();
    let cache =
        if recording { cache.responses(Responses::new().max_body(2 * LARGE)) } else { cache };
    let server = HttpServer::new(move || {
        let calls = Arc::clone(&calls);
        let stale = web::to(move || {
            let calls = Arc::clone(&calls);
            async move {
                sleep(WORK).await;
                let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
                let control = "max-age=1, stale-while-revalidate=60";
                HttpResponse::Ok()
                    .insert_header(("cache-control", control))
                    .body(format!("{call:4096}"))
            }
        });
        App::new()
            .wrap(actix_web::middleware::Condition::new(cached, cache.clone()))
            .route("/slow/{n}", web::to(async || HttpResponse::Ok().streaming(slow())))
            .route("/large/{n}", web::to(async || HttpResponse::Ok().streaming(large())))
            .route("/fresh", web::to(async || "x".repeat(4096)))
            .route("/stale", stale)
    })
    .workers(2)
    .bind(("127.0.0.1", 0))
    .unwrap();
    println!("{}", server.addrs()[0]);
    actix_rt::spawn(server.run());
    let gone = || std::io::stdin().read_to_end(&mut Vec::new());
    let _ = actix_rt::task::spawn_blocking(gone).await;
}

/// The first chunk at once, and three more later.
fn slow() -> impl Stream<Item = Result<Bytes, Error>> {
    stream::unfold(0, |n| async move {
        if n > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        (n < 4).then(|| (Ok(vec![b'x'; 1024].into()), n + 1))
    })
}

/// Each chunk has memory of its own, as what comes from a file or a socket has.
fn large() -> impl Stream<Item = Result<Bytes, Error>> {
    let chunk = |n| (n < LARGE / CHUNK).then(|| (Ok(vec![b'x'; CHUNK].into()), n + 1));
    stream::unfold(0, move |n| std::future::ready(chunk(n)))
}

/// A server in a process of its own.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(role: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, address: line.trim().parse().unwrap() }
    }

    /// The most memory that it has had, in MiB.
    fn peak(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn measure() {
    let servers = ROLES.map(Server::start);
    let first_bytes = first_bytes([&servers[0], &servers[1]]).await;
    println!("| | without the cache | with it | ratio |\n| --- | ---: | ---: | ---: |");
    for (name, at) in [("median", 0.5), ("99 %", 0.99)] {
        let [without, with] = first_bytes.each_ref().map(|times| millis(quantile(times, at)));
        row(&format!("first byte of a slow stream, {name} (ms)"), without, with);
    }

    println!("\n| 200 streams of 50 MiB at a time | MiB/s | peak memory (MiB) | before (MiB) |");
    println!("| --- | ---: | ---: | ---: |");
    for (server, name) in servers.iter().zip(["without the cache", "with it", "`max_body` 100 MiB"])
    {
        let (before, rate) = (server.peak(), large_streams(server).await);
        println!("| {name} | {rate:.0} | {:.0} | {before:.0} |", server.peak());
    }

    let (fresh, _) = load(&servers[1], "/fresh").await;
    let (stale, last) = load(&servers[1], "/stale").await;
    println!("\n| | hits | expires each second | ratio |\n| --- | ---: | ---: | ---: |");
    for (name, at) in [("median", 0.5), ("99.9 %", 0.999), ("slowest", 1.0)] {
        row(&format!("{name} (ms)"), millis(quantile(&fresh, at)), millis(quantile(&stale, at)));
    }
    println!(
        "\n{} and {} answers; the handler, of 50 ms, was called {last} times.",
        fresh.len(),
        stale.len()
    );
}

fn row(name: &str, without: f64, with: f64) {
    println!("| {name} | {without:.2} | {with:.2} | {:.2} |", with / without);
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The percentile of sorted times.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn quantile(times: &[Duration], at: f64) -> Duration {
    times[((times.len() - 1) as f64 * at) as usize]
}

/// From the request to the first byte of the body; each server in turn, so that noise is shared.
async fn first_bytes(servers: [&Server; 2]) -> [Vec<Duration>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for n in 0..SLOW_STREAMS {
        for turn in [n % 2, (n + 1) % 2] {
            let (server, times) = (servers[turn], &mut times[turn]);
            let mut client = Client::connect(server.address).await;
            let begun = Instant::now();
            let answer = client.begin(get(&format!("/slow/{n}"), &[])).await.unwrap();
            let mut body = answer.into_body();
            let first = body.frame().await.unwrap().unwrap();
            times.push(begun.elapsed());
            assert!(first.into_data().unwrap().len() <= 1024, "the rest comes later");
            assert_eq!(body.collect().await.unwrap().to_bytes().len(), 3 * 1024);
        }
    }
    for times in &mut times {
        times.sort_unstable();
    }
    times
}

/// MiB in a second.
#[allow(clippy::cast_precision_loss)]
async fn large_streams(server: &Server) -> f64 {
    let begun = Instant::now();
    let streams = (0..LARGE_STREAMS).map(|n| async move {
        let mut client = Client::connect(server.address).await;
        let mut body = client.begin(get(&format!("/large/{n}"), &[])).await.unwrap().into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.unwrap().into_data().map_or(0, |data| data.len());
        }
        assert_eq!(length, LARGE);
    });
    join_all(streams).await;
    (LARGE_STREAMS * LARGE) as f64 / 1024.0 / 1024.0 / begun.elapsed().as_secs_f64()
}

/// Asks for one thing all the time: how long answers took, sorted, and the text of the last.
async fn load(server: &Server, path: &str) -> (Vec<Duration>, String) {
    Client::connect(server.address).await.send(get(path, &[])).await.unwrap();
    let clients = (0..LOAD).map(|_| async {
        let mut client = Client::connect(server.address).await;
        let (begun, mut times, mut text) = (Instant::now(), Vec::new(), String::new());
        while begun.elapsed() < SPAN {
            let asked = Instant::now();
            let answer = client.send(get(path, &[])).await.unwrap();
            times.push(asked.elapsed());
            assert!(answer.field("cache-status").contains("; hit;"), "a request waited");
            answer.text().trim().clone_into(&mut text);
        }
        (times, text)
    });
    let all = join_all(clients).await;
    let last = all.last().map(|(_, text)| text.clone()).unwrap_or_default();
    let mut times: Vec<_> = all.into_iter().flat_map(|(times, _)| times).collect();
    times.sort_unstable();
    (times, last)
}

//! Load over HTTP on loopback: keep-alive connections, one request at a time on each, from a thread of
//! their own; and what the server's threads spend on it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const REQUEST: &[u8] = b"GET /products/7 HTTP/1.1\r\nhost: shop.example\r\n\
    user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101\r\n\
    accept: text/html,application/xhtml+xml,*/*;q=0.8\r\naccept-language: en-US,en;q=0.5\r\n\
    accept-encoding: gzip, deflate, br\r\n\r\n";

/// What one round measured.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    pub per_second: f64,
    /// How long the server's threads ran for one request, in microseconds.
    pub cpu: f64,
}

/// The threads of a server: those that `start` started.
pub struct Threads(Vec<String>);

impl Threads {
    pub async fn of<T>(start: impl FnOnce() -> T) -> (T, Self) {
        let before = times();
        let started = start();
        // workers begin with this thread's runtime
        actix_rt::time::sleep(Duration::from_millis(300)).await;
        let new = times().into_keys().filter(|id| !before.contains_key(id)).collect();
        (started, Self(new))
    }

    /// For how long they have run.
    fn ran(&self) -> Duration {
        let times = times();
        self.0.iter().filter_map(|id| times.get(id)).sum()
    }
}

fn times() -> HashMap<String, Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let time = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        let nanos = stat.split(' ').next()?.parse().ok()?;
        Some((task.file_name().into_string().ok()?, Duration::from_nanos(nanos)))
    };
    tasks.filter_map(time).collect()
}

/// Asks a server over this number of connections for as long as `span`; bodies have this length.
pub async fn round(
    server: SocketAddr,
    threads: &Threads,
    connections: usize,
    length: usize,
    span: Duration,
) -> Round {
    // this thread's runtime has the servers' accepting to do
    let load = actix_rt::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let begun = Instant::now();
            let one = || client(server, length, begun, span);
            let all = (0..connections).map(|_| tokio::task::spawn(one()));
            let counts = futures_util::future::join_all(all).await;
            counts.into_iter().map(|count| count.expect("no panic")).sum::<u32>()
        })
    });
    let (before, begun) = (threads.ran(), Instant::now());
    let requests = f64::from(load.await.expect("no panic"));
    let cpu = (threads.ran().saturating_sub(before)).as_secs_f64() * 1e6 / requests;
    Round { per_second: requests / begun.elapsed().as_secs_f64(), cpu }
}

async fn client(server: SocketAddr, length: usize, begun: Instant, span: Duration) -> u32 {
    let mut stream = TcpStream::connect(server).await.expect("it listens");
    stream.set_nodelay(true).expect("an open socket");
    let (mut buffer, mut count) = (vec![0; length + 4096], 0);
    while begun.elapsed() < span {
        stream.write_all(REQUEST).await.expect("sent");
        let (mut read, mut whole) = (0, usize::MAX);
        while read < whole {
            let more = stream.read(&mut buffer[read..]).await.expect("read");
            assert!(more > 0, "closed");
            read += more;
            let head = buffer[..read.min(4096)].windows(4).position(|end| end == b"\r\n\r\n");
            if let (usize::MAX, Some(head)) = (whole, head) {
                assert!(buffer.starts_with(b"HTTP/1.1 200"), "another status");
                whole = head + 4 + length;
            }
        }
        count += 1;
    }
    count
}

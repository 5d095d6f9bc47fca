//! The examples as processes: each does what it says.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::support::{
    client::{Answer, Client, request},
    redis::RedisServer,
    until, until_async,
};

/// An example that runs, until it is dropped.
pub(crate) struct Example {
    process: Child,
    says: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Example {
    /// Starts the example on a free port; `arguments` follow its address.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program(name));
        command.arg("127.0.0.1:0").args(arguments).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the example starts");
        let mut says = BufReader::new(process.stdout.take().expect("a pipe"));
        let address = loop {
            if let Some(address) = line(&mut says).strip_prefix("listening on http://") {
                break address.parse().expect("an address");
            }
        };
        Self { process, says, address }
    }

    /// The next line that it prints.
    pub(crate) fn says(&mut self) -> String {
        line(&mut self.says)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path).await
    }

    async fn send(&self, method: &str, path: &str) -> Answer {
        let request = request(method, path, &[]);
        Client::connect(self.address).await.send(request).await.expect("an answer")
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn end(mut self) {
        let id = self.process.id();
        let signal = Command::new("sh").arg("-c").arg(format!("kill -INT {id}")).status();
        assert!(signal.expect("a shell").success());
        self.process.wait().expect("it ends");
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `target/debug/deps/it-…` stands beside `target/debug/examples`.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let program = test.ancestors().nth(2).expect("a folder").join("examples").join(name);
    assert!(program.is_file(), "build it first: cargo build --all-features --example {name}");
    program
}

fn line(says: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    assert_ne!(says.read_line(&mut line).expect("a line"), 0, "it has ended");
    line.trim().to_owned()
}

/// What the cache says of a response, without its lifetime.
fn verdict(answer: &Answer) -> &str {
    let status = answer.field("cache-status");
    let said = status.strip_prefix("actix-response-cache; ").unwrap_or(status);
    said.split("; ttl").next().unwrap_or_default()
}

#[actix_rt::test]
async fn hello_is_computed_once() {
    let hello = Example::start("hello", &[]);
    let first = hello.get("/").await;
    assert_eq!(verdict(&first), "fwd=uri-miss; stored");
    let second = hello.get("/").await;
    assert_eq!((verdict(&second), second.text()), ("hit", first.text()));
    hello.end();
}

#[actix_rt::test]
async fn metrics_are_those_of_now() {
    let metrics = Example::start("metrics", &[]);
    for hits in 0..3 {
        metrics.get("/").await;
        let text = metrics.get("/metrics").await;
        assert_eq!(text.field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        let line = text.text().lines().find(|line| {
            line.starts_with("http_cache_requests_total") && line.contains(r#"verdict="hit""#)
        });
        let count = line.and_then(|line| line.rsplit(' ').next()).unwrap_or("0");
        assert_eq!(count, hits.to_string(), "{}", text.text());
    }
}

#[actix_rt::test]
async fn processes_of_a_fleet_share_one_cache() {
    let server = RedisServer::start();
    let url = server.url();
    let (one, other) = (Example::start("fleet", &[&url]), Example::start("fleet", &[&url]));
    let first = one.get("/products/7").await;
    assert_eq!(verdict(&first), "fwd=uri-miss; stored");
    let stored = || !server.command::<Vec<String>>(&["KEYS", "fleet:e:*"]).is_empty();
    until("the response is in Redis", stored).await;
    let second = other.get("/products/7").await;
    assert_eq!((verdict(&second), second.text()), ("hit", first.text()));
    other.send("PUT", "/products/7").await;
    let purged = async || verdict(&one.get("/products/7").await) == "fwd=uri-miss; stored";
    until_async("the purge has been announced", purged).await;
}

#[actix_rt::test]
async fn process_of_a_fleet_serves_without_redis() {
    let alone = Example::start("fleet", &["redis://127.0.0.1:1"]);
    assert_eq!(alone.get("/products/7").await.status, 200);
}

#[test]
fn open_telemetry_exports_hits_and_misses() {
    let output = Command::new(program("open_telemetry")).output().expect("the example runs");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "exported: 2 hits, 1 misses\n");
}

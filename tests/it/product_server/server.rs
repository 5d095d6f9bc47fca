//! The compiled example as a child process that is asked over HTTP.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use actix_web::http::Method;
use awc::{Client, ClientRequest};
use bytes::Bytes;
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, sleep, timeout},
};

use super::answer::{Answer, answer};
use crate::support::redis::RedisServer;

/// For how long anything may take, on a machine that does much else.
pub(super) const BOUND: Duration = Duration::from_secs(30);

pub(super) const ADMIN_TOKEN: &str = "a-token-for-the-tests";

/// A running server. It is killed with its value.
pub(super) struct Server {
    process: Child,
    url: String,
    log: NamedTempFile,
    client: Client,
    pub(super) redis: Option<RedisServer>,
}

impl Server {
    /// A server with its products and responses in memory.
    pub(super) async fn in_memory() -> Self {
        Self::start(&[]).await
    }

    /// A server with its products in memory and its responses in a Redis of its own.
    pub(super) async fn with_redis() -> Self {
        let redis = RedisServer::start();
        let server = Self::start(&["--redis", &redis.url()]).await;
        Self { redis: Some(redis), ..server }
    }

    /// A server of each kind.
    pub(super) async fn each() -> [Self; 2] {
        [Self::in_memory().await, Self::with_redis().await]
    }

    /// A server with these arguments on a port of its own.
    pub(super) async fn start(arguments: &[&str]) -> Self {
        let log = NamedTempFile::new().expect("a temporary file");
        let command = command(arguments, &log);
        Self::run(command, log).await.0
    }

    /// A server without a token in its environment, and the one that it has made up and printed.
    pub(super) async fn with_token_of_its_own(arguments: &[&str]) -> (Self, String) {
        let log = NamedTempFile::new().expect("a temporary file");
        let mut command = command(arguments, &log);
        command.env_remove("CACHE_ADMIN_TOKEN");
        let (server, mut out) = Self::run(command, log).await;
        loop {
            let line = timeout(BOUND, out.next_line()).await.expect("a line in time");
            let line = line.expect("text").expect("its token");
            if let Some(token) = line.strip_prefix("its token: ") {
                return (server, token.to_owned());
            }
        }
    }

    async fn run(
        mut command: Command,
        log: NamedTempFile,
    ) -> (Self, Lines<BufReader<ChildStdout>>) {
        let mut process = command.spawn().expect("the example starts");
        let mut out = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let line = timeout(BOUND, out.next_line()).await;
        let line = line.expect("it says where it listens in time").expect("text");
        let url = line.as_deref().and_then(|line| line.strip_prefix("listening on "));
        let url = url.unwrap_or_else(|| panic!("{line:?}\n{}", read(&log))).to_owned();
        let client = Client::builder().timeout(BOUND).finish();
        (Self { process, url, log, client, redis: None }, out)
    }

    /// Host and port.
    pub(super) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("a URL")
    }

    pub(super) fn request(&self, method: &str, path: &str) -> ClientRequest {
        let method: Method = method.parse().expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.url));
        // as behind a balancer: the host is that of the shop and not of the process
        request.insert_header(("host", "shop.example"))
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path), Bytes::new()).await
    }

    pub(super) async fn get_as(&self, path: &str, token: &str) -> Answer {
        answer(self.request("GET", path).bearer_auth(token), Bytes::new()).await
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).content_type("application/json");
        answer(request, body.to_string()).await
    }

    /// As the operator.
    pub(super) async fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).bearer_auth(ADMIN_TOKEN);
        answer(request, body.to_string()).await
    }

    /// Asks until a stored response answers: storing goes on behind the answer that is stored.
    pub(super) async fn hit(&self, path: &str) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.get(path).await;
            if answer.is_hit() {
                return answer;
            }
            assert!(begun.elapsed() < BOUND, "{path}: {answer:?}\n{}", read(&self.log));
        }
    }

    /// Waits until the log has this text.
    pub(super) async fn logged(&self, text: &str) {
        let begun = Instant::now();
        while !read(&self.log).contains(text) {
            assert!(begun.elapsed() < BOUND, "no `{text}` in\n{}", read(&self.log));
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks the process to end, as a service manager would.
    pub(super) async fn terminate(&self) {
        let id = self.process.id().expect("it runs");
        let kill = Command::new("sh").arg("-c").arg(format!("kill -TERM {id}")).status().await;
        assert!(kill.expect("a shell").success());
    }

    /// Waits until the process has ended.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        let status = timeout(BOUND, self.process.wait()).await;
        status.unwrap_or_else(|_| panic!("it goes on:\n{}", read(&self.log))).expect("a status")
    }
}

/// What several servers have in common: a Redis, and a folder for their database.
pub(super) fn fleet() -> (RedisServer, TempDir) {
    (RedisServer::start(), tempfile::tempdir().expect("a temporary directory"))
}

/// Runs the example with arguments with which it does not start, and returns what it says.
pub(super) async fn refused(arguments: &[&str]) -> String {
    let log = NamedTempFile::new().expect("a temporary file");
    let mut process = command(arguments, &log).spawn().expect("the example starts");
    let status = timeout(BOUND, process.wait()).await.expect("it ends in time").expect("a status");
    assert!(!status.success());
    read(&log)
}

fn command(arguments: &[&str], log: &NamedTempFile) -> Command {
    let mut command = Command::new(example("product_server"));
    command
        .args(["--port", "0", "--workers", "2"])
        .args(arguments)
        .env("CACHE_ADMIN_TOKEN", ADMIN_TOKEN)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.reopen().expect("the log"))
        .kill_on_drop(true);
    command
}

/// The example beside this test's binary, where `cargo test` has put it.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(Path::parent).expect("a profile's folder");
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let example = profile.join("examples").join(file);
    assert!(
        example.exists(),
        "{} is missing: `cargo test` makes it, `cargo test --test it` does not; \
         run `cargo build --all-features --example {name}` (with the same profile)",
        example.display()
    );
    example
}

fn read(log: &NamedTempFile) -> String {
    std::fs::read_to_string(log.path()).expect("the log")
}

//! A real Redis server of a test's own, on loopback, without persistence, gone with its value.

pub mod cluster;
pub mod sentinel;
pub mod tls;

use std::{
    ffi::OsString,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running `redis-server`, or one that was killed.
pub struct RedisServer {
    port: u16,
    directory: tempfile::TempDir,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server with its defaults.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with further arguments, such as `--maxmemory 10mb`.
    pub fn start_with(arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        // a free port may be taken by another test before the server has it
        for _ in 0..20 {
            if let Some(server) = Self::start_at(free_port(), arguments.clone()) {
                return server;
            }
        }
        panic!("{} did not start", binary().display());
    }

    /// Starts a server on this port; `None` where another process has it.
    fn start_at(port: u16, arguments: Vec<String>) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut server = Self { port, directory, arguments, process: None };
        server.launch().then_some(server)
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The server's address.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port that other servers and clients are to use: the one for TLS, where there is one.
    pub fn main_port(&self) -> u16 {
        let at = self.arguments.iter().position(|argument| argument == "--tls-port");
        let port = at.and_then(|at| self.arguments.get(at + 1));
        port.map_or(self.port, |port| port.parse().expect("a port"))
    }

    /// The URL for the [`main_port`](Self::main_port).
    pub fn main_url(&self) -> String {
        let scheme = if self.main_port() == self.port { "redis" } else { "rediss" };
        format!("{scheme}://127.0.0.1:{}", self.main_port())
    }

    /// The server's Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// Ends the server as `kill -9` would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends the process a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().expect("it runs").id();
        let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status();
        assert!(status.expect("a shell").success());
    }

    /// Starts the server again on its port; empty, unless its arguments make it persistent.
    pub fn restart(&mut self) {
        self.kill();
        for _ in 0..20 {
            if self.launch() {
                return;
            }
        }
        panic!("{} did not start again", binary().display());
    }

    /// A connection of the test's own.
    pub fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("a URL");
        client.get_connection().expect("the server answers")
    }

    /// Runs a command given as words, and returns its reply.
    pub fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let (name, arguments) = words.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query(&mut self.connection()).expect("a reply")
    }

    /// How many connections the server has accepted.
    pub fn connections(&self) -> u64 {
        connections(&self.command::<String>(&["INFO", "stats"]))
    }

    /// How often each command has been called since the last `CONFIG RESETSTAT`, by `INFO`.
    pub fn calls(&self, command: &str) -> u64 {
        let info: String = self.command(&["INFO", "commandstats"]);
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        let calls = line.and_then(|line| line.strip_prefix("calls=")?.split(',').next());
        calls.map_or(0, |calls| calls.parse().expect("a number"))
    }

    /// How long each command has taken on the average since the last `CONFIG RESETSTAT`, by `INFO`.
    pub fn micros_per_call(&self) -> Vec<(String, f64)> {
        let info: String = self.command(&["INFO", "commandstats"]);
        let commands = info.lines().filter_map(|line| line.strip_prefix("cmdstat_"));
        let micros = commands.filter_map(|line| {
            let (name, fields) = line.split_once(':')?;
            let micros =
                fields.split(',').find_map(|field| field.strip_prefix("usec_per_call="))?;
            Some((name.to_owned(), micros.parse().expect("a number")))
        });
        micros.collect()
    }

    fn launch(&mut self) -> bool {
        let mut command = Command::new(binary());
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--loglevel", "warning"])
            .args(["--unixsocket", &self.socket().display().to_string()])
            .args(["--dir", &self.directory.path().display().to_string()])
            .args(&self.arguments);
        self.process = launched(&mut command, self.port);
        self.process.is_some()
    }
}

/// The server to run, also as sentinel and as node of a cluster: what `REDIS_SERVER_BIN` names, such as
/// `valkey-server`, or else `redis-server`.
fn binary() -> OsString {
    std::env::var_os("REDIS_SERVER_BIN").unwrap_or_else(|| "redis-server".into())
}

/// The process of a server on this port, once it answers; `None` if it ends.
fn launched(command: &mut Command, port: u16) -> Option<Child> {
    let mut process = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if process.try_wait().expect("a status").is_some() {
            return None;
        }
        if answers(port, &process) {
            return Some(process);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}

/// Whether it is this process that listens, and not another on the same port.
fn answers(port: u16, process: &Child) -> bool {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a URL");
    let Ok(mut connection) = client.get_connection() else { return false };
    let info: Result<String, _> = redis::cmd("INFO").arg("server").query(&mut connection);
    info.is_ok_and(|info| info.lines().any(|line| line == format!("process_id:{}", process.id())))
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How many connections a server has accepted, by what it says of itself.
fn connections(stats: &str) -> u64 {
    let name = "total_connections_received:";
    let count = stats.lines().find_map(|line| line.strip_prefix(name));
    count.expect("it is said").parse().expect("a number")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

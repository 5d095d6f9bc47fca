//! A primary, its replica, and a sentinel that watches them.

use std::{
    collections::HashMap,
    process::{Child, Command},
};

use crate::wait::until_blocking;

use super::{
    RedisServer, binary, free_port, launched,
    tls::{Authority, Certificates},
};

/// What the sentinel calls the service.
pub const SERVICE: &str = "cache";

/// Two servers and a sentinel that notices within half a second when the primary is gone.
pub struct SentinelSetup {
    pub servers: Vec<RedisServer>,
    sentinel: Sentinel,
    certificates: Option<Certificates>,
}

struct Sentinel {
    port: u16,
    tls_port: Option<u16>,
    process: Child,
    _directory: tempfile::TempDir,
}

impl SentinelSetup {
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Ones that speak TLS; the test itself does not.
    pub fn start_with_tls() -> Self {
        Self::start_with(Some(Certificates::new()))
    }

    fn start_with(certificates: Option<Certificates>) -> Self {
        let server = |more: &[&str]| {
            let mut arguments = vec!["--repl-diskless-sync-delay".to_owned(), "0".to_owned()];
            arguments.extend(more.iter().map(|&argument| argument.to_owned()));
            if let Some(certificates) = &certificates {
                arguments.extend(certificates.arguments(false));
                arguments.extend(["--tls-replication", "yes"].map(str::to_owned));
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            RedisServer::start_with(&arguments)
        };
        let primary = server(&[]);
        let replica = server(&["--replicaof", &format!("127.0.0.1 {}", primary.main_port())]);
        // the sentinel asks for replicas at once, and then not for ten seconds
        until_blocking("the replica does not come up", || {
            let info: String = primary.command(&["INFO", "replication"]);
            info.contains("state=online")
        });
        let sentinel = sentinel(primary.main_port(), certificates.as_ref());
        let watched = Self { servers: vec![primary, replica], sentinel, certificates };
        until_blocking("the sentinel does not find the replica", || {
            let replicas: Vec<HashMap<String, String>> =
                watched.ask(&["SENTINEL", "REPLICAS", SERVICE]);
            let is = |key: &str, value: &str| {
                replicas.iter().any(|replica| replica.get(key).is_some_and(|is| is == value))
            };
            // it can be promoted once it has told of its link to the primary
            is("flags", "slave") && is("master-link-status", "ok")
        });
        watched
    }

    pub fn urls(&self) -> Vec<String> {
        vec![self.url()]
    }

    pub fn url(&self) -> String {
        match self.sentinel.tls_port {
            Some(port) => format!("rediss://127.0.0.1:{port}"),
            None => format!("redis://127.0.0.1:{}", self.sentinel.port),
        }
    }

    /// Who signed the servers' certificate.
    pub fn authority(&self) -> &Authority {
        self.certificates.as_ref().expect("servers with TLS").authority()
    }

    /// The number of the server that the sentinel calls the primary.
    pub fn primary(&self) -> usize {
        let (_, port): (String, u16) = self.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]);
        self.servers.iter().position(|server| server.main_port() == port).expect("one of ours")
    }

    /// How many connections the sentinel has accepted.
    pub fn connections(&self) -> u64 {
        super::connections(&self.ask::<String>(&["INFO", "stats"]))
    }

    /// Asks the sentinel.
    pub fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let url = format!("redis://127.0.0.1:{}", self.sentinel.port);
        let client = redis::Client::open(url).expect("a URL");
        let mut connection = client.get_connection().expect("the sentinel answers");
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).expect("a reply")
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sentinel(primary: u16, certificates: Option<&Certificates>) -> Sentinel {
    for _ in 0..20 {
        let port = free_port();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("sentinel.conf");
        let mut settings = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {SERVICE} 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds {SERVICE} 500\n\
             sentinel failover-timeout {SERVICE} 5000\n",
            directory.path().display(),
        );
        let tls_port = certificates.map(|_| free_port());
        if let (Some(certificates), Some(port)) = (certificates, tls_port) {
            settings.push_str("tls-replication yes\n");
            for (name, value) in certificates.settings(port, false) {
                settings.extend([name, " ", &value, "\n"]);
            }
        }
        std::fs::write(&file, settings).expect("written");
        let mut command = Command::new(binary());
        if let Some(process) = launched(command.arg(&file).arg("--sentinel"), port) {
            return Sentinel { port, tls_port, process, _directory: directory };
        }
    }
    panic!("no sentinel started");
}

//! A primary, its replica, and a sentinel that watches them.

use std::{
    collections::HashMap,
    process::{Child, Command},
};

use super::{RedisServer, binary, free_port, launched, wait_until};

/// What the sentinel calls the service.
pub(crate) const SERVICE: &str = "cache";

/// Two servers and a sentinel that notices within half a second when the primary is gone.
pub(crate) struct Watched {
    pub(crate) servers: Vec<RedisServer>,
    port: u16,
    process: Child,
    _directory: tempfile::TempDir,
}

impl Watched {
    pub(crate) fn start() -> Self {
        let primary = RedisServer::start_with(&["--repl-diskless-sync-delay", "0"]);
        let replica = RedisServer::start_with(&[
            "--repl-diskless-sync-delay",
            "0",
            "--replicaof",
            &format!("127.0.0.1 {}", primary.port()),
        ]);
        // the sentinel asks for replicas at once, and then not for ten seconds
        wait_until("the replica does not come up", || {
            let info: String = primary.command(&["INFO", "replication"]);
            info.contains("state=online")
        });
        let (port, process, directory) = sentinel(primary.port());
        let watched =
            Self { servers: vec![primary, replica], port, process, _directory: directory };
        wait_until("the sentinel does not find the replica", || {
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

    pub(crate) fn urls(&self) -> Vec<String> {
        vec![self.url()]
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The number of the server that the sentinel calls the primary.
    pub(crate) fn primary(&self) -> usize {
        let (_, port): (String, u16) = self.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]);
        self.servers.iter().position(|server| server.port() == port).expect("one of ours")
    }

    /// Asks the sentinel.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).expect("a URL");
        let mut connection = client.get_connection().expect("the sentinel answers");
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).expect("a reply")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sentinel(primary: u16) -> (u16, Child, tempfile::TempDir) {
    for _ in 0..20 {
        let port = free_port();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("sentinel.conf");
        let settings = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {SERVICE} 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds {SERVICE} 500\n\
             sentinel failover-timeout {SERVICE} 5000\n",
            directory.path().display(),
        );
        std::fs::write(&file, settings).expect("written");
        let mut command = Command::new(binary());
        if let Some(process) = launched(command.arg(&file).arg("--sentinel"), port) {
            return (port, process, directory);
        }
    }
    panic!("no sentinel started");
}

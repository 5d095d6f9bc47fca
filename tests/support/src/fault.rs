//! What can become of a Redis server and of the way to it, each to be begun and ended.

use std::cell::RefCell;

use crate::{
    proxy::{Bandwidth, Mode, Proxy},
    redis::RedisServer,
};

/// A fault of the server or of the way to it.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Refused,
    Silent,
    Cut,
    Slow,
    /// All replies together come at this rate, in bytes per second.
    Limited(u32),
    Garbage,
    /// Connections that subscribe are cut, all others work.
    Subscribers,
    /// Every command is answered with this error.
    Error(&'static str),
    /// `maxmemory` is reached, and nothing may be evicted.
    Full,
    /// The primary becomes a replica without a primary, which refuses writes.
    ReadOnly,
    /// A password is required that clients do not have.
    Password,
    /// `kill -9`, and back without data.
    Killed,
    /// `kill -9`, and back with all data.
    KilledPersistent,
    /// `SIGSTOP`, `SIGCONT`.
    Stopped,
    /// Another process purges other paths all the time.
    Purges,
}

/// A server with a proxy before it, to which something may happen.
pub struct FaultyRedis {
    fault: Fault,
    server: RefCell<RedisServer>,
    proxy: Proxy,
    /// Who was let in before a password was asked for.
    insider: RefCell<redis::Connection>,
}

impl FaultyRedis {
    pub fn new(fault: Fault) -> Self {
        let server = RedisServer::start_with(match fault {
            Fault::KilledPersistent => &["--appendonly", "yes", "--appendfsync", "always"],
            Fault::Full => &["--maxmemory-policy", "noeviction"],
            _ => &[],
        });
        let proxy = Proxy::start(server.address());
        let insider = RefCell::new(server.connection());
        Self { fault, server: RefCell::new(server), proxy, insider }
    }

    /// Where a cache finds the server.
    pub fn url(&self) -> String {
        match self.fault {
            // the proxy would accept what the server refuses
            Fault::Killed | Fault::KilledPersistent => self.server.borrow().url(),
            _ => self.proxy.url(),
        }
    }

    /// How many connections have been made, where that can be told.
    pub fn connections(&self) -> usize {
        self.proxy.accepted()
    }

    pub fn begin(&self) {
        match self.fault {
            Fault::Refused => self.proxy.set_mode(Mode::Refuse),
            Fault::Silent => self.proxy.set_mode(Mode::Silent),
            Fault::Cut => self.proxy.set_mode(Mode::CutReplies),
            Fault::Slow => self.proxy.set_mode(Mode::Slow),
            Fault::Limited(rate) => self.proxy.set_mode(Mode::Limited(Bandwidth::new(rate))),
            Fault::Garbage => self.proxy.set_mode(Mode::Garbage),
            Fault::Subscribers => self.proxy.set_mode(Mode::CutSubscribers),
            Fault::Error(text) => self.proxy.set_mode(Mode::Error(text)),
            Fault::Full => self.command("CONFIG SET maxmemory 1"),
            Fault::ReadOnly => self.command("REPLICAOF 127.0.0.1 1"),
            Fault::Password => {
                self.command("CONFIG SET requirepass secret");
                self.command("CLIENT KILL TYPE normal"); // who has been let in stays in
            }
            Fault::Killed | Fault::KilledPersistent => self.server.borrow_mut().kill(),
            Fault::Stopped => self.server.borrow().signal("STOP"),
            // the bench purges
            Fault::Purges => {}
        }
    }

    pub fn end(&self) {
        match self.fault {
            Fault::Refused
            | Fault::Silent
            | Fault::Cut
            | Fault::Slow
            | Fault::Limited(_)
            | Fault::Garbage
            | Fault::Subscribers
            | Fault::Error(_) => self.proxy.set_mode(Mode::Pass),
            Fault::Full => self.command("CONFIG SET maxmemory 0"),
            Fault::ReadOnly => self.command("REPLICAOF NO ONE"),
            Fault::Password => {
                let mut set = redis::cmd("CONFIG");
                set.arg("SET").arg("requirepass").arg("");
                set.exec(&mut self.insider.borrow_mut()).expect("a reply");
            }
            Fault::Killed | Fault::KilledPersistent => self.server.borrow_mut().restart(),
            Fault::Stopped => self.server.borrow().signal("CONT"),
            Fault::Purges => {}
        }
    }

    fn command(&self, words: &str) {
        let words: Vec<&str> = words.split(' ').collect();
        let (name, arguments) = words.split_first().expect("a command");
        redis::cmd(name).arg(arguments).exec(&mut self.insider.borrow_mut()).expect("a reply");
    }
}

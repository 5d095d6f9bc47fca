//! Two processes over one Redis and one database, their load, and how old what they serve is.
//! Process A changes items and purges them, process B has to hear of it. A process is a cache of its
//! own behind a server of its own.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use actix_response_cache::{CacheHandle, ResponseCache};
use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Data, Path},
};
use futures_util::future::join_all;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::support::{
    client::{Answer, Client, request},
    server::serve,
};

/// For how long a version that was replaced may be served: a second, and a busy machine's share.
const BOUND: Duration = Duration::from_millis(1050);
/// For what has no bound of its own: it comes long before, also on a busy machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
const A: usize = 0;
const B: usize = 1;
/// The readers of each process.
const READERS: [usize; 2] = [2, 4];
/// Between two requests of one reader.
const READ_PAUSE: Duration = Duration::from_millis(3);
/// Between two changes.
const CHANGE_PAUSE: Duration = Duration::from_millis(50);
const ITEMS: usize = 4;
/// One more item, which the load does not touch.
const PROBE: usize = ITEMS;

/// What the handlers of both processes read and change.
#[derive(Default)]
struct Database {
    items: [Item; ITEMS + 1],
}

#[derive(Default)]
struct Item {
    version: AtomicU64,
    /// Calls of handlers that read it.
    reads: AtomicU64,
}

async fn read(database: Data<Database>, number: Path<usize>) -> HttpResponse {
    let item = &database.items[*number];
    item.reads.fetch_add(1, Ordering::SeqCst);
    let version = item.version.load(Ordering::SeqCst);
    // now and then long enough for the fill to begin before a short outage and to end after it
    let millis = if fastrand::u8(..8) == 0 { 500 } else { fastrand::u64(..10) };
    sleep(Duration::from_millis(millis)).await;
    HttpResponse::Ok().body(version.to_string())
}

/// The cache purges the item by itself, before the client is answered.
async fn change(database: Data<Database>, number: Path<usize>) -> HttpResponse {
    let version = database.items[*number].version.fetch_add(1, Ordering::SeqCst) + 1;
    HttpResponse::Ok().body(version.to_string())
}

/// A cache behind a server.
struct Process {
    address: SocketAddr,
    cache: CacheHandle,
    stop: ServerHandle,
}

impl Process {
    fn start(cache: ResponseCache, database: &Data<Database>) -> Self {
        let handle = cache.handle().expect("settings are right");
        let database = database.clone();
        let server = HttpServer::new(move || {
            let item = web::resource("/items/{number}").get(read).put(change);
            App::new().app_data(database.clone()).wrap(cache.clone()).service(item)
        })
        .workers(1);
        let (address, stop) = serve(server);
        Self { address, cache: handle, stop }
    }

    async fn client(&self) -> Client {
        Client::connect(self.address).await
    }
}

/// Sends a request, which has to succeed also during the outage.
async fn send(client: &mut Client, method: &str, number: usize) -> Answer {
    let answer = client.send(request(method, &format!("/items/{number}"), &[]));
    let answer = timeout(DEADLINE, answer).await.expect("in time").expect("an answer");
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer
}

/// What was read of one process.
#[derive(Debug, Default)]
struct Seen {
    reads: usize,
    hits: usize,
    stale: usize,
    /// The longest time for which a version had been replaced that was served all the same.
    oldest: Duration,
}

/// Both processes under load.
pub(super) struct Fleet {
    database: Data<Database>,
    processes: [Process; 2],
    /// When the PUT of each version of each item was answered, from version 1 on.
    changed: RefCell<[Vec<Instant>; ITEMS + 1]>,
    seen: RefCell<[Seen; 2]>,
    over: Cell<bool>,
}

impl Fleet {
    pub(super) fn start(caches: [ResponseCache; 2]) -> Rc<Self> {
        let database = Data::new(Database::default());
        let processes = caches.map(|cache| Process::start(cache, &database));
        let (changed, seen, over) = (RefCell::default(), RefCell::default(), Cell::new(false));
        Rc::new(Self { database, processes, changed, seen, over })
    }

    /// Begins to read both processes, and to change items by A.
    pub(super) fn load(self: &Rc<Self>) -> Vec<JoinHandle<()>> {
        let mut tasks = vec![actix_rt::spawn(Rc::clone(self).change_on())];
        for (process, readers) in READERS.into_iter().enumerate() {
            for _ in 0..readers {
                tasks.push(actix_rt::spawn(Rc::clone(self).read_on(process)));
            }
        }
        tasks
    }

    /// Ends the load and the processes.
    pub(super) async fn end(&self, load: Vec<JoinHandle<()>>) {
        self.over.set(true);
        for task in timeout(DEADLINE, join_all(load)).await.expect("all come to an end") {
            task.expect("no request failed");
        }
        for process in &self.processes {
            timeout(DEADLINE, process.stop.stop(true)).await.expect("the server stops");
        }
    }

    async fn read_on(self: Rc<Self>, process: usize) {
        let mut client = self.processes[process].client().await;
        while !self.over.get() {
            self.read(&mut client, process, fastrand::usize(..ITEMS)).await;
            sleep(READ_PAUSE).await;
        }
    }

    async fn change_on(self: Rc<Self>) {
        let mut client = self.processes[A].client().await;
        while !self.over.get() {
            self.change(&mut client, fastrand::usize(..ITEMS)).await;
            sleep(CHANGE_PAUSE).await;
        }
    }

    /// Reads an item of a process: its version, and whether it was a hit.
    async fn read(&self, client: &mut Client, process: usize, number: usize) -> (usize, bool) {
        let sent = Instant::now();
        let answer = send(client, "GET", number).await;
        let version: usize = answer.text().parse().expect("a version");
        let is_hit = answer.field("cache-status").contains("; hit");
        let replaced = self.changed.borrow()[number].get(version).copied();
        let age = replaced.map_or(Duration::ZERO, |then| sent.saturating_duration_since(then));
        let mut all = self.seen.borrow_mut();
        let seen = &mut all[process];
        seen.reads += 1;
        seen.hits += usize::from(is_hit);
        seen.stale += usize::from(!age.is_zero());
        seen.oldest = seen.oldest.max(age);
        (version, is_hit)
    }

    /// Makes a new version of an item by A.
    async fn change(&self, client: &mut Client, number: usize) {
        let answer = send(client, "PUT", number).await;
        let mut all = self.changed.borrow_mut();
        let changed = &mut all[number];
        changed.push(Instant::now());
        assert_eq!(answer.text(), changed.len().to_string(), "each item has one writer");
    }

    /// Waits until B answers with what A has stored, so that both use Redis.
    pub(super) async fn wait_until_shared(&self, at_most: Duration) {
        let begun = Instant::now();
        while !self.shares().await {
            assert!(begun.elapsed() < at_most, "what A stores is no hit of B");
        }
    }

    async fn shares(&self) -> bool {
        let (mut a, mut b) = (self.processes[A].client().await, self.processes[B].client().await);
        self.change(&mut a, PROBE).await;
        let reads = || self.database.items[PROBE].reads.load(Ordering::SeqCst);
        let before = reads();
        let (version, _) = self.read(&mut a, A, PROBE).await;
        // waits for the store, unless the response is there already
        self.read(&mut a, A, PROBE).await;
        self.read(&mut b, B, PROBE).await == (version, true) && reads() == before + 1
    }

    /// Checks that B hears in time of what A purges.
    pub(super) async fn check_purge(&self) {
        let (mut a, mut b) = (self.processes[A].client().await, self.processes[B].client().await);
        self.change(&mut a, PROBE).await;
        let (changed, version) = (Instant::now(), self.changed.borrow()[PROBE].len());
        while self.read(&mut b, B, PROBE).await.0 < version {
            assert!(changed.elapsed() < BOUND, "B does not hear of A's purges");
        }
    }

    /// Checks how old what was served has been.
    pub(super) fn check_ages(&self) {
        let seen = self.seen.borrow();
        println!("A {:?}, B {:?}", seen[A], seen[B]);
        assert_eq!(seen[A].stale, 0, "A served what it had purged: {:?}", seen[A]);
        assert!(seen[B].oldest <= BOUND, "B served what was too old: {:?}", seen[B]);
        assert!(seen.iter().all(|seen| seen.hits > 0), "hardly a cache");
    }

    /// How often the store has failed A so far.
    pub(super) fn errors(&self) -> u64 {
        self.processes[A].cache.stats().errors
    }
}

//! A race between readers, and writers that purge and read at once: what was purged before a
//! request began never answers it. Over real HTTP and two workers, with and without `Vary`, from
//! memory and from Redis.
//!
//! `RACE_SECONDS` says how long each race takes: 15 where it is not set. `RACE_SEED` repeats what
//! readers and writers chose in a run that failed, though not the order in which the threads went.

use std::{
    cell::{Cell, RefCell},
    env,
    net::SocketAddr,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use actix_response_cache::{CacheHandle, Purged, Redis, ResponseCache, Rule, StoreError};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Data, Path},
};
use fastrand::Rng;
use futures_util::future::join_all;
use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};

use crate::support::{
    client::{Client, get},
    redis::RedisServer,
    server,
};

/// Every response comes long before, on however busy a machine.
const DEADLINE: Duration = Duration::from_secs(60);
const ITEMS: usize = 4;
const READERS: usize = 8;
/// Each item has one writer, so that its versions come in order.
const WRITERS: usize = 2;
const LANGUAGES: [&str; 3] = ["de", "en", "fr"];
/// How long a handler goes on after it has read, in milliseconds: fills and purges overlap.
const MAX_PAUSE: u64 = 3;
/// How many stale responses a failure describes.
const MAX_EXAMPLES: usize = 5;

/// What the handler reads and the writers change.
#[derive(Default)]
struct World {
    items: [Item; ITEMS],
    varies: bool,
}

#[derive(Default)]
struct Item {
    current: AtomicU64,
    /// Every older version was purged.
    floor: AtomicU64,
}

impl World {
    fn body(&self, number: usize, version: u64, language: &str) -> String {
        let language = if self.varies { language } else { "any" };
        format!("{version} {number} {language}")
    }
}

fn path(number: usize) -> String {
    format!("/items/{number}")
}

/// Reads the version first, and takes its time after that: as long as the request says.
async fn handler(world: Data<World>, number: Path<usize>, req: HttpRequest) -> HttpResponse {
    let version = world.items[*number].current.load(Ordering::SeqCst);
    match header(&req, "x-pause").parse::<u64>() {
        Ok(millis @ 1..) => sleep(Duration::from_millis(millis)).await,
        _ => yield_now().await,
    }
    let mut res = HttpResponse::Ok();
    if world.varies {
        res.insert_header(("vary", "accept-language"));
    }
    res.body(world.body(*number, version, header(&req, "accept-language")))
}

fn header<'a>(req: &'a HttpRequest, name: &str) -> &'a str {
    req.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

fn serve(world: &Data<World>, cache: &ResponseCache) -> (SocketAddr, ServerHandle) {
    let rule = Rule::new().groups(["item:{number}"]);
    let (world, cache) = (world.clone(), cache.clone().rule("/items/{number}", rule));
    let server = HttpServer::new(move || {
        let item = web::resource("/items/{number}").get(handler);
        App::new().app_data(world.clone()).wrap(cache.clone()).service(item)
    })
    .workers(2);
    server::serve(server)
}

/// What readers and writers have seen.
#[derive(Debug, Default)]
struct Seen {
    reads: u64,
    hits: u64,
    purges: u64,
    /// Purges that Redis has not confirmed: they promise nothing yet.
    unconfirmed: u64,
    stale: u64,
    /// The first stale responses.
    examples: Vec<String>,
}

/// One race.
struct Race {
    world: Data<World>,
    server: SocketAddr,
    cache: CacheHandle,
    over: Cell<bool>,
    seen: RefCell<Seen>,
}

impl Race {
    async fn read_on(self: Rc<Self>, mut rng: Rng) {
        let mut client = Client::connect(self.server).await;
        while !self.over.get() {
            let number = rng.usize(..ITEMS);
            self.read(&mut client, number, &mut rng).await;
        }
    }

    /// Asks for an item, and checks that what was purged before does not answer.
    async fn read(&self, client: &mut Client, number: usize, rng: &mut Rng) {
        let floor = self.world.items[number].floor.load(Ordering::SeqCst);
        let language = LANGUAGES[rng.usize(..LANGUAGES.len())];
        let pause = rng.u64(..=MAX_PAUSE).to_string();
        let fields = [("accept-language", language), ("x-pause", pause.as_str())];
        let answer = client.send(get(&path(number), &fields));
        let answer = timeout(DEADLINE, answer).await.expect("in time").expect("a connection");
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        let version = answer.text().split(' ').next().and_then(|version| version.parse().ok());
        let version: u64 = version.expect("a version");
        assert_eq!(answer.text(), self.world.body(number, version, language), "another's response");
        let status = answer.field("cache-status");
        let mut seen = self.seen.borrow_mut();
        seen.reads += 1;
        seen.hits += u64::from(status.contains("; hit"));
        if version < floor {
            seen.stale += 1;
            if seen.examples.len() < MAX_EXAMPLES {
                let path = path(number);
                seen.examples.push(format!("{path}: version {version}, floor {floor}; {status}"));
            }
        }
    }

    /// Changes items that no other writer changes: one in `WRITERS`, from `first` on.
    async fn write_on(self: Rc<Self>, first: usize, mut rng: Rng) {
        let mut client = Client::connect(self.server).await;
        while !self.over.get() {
            let number = first + WRITERS * rng.usize(..ITEMS / WRITERS);
            self.write(number, &mut rng).await;
            self.read(&mut client, number, &mut rng).await;
            sleep(Duration::from_millis(rng.u64(..=MAX_PAUSE))).await;
        }
    }

    /// Changes an item and purges what shows it. Only a purge that is confirmed raises the floor.
    async fn write(&self, number: usize, rng: &mut Rng) {
        let item = &self.world.items[number];
        let version = item.current.fetch_add(1, Ordering::SeqCst) + 1;
        let purged = self.purge(number, rng).await;
        let is_confirmed = purged.is_ok_and(|purged| !purged.pending);
        if is_confirmed {
            item.floor.store(version, Ordering::SeqCst);
        }
        let mut seen = self.seen.borrow_mut();
        seen.purges += u64::from(is_confirmed);
        seen.unconfirmed += u64::from(!is_confirmed);
    }

    async fn purge(&self, number: usize, rng: &mut Rng) -> Result<Purged, StoreError> {
        match rng.u8(..3) {
            0 => self.cache.purge_url(&path(number)).await,
            1 => self.cache.purge_path(&path(number)).await,
            _ => self.cache.purge_group(&format!("item:{number}")).await,
        }
    }

    fn check(&self) {
        let (seen, collapsed) = (self.seen.borrow(), self.cache.stats().collapsed);
        println!("{collapsed} collapsed, {seen:?}");
        assert_eq!(seen.stale, 0, "purged before they were asked for: {:#?}", seen.examples);
        assert!(seen.purges > 0 && seen.hits > 0 && collapsed > 0, "hardly a race");
    }
}

fn number_of(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// Races against a cache.
async fn race(cache: ResponseCache, varies: bool) {
    let seed = number_of("RACE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("RACE_SEED={seed}");
    let world = Data::new(World { varies, ..World::default() });
    let (server, stop) = serve(&world, &cache);
    let race = Rc::new(Race {
        world,
        server,
        cache: cache.handle().expect("settings are right"),
        over: Cell::new(false),
        seen: RefCell::default(),
    });
    let mut rng = Rng::with_seed(seed);
    let mut tasks = Vec::new();
    for _ in 0..READERS {
        tasks.push(actix_rt::spawn(Rc::clone(&race).read_on(rng.fork())));
    }
    for first in 0..WRITERS {
        tasks.push(actix_rt::spawn(Rc::clone(&race).write_on(first, rng.fork())));
    }
    sleep(Duration::from_secs(number_of("RACE_SECONDS").unwrap_or(15))).await;
    race.over.set(true);
    for task in timeout(DEADLINE, join_all(tasks)).await.expect("all come to an end") {
        task.expect("every request got its own response");
    }
    timeout(DEADLINE, stop.stop(true)).await.expect("the server stops");
    race.check();
}

/// With time for a loaded test machine, which is slower than a server should be.
fn redis(server: &RedisServer) -> ResponseCache {
    ResponseCache::new(Redis::new(server.url()).response_timeout(Duration::from_secs(2)))
}

#[actix_rt::test]
async fn purged_response_is_never_served_from_memory() {
    race(ResponseCache::memory(), false).await;
}

#[actix_rt::test]
async fn purged_variant_is_never_served_from_memory() {
    race(ResponseCache::memory(), true).await;
}

#[actix_rt::test]
async fn purged_response_is_never_served_from_redis() {
    let server = RedisServer::start();
    race(redis(&server), false).await;
}

#[actix_rt::test]
async fn purged_variant_is_never_served_from_redis() {
    let server = RedisServer::start();
    race(redis(&server), true).await;
}

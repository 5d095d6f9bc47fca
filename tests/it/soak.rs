//! A soak over real HTTP and two workers: clients that ask, change their minds and break off, a
//! handler that fails in every way, purges, and a clock that runs ahead, all at random. In the end
//! nothing is left under way, no client got a wrong or a purged response, and the counters add
//! up.
//!
//! `SOAK_SECONDS` says how long each soak takes: 10 in memory and 5 in Redis where it is not set.
//! `SOAK_SEED` repeats what clients, handlers and writers chose in a run that failed, though not the
//! order in which the threads went.

mod model;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    env,
    rc::Rc,
    time::Duration,
};

use actix_response_cache::{
    CacheHandle, Clock, Compliance, HandlerPolicy, Purge, ResponseCache, Responses,
};
use actix_web::{App, HttpServer, web};
use fastrand::Rng;
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::support::{
    SECOND,
    client::{Client, request},
    redis::RedisServer,
    server::serve,
    until,
};
use model::{FATES, KINDS, LANGUAGES, Question, World};

/// What is waited for here comes long before, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 16;
const WRITERS: usize = 2;

/// What became of the clients' requests.
#[derive(Default)]
struct Tally {
    /// By the word of `X-Cache`; without it, as a handler's error has none, a miss.
    answered: BTreeMap<String, u64>,
    /// Broken off, or cut by a handler that panicked.
    unanswered: u64,
}

/// One soak.
struct Soak {
    world: World,
    server: std::net::SocketAddr,
    handle: CacheHandle,
    clock: Clock,
    over: Cell<bool>,
    tally: RefCell<Tally>,
}

fn seed() -> u64 {
    let seed = env::var("SOAK_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SOAK_SEED={seed}");
    seed
}

fn length(default: u64) -> Duration {
    let seconds = env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(default))
}

/// The settings that all soaks have in common.
fn configured(cache: ResponseCache, clock: &Clock) -> ResponseCache {
    model::rules(cache)
        .clock(clock.clone())
        .responses(Responses::new().x_cache(true))
        .vary_by_auth(actix_response_cache::Auth::PerCredential)
        .compliance(Compliance::careful().request_directives(true))
}

#[actix_rt::test]
async fn memory_soak_serves_no_wrong_or_purged_response() {
    let (seed, length) = (seed(), length(10) / 2);
    let clock = Clock::manual();
    soak(configured(ResponseCache::memory(), &clock), clock, seed, length).await;
    // and with fills and handlers that go on without their clients
    let clock = Clock::manual();
    let cache = configured(ResponseCache::memory(), &clock)
        .handlers(
            HandlerPolicy::new()
                .finish_on_disconnect(SECOND)
                .soft_timeout(Duration::from_millis(2))
                .hard_timeout(Duration::from_millis(4))
                .early_refresh(1.0),
        )
        .responses(Responses::new().x_cache(true).ttl_jitter(0.3));
    soak(cache, clock, seed, length).await;
}

#[actix_rt::test]
async fn redis_soak_serves_no_wrong_or_purged_response() {
    let (seed, length) = (seed(), length(5));
    let server = RedisServer::start();
    let clock = Clock::manual();
    soak(configured(ResponseCache::redis(server.url()), &clock), clock, seed, length).await;
}

async fn soak(cache: ResponseCache, clock: Clock, seed: u64, length: Duration) {
    let world = World::default();
    let (shown, cached) = (world.clone(), cache.clone());
    let server = HttpServer::new(move || {
        let world = web::Data::new(shown.clone());
        App::new().app_data(world).wrap(cached.clone()).default_service(web::to(model::handler))
    })
    .workers(2);
    let (address, stop) = serve(server);

    let handle = cache.handle().unwrap();
    let soak = Rc::new(Soak {
        world,
        server: address,
        handle: handle.clone(),
        clock,
        over: Cell::new(false),
        tally: RefCell::default(),
    });
    let mut rng = Rng::with_seed(seed);
    let mut tasks = vec![actix_rt::spawn(Rc::clone(&soak).run_ahead(rng.fork()))];
    for _ in 0..CLIENTS {
        tasks.push(actix_rt::spawn(Rc::clone(&soak).ask_on(rng.fork())));
    }
    for _ in 0..WRITERS {
        tasks.push(actix_rt::spawn(Rc::clone(&soak).change_on(rng.fork())));
    }
    sleep(length).await;
    soak.over.set(true);
    for task in timeout(DEADLINE, join_all(tasks)).await.expect("everybody comes to an end") {
        task.expect("no answer was wrong");
    }

    timeout(DEADLINE, handle.settle()).await.expect("no task is left");
    until("no flights, refreshes or recorded bytes are left", || {
        let stats = handle.stats();
        (stats.flights, stats.refreshes, stats.recorded) == (0, 0, 0)
    })
    .await;
    timeout(DEADLINE, stop.stop(true)).await.expect("the server stops");
    soak.check_counters();
}

impl Soak {
    /// The clock runs ahead, so that responses expire, and flights grow old.
    async fn run_ahead(self: Rc<Self>, mut rng: Rng) {
        while !self.over.get() {
            sleep(Duration::from_millis(rng.u64(1..40))).await;
            self.clock.advance(Duration::from_millis(rng.u64(0..8000)));
        }
    }

    async fn ask_on(self: Rc<Self>, mut rng: Rng) {
        let mut client = Client::connect(self.server).await;
        while !self.over.get() {
            if !self.ask(&mut client, &mut rng).await {
                client = Client::connect(self.server).await;
            }
        }
    }

    /// Asks one question, and says whether the connection is still of use.
    async fn ask(&self, client: &mut Client, rng: &mut Rng) -> bool {
        let question = Question::any(rng);
        let (floor, request) = (self.world.floor(&question), question.request());
        // in the head, or in the body, or before anything came
        let patience = (rng.u8(..100) < 12).then(|| Duration::from_millis(rng.u64(0..8)));
        let answer = match patience {
            None => Ok(timeout(DEADLINE, client.send(request)).await.expect("an answer")),
            Some(patience) => timeout(patience, client.send(request)).await,
        };
        let mut tally = self.tally.borrow_mut();
        match answer {
            Ok(Ok(answer)) => {
                self.world.check(&question, &answer, floor);
                let word = answer.field("x-cache");
                let word = if word.is_empty() { "MISS" } else { word };
                *tally.answered.entry(word.to_owned()).or_default() += 1;
                true
            }
            Ok(Err(error)) => {
                assert!(question.may_break_off(), "{question:?} {error}");
                tally.unanswered += 1;
                false
            }
            Err(_) => {
                tally.unanswered += 1;
                false
            }
        }
    }

    /// Changes what the handler says, and purges what showed it.
    async fn change_on(self: Rc<Self>, mut rng: Rng) {
        let mut client = Client::connect(self.server).await;
        while !self.over.get() {
            sleep(Duration::from_millis(rng.u64(1..20))).await;
            let (kind, number) = (rng.usize(..KINDS.len()), rng.usize(..model::NUMBERS));
            if rng.u8(..100) < 20 {
                self.put(&mut client, kind, number).await;
                continue;
            }
            let path = model::path(kind, number);
            let (purge, concerns): (Purge, Box<dyn Fn(usize, usize) -> bool>) = match rng.u8(..16) {
                0 => (Purge::all(), Box::new(|_, _| true)),
                1 | 2 => {
                    (Purge::prefix(format!("/{}", KINDS[kind])), Box::new(move |k, _| k == kind))
                }
                3..7 => (Purge::group(format!("n{number}")), Box::new(move |_, n| n == number)),
                7..11 => (Purge::url(&path), Box::new(move |k, n| (k, n) == (kind, number))),
                _ => (Purge::path(&path), Box::new(move |k, n| (k, n) == (kind, number))),
            };
            let softly = rng.bool();
            let purge = if softly { purge.soft() } else { purge };
            let changed = self.world.change(concerns);
            // over a network it may fail, and then nothing is promised
            if self.handle.purge(&purge).await.is_ok() {
                self.world.purged(&changed, softly);
            }
        }
    }

    /// A PUT purges by itself, before it is answered.
    async fn put(&self, client: &mut Client, kind: usize, number: usize) {
        let errors = self.handle.stats().errors;
        let put = request("PUT", &model::path(kind, number), &[]);
        let answer = timeout(DEADLINE, client.send(put)).await.expect("an answer").unwrap();
        let version = answer.text().parse().unwrap();
        if self.handle.stats().errors == errors {
            self.world.purged(&[(kind, number, version)], false);
        }
        *self.tally.borrow_mut().answered.entry("BYPASS".to_owned()).or_default() += 1;
    }

    /// A request with a response is counted once, under what the response says; one without may be.
    fn check_counters(&self) {
        let (stats, tally) = (self.handle.stats(), self.tally.borrow());
        let counted = BTreeMap::from([
            ("HIT", stats.hits),
            ("MISS", stats.misses),
            ("STALE", stats.stale),
            ("BYPASS", stats.bypassed()),
        ]);
        println!("{:?}, {} broken off; {stats:?}", tally.answered, tally.unanswered);
        let answered = |word: &str| tally.answered.get(word).copied().unwrap_or_default();
        for (word, counted) in &counted {
            assert!(answered(word) > 0, "a soak without any {word}");
            assert!(answered(word) <= *counted, "{word}: {} of {counted}", answered(word));
        }
        let all: u64 = tally.answered.values().sum();
        assert_eq!(all, counted.keys().map(|word| answered(word)).sum::<u64>());
        assert!(stats.requests() <= all + tally.unanswered, "counted more than were asked");
        assert!(FATES.len() * LANGUAGES.len() < usize::try_from(all).unwrap(), "hardly a soak");
    }
}

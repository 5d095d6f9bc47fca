//! Coalescing over real HTTP and two workers: a thousand clients for one missing
//! response, clients that disconnect, handlers that fail, stale responses under load, and servers that
//! stop meanwhile.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{Clock, Coalescing, HandlerPolicy, ResponseCache, Stats};
use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpServer,
    dev::{ServerHandle, Service as _},
    error::ErrorBadGateway,
    web,
};
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::{sync::Semaphore, task::JoinHandle, time::timeout};

use crate::support::{
    SECOND,
    client::{Answer, Client, get},
    server::serve,
    until,
};

/// What is waited for here comes long before, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const MANY: usize = 1000;

thread_local! {
    /// Whether the thread is one of a server of this file's.
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

type AnswerFn = dyn Fn(&HttpRequest, usize) -> Result<HttpResponse, Error> + Send + Sync;

/// A server with two workers, whose handler answers when it is let go.
#[derive(Clone)]
struct Crowd {
    address: SocketAddr,
    server: ServerHandle,
    cache: ResponseCache,
    /// Requests that have gone as far as they can by themselves.
    arrived: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    go: Arc<Semaphore>,
}

impl Crowd {
    fn serve<F>(cache: ResponseCache, answer: F) -> Self
    where
        F: Fn(&HttpRequest, usize) -> Result<HttpResponse, Error> + Send + Sync + 'static,
    {
        // a client and a server's end for each
        rlimit::increase_nofile_limit(4096).unwrap();
        let (arrived, calls) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let go = Arc::new(Semaphore::new(0));
        let answer: Arc<AnswerFn> = Arc::new(answer);
        let (cached, counted, called, gate) =
            (cache.clone(), Arc::clone(&arrived), Arc::clone(&calls), Arc::clone(&go));
        let server = HttpServer::new(move || {
            IS_WATCHED.set(true);
            let (counted, called) = (Arc::clone(&counted), Arc::clone(&called));
            let (gate, answer) = (Arc::clone(&gate), Arc::clone(&answer));
            let handler = web::to(move |req: HttpRequest| {
                let (called, gate) = (Arc::clone(&called), Arc::clone(&gate));
                let answer = Arc::clone(&answer);
                async move {
                    let call = called.fetch_add(1, Ordering::SeqCst) + 1;
                    gate.acquire().await.unwrap().forget();
                    answer(&req, call)
                }
            });
            App::new().wrap(cached.clone()).default_service(handler).wrap_fn(move |req, service| {
                let answer = service.call(req);
                counted.fetch_add(1, Ordering::SeqCst);
                answer
            })
        })
        .workers(2);
        let (address, server) = serve(server);
        Self { address, server, cache, arrived, calls, go }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Lets all calls go, from now on.
    fn open(&self) {
        self.go.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    fn stats(&self) -> Stats {
        self.cache.handle().unwrap().stats()
    }

    /// Sends one request on a connection of its own.
    fn send(&self, fields: &[(&str, String)]) -> JoinHandle<hyper::Result<Answer>> {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (address, request) = (self.address, get("/", &fields));
        actix_rt::spawn(async move { Client::connect(address).await.send(request).await })
    }

    /// Sends requests, each on a connection of its own, and waits until all are under way.
    async fn gather<'a>(
        &self,
        fields: impl Iterator<Item = (&'a str, String)>,
    ) -> Vec<JoinHandle<hyper::Result<Answer>>> {
        let already = self.arrived.load(Ordering::SeqCst);
        let all: Vec<_> = fields.map(|field| self.send(&[field])).collect();
        until("all have arrived", || self.arrived.load(Ordering::SeqCst) == already + all.len())
            .await;
        all
    }

    /// Stops the server when nothing is left under way.
    async fn end(self) {
        let handle = self.cache.handle().unwrap();
        timeout(DEADLINE, handle.settle()).await.expect("nothing goes on for ever");
        until("nothing is left", || nothing_is_left(&self.stats())).await;
        self.server.stop(true).await;
    }
}

fn nothing_is_left(stats: &Stats) -> bool {
    (stats.flights, stats.refreshes, stats.recorded) == (0, 0, 0)
}

async fn answers(all: Vec<JoinHandle<hyper::Result<Answer>>>) -> Vec<hyper::Result<Answer>> {
    let all = timeout(DEADLINE, join_all(all)).await.expect("everybody is answered");
    all.into_iter().map(|answer| answer.unwrap()).collect()
}

/// With timeouts so long that a slow machine does not reach them.
fn patient() -> ResponseCache {
    ResponseCache::memory().coalescing(Coalescing::new().timeout(DEADLINE))
}

fn numbers() -> impl Iterator<Item = (&'static str, String)> {
    (0..MANY).map(|n| ("x-number", n.to_string()))
}

/// Answers that tell the number of the call.
fn counting(cache: ResponseCache) -> Crowd {
    Crowd::serve(cache, |_, call| Ok(HttpResponse::Ok().body(format!("answer {call}"))))
}

#[actix_rt::test]
async fn thousand_clients_call_handler_once() {
    let crowd = counting(patient());
    let all = crowd.gather(numbers()).await;
    assert_eq!((crowd.calls(), crowd.stats().flights), (1, 1));
    crowd.open();
    for answer in answers(all).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "answer 1"));
    }
    let stats = crowd.stats();
    assert_eq!((crowd.calls(), stats.misses, stats.collapsed), (1, MANY as u64, MANY as u64 - 1));
    crowd.end().await;
}

#[actix_rt::test]
async fn follower_takes_over_when_leader_disconnects() {
    let crowd = counting(patient());
    let leader = crowd.send(&[]);
    until("the handler is called", || crowd.calls() == 1).await;
    let all = crowd.gather(numbers()).await;
    assert_eq!(crowd.calls(), 1, "all wait");
    leader.abort();
    until("the handler is called", || crowd.calls() == 2).await;
    crowd.open();
    for answer in answers(all).await {
        assert_eq!(answer.unwrap().text(), "answer 2");
    }
    assert_eq!(crowd.calls(), 2);
    crowd.end().await;
}

#[actix_rt::test]
async fn follower_takes_over_when_leader_disconnects_in_body() {
    let rest = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&rest);
    let crowd = Crowd::serve(patient(), move |_, call| {
        let gate = Arc::clone(&gate);
        let chunks = futures_util::stream::unfold(0, move |n| {
            let gate = Arc::clone(&gate);
            async move {
                if n == 1 {
                    gate.acquire().await.unwrap().forget();
                }
                (n < 3).then(|| (Ok::<_, Error>(Bytes::from(format!("{call}{n} "))), n + 1))
            }
        });
        Ok(HttpResponse::Ok().streaming(chunks))
    });
    crowd.open();
    let mut leader = Client::connect(crowd.address).await;
    let answer = leader.begin(get("/", &[])).await.unwrap();
    until("the body is recorded", || crowd.stats().recorded > 0).await;
    let all = crowd.gather(numbers()).await;
    assert_eq!(crowd.calls(), 1, "all wait for the end of the stream");
    drop((answer, leader));
    until("the handler is called", || crowd.calls() == 2).await;
    rest.add_permits(MANY);
    for answer in answers(all).await {
        assert_eq!(answer.unwrap().text(), "20 21 22 ");
    }
    assert_eq!(crowd.calls(), 2);
    crowd.end().await;
}

#[actix_rt::test]
async fn follower_takes_over_when_handler_fails() {
    for way in ["error", "panic"] {
        let crowd = Crowd::serve(patient(), move |_, call| match (call, way) {
            (1, "error") => Err(ErrorBadGateway("failed")),
            // without a word in the log of the tests
            (1, _) => std::panic::resume_unwind(Box::new("failed")),
            _ => Ok(HttpResponse::Ok().body("there")),
        });
        let all = crowd.gather(numbers()).await;
        crowd.open();
        let answers = answers(all).await;
        let is_right = |answer: &&hyper::Result<Answer>| {
            answer.as_ref().is_ok_and(|answer| answer.status == 200 && answer.text() == "there")
        };
        assert_eq!(answers.iter().filter(is_right).count(), MANY - 1, "{way}");
        let failed = answers.iter().find(|answer| !is_right(answer)).unwrap();
        assert_eq!(failed.is_err(), way == "panic");
        assert_eq!(crowd.calls(), 2, "{way}");
        crowd.end().await;
    }
}

#[actix_rt::test]
async fn private_responses_are_not_shared_in_burst() {
    let crowd = Crowd::serve(patient(), |req, _| {
        let number = req.headers().get("x-number").unwrap().to_str().unwrap().to_owned();
        Ok(HttpResponse::Ok().insert_header(("cache-control", "private")).body(number))
    });
    let all = crowd.gather(numbers()).await;
    assert_eq!(crowd.calls(), 1);
    crowd.open();
    for (n, answer) in answers(all).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().text(), n.to_string());
    }
    let stats = crowd.stats();
    assert_eq!((crowd.calls(), stats.collapsed, stats.stores), (MANY, 0, 0));
    crowd.end().await;
}

#[actix_rt::test]
async fn burst_calls_handler_once_per_variant() {
    let languages = ["de", "en", "fr", "it", "rm"];
    let crowd = Crowd::serve(patient(), |req, _| {
        let language = req.headers().get("accept-language").unwrap().to_str().unwrap().to_owned();
        Ok(HttpResponse::Ok().insert_header(("vary", "accept-language")).body(language))
    });
    let fields = (0..MANY).map(|n| ("accept-language", languages[n % 5].to_owned()));
    let all = crowd.gather(fields).await;
    assert_eq!(crowd.calls(), 1, "the variants are not known yet");
    crowd.open();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (n, answer) in answers(all).await.into_iter().enumerate() {
        let answer = answer.unwrap();
        assert_eq!(answer.text(), languages[n % 5]);
        *seen.entry(answer.text().to_owned()).or_default() += 1;
    }
    assert_eq!((crowd.calls(), seen.len()), (5, 5));
    crowd.end().await;
}

#[actix_rt::test]
async fn load_refreshes_stale_response_once_per_expiry() {
    const CLIENTS: usize = 8;
    const EXPIRIES: usize = 100;
    let clock = Clock::manual();
    let cache = patient().clock(clock.clone());
    let crowd = Crowd::serve(cache, |_, call| {
        let control = ("cache-control", "max-age=10, stale-while-revalidate=60");
        Ok(HttpResponse::Ok().insert_header(control).body(format!("answer {call}")))
    });
    crowd.open();
    Client::connect(crowd.address).await.send(get("/", &[])).await.unwrap();
    let answered = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(Semaphore::new(0));
    let load: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (address, answered, over) =
                (crowd.address, Arc::clone(&answered), Arc::clone(&over));
            actix_rt::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut told = HashSet::new();
                while over.available_permits() == 0 {
                    let answer = client.send(get("/", &[])).await.unwrap();
                    let status = answer.field("cache-status");
                    told.insert(status.split(';').nth(1).unwrap_or(status).trim().to_owned());
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                told
            })
        })
        .collect();
    for expiry in 1..=EXPIRIES {
        clock.advance(15 * SECOND);
        until("the handler is called", || crowd.calls() > expiry).await;
        // and a while longer, in which the handler is not called again
        let seen = answered.load(Ordering::SeqCst);
        until("clients are answered", || answered.load(Ordering::SeqCst) >= seen + 5 * CLIENTS)
            .await;
        assert_eq!(crowd.calls(), expiry + 1, "one refresh each time");
    }
    over.add_permits(1);
    for told in join_all(load).await {
        assert_eq!(told.unwrap(), HashSet::from(["hit".to_owned()]), "nobody waits");
    }
    let stats = crowd.stats();
    assert_eq!((stats.misses, stats.requests()), (1, answered.load(Ordering::SeqCst) as u64 + 1));
    assert!(stats.stale >= EXPIRIES as u64);
    crowd.end().await;
}

#[actix_rt::test]
async fn stopping_server_leaves_no_request_hanging() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if IS_WATCHED.get() {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }
        hook(panic);
    }));
    for gracefully in [true, false] {
        let clock = Clock::manual();
        let cache = patient()
            .clock(clock.clone())
            .handlers(HandlerPolicy::new().finish_on_disconnect(SECOND));
        let crowd = Crowd::serve(cache, |req, _| {
            let control = ("cache-control", "max-age=10, stale-while-revalidate=3600");
            let mut res = HttpResponse::Ok();
            res.insert_header(control);
            if req.path() == "/stream" {
                let chunks = futures_util::stream::unfold((), |()| async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Some((Ok::<_, Error>(Bytes::from("chunk")), ()))
                });
                return Ok(res.streaming(chunks));
            }
            Ok(res.body("whole"))
        });
        // each worker's handler answers once
        crowd.go.add_permits(50);
        for n in 0..49 {
            Client::connect(crowd.address).await.send(get(&format!("/{n}"), &[])).await.unwrap();
        }
        let mut stream = Client::connect(crowd.address).await;
        let streamed = stream.begin(get("/stream", &[])).await.unwrap();
        clock.advance(15 * SECOND);
        // refreshes behind answers, and none comes to its end
        for n in 0..49 {
            Client::connect(crowd.address).await.send(get(&format!("/{n}"), &[])).await.unwrap();
        }
        // fills, and those who wait for them
        let waiting = crowd.gather(numbers().take(200)).await;
        until("the body is recorded", || crowd.stats().recorded > 0).await;
        until("the handler is called", || crowd.calls() == 100).await;
        assert_eq!((crowd.stats().flights > 1, crowd.stats().refreshes), (true, 49));
        timeout(DEADLINE, crowd.server.stop(gracefully)).await.expect("the server stops");
        let waiting = answers(waiting).await;
        assert!(waiting.iter().all(Result::is_err), "no handler has answered");
        until("nothing is left", || nothing_is_left(&crowd.stats())).await;
        let handle = crowd.cache.handle().unwrap();
        timeout(DEADLINE, handle.settle()).await.expect("no task is left");
        drop(streamed);
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
}

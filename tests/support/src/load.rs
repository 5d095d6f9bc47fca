//! A steady small load on a shop whose items only ever get newer, and what the readers saw: whether
//! every request was answered, rightly, and with nothing older than what was purged before it began.

use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::app::TestApp;
use actix_http::Request;
use actix_web::{
    Error, HttpResponse, Resource,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    http::Method,
    test::TestRequest,
    web::{self, Data, Path},
};
use futures_util::future::{Either, join, join_all, select};
use tokio::time::sleep;

const ITEMS: usize = 5;
const READERS: usize = 4;
/// Between two requests of one reader.
const PAUSE: Duration = Duration::from_millis(2);
/// How long a handler takes, so that fills and purges meet.
const WORK: Duration = Duration::from_millis(1);

/// The items by their versions.
#[derive(Clone, Default)]
pub struct Shop(Arc<[Item; ITEMS]>);

#[derive(Default)]
struct Item {
    /// What the handler answers with.
    current: AtomicU64,
    /// What was purged for before now: no answer may be older.
    purged: AtomicU64,
}

async fn read(shop: Data<Shop>, number: Path<usize>) -> HttpResponse {
    let number = number.into_inner();
    let version = shop.0[number].current.load(Ordering::SeqCst);
    sleep(WORK).await;
    HttpResponse::Ok().insert_header(("etag", format!("\"{version}\""))).body(body(number, version))
}

async fn change(shop: Data<Shop>, number: Path<usize>) -> HttpResponse {
    shop.0[number.into_inner()].current.fetch_add(1, Ordering::SeqCst);
    HttpResponse::NoContent().finish()
}

fn body(number: usize, version: u64) -> String {
    format!("{version} {number} {}", "x".repeat(200))
}

impl Shop {
    /// The items at `/items/{number}`, as a service of an app.
    pub fn items(&self) -> Resource {
        web::resource("/items/{number}").app_data(Data::new(self.clone())).get(read).put(change)
    }
}

/// What is to be purged because it changed.
#[derive(Clone, Copy, Debug)]
pub enum Changed {
    /// The item with this number, by a group of its own.
    Item(usize),
    /// All items, by the prefix of their paths.
    Items,
}

/// What the readers saw since the last [`Load::take`].
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub requests: usize,
    /// Answered with an error, or not at all.
    pub failed: usize,
    /// Answered with what no handler can have meant for them.
    pub wrong: usize,
    /// Answered with what had been purged before they began.
    pub stale: usize,
    pub hits: usize,
    pub latencies: Vec<Duration>,
}

/// A load under way.
pub struct Load {
    shop: Shop,
    over: Cell<bool>,
    seen: RefCell<Seen>,
    /// When the last hit of each item began.
    hits: [Cell<Option<Instant>>; ITEMS],
}

impl Load {
    /// Runs `scenario` under a load on `app`, which serves the shop's items from a cache. `purge`
    /// purges from that cache and says whether it holds.
    pub async fn run<S, B, T>(
        app: &S,
        shop: &Shop,
        purge: impl AsyncFn(Changed) -> bool,
        scenario: impl AsyncFnOnce(&Self) -> T,
    ) -> T
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        let load = Self {
            shop: shop.clone(),
            over: Cell::new(false),
            seen: RefCell::default(),
            hits: Default::default(),
        };
        let readers = join_all((0..READERS).map(|first| load.read_on(app, first)));
        let all = join(readers, load.write_on(app, purge));
        let result = match select(Box::pin(scenario(&load)), Box::pin(all)).await {
            Either::Left((result, all)) => {
                load.over.set(true);
                all.await;
                result
            }
            Either::Right(_) => unreachable!("the load goes on until the scenario is over"),
        };
        assert_eq!(load.seen.borrow().failed, 0, "after the end");
        result
    }

    /// What has been seen since the last time.
    pub fn take(&self) -> Seen {
        self.seen.take()
    }

    /// Waits until this many requests have been answered since the last [`take`](Self::take).
    pub async fn answered(&self, requests: usize, within: Duration) {
        let begun = Instant::now();
        while self.seen.borrow().requests < requests {
            assert!(begun.elapsed() < within, "{requests} requests took too long");
            sleep(PAUSE).await;
        }
    }

    /// Waits until every item has been answered by a hit that began after now; how long that took.
    pub async fn all_hit(&self, within: Duration) -> Duration {
        let begun = Instant::now();
        while !self.hits.iter().all(|hit| hit.get().is_some_and(|hit| hit >= begun)) {
            assert!(begun.elapsed() < within, "no hit in {within:?}");
            sleep(PAUSE).await;
        }
        begun.elapsed()
    }

    async fn read_on<S, B>(&self, app: &S, first: usize)
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        let mut number = first;
        while !self.over.get() {
            number = (number + 1) % ITEMS;
            self.read(app, number).await;
            sleep(PAUSE).await;
        }
    }

    async fn read<S, B>(&self, app: &S, number: usize)
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        let purged = self.shop.0[number].purged.load(Ordering::SeqCst);
        let begun = Instant::now();
        let answer = send(app, &Method::GET, number).await;
        let took = begun.elapsed();
        let current = self.shop.0[number].current.load(Ordering::SeqCst);
        let mut seen = self.seen.borrow_mut();
        seen.requests += 1;
        seen.latencies.push(took);
        let Some((text, is_hit)) = answer else {
            seen.failed += 1;
            return;
        };
        let version = text.split(' ').next().and_then(|version| version.parse().ok());
        match version {
            Some(version) if version <= current && text == body(number, version) => {
                seen.stale += usize::from(version < purged);
            }
            _ => seen.wrong += 1,
        }
        if is_hit {
            seen.hits += 1;
            self.hits[number].set(Some(begun));
        }
    }

    /// Changes items, each in one of several ways, and purges what shows them. A purge that is
    /// pending is one too: in its process it holds.
    async fn write_on<S, B>(&self, app: &S, purge: impl AsyncFn(Changed) -> bool)
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        for round in 0.. {
            sleep(8 * PAUSE).await;
            if self.over.get() {
                return;
            }
            let number = round % ITEMS;
            let item = &self.shop.0[number];
            let is_purged = match round % 3 {
                0 => {
                    let put = send(app, &Method::PUT, number).await;
                    let mut seen = self.seen.borrow_mut();
                    seen.requests += 1;
                    seen.failed += usize::from(put.is_none());
                    put.is_some()
                }
                1 => {
                    item.current.fetch_add(1, Ordering::SeqCst);
                    purge(Changed::Item(number)).await
                }
                _ => {
                    item.current.fetch_add(1, Ordering::SeqCst);
                    purge(Changed::Items).await
                }
            };
            if is_purged {
                item.purged.store(item.current.load(Ordering::SeqCst), Ordering::SeqCst);
            }
        }
    }
}

/// The text of a successful answer, and whether the cache gave it.
async fn send(app: &impl TestApp, method: &Method, number: usize) -> Option<(String, bool)> {
    let req = TestRequest::with_uri(&format!("/items/{number}")).method(method.clone());
    let res = app.call(req.insert_header(("host", "shop.example")).to_request()).await.ok()?;
    let status = res.headers().get("cache-status").and_then(|status| status.to_str().ok());
    let is_hit = status.is_some_and(|status| status.contains("; hit"));
    let is_success = res.status().is_success();
    let body = to_bytes(res.into_body()).await.ok()?;
    is_success.then(|| (String::from_utf8_lossy(&body).into_owned(), is_hit))
}

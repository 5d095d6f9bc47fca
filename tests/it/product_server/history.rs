//! Two processes behind one Redis, asked and changed at random by several clients at once. What they
//! saw has to be a history: a GET that begins after a PUT has returned, whichever process answered
//! either, shows what that PUT wrote or something newer. With memory before Redis, that holds as soon as
//! the announcement of the purge has arrived.

use std::{
    cell::{Cell, RefCell},
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    answer::Answer,
    product,
    server::{Server, fleet},
};

const SPAN: Duration = Duration::from_secs(3);
const CLIENTS: usize = 12;
/// Products that are changed. The prices that are written grow, so a price tells its PUT.
const PRODUCTS: usize = 2;

/// What is known of one product.
#[derive(Default)]
struct Known {
    /// One PUT at a time, so that their order is known: the last price that was sent.
    sent: Mutex<u64>,
    sending: Cell<u64>,
    /// The prices of the PUTs that have returned, and when they did.
    returned: RefCell<Vec<(u64, Instant)>>,
}

impl Known {
    /// The price of the last PUT that returned this long ago.
    fn returned(&self, ago: Duration) -> u64 {
        let returned = self.returned.borrow();
        let last = returned.iter().rev().find(|(_, when)| when.elapsed() >= ago);
        last.map_or(0, |(price, _)| *price)
    }
}

#[derive(Default)]
struct Shop {
    /// How long what one process purges may take to reach the other.
    reach: Duration,
    products: [Known; PRODUCTS],
    hits: Cell<usize>,
    misses: Cell<usize>,
    faults: RefCell<Vec<String>>,
}

/// A generator of numbers that look random (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound
    }
}

impl Shop {
    async fn put(&self, server: &Server, product_at: usize) {
        let known = &self.products[product_at];
        let mut sent = known.sent.lock().await;
        *sent += 1;
        known.sending.set(*sent);
        let body = product("Kite", i64::try_from(*sent).unwrap());
        let answer = server.send("PUT", &path(product_at), &body).await;
        if answer.status == 200 {
            known.returned.borrow_mut().push((*sent, Instant::now()));
        } else {
            self.fault(format!("a PUT: {answer:?}"));
        }
    }

    async fn get(&self, server: &Server, product_at: usize) {
        let at_least = self.products[product_at].returned(self.reach);
        let answer = server.get(&path(product_at)).await;
        self.check(product_at, at_least, &answer.json(), &answer);
    }

    async fn list(&self, server: &Server) {
        let at_least = self.products.each_ref().map(|known| known.returned(self.reach));
        let answer = server.get("/products?per_page=100").await;
        let list = answer.json();
        for (product_at, at_least) in at_least.into_iter().enumerate() {
            let id = json!(product_at + 1);
            let mut listed = list["products"].as_array().into_iter().flatten();
            let shown = listed.find(|product| product["id"] == id).unwrap_or(&Value::Null);
            self.check(product_at, at_least, shown, &answer);
        }
    }

    fn check(&self, product_at: usize, at_least: u64, shown: &Value, answer: &Answer) {
        let counter = if answer.is_hit() { &self.hits } else { &self.misses };
        counter.set(counter.get() + 1);
        let at_most = self.products[product_at].sending.get();
        let price = shown["price_cents"].as_u64();
        if !price.is_some_and(|price| (at_least..=at_most).contains(&price)) {
            self.fault(format!(
                "product {} at {price:?}, not in {at_least}..={at_most}: {answer:?}",
                product_at + 1
            ));
        }
    }

    async fn purge(&self, server: &Server, random: &mut Random) {
        let what = [
            json!({ "path": "/products/1" }),
            json!({ "url": "/products/2" }),
            json!({ "group": "products" }),
            json!({ "prefix": "/products" }),
            json!({ "all": true }),
        ];
        let what = &what[random.below(what.len())];
        let answer = server.admin("POST", "/_cache/purge", what).await;
        if answer.status != 200 {
            self.fault(format!("a purge: {answer:?}"));
        }
    }

    fn fault(&self, text: String) {
        self.faults.borrow_mut().push(text);
    }

    async fn client(&self, servers: [&Server; 2], mut random: Random) {
        let begun = Instant::now();
        while begun.elapsed() < SPAN && self.faults.borrow().is_empty() {
            let server = servers[random.below(2)];
            let product_at = random.below(PRODUCTS);
            match random.below(100) {
                0..70 => self.get(server, product_at).await,
                70..80 => self.list(server).await,
                80..98 => self.put(server, product_at).await,
                _ => self.purge(server, &mut random).await,
            }
        }
    }
}

fn path(product_at: usize) -> String {
    format!("/products/{}", product_at + 1)
}

async fn examine(more: &[&str], reach: Duration) {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(()) | 1);
    let (redis, folder) = fleet();
    let file = folder.path().join("shop.db");
    let url = redis.url();
    let file = file.to_str().unwrap();
    let arguments = ["--redis", &url, "--redis-timeout", "10000", "--db", file];
    let arguments = [&arguments[..], more].concat();
    let (one, other) = tokio::join!(Server::start(&arguments), Server::start(&arguments));
    let shop = Shop { reach, ..Shop::default() };
    for product_at in 0..PRODUCTS {
        shop.put(&one, product_at).await;
    }
    let mut random = Random(seed);
    let randoms: Vec<_> = (0..CLIENTS).map(|_| Random(random.below(1 << 30) as u64 | 1)).collect();
    join_all(randoms.into_iter().map(|random| shop.client([&one, &other], random))).await;
    let faults = shop.faults.take();
    assert!(faults.is_empty(), "SEED={seed}: {}", faults.join("\n"));
    let (hits, misses) = (shop.hits.get(), shop.misses.get());
    println!("{hits} hits, {misses} misses");
    assert!(hits > 30 && misses > 30, "SEED={seed}: {hits} hits, {misses} misses");
}

#[actix_rt::test]
async fn two_processes_over_redis_are_consistent() {
    examine(&[], Duration::ZERO).await;
}

#[actix_rt::test]
async fn two_processes_over_tiered_store_are_consistent() {
    // an announcement is on its way for a moment, on a loaded machine for a longer one
    examine(&["--tiered"], Duration::from_millis(500)).await;
}

//! Text for a browser from memory: packed once by the cache, or by `Compress` outside or inside of it. Says
//! the CPU time of one answer, all threads together, and how many bytes each answer and the entry take. Rounds
//! are interleaved, and their median counts.

#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::panic, reason = "a bench")]

use actix_http::Request;
use actix_response_cache::{Precompress, ResponseCache};
use actix_web::{
    App, Error, HttpResponse,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    middleware::Compress,
    test::init_service,
    web,
};
use cpu_time::ProcessTime;

mod support;

use support::browser_request;

/// How many rounds are measured, and for how many answers each.
const ROUNDS: usize = 5;
const ANSWERS: u32 = 400;
/// About how long the bodies are, in bytes.
const LENGTHS: [usize; 2] = [10 * 1024, 100 * 1024];

/// What one way to pack comes to.
#[derive(Default)]
struct Measured {
    /// In microseconds, by round.
    cpu: Vec<f64>,
    sent: usize,
    /// Of the memory store, in bytes.
    kept: u64,
}

#[actix_web::main]
async fn main() {
    for length in LENGTHS {
        let body = listing(length);
        let handler = move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(body) }
        };
        let app = || App::new().route("/products", web::get().to(handler.clone()));
        let caches = [(); 4].map(|()| ResponseCache::memory());
        let [plain, outside, inside, packing] = caches.each_ref();
        let packing = packing.clone().precompress(Precompress::new());
        let no_cache = init_service(app().wrap(Compress::default())).await;
        let unpacked = init_service(app().wrap(plain.clone())).await;
        let outermost = init_service(app().wrap(outside.clone()).wrap(Compress::default())).await;
        let innermost = init_service(app().wrap(Compress::default()).wrap(inside.clone())).await;
        let packed = init_service(app().wrap(packing.clone())).await;
        until_packed(&packed).await;

        let mut table: [Measured; 5] = Default::default();
        for _ in 0..ROUNDS {
            let [first, second, third, fourth, fifth] = &mut table;
            measure(&no_cache, first, None).await;
            measure(&unpacked, second, Some(plain)).await;
            measure(&outermost, third, Some(outside)).await;
            measure(&innermost, fourth, Some(inside)).await;
            measure(&packed, fifth, Some(&packing)).await;
        }
        print(&table);
    }
}

/// A list of products as JSON, with as much repetition as such lists have.
fn listing(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let mut products = Vec::new();
    let mut left = length;
    while left > 0 {
        let product = product(&mut random);
        left = left.saturating_sub(product.len() + 1);
        products.push(product);
    }
    format!("[{}]", products.join(","))
}

fn product(random: &mut fastrand::Rng) -> String {
    let words =
        ["oak", "chess", "set", "folding", "board", "brass", "lamp", "linen", "chair", "blue"];
    let mut some = |number: usize| -> String {
        let some = (0..number).map(|_| random.choice(words).unwrap_or_default());
        some.collect::<Vec<_>>().join(" ")
    };
    let (name, about) = (some(2), some(4));
    let (id, price) = (random.u32(..1_000_000), random.u32(100..100_000));
    format!(r#"{{"id":{id},"name":"{name}","description":"{about}","price_cents":{price}}}"#)
}

fn request() -> Request {
    browser_request("/products")
}

/// Asks until the entry has been packed.
async fn until_packed<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
) {
    loop {
        let res = app.call(request()).await.expect("an answer");
        if res.headers().contains_key("content-encoding") {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn measure<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    measured: &mut Measured,
    cache: Option<&ResponseCache>,
) {
    let requests: Vec<_> = (0..ANSWERS).map(|_| request()).collect();
    let begun = ProcessTime::now();
    for request in requests {
        let res = app.call(request).await.expect("an answer");
        let body = to_bytes(res.into_body()).await;
        measured.sent = body.unwrap_or_else(|_| panic!("a body")).len();
    }
    measured.cpu.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(ANSWERS));
    let stats = cache.map(|cache| cache.handle().expect("settings are right").stats());
    measured.kept = stats.and_then(|stats| stats.bytes).unwrap_or_default();
}

fn print(table: &[Measured; 5]) {
    println!("{:<26} {:>12} {:>14} {:>14}", "", "CPU µs", "bytes sent", "bytes kept");
    let names =
        ["no cache, Compress", "not packed", "Compress outside", "Compress inside", "precompress"];
    for (name, measured) in names.into_iter().zip(table) {
        let mut cpu = measured.cpu.clone();
        cpu.sort_by(f64::total_cmp);
        let cpu = cpu.get(ROUNDS / 2).copied().unwrap_or_default();
        println!("{name:<26} {cpu:>12.1} {:>14} {:>14}", measured.sent, measured.kept);
    }
}

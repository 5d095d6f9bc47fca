//! A process of a fleet: all that share a Redis share one cache, with memory in front. Run it twice,
//!
//! ```text
//! cargo run --example fleet -- 127.0.0.1:8080
//! cargo run --example fleet -- 127.0.0.1:8081
//! ```
//!
//! and ask both for the same host, as a load balancer would: the host is part of the key.
//!
//! ```text
//! curl -i -H 'Host: shop.example' localhost:8080/products/7           # fwd=uri-miss; stored
//! curl -i -H 'Host: shop.example' localhost:8081/products/7           # hit
//! curl -i -H 'Host: shop.example' -X PUT localhost:8081/products/7    # purges it for both
//! curl -i -H 'Host: shop.example' localhost:8080/products/7           # fwd=uri-miss; stored
//! ```

use std::{env, io, process};

use actix_response_cache::{Memory, Redis, ResponseCache, Tiered};
use actix_web::{App, HttpResponse, HttpServer, web};

async fn product(id: web::Path<u64>) -> String {
    format!("product {id}, computed by process {}\n", process::id())
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let argument = |number, default: &str| env::args().nth(number).unwrap_or(default.to_owned());
    let url = argument(2, "redis://127.0.0.1:6379");
    let redis = Redis::new(&url).key_prefix("fleet:");
    // a deploy reads nothing that the last version has stored
    let cache =
        ResponseCache::new(Tiered::new(Memory::new(), redis)).version(env!("CARGO_PKG_VERSION"));
    let report = cache.check().await.map_err(io::Error::other)?;
    if let Err(error) = report.store {
        println!(
            "Redis does not answer ({error}): handlers do; start `redis-server` and it is used"
        );
    }
    let server = HttpServer::new(move || {
        let route = web::resource("/products/{id}")
            .route(web::get().to(product))
            .route(web::put().to(HttpResponse::NoContent));
        App::new().wrap(cache.clone()).service(route)
    });
    let server = server.bind(argument(1, "127.0.0.1:8080"))?;
    server.addrs().iter().for_each(|address| println!("listening on http://{address}"));
    server.run().await
}

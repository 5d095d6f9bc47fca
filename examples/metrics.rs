//! Metrics for Prometheus, at an endpoint of the application's own. Run it, then
//!
//! ```text
//! curl localhost:8080/            # a miss, then hits
//! curl localhost:8080/metrics     # http_cache_requests_total{verdict="hit",…} 2
//! ```
//!
//! The admin scope has the same behind its token; `open_telemetry` shows the way by the `metrics` facade.

use std::{env, io};

use actix_response_cache::{CacheHandle, ResponseCache};
use actix_web::{App, HttpServer, Responder, web};

async fn metrics(cache: CacheHandle) -> impl Responder {
    let text = cache.prometheus_text();
    text.customize().insert_header(("content-type", "text/plain; version=0.0.4; charset=utf-8"))
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    // every 200 is stored, unless something says otherwise: these figures would be a minute old
    let cache = ResponseCache::memory().exclude("/metrics");
    let server = HttpServer::new(move || {
        App::new()
            .wrap(cache.clone())
            .route("/", web::get().to(async || "computed once a minute\n"))
            .route("/metrics", web::get().to(metrics))
    });
    let server = server.bind(env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned()))?;
    server.addrs().iter().for_each(|address| println!("listening on http://{address}"));
    server.run().await
}

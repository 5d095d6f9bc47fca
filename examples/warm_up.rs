//! A warm start: the URLs of what is stored are written to a file when the server ends, and asked for
//! again when it starts. Run it, then
//!
//! ```text
//! curl -i localhost:8080/pages/1      # three times, then end the server with Ctrl-C and start it again
//! curl -i localhost:8080/pages/1      # the first request of this route: others are run with it
//! curl -i localhost:8080/pages/2      # a hit, if it was stored before
//! ```
use std::{env, fs, io};

use actix_response_cache::{CacheHandle, ResponseCache};
use actix_web::{App, HttpServer, rt, web};

async fn page(number: web::Path<u32>) -> String {
    format!("page {number}, computed at {:?}\n", std::time::SystemTime::now())
}

/// Asks for what was stored when the last server ended. Requests of clients are served meanwhile.
async fn warm_up(cache: CacheHandle, urls: Vec<String>) {
    let report = cache.refresh(urls, 4).await;
    println!("{} of {} responses are stored again", report.stored(), report.urls.len());
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let argument = |number, default: &str| env::args().nth(number).unwrap_or(default.to_owned());
    let file = argument(2, "warm_up.urls");
    let cache = ResponseCache::memory();
    let handle = cache.handle().map_err(io::Error::other)?;
    let server = HttpServer::new(move || {
        App::new().wrap(cache.clone()).route("/pages/{number}", web::get().to(page))
    });
    let server = server.workers(2).bind(argument(1, "127.0.0.1:8080"))?;
    server.addrs().iter().for_each(|address| println!("listening on http://{address}"));
    let urls = fs::read_to_string(&file).unwrap_or_default();
    let urls: Vec<_> = urls.lines().map(ToOwned::to_owned).collect();
    if !urls.is_empty() {
        rt::spawn(warm_up(handle.clone(), urls));
        // it waits for the first request before that can come
        rt::task::yield_now().await;
    }
    server.run().await?;
    fs::write(file, handle.export_keys(10_000).await.join("\n"))
}

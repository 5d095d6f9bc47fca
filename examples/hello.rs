//! The shortest service with a cache. Run it, then ask twice within a minute:
//!
//! ```text
//! curl -i localhost:8080/
//! ```

use std::{env, io, time::SystemTime};

use actix_response_cache::ResponseCache;
use actix_web::{App, HttpServer, web};

async fn hello() -> String {
    format!("hello, computed at {:?}\n", SystemTime::now())
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let cache = ResponseCache::memory();
    let server =
        HttpServer::new(move || App::new().wrap(cache.clone()).route("/", web::get().to(hello)));
    let server = server.bind(env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned()))?;
    server.addrs().iter().for_each(|address| println!("listening on http://{address}"));
    server.run().await
}

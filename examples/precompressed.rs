//! Text that is packed once, when it is stored, and leaves in the coding that each client wants.
//!
//! ```sh
//! cargo run --features precompress --example precompressed
//! curl -s http://127.0.0.1:8080/ -o /dev/null -w '%{size_download}\n' -H 'accept-encoding: br'
//! ```

use std::time::Duration;

use actix_response_cache::{Precompress, ResponseCache};
use actix_web::{App, HttpServer, Responder, web};

async fn page() -> impl Responder {
    let rows = (1..=1000).map(|row| format!("<tr><td>{row}</td><td>a product</td></tr>"));
    web::Html::new(format!("<table>{}</table>", rows.collect::<String>()))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let cache = ResponseCache::memory()
        .ttl(Duration::from_secs(60))
        // slow levels cost no request anything
        .precompress(Precompress::new().br(9).zstd(9).gzip(9));
    let server =
        HttpServer::new(move || App::new().wrap(cache.clone()).route("/", web::get().to(page)));
    let server = server.bind(address)?;
    println!(
        "listening on {}",
        server.addrs().first().map_or_else(String::new, ToString::to_string)
    );
    server.run().await
}

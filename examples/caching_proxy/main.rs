//! A caching reverse proxy in front of any HTTP origin:
//! `cargo run --example caching_proxy -- --origin http://127.0.0.1:8000`.
//!
//! The origin decides what is stored, and for how long. Where to look: `proxy/mod.rs` has the
//! cache's settings, `proxy/forward.rs` a request's way to the origin and back, `proxy/origin.rs`
//! the connection, `proxy/fields.rs` what is forwarded.

use std::error::Error;

use actix_web::{App, HttpServer, web::Data};
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

mod options;
mod proxy;

use options::Options;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let options = Options::parse();
    let cache = proxy::cache(options.redis.as_deref());
    cache.check().await?;
    let origin = Data::new(options.origin.within(options.timeout));
    let app =
        move || App::new().wrap(cache.clone()).app_data(origin.clone()).configure(proxy::configure);
    let mut server = HttpServer::new(app).bind(("127.0.0.1", options.port))?;
    if let Some(workers) = options.workers {
        server = server.workers(workers.get());
    }
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    Ok(server.run().await?)
}

//! The actix-web servers of the comparison: `bench-actix KIND PORT SIZE [REDIS-URL]`, one worker.
//!
//! Each answers `GET /products/{id}` with the same headers and a body of SIZE bytes, and `GET /calls`
//! with the number of times that the handler of the products has run.

mod page;
mod redis_get;
mod tutorial;

use std::{env, io};

use actix_response_cache::{Memory, ResponseCache};
use actix_web::{App, HttpServer};

use crate::page::Page;

/// Serves `$page` from `$app`, an expression that makes the `App`, until the process is ended.
macro_rules! serve {
    ($args:expr, $page:expr, $app:expr) => {{
        let page: Page = $page;
        HttpServer::new(move || $app.configure(page.routes()))
            .workers(1)
            .bind(("127.0.0.1", $args.port))?
            .run()
            .await
    }};
}

struct Args {
    kind: String,
    port: u16,
    size: usize,
    redis: Option<String>,
}

impl Args {
    fn parse() -> Option<Self> {
        let mut args = env::args().skip(1);
        Some(Self {
            kind: args.next()?,
            port: args.next()?.parse().ok()?,
            size: args.next()?.parse().ok()?,
            redis: args.next(),
        })
    }

    fn redis(&self) -> io::Result<String> {
        self.redis.clone().ok_or_else(|| io::Error::other("this kind needs the URL of a Redis"))
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let Some(args) = Args::parse() else {
        return Err(io::Error::other("usage: bench-actix KIND PORT SIZE [REDIS-URL]"));
    };
    let page = Page::new(args.size);
    match args.kind.as_str() {
        "bare" => serve!(args, page, App::new()),
        "memory" => cached(&args, page, ResponseCache::memory()).await,
        // room for every key of the script that asks for 100,000 of them
        "uniform" => {
            cached(&args, page, ResponseCache::new(Memory::new().max_capacity(1 << 30))).await
        }
        "bypass" => cached(&args, page, ResponseCache::memory().exclude("/products")).await,
        "redis" => cached(&args, page, ResponseCache::redis(args.redis()?)).await,
        "tiered" => cached(&args, page, ResponseCache::tiered(args.redis()?)).await,
        "redis-get" => redis_get::run(&args, page).await,
        "tutorial" => {
            let cache = tutorial::Cache::default();
            serve!(args, page, App::new().wrap(tutorial::middleware(cache.clone())))
        }
        other => Err(io::Error::other(format!("no such kind: {other}"))),
    }
}

async fn cached(args: &Args, page: Page, cache: ResponseCache) -> io::Result<()> {
    serve!(args, page, App::new().wrap(cache.clone()))
}

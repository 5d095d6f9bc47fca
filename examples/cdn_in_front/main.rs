//! A Varnish in front of the cache knows the groups of responses (`xkey`), and hears of every purge.
//! Run both, then
//!
//! ```text
//! varnishd -F -a 127.0.0.1:6081 -f "$PWD/examples/cdn_in_front/varnish.vcl" -n /tmp/varnish
//! cargo run --example cdn_in_front
//! curl -i localhost:6081/prices            # twice: X-Varnish has two numbers, it comes from Varnish
//! curl -X POST localhost:6081/prices       # the cache is purged, and so is Varnish
//! ```
use std::{env, error::Error};

use actix_response_cache::{NoticeTarget, PurgeHook, PurgeNotice, ResponseCache, Responses, Rule};
use actix_web::{App, HttpServer, http::Method, web};

/// The Varnish at this URL.
struct Varnish(String);

impl Varnish {
    /// One `BAN`, as `varnish.vcl` reads it.
    async fn ban(&self, kind: &str, named: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        let method = Method::from_bytes(b"BAN")?;
        let request = awc::Client::new().request(method, &self.0).insert_header((kind, named));
        let answer = request.send().await.map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string().into()) }
    }
}

impl PurgeHook for Varnish {
    async fn purged(&self, notice: &PurgeNotice) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(groups) = notice.xkey() {
            self.ban("x-ban-groups", &groups).await?;
        }
        for target in &notice.targets {
            match target {
                NoticeTarget::Url(url) => self.ban("x-ban-url", url).await?,
                NoticeTarget::Path(path) => self.ban("x-ban-path", path).await?,
                NoticeTarget::Prefix(prefix) => self.ban("x-ban-prefix", prefix).await?,
                NoticeTarget::All => self.ban("x-ban-prefix", "/").await?,
                _ => {} // groups are done
            }
        }
        Ok(())
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let argument = |number, default: &str| env::args().nth(number).unwrap_or(default.to_owned());
    let url = argument(2, "http://127.0.0.1:6081");
    let cache = ResponseCache::memory()
        .rule("/prices", Rule::new().groups(["products"]))
        .responses(Responses::new().emit_groups("xkey"))
        .purge_hook(Varnish(url));
    let page = async || format!("computed at {:?}", std::time::SystemTime::now());
    let server =
        HttpServer::new(move || App::new().wrap(cache.clone()).default_service(web::to(page)));
    let server = server.workers(1).bind(argument(1, "127.0.0.1:8080"))?;
    server.addrs().iter().for_each(|address| println!("listening on http://{address}"));
    server.run().await
}

//! A server with a cache and its admin scope, on a port of its own.

use std::time::Duration;

use actix_response_cache::{AdminToken, AdminTokens, CacheHandle, Clock, ResponseCache, Rule};
use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use awc::Client;

pub(crate) const TOKEN: &str = "a-token-of-the-operators";
pub(crate) const READER: &str = "a-token-that-only-reads";

pub(crate) struct Site {
    pub(crate) url: String,
    cache: CacheHandle,
    client: Client,
    server: ServerHandle,
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::at(Clock::system())
    }

    /// A site at the time of this clock.
    pub(crate) fn at(clock: Clock) -> Self {
        let cache = ResponseCache::memory()
            .clock(clock)
            .ttl(Duration::from_secs(600))
            .rule("/products/{id}", Rule::new().groups(["products"]))
            .rule("/reports/{id}", Rule::new().ttl(Duration::from_secs(60)));
        let tokens = AdminTokens::from([
            AdminToken::new(TOKEN).unwrap().named("operators"),
            AdminToken::new(READER).unwrap().named("reader").read_only(),
        ]);
        let of_site = cache.handle().expect("settings are right");
        let app = move || {
            App::new()
                .service(cache.admin("/_cache", tokens.clone()))
                .default_service(web::to(|| async { HttpResponse::Ok().body("made by a handler") }))
                .wrap(cache.clone())
        };
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { url, cache: of_site, client: Client::default(), server: handle }
    }

    /// Asks for a path and returns what the cache says of it.
    pub(crate) async fn get(&self, path: &str) -> String {
        let request = self.client.get(format!("{}{path}", self.url));
        let mut response = request.send().await.expect("it answers");
        response.body().await.expect("a body");
        response.headers().get("cache-status").unwrap().to_str().unwrap().to_owned()
    }

    /// Asks as a customer with a session does.
    pub(crate) async fn get_with_cookie(&self, path: &str) {
        let request = self.client.get(format!("{}{path}", self.url));
        let request = request.insert_header(("cookie", "session=1"));
        request.send().await.expect("it answers").body().await.expect("a body");
    }

    /// Asks for pages as visitors do, and moves the clock on: more of them at some times than at others.
    pub(crate) async fn pass_an_hour(&self, clock: &Clock) {
        for step in 0..360_u32 {
            let busy = 4 + (step / 30) % 5 * 2 + step % 3;
            for visitor in 0..busy {
                let (product, report) = ((step + visitor * 7) % 40, (step + visitor) % 5);
                match visitor % 8 {
                    5 => drop(self.get(&format!("/reports/{report}")).await),
                    6 => self.get_with_cookie("/account").await,
                    _ => drop(self.get(&format!("/products/{product}")).await),
                }
            }
            clock.advance(Duration::from_secs(10));
            self.cache.timeline(); // ends the step
        }
    }

    /// Asks until a stored response answers.
    pub(crate) async fn hit(&self, path: &str) {
        while !self.get(path).await.contains("; hit") {}
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}

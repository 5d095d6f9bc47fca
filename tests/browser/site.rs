//! A server with a cache and its admin scope, on a port of its own.

use std::time::Duration;

use actix_response_cache::{AdminToken, AdminTokens, ResponseCache, Rule};
use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use awc::Client;

pub(crate) const TOKEN: &str = "a-token-of-the-operators";
pub(crate) const READER: &str = "a-token-that-only-reads";

pub(crate) struct Site {
    pub(crate) url: String,
    client: Client,
    server: ServerHandle,
}

impl Site {
    pub(crate) fn start() -> Self {
        let cache = ResponseCache::memory()
            .ttl(Duration::from_secs(600))
            .rule("/products/{id}", Rule::new().groups(["products"]));
        let tokens = AdminTokens::from([
            AdminToken::new(TOKEN).unwrap().named("operators"),
            AdminToken::new(READER).unwrap().named("reader").read_only(),
        ]);
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
        Self { url, client: Client::default(), server: handle }
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

    /// Asks until a stored response answers.
    pub(crate) async fn hit(&self, path: &str) {
        while !self.get(path).await.contains("; hit") {}
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}

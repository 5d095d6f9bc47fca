//! Pages that differ by user: middleware outside of the cache finds out who is asking, and the key
//! says so. Run it, then
//!
//! ```text
//! curl -i localhost:8080/                        # fwd=uri-miss; stored, and then hit
//! curl -i localhost:8080/ -H 'X-Member: alice'   # a page of her own, and hers alone
//! curl -i localhost:8080/ -H 'X-Member: bob'
//! ```
//!
//! The cache does not know `X-Member`, and sees no extensions by itself: without the line marked
//! below, all users would get the page that was stored first.

use actix_response_cache::{Auth, ResponseCache};
use actix_web::{
    App, Error, HttpMessage as _, HttpRequest, HttpServer,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web,
};

/// Who is asking, as the application knows it.
#[derive(Clone)]
enum User {
    Guest,
    Member(String),
}

/// Finds out who is asking; a real one would check a signature or a session.
async fn authenticate<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let member = req.headers().get("x-member").and_then(|name| name.to_str().ok());
    let user = member.map_or(User::Guest, |name| User::Member(name.to_owned()));
    req.extensions_mut().insert(user);
    next.call(req).await
}

/// Says who is asking to the cache. Guests share their pages; a request that nobody has looked at
/// (`None`) bypasses the cache.
fn who_is_asking(req: &HttpRequest) -> Option<String> {
    Some(match req.extensions().get::<User>()? {
        User::Guest => "guest".to_owned(),
        User::Member(name) => format!("member {name}"),
    })
}

async fn home(req: HttpRequest) -> String {
    match req.extensions().get::<User>() {
        Some(User::Member(name)) => format!("Welcome back, {name}\n"),
        Some(User::Guest) | None => "Welcome\n".to_owned(),
    }
}

fn cache() -> ResponseCache {
    ResponseCache::memory().vary_by_auth(Auth::from_fn(who_is_asking)) // the line that matters
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let cache = cache();
    HttpServer::new(move || {
        App::new()
            .route("/", web::get().to(home))
            .wrap(cache.clone())
            // registered after the cache, and so outside of it: it sees every request
            .wrap(from_fn(authenticate))
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_and_read_body, init_service};

    use super::*;

    #[actix_web::test]
    async fn each_user_gets_their_own_page_from_the_cache() {
        let cache = cache();
        let app = App::new()
            .route("/", web::get().to(home))
            .wrap(cache.clone())
            .wrap(from_fn(authenticate));
        let app = init_service(app).await;
        let pages = [
            (Some("alice"), "Welcome back, alice\n"),
            (Some("bob"), "Welcome back, bob\n"),
            (None, "Welcome\n"),
        ];
        for _ in 0..2 {
            for (member, expected) in pages {
                let mut req = TestRequest::get().uri("/");
                if let Some(name) = member {
                    req = req.insert_header(("x-member", name));
                }
                assert_eq!(call_and_read_body(&app, req.to_request()).await, expected);
            }
        }
        let stats = cache.handle().expect("its settings can be used").stats();
        assert_eq!((stats.misses, stats.hits), (3, 3));
    }
}

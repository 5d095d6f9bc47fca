//! Requests that cannot change what is stored send no command to the store.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_response_cache::{Purge, ResponseCache, Rule};
use actix_web::{App, HttpResponse, test::init_service, web};
use tokio::time::sleep;

use crate::support::{
    Origin, app, get, get_with, proxy::Proxy, redis::RedisServer, request, send, settle,
};

/// A server, and how many commands it has been sent since `reset`, but for those of connections.
struct Counted(RedisServer);

impl Counted {
    fn start() -> Self {
        Self(RedisServer::start())
    }

    fn reset(&self) {
        let _: String = self.0.command(&["CONFIG", "RESETSTAT"]);
    }

    fn calls(&self, names: &[&str]) -> u64 {
        names.iter().map(|name| self.0.calls(name)).sum()
    }

    /// Calls that a purge makes.
    fn purges(&self) -> u64 {
        self.calls(&["eval", "evalsha", "unlink", "publish", "hset", "hgetall", "zrange"])
    }
}

#[actix_rt::test]
async fn unsafe_request_to_uncached_path_sends_no_command() {
    let server = Counted::start();
    let only_products = |cache: ResponseCache| {
        cache
            .include("/products")
            .exclude("/products/private")
            .rule("/products/{id}/stock", Rule::bypass())
    };
    for cache in [ResponseCache::redis(server.0.url()), ResponseCache::tiered(server.0.url())] {
        let cache = only_products(cache);
        let app = app(&cache, &Origin::counting()).await;
        send(&app, get("/products/7")).await;
        settle(&cache).await;
        server.reset();
        for path in ["/orders", "/products/private/7", "/Products/7", "/products/7/stock", "/"] {
            for method in ["POST", "PUT", "DELETE"] {
                for _ in 0..20 {
                    send(&app, request(method, path)).await;
                }
            }
        }
        settle(&cache).await;
        // the process asks now and then whether it hears of everything
        assert!(server.purges() < 10, "{} commands for 300 requests", server.purges());
        assert_eq!(cache.handle().unwrap().stats().purges, 0);
        assert_eq!(send(&app, get("/products/7")).await.word(), "HIT");
    }
}

#[actix_rt::test]
async fn unsafe_request_purges_any_spelling_of_stored_path() {
    for (stored, written) in [
        ("/products/7", "/products/7"),
        ("/products/7", "//products/%37/"),
        ("/products/7/", "/products/7"),
        ("/products/7?page=2", "/products/7"),
    ] {
        let cache = ResponseCache::memory()
            .include("/products")
            .rule("/products/{id}", Rule::new())
            .rule("/{tail:.*}", Rule::new());
        let app = app(&cache, &Origin::counting()).await;
        send(&app, get(stored)).await;
        assert_eq!(send(&app, get(stored)).await.word(), "HIT", "{stored}");
        send(&app, request("PUT", written)).await;
        assert_eq!(send(&app, get(stored)).await.word(), "MISS", "{stored} by {written}");
    }
}

#[actix_rt::test]
async fn entry_of_one_clone_is_purged_through_another() {
    let cache = ResponseCache::memory();
    let (reads, writes) = (cache.clone().include("/products"), cache.include("/orders"));
    let origin = Origin::counting();
    let (reader, writer) = (app(&reads, &origin).await, app(&writes, &origin).await);
    send(&reader, get("/products/7")).await;
    assert_eq!(send(&reader, get("/products/7")).await.word(), "HIT");
    send(&writer, request("PUT", "/products/7")).await;
    assert_eq!(send(&reader, get("/products/7")).await.word(), "MISS");
}

#[actix_rt::test]
async fn unsafe_request_to_uncached_path_purges_location_and_groups() {
    let cache = ResponseCache::memory()
        .include("/products")
        .rule("/products/{id}", Rule::new().groups(["products"]));
    let routes = App::new()
        .wrap(cache.clone())
        .route("/products/{id}", web::get().to(async || HttpResponse::Ok().body("x")))
        .route(
            "/orders",
            web::post().to(async || {
                HttpResponse::Ok().insert_header(("location", "/products/7")).finish()
            }),
        )
        .route(
            "/groups",
            web::post().to(async || {
                let groups = ("cache-group-invalidation", "\"products\"");
                HttpResponse::Ok().insert_header(groups).finish()
            }),
        );
    let app = init_service(routes).await;
    for path in ["/orders", "/groups"] {
        send(&app, get("/products/7")).await;
        assert_eq!(send(&app, get("/products/7")).await.word(), "HIT");
        send(&app, request("POST", path)).await;
        assert_eq!(send(&app, get("/products/7")).await.word(), "MISS", "{path}");
    }
}

#[actix_rt::test]
async fn explicit_purge_is_always_sent() {
    let server = Counted::start();
    let cache = ResponseCache::redis(server.0.url()).include("/products");
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/products/7")).await;
    let handle = settle(&cache).await;
    server.reset();
    handle.purge(&Purge::path("/orders")).await.unwrap();
    assert!(server.purges() > 0, "another process may have stored it");
}

#[actix_rt::test]
async fn evicted_variant_is_forgotten_without_purge() {
    const VARIANTS: u64 = 300;
    let server = Counted::start();
    for cache in [ResponseCache::redis(server.0.url()), ResponseCache::tiered(server.0.url())] {
        cache.handle().unwrap().purge_all().await.unwrap();
        let origin = Origin::with_fields(&[("vary", "user-agent")]);
        let app = app(&cache, &origin).await;
        server.reset();
        for number in 0..VARIANTS {
            send(&app, get_with("/", ("user-agent", format!("agent {number}")))).await;
            settle(&cache).await;
        }
        // the variant, its note and the end of the fill are announced, and nothing else; meanwhile
        // the process publishes a message for itself four times a second
        assert!(
            server.calls(&["publish"]) <= 3 * VARIANTS + VARIANTS / 4,
            "{}",
            server.calls(&["publish"])
        );
        assert_eq!(cache.handle().unwrap().stats().purges, 1);
        // the newest first: a miss stores another one
        let mut newest = 0;
        for number in (0..VARIANTS).rev() {
            let agent = ("user-agent", format!("agent {number}"));
            if send(&app, get_with("/", agent)).await.word() != "HIT" {
                break;
            }
            newest += 1;
        }
        assert_eq!(newest, 64, "as many as are kept of one URL");
    }
}

/// One exchange looks for the response, one takes the lease and reads the purge number.
#[actix_rt::test]
async fn miss_costs_two_round_trips_before_its_handler_is_called() {
    const MEASURED: usize = 20;
    let server = Counted::start();
    let proxy = Arc::new(Proxy::start(server.0.address()));
    let cache = ResponseCache::redis(proxy.url());
    let at_handler = Arc::new(Mutex::new((0, 0)));
    let leases = |server: &RedisServer| server.calls("pttl");
    let server = Arc::new(server.0);
    let origin = Origin::new({
        let (at_handler, proxy, server) = (at_handler.clone(), proxy.clone(), server.clone());
        move |_, call| {
            *at_handler.lock().unwrap() = (proxy.exchanges(), leases(&server));
            HttpResponse::Ok().body(format!("answer {call}"))
        }
    });
    let app = app(&cache, &origin).await;
    let mut measured = vec![];
    for number in 0.. {
        settle(&cache).await;
        // the lease is given up in the background
        sleep(Duration::from_millis(20)).await;
        let (exchanges, asked) = (proxy.exchanges(), leases(&server));
        send(&app, get(&format!("/{number}"))).await;
        let at_handler = *at_handler.lock().unwrap();
        // while the process does not hear of others, it does not ask for a lease
        if at_handler.1 > asked {
            measured.push(at_handler.0 - exchanges);
        }
        if measured.len() == MEASURED {
            break;
        }
        assert!(number < 10_000, "no lease is asked for");
    }
    // now and then the process asks something else
    assert_eq!(measured.iter().min(), Some(&2), "{measured:?}");
}

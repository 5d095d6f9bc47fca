//! Which paths are cached and under which rule, for every spelling of a path.

use std::time::Duration;

use actix_response_cache::{Clock, ResponseCache, Rule};
use actix_web::{App, middleware::NormalizePath, test::init_service, web};

use crate::support::{Origin, app, get, send};

async fn words(cache: &ResponseCache, path: &str) -> (&'static str, &'static str) {
    let app = app(cache, &Origin::counting()).await;
    (send(&app, get(path)).await.word(), send(&app, get(path)).await.word())
}

const STORED: (&str, &str) = ("MISS", "HIT");
const PASSED: (&str, &str) = ("BYPASS", "BYPASS");

#[actix_rt::test]
async fn prefixes_match_whole_segments() {
    let cache = ResponseCache::memory().include("/users").include("/p").exclude("/users/me");
    for (path, expected) in [
        ("/users", STORED),
        ("/users/7", STORED),
        ("/users/menu", STORED),
        ("/users/me", PASSED),
        ("/users/me/orders", PASSED),
        ("/userspace", PASSED),
        ("/p", STORED),
        ("/products", PASSED),
        ("/", PASSED),
    ] {
        assert_eq!(words(&cache, path).await, expected, "{path}");
    }
}

#[actix_rt::test]
async fn verdict_names_reason() {
    let cache = ResponseCache::memory()
        .include("/a")
        .exclude("/a/b")
        .only_if(|req| !req.query_string().contains("preview"));
    let app = app(&cache, &Origin::counting()).await;
    for (path, why) in [("/c", "not-included"), ("/a/b", "excluded"), ("/a?preview=1", "predicate")]
    {
        let status = send(&app, get(path)).await.field("cache-status");
        assert_eq!(status, format!("actix-response-cache; fwd=bypass; detail={why}"), "{path}");
    }
}

#[actix_rt::test]
async fn first_matching_rule_sets_lifetime() {
    let clock = Clock::manual();
    let seconds = |n| Rule::new().ttl(Duration::from_secs(n));
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .ttl(Duration::from_secs(100))
        .rule("/products/{id:\\d+}", seconds(10))
        .rule("/products/{id}", seconds(20))
        .rule("/products/{tail:.*}", seconds(30))
        .rule("/off/{tail:.*}", Rule::bypass());
    let app = app(&cache, &Origin::counting()).await;
    for (path, lifetime) in
        [("/products/7", 10), ("/products/x", 20), ("/products/x/y", 30), ("/other", 100)]
    {
        send(&app, get(path)).await;
        clock.advance(Duration::from_secs(lifetime - 1));
        assert_eq!(send(&app, get(path)).await.word(), "HIT", "{path}");
        clock.advance(Duration::from_secs(1));
        assert_eq!(send(&app, get(path)).await.word(), "MISS", "{path}");
    }
    assert_eq!(send(&app, get("/off/x")).await.word(), "BYPASS");
}

/// Spellings of `/users/me` that a router, a proxy or a handler somewhere reads as `/users/me`.
const SPELLINGS: [&str; 62] = [
    "/users/me",
    "/users/me/",
    "/users/me//",
    "//users/me",
    "///users/me",
    "/users//me",
    "/users///me",
    "//users//me//",
    "/./users/me",
    "/users/./me",
    "/users/me/.",
    "/users/me/./",
    "/x/../users/me",
    "/users/x/../me",
    "/users/me/x/..",
    "/../users/me",
    "/users/../users/me",
    "/x/y/../../users/me",
    "/%75sers/me",
    "/users/%6de",
    "/users/%6De",
    "/users/m%65",
    "/%75%73%65%72%73/%6d%65",
    "/users%2Fme",
    "/users%2fme",
    "/users/%2Fme",
    "/%2Fusers/me",
    "/users%252Fme",
    "/users/%256de",
    "/users%5Cme",
    "/users%5cme",
    "/users/%5Cme",
    "/users/%2e/me",
    "/users/%2E/me",
    "/users/x/%2e%2e/me",
    "/users/x/%2E./me",
    "/users/x/.%2e/me",
    "/users/x%2F..%2Fme",
    "/users/x%2f%2e%2e%2fme",
    "/users/me;x=y",
    "/users/me;jsessionid=1",
    "/users;v=1/me",
    "/users/me;",
    "/;x/users/me",
    "/users/me%3Bx=y",
    "/users/me%3Fx=y",
    "/users/me%3f",
    "/users/me%23x",
    "/users/me%00",
    "/users/me%00.css",
    "/users/me/%00",
    "/Users/me",
    "/users/ME",
    "/USERS/ME",
    "/uSeRs/mE",
    "//Users/Me/",
    "/%55sers/me",
    "/users/%4D%45",
    "/users/me/style.css",
    "/users/me/x.js",
    "/static/..%2Fusers%2Fme",
    "/static/../users/me",
];

#[actix_rt::test]
async fn no_spelling_of_an_excluded_path_is_stored() {
    let cache = ResponseCache::memory().exclude("/users/me");
    for path in SPELLINGS {
        assert_eq!(words(&cache, path).await, PASSED, "{path}");
    }
}

#[actix_rt::test]
async fn no_spelling_is_stored_by_a_rule_for_another_resource() {
    let tempting = Rule::new().ttl(Duration::from_secs(3600));
    let cache = ResponseCache::memory()
        .ttl(Duration::ZERO)
        .rule("/static/{tail:.*}", tempting.clone())
        .rule("/users/menu", tempting.clone())
        .rule("/{file}.css", tempting.clone())
        .rule("/{one}", tempting);
    for path in SPELLINGS {
        let (first, second) = words(&cache, path).await;
        assert_ne!(second, "HIT", "{path}: {first}");
    }
    assert_eq!(words(&cache, "/static/a/b.css").await, STORED);
}

#[actix_rt::test]
async fn no_spelling_gets_around_normalising_router() {
    let cache = ResponseCache::memory().exclude("/users/me");
    for path in SPELLINGS {
        // NormalizePath behind the cache: the router sees what the cache did not
        let origin = Origin::counting();
        let app = init_service(
            App::new()
                .wrap(NormalizePath::trim())
                .wrap(cache.clone())
                .service(web::resource("/users/me").route(origin.route()))
                .default_service(origin.route()),
        )
        .await;
        send(&app, get(path)).await;
        assert_eq!(send(&app, get(path)).await.word(), "BYPASS", "{path}");
    }
}

#[actix_rt::test]
async fn ordinary_odd_paths_are_cached() {
    for path in ["/a/", "/a%20b", "/caf%C3%A9", "//a", "/a;b", "/a%2Fb"] {
        assert_eq!(words(&ResponseCache::memory(), path).await, STORED, "{path}");
    }
    let cache = ResponseCache::memory().include("/docs").rule("/docs/{tail:.*}", Rule::new());
    for path in ["/docs/", "/docs/a/", "/docs/caf%C3%A9", "/docs/a%20b"] {
        assert_eq!(words(&cache, path).await, STORED, "{path}");
    }
}

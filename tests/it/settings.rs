//! Groups of settings: a clone replaces them whole, so that nothing which is set is set for ever; and
//! what a rule says in place of the whole cache.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{
    Auth, ClientCache, Coalescing, Compliance, Credentials, HandlerPolicy, Memory, Query, Redis,
    ResponseCache, Responses, Rule, Tiered,
};
use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse, dev::Payload, test::TestRequest,
    test::init_service, web,
};

use crate::support::{Origin, app, get, get_with, send};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Every setting of an ordinary application in one place.
#[actix_rt::test]
async fn all_settings_fit_together() {
    let redis = Redis::new("redis://127.0.0.1:1")
        .key_prefix("shop:")
        .response_timeout(ms(50))
        .compress_above(1024)
        .wait_for_replicas(1, ms(20))
        .credentials("user", "password");
    let memory = Memory::new().max_capacity(64 << 20);
    let cache = ResponseCache::new(Tiered::new(memory, redis))
        .ttl(secs(60))
        .include("/products")
        .exclude("/users/me")
        .rule("/products/{id}", Rule::new().ttl(secs(30)).groups(["products"]))
        .vary_by_auth(Auth::Status)
        .vary_by_header("accept-language")
        .query(Query::sorted().ignoring(["utm_*"]))
        .stale_while_revalidate(secs(30))
        .stale_if_error(secs(3600))
        .handlers(
            HandlerPolicy::new()
                .soft_timeout(ms(500))
                .hard_timeout(secs(10))
                .finish_on_disconnect(secs(30))
                .failure_backoff(secs(1)),
        )
        .coalescing(Coalescing::new().timeout(secs(2)).max_leaders(4))
        .compliance(Compliance::careful().heuristic_freshness(true))
        .client_cache(ClientCache::public().max_age(secs(300)));
    assert_eq!(cache.check().await.unwrap().warnings, Vec::<String>::new());
    let handle = cache.handle().unwrap();
    assert!(handle.soft().purge_group("products").await.unwrap().pending);
}

/// What the second of two requests is answered as.
async fn second(cache: &ResponseCache, origin: &Origin, req: fn() -> TestRequest) -> String {
    let app = app(cache, origin).await;
    cache.handle().unwrap().purge_all().await.unwrap();
    send(&app, req()).await;
    send(&app, req()).await.word().to_owned()
}

#[actix_rt::test]
async fn clone_undoes_each_group() {
    type Set = fn(ResponseCache) -> ResponseCache;
    type Case = (&'static str, Set, Set, fn() -> TestRequest, [&'static str; 2]);
    let cookie: fn() -> TestRequest = || get_with("/?b=1&utm_x=1", ("cookie", "a=b"));
    let plain: fn() -> TestRequest = || get("/?b=1&utm_x=1");
    let cases: [Case; 6] = [
        (
            "credentials",
            |cache| cache.credentials(Credentials::new().ignore_cookies(["a"])),
            |cache| cache.credentials(Credentials::new()),
            cookie,
            ["HIT", "BYPASS"],
        ),
        (
            "responses",
            |cache| cache.responses(Responses::new().max_body(1)),
            |cache| cache.responses(Responses::new()),
            plain,
            ["MISS", "HIT"],
        ),
        (
            "compliance",
            |cache| cache.compliance(Compliance::strict()),
            |cache| cache.compliance(Compliance::careful()),
            plain,
            ["MISS", "HIT"],
        ),
        ("ttl", |cache| cache.ttl(None), |cache| cache.ttl(secs(60)), plain, ["MISS", "HIT"]),
        (
            "vary_by_auth",
            |cache| cache.vary_by_auth(Auth::Status),
            |cache| cache.vary_by_auth(None),
            cookie,
            ["HIT", "BYPASS"],
        ),
        (
            "key_fn",
            |cache| cache.key_fn(|_| None),
            |cache| cache.key_fn(|_| Some(String::new())),
            plain,
            ["BYPASS", "HIT"],
        ),
    ];
    for (name, set, undo, req, expected) in cases {
        let origin = Origin::counting();
        let cache = set(ResponseCache::memory());
        let undone = undo(cache.clone());
        let found = [second(&cache, &origin, req).await, second(&undone, &origin, req).await];
        assert_eq!(found, expected, "{name}");
        assert_eq!(second(&cache, &origin, req).await, expected[0], "{name}: of another clone");
    }
}

#[actix_rt::test]
async fn clone_undoes_what_clients_are_told() {
    let cache = ResponseCache::memory().client_cache(ClientCache::public().max_age(secs(5)));
    let silent = cache.clone().client_cache(None);
    let rule = cache.clone().rule("/{all:.*}", Rule::new().client_cache(None));
    for (cache, expected) in [(cache, "public, max-age=5"), (silent, ""), (rule, "")] {
        let seen = send(&app(&cache, &Origin::counting()).await, get("/")).await;
        assert_eq!(seen.all("cache-control").join(""), expected);
    }
}

#[actix_rt::test]
async fn clone_undoes_strictness_but_not_what_was_set_explicitly() {
    let strict = || ResponseCache::memory().compliance(Compliance::strict());
    let origin = Origin::counting();
    let cookie: fn() -> TestRequest = || get_with("/", ("cookie", "a=b"));
    for (cache, expected) in [
        (strict().ttl(secs(60)), "HIT"),
        (ResponseCache::memory().ttl(secs(60)).compliance(Compliance::strict()), "HIT"),
        (
            strict().ttl(secs(60)).credentials(Credentials::new().cookies_are_harmless(false)),
            "BYPASS",
        ),
        (
            ResponseCache::memory()
                .credentials(Credentials::new().cookies_are_harmless(false))
                .ttl(secs(60))
                .compliance(Compliance::strict()),
            "BYPASS",
        ),
    ] {
        assert_eq!(second(&cache, &origin, cookie).await, expected);
    }
    let key: fn() -> TestRequest = || get_with("/", ("x-api-key", "k"));
    let counted = Credentials::new().headers(["x-api-key"]);
    assert_eq!(second(&strict().ttl(secs(60)), &origin, key).await, "HIT");
    assert_eq!(second(&strict().ttl(secs(60)).credentials(counted), &origin, key).await, "BYPASS");
}

#[actix_rt::test]
async fn mistake_in_a_group_goes_with_the_group() {
    let wrong = ResponseCache::memory().coalescing(Coalescing::new().max_leaders(0));
    assert_eq!(wrong.check().await.unwrap_err().setting(), "Coalescing::max_leaders");
    wrong.coalescing(Coalescing::new()).check().await.expect("it has been replaced");
}

#[actix_rt::test]
async fn recording_budget_is_that_of_each_clone() {
    let origin = Origin::new(|_, _| {
        let body = futures_util::stream::once(async { Ok::<_, actix_web::Error>("body".into()) });
        HttpResponse::Ok().streaming(body)
    });
    let cache = ResponseCache::memory();
    let small = cache.clone().responses(Responses::new().recording_budget(1));
    let req: fn() -> TestRequest = || get("/");
    let found = [second(&cache, &origin, req).await, second(&small, &origin, req).await];
    assert_eq!(found, ["HIT", "MISS"]);
}

#[actix_rt::test]
async fn secret_is_that_of_each_clone() {
    let origin = Origin::counting();
    let cache = ResponseCache::memory().vary_by_header("x-secret");
    let other = cache.clone().credentials(Credentials::new().secret("another"));
    let req = || get_with("/", ("x-secret", "hunter2"));
    let (one, two) = (app(&cache, &origin).await, app(&other, &origin).await);
    assert_eq!(send(&one, req()).await.word(), "MISS");
    assert_eq!(send(&two, req()).await.word(), "MISS", "its digest is another one");
    assert_eq!(send(&one, req()).await.word(), "HIT");
    assert_eq!(send(&two, req()).await.word(), "HIT");
}

#[actix_rt::test]
async fn query_of_a_rule_holds_for_its_paths() {
    let cache = ResponseCache::memory()
        .query(Query::sorted())
        .rule("/search", Rule::new().query(Query::only(["q"])))
        .rule("/raw/{id}", Rule::new().query(Query::as_received()));
    let app = app(&cache, &Origin::counting()).await;
    for (one, other, expected) in [
        ("/list?a=1&b=2", "/list?b=2&a=1", "HIT"),
        ("/search?q=1&x=1", "/search?y=2&q=1", "HIT"),
        ("/search?q=1", "/search?q=2", "MISS"),
        ("/raw/7?a=1&b=2", "/raw/7?b=2&a=1", "MISS"),
        ("/search/?q=1&x=1", "/search/?q=1", "MISS"),
    ] {
        cache.handle().unwrap().purge_all().await.unwrap();
        send(&app, get(one)).await;
        assert_eq!(send(&app, get(other)).await.word(), expected, "{one} {other}");
    }
}

#[actix_rt::test]
async fn purge_of_a_url_counts_its_query_by_the_rule() {
    let cache = ResponseCache::memory().rule("/search", Rule::new().query(Query::only(["q"])));
    let app = app(&cache, &Origin::counting()).await;
    let handle = cache.handle().unwrap();
    send(&app, get("/search?q=1&x=1")).await;
    send(&app, get("/products")).await;
    send(&app, get("/products?x=1")).await;
    assert_eq!(handle.counted().purge_url("/search?x=2&q=1").await.unwrap().entries, Some(1));
    assert_eq!(
        handle.counted().purge_url("/products?x=1").await.unwrap().entries,
        Some(1),
        "by no rule"
    );
    assert_eq!(send(&app, get("/products")).await.word(), "HIT");
}

#[actix_rt::test]
async fn nested_cache_with_another_query_of_a_rule_is_another_cache() {
    let cache = ResponseCache::memory();
    let inner = cache.clone().rule("/in/{id}", Rule::new().query(Query::only(["a"])));
    let origin = Origin::counting();
    let scope = web::scope("/in").wrap(inner).default_service(origin.route());
    let app = init_service(App::new().service(scope).wrap(cache)).await;
    let first = send(&app, get("/in/7?a=1&b=1")).await;
    assert_eq!(send(&app, get("/in/7?a=1&b=1")).await.text(), first.text());
    // the outer cache has never seen this query, the inner one has
    assert_eq!(send(&app, get("/in/7?a=1&b=2")).await.text(), first.text());
    assert_ne!(send(&app, get("/in/7?a=2")).await.text(), first.text());
}

/// Who is asking: one function for the key and for handlers.
fn tenant(req: &HttpRequest) -> Option<String> {
    Some(req.headers().get("x-tenant")?.to_str().ok()?.to_owned())
}

struct Tenant(String);

impl FromRequest for Tenant {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tenant = tenant(req).ok_or_else(|| actix_web::error::ErrorBadRequest("no tenant"));
        std::future::ready(tenant.map(Self))
    }
}

#[actix_rt::test]
async fn one_function_serves_key_and_extractor() {
    for cache in [
        ResponseCache::memory().key_fn(tenant),
        ResponseCache::memory().vary_by_auth(Auth::from_fn(tenant)),
        ResponseCache::memory().only_if(|req| tenant(req).is_some()).vary_by_header("x-tenant"),
    ] {
        let route = web::get().to(async |Tenant(name): Tenant| name);
        let app = init_service(App::new().wrap(cache).route("/", route)).await;
        for (name, word) in [("a", "MISS"), ("b", "MISS"), ("a", "HIT")] {
            let seen = send(&app, get_with("/", ("x-tenant", name))).await;
            assert_eq!((seen.text(), seen.word()), (name, word));
        }
        assert_eq!(send(&app, get("/")).await.word(), "BYPASS");
    }
}

#[actix_rt::test]
async fn text_is_taken_in_any_form() {
    let (name, names) = (format!("group{}", 1), vec![format!("a{}", 1), format!("b{}", 2)]);
    let rule = Rule::new().groups(&names).groups([&name]).groups(names.clone()).groups(["x"]);
    let cache = ResponseCache::memory()
        .rule(format!("/{name}"), rule)
        .include(name.replace("group", "/"))
        .vary_by_header(&name)
        .vary_by_cookie(&name)
        .query(Query::only(&names).ignoring(names.clone()))
        .credentials(Credentials::new().headers(&names).ignore_cookies(&names))
        .compliance(Compliance::careful().targeted_headers(&names));
    let handle = cache.handle().unwrap();
    handle.purge_group(&name).await.unwrap();
    handle.purge_group(format!("{name}:7")).await.unwrap();
    handle.purge_path(format!("/{name}")).await.unwrap();
}

#[actix_rt::test]
async fn settings_without_effect_are_warned_of() {
    let memory = ResponseCache::memory;
    for (cache, words) in [
        (memory().rule("/a/{id}", Rule::new()).rule("/a/special", Rule::bypass()), "`/a/special`"),
        (memory().rule("/{all:.*}", Rule::new()).rule("/b", Rule::new().ttl(secs(1))), "`/b`"),
        (memory().rule("/a", Rule::bypass().ttl(secs(1)).groups(["a"])), "ttl, groups"),
        (memory().rule("/a", Rule::bypass().client_cache(ClientCache::public())), "client_cache"),
        (memory().exclude("/users").rule("/users/{id}", Rule::new().ttl(secs(1))), "excluded"),
        (memory().include("/a").rule("/b/{id}", Rule::new().ttl(secs(1))), "included"),
        (memory().handlers(HandlerPolicy::new().soft_timeout(ms(2)).hard_timeout(ms(1))), "soft"),
        (
            memory().handlers(HandlerPolicy::new().early_refresh(1.0).background_refresh(false)),
            "early_refresh",
        ),
        (
            memory().responses(Responses::new().cache_status(false).cache_status_key(true)),
            "cache_status_key",
        ),
        (
            memory().coalescing(Coalescing::new().timeout(Duration::ZERO).max_leaders(9)),
            "max_leaders",
        ),
    ] {
        let warnings = cache.check().await.unwrap().warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(words), "{words}: {warnings:?}");
    }
    for cache in [
        memory().rule("/a/special", Rule::bypass()).rule("/a/{id}", Rule::new().ttl(secs(1))),
        memory().include("/a/b").rule("/a/{tail}*", Rule::new().ttl(secs(1))),
        memory().include("/a").rule("/b", Rule::bypass()),
    ] {
        assert_eq!(cache.check().await.unwrap().warnings, Vec::<String>::new());
    }
}

#[actix_rt::test]
async fn bad_pattern_is_an_error_without_a_panic() {
    let has_panicked = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&has_panicked);
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |_| told.store(true, Ordering::SeqCst)));
    let many: String = ('a'..='t').flat_map(|name| ['/', '{', name, '}']).collect();
    let mut errors = Vec::new();
    for pattern in ["/{id", "/{}", "/{id}/{id}", "/{id:[}", "/{id:(}", "/{1}", "/a*", many.as_str()]
    {
        let cache = ResponseCache::memory().rule(pattern, Rule::new());
        errors.push((pattern.to_owned(), cache.check().await.err()));
    }
    std::panic::set_hook(previous);
    for (pattern, error) in errors {
        assert_eq!(error.expect(&pattern).setting(), "rule", "{pattern}");
    }
    assert!(!has_panicked.load(Ordering::SeqCst));
}

//! Request headers reduced to few values, for the key and for the handler alike: `languages` and
//! `normalise_header`.

use std::panic;

use actix_response_cache::{Clock, Inquiry, Reason, ResponseCache};
use actix_web::{
    App, Error, HttpResponse, dev::ServiceResponse, middleware::from_fn, test::TestRequest,
    test::init_service, web,
};

use crate::support::{
    Origin, SECOND, TestApp, app, get, get_with, redis::RedisServer, request, send, settle,
};

const BROWSERS: [&str; 6] =
    ["de", "de-AT,de;q=0.9,en;q=0.8", "DE-ch", "de;q=0.3", "it, de;q=0.5", "de,*"];

/// Says in which language it was asked, and varies by it.
fn speaking() -> Origin {
    Origin::new(|req, call| {
        let asked = req.headers().get("accept-language").map(|value| value.to_str().unwrap());
        let body = format!("{} {call}", asked.unwrap_or("none"));
        HttpResponse::Ok().insert_header(("vary", "accept-language")).body(body)
    })
}

fn in_language(accepted: &str) -> TestRequest {
    get_with("/", ("accept-language", accepted))
}

fn languages() -> ResponseCache {
    ResponseCache::memory().languages(["en", "de", "fr"])
}

#[actix_rt::test]
async fn browsers_share_one_variant_for_each_language() {
    let cache = languages();
    let origin = speaking();
    let app = app(&cache, &origin).await;
    for accepted in BROWSERS {
        assert_eq!(send(&app, in_language(accepted)).await.text(), "de 1", "{accepted}");
    }
    for accepted in ["en-US", "ja", "", "*"] {
        assert_eq!(send(&app, in_language(accepted)).await.text(), "en 2", "{accepted}");
    }
    assert_eq!(send(&app, get("/")).await.text(), "en 2", "as is a client that says nothing");
    assert_eq!(send(&app, in_language("fr-CA")).await.text(), "fr 3");
    assert_eq!(cache.handle().unwrap().stats().entries, Some(4), "three variants and their note");
}

#[actix_rt::test]
async fn several_lines_are_one_value() {
    let origin = speaking();
    let app = app(&languages(), &origin).await;
    let two = in_language("it").append_header(("accept-language", "fr"));
    assert_eq!(send(&app, two).await.text(), "fr 1");
}

#[actix_rt::test]
async fn keyed_header_counts_as_it_is_reduced() {
    let cache = ResponseCache::memory().vary_by_header("accept-language").languages(["en", "de"]);
    let origin = Origin::counting();
    let app = app(&cache, &origin).await;
    for accepted in BROWSERS {
        assert_eq!(send(&app, in_language(accepted)).await.text(), "answer 1", "{accepted}");
    }
    assert_eq!(send(&app, in_language("en")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn function_reduces_or_removes_a_header() {
    let origin = Origin::new(|req, call| {
        let said = |name: &str| req.headers().get(name).map(|value| value.to_str().unwrap());
        let body = format!("{:?} {:?} {call}", said("user-agent"), said("x-experiment"));
        HttpResponse::Ok().insert_header(("vary", "user-agent")).body(body)
    });
    let cache = ResponseCache::memory()
        .normalise_header("User-Agent", |agent| agent.map(|_| "any".to_owned()))
        .normalise_header("x-experiment", |_| None);
    let app = app(&cache, &origin).await;
    for agent in ["Firefox", "Chrome"] {
        let asked = get_with("/", ("user-agent", agent)).append_header(("x-experiment", agent));
        assert_eq!(send(&app, asked).await.text(), r#"Some("any") None 1"#);
    }
    assert_eq!(send(&app, get("/")).await.text(), "None None 2");
}

#[actix_rt::test]
async fn value_that_is_no_header_value_removes_the_header() {
    let cache = ResponseCache::memory()
        .normalise_header("accept-language", |_| Some("a\r\nset-cookie: b".to_owned()));
    let app = app(&cache, &speaking()).await;
    assert_eq!(send(&app, in_language("de")).await.text(), "none 1");
}

#[actix_rt::test]
async fn last_function_for_a_header_counts() {
    let cache = languages().normalise_header("accept-language", |said| said.map(str::to_owned));
    let app = app(&cache, &speaking()).await;
    assert_eq!(send(&app, in_language("de-AT")).await.text(), "de-AT 1");
}

#[actix_rt::test]
async fn clone_has_languages_of_its_own() {
    let cache = languages();
    let french = cache.clone().languages(["fr"]);
    let scope = web::scope("/fr").wrap(french).default_service(speaking().route());
    let app = App::new().service(scope).default_service(speaking().route()).wrap(cache);
    let app = init_service(app).await;
    let asked = |uri| get_with(uri, ("accept-language", "de-AT"));
    for _ in 0..2 {
        assert_eq!(send(&app, asked("/")).await.text(), "de 1");
        assert_eq!(send(&app, asked("/fr")).await.text(), "fr 1");
    }
}

#[actix_rt::test]
async fn function_is_applied_once_by_clones_inside_one_another() {
    let cache = ResponseCache::memory()
        .normalise_header("accept-language", |said| Some(format!("x{}", said.unwrap_or_default())));
    let origin = speaking();
    let scope = web::scope("").wrap(cache.clone()).default_service(origin.route());
    let app = init_service(App::new().service(scope).wrap(cache)).await;
    for _ in 0..2 {
        assert_eq!(send(&app, in_language("de")).await.text(), "xde 1");
    }
}

#[actix_rt::test]
async fn cache_outside_passes_what_the_client_said() {
    let (outer, origin) = (ResponseCache::memory(), speaking());
    let scope = web::scope("").wrap(languages()).default_service(origin.route());
    let app = init_service(App::new().service(scope).wrap(outer.clone())).await;
    for (accepted, word) in [("de", "MISS"), ("de-AT", "HIT"), ("de", "HIT"), ("en", "MISS")] {
        let seen = send(&app, in_language(accepted)).await;
        assert_eq!(seen.word(), word, "{accepted}");
        assert_eq!(seen.text().split(' ').next(), accepted.split('-').next());
    }
    assert_eq!((origin.calls(), outer.handle().unwrap().stats().stores), (2, 0));
}

#[actix_rt::test]
async fn refresh_and_revalidation_ask_in_the_same_language() {
    let clock = Clock::manual();
    let origin = Origin::new(|req, call| {
        let said = |name: &str| req.headers().get(name).map(|value| value.to_str().unwrap());
        if said("if-none-match") == Some("\"1\"") {
            assert_eq!(said("accept-language"), Some("de"));
            return HttpResponse::NotModified().finish();
        }
        let mut res = HttpResponse::Ok();
        res.insert_header(("vary", "accept-language")).insert_header(("etag", "\"1\""));
        res.body(format!("{} {call}", said("accept-language").unwrap()))
    });
    for window in [0, 3600] {
        let cache = languages().clock(clock.clone()).stale_while_revalidate(window * SECOND);
        let app = app(&cache, &origin).await;
        let first = send(&app, in_language("de-AT")).await;
        clock.advance(61 * SECOND);
        let stale = send(&app, in_language("de-CH")).await;
        settle(&cache).await;
        let renewed = send(&app, in_language("de")).await;
        assert_eq!((stale.body, renewed.word()), (first.body.clone(), "HIT"));
        assert_eq!(renewed.body, first.body);
    }
    assert_eq!(origin.calls(), 4);
}

/// A middleware outside of the cache that holds each request while it is served.
async fn held(cache: &ResponseCache, origin: &Origin) -> impl TestApp + use<> {
    let hold = from_fn(|req, next: actix_web::middleware::Next<_>| async move {
        let _held = actix_web::dev::ServiceRequest::request(&req).clone();
        let res: ServiceResponse<_> = next.call(req).await?;
        Ok::<_, Error>(res)
    });
    let app = App::new().default_service(origin.route());
    init_service(app.wrap(cache.clone()).wrap(hold)).await
}

#[actix_rt::test]
async fn request_that_cannot_be_changed_bypasses() {
    panic::set_hook(Box::new(|_| ()));
    let cache = languages();
    let origin = speaking();
    let app = held(&cache, &origin).await;
    for call in 1..4 {
        let seen = send(&app, in_language("de-AT")).await;
        assert_eq!((seen.word(), seen.text()), ("BYPASS", format!("de-AT {call}").as_str()));
        assert!(seen.field("cache-status").ends_with("detail=held-request"));
    }
    // what needs no change is cached
    assert_eq!(send(&app, in_language("de")).await.text(), "de 4");
    assert_eq!(send(&app, in_language("de")).await.word(), "HIT");
    let stats = cache.handle().unwrap().stats();
    assert_eq!(stats.bypasses, [(Reason::HeldRequest, 3)]);
    drop(panic::take_hook());
}

#[actix_rt::test]
async fn bypassing_requests_keep_the_header() {
    let cache = languages().exclude("/live");
    let app = app(&cache, &speaking()).await;
    let seen = send(&app, get_with("/live", ("accept-language", "de-AT"))).await;
    assert_eq!(seen.text(), "de-AT 1");
    let seen = send(&app, request("POST", "/").insert_header(("accept-language", "de-AT"))).await;
    assert_eq!(seen.text(), "de-AT 2");
}

#[actix_rt::test]
async fn processes_share_variants_in_redis() {
    let server = RedisServer::start();
    let origin = speaking();
    let process = async || {
        let cache = ResponseCache::redis(server.url()).languages(["en", "de"]);
        (app(&cache, &origin).await, cache)
    };
    let (first, cache) = process().await;
    let (second, _) = process().await;
    assert_eq!(send(&first, in_language("de-AT")).await.text(), "de 1");
    settle(&cache).await;
    for accepted in BROWSERS {
        assert_eq!(send(&second, in_language(accepted)).await.text(), "de 1", "{accepted}");
    }
}

#[actix_rt::test]
async fn explain_shows_what_headers_are_reduced_to() {
    let cache = languages();
    let app = app(&cache, &speaking()).await;
    send(&app, in_language("de")).await;
    let ask = |accepted: Option<&str>| {
        let inquiry = Inquiry::get("/").header("host", "shop.example");
        accepted.into_iter().fold(inquiry, |inquiry, said| inquiry.header("accept-language", said))
    };
    let handle = cache.handle().unwrap();
    let explained = handle.explain(&ask(Some("de-AT, en;q=0.5"))).await.unwrap();
    let note = "accept-language: `de-AT, en;q=0.5` is reduced to `de`";
    assert!(explained.notes.iter().any(|shown| shown == note), "{:?}", explained.notes);
    assert_eq!(explained.kind.as_str(), "hit");
    let explained = handle.explain(&ask(None)).await.unwrap();
    assert!(explained.to_string().contains("accept-language: without one, it is `en`"));
    let explained = handle.explain(&ask(Some("de"))).await.unwrap();
    assert!(!explained.to_string().contains("reduced"));
}

#[actix_rt::test]
async fn headers_that_decide_for_the_cache_are_refused() {
    let same = |said: Option<&str>| said.map(str::to_owned);
    for name in [
        "",
        "a b",
        "Host",
        "authorization",
        "cookie",
        "if-none-match",
        "Range",
        "x-forwarded-host",
        "content-type",
        "cache-control",
        "origin",
        "x-api-key",
    ] {
        let error = ResponseCache::memory().normalise_header(name, same).handle().unwrap_err();
        assert_eq!(error.setting(), "normalise_header", "{name}");
    }
    for tags in [&[][..], &[""], &["en", "not a tag"], &["*"]] {
        let error = ResponseCache::memory().languages(tags.iter().copied()).handle().unwrap_err();
        assert_eq!(error.setting(), "languages", "{tags:?}");
    }
}

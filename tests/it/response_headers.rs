//! The headers that clients and operators see: `Cache-Control`, `Expires`, `Age`, `Cache-Status`, `X-Cache`.

use std::time::Duration;

use actix_response_cache::{
    Auth, ClientCache, Clock, Compliance, Credentials, ResponseCache, Responses, Rule,
};
use actix_web::{HttpResponse, http::header::HttpDate, test::TestRequest};

use crate::support::{Origin, Seen, app, get, get_with, send};

const FIVE_MINUTES: ClientCache = ClientCache::public().max_age(Duration::from_secs(300));

fn date(seen: &Seen, name: &str) -> std::time::SystemTime {
    seen.field(name).parse::<HttpDate>().expect(name).into()
}

#[actix_rt::test]
async fn cache_control_and_expires_agree_with_age() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .ttl(Duration::from_secs(600))
        .client_cache(FIVE_MINUTES);
    let app = app(&cache, &Origin::counting()).await;
    let miss = send(&app, get("/")).await;
    assert_eq!(miss.field("cache-control"), "public, max-age=300");
    clock.advance(Duration::from_secs(100));
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.field("age").as_str()), ("HIT", "100"));
    assert_eq!(hit.field("cache-control"), "public, max-age=300");
    assert_eq!(hit.field("expires"), miss.field("expires"));
    // what remains to the client is the same by both: max-age - Age, and Expires - now
    let lifetime = date(&hit, "expires").duration_since(date(&hit, "date")).unwrap();
    assert_eq!(lifetime, Duration::from_secs(300));
}

#[actix_rt::test]
async fn handler_headers_stay_unless_replaced() {
    let fields = &[("cache-control", "max-age=60"), ("expires", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let keeping = ResponseCache::memory().client_cache(FIVE_MINUTES);
    let kept = send(&app(&keeping, &Origin::with_fields(fields)).await, get("/")).await;
    assert_eq!(kept.field("cache-control"), "max-age=60");

    let clock = Clock::manual();
    let replacing =
        ResponseCache::memory().clock(clock.clone()).client_cache(FIVE_MINUTES.replace(true));
    let app = app(&replacing, &Origin::with_fields(fields)).await;
    let replaced = send(&app, get("/")).await;
    assert_eq!(replaced.field("cache-control"), "public, max-age=300");
    clock.advance(Duration::from_secs(60));
    assert_eq!(send(&app, get("/")).await.word(), "MISS", "the handler's word rules this cache");
}

#[actix_rt::test]
async fn personal_response_is_never_sent_as_public() {
    let told = async |cache: ResponseCache, origin: Origin, req| {
        let app = app(&cache.client_cache(FIVE_MINUTES), &origin).await;
        send(&app, req).await.field("cache-control")
    };
    let private = "private, max-age=300";
    let bearer = || get_with("/", ("authorization", "Bearer x"));
    let plain = Origin::counting;
    assert_eq!(told(ResponseCache::memory(), plain(), bearer()).await, private);
    let keyed = || ResponseCache::memory().vary_by_auth(Auth::PerCredential);
    assert_eq!(told(keyed(), plain(), bearer()).await, private);
    assert_eq!(told(keyed(), plain(), get("/")).await, "public, max-age=300");
    // a header that is no credential is not personal: `Vary` names it for caches downstream
    let by_currency = ResponseCache::memory().vary_by_header("x-currency");
    assert_eq!(told(by_currency, plain(), get("/")).await, "public, max-age=300");
    let by_function = || ResponseCache::memory().key_fn(|_| Some("x".to_owned()));
    assert_eq!(told(by_function(), plain(), get("/")).await, private);
    let by_tenant =
        || ResponseCache::memory().vary_by_auth(Auth::from_fn(|_| Some("x".to_owned())));
    assert_eq!(told(by_tenant(), plain(), get("/")).await, private);
    let by_key = || {
        let auth = Auth::header("x-tenant").unwrap();
        ResponseCache::memory().vary_by_auth(auth)
    };
    assert_eq!(told(by_key(), plain(), get_with("/", ("x-tenant", "a"))).await, private);
    let cookie = Origin::with_fields(&[("set-cookie", "a=b")]);
    assert_eq!(told(ResponseCache::memory(), cookie, get("/")).await, private);
}

#[actix_rt::test]
async fn rule_overrides_client_cache_control() {
    let cache = ResponseCache::memory()
        .client_cache(FIVE_MINUTES)
        .rule("/assets/{tail:.*}", Rule::new().client_cache(FIVE_MINUTES.immutable(true)))
        .rule("/news", Rule::new().client_cache(ClientCache::no_store()));
    let app = app(&cache, &Origin::counting()).await;
    let told = async |path| send(&app, get(path)).await.field("cache-control");
    assert_eq!(told("/assets/app.js").await, "public, max-age=300, immutable");
    assert_eq!(told("/news").await, "no-store");
    assert_eq!(send(&app, get("/news")).await.word(), "HIT", "not for clients, but for this cache");
    assert_eq!(told("/").await, "public, max-age=300");
}

#[actix_rt::test]
async fn errors_and_uncached_responses_get_no_cache_control() {
    let origin = Origin::new(|_, _| HttpResponse::NotFound().finish());
    let cache = ResponseCache::memory().client_cache(FIVE_MINUTES).exclude("/private");
    let error = send(&app(&cache, &origin).await, get("/")).await;
    assert_eq!(error.field("cache-control"), "");
    let excluded = send(&app(&cache, &Origin::counting()).await, get("/private")).await;
    assert_eq!((excluded.field("cache-control"), excluded.field("expires")), Default::default());
}

#[actix_rt::test]
async fn verdict_is_in_cache_status_and_on_request_in_x_cache() {
    let clock = Clock::manual();
    let cache =
        ResponseCache::memory().clock(clock.clone()).responses(Responses::new().x_cache(true));
    let app = app(&cache, &Origin::counting()).await;
    let miss = send(&app, get("/")).await;
    assert_eq!(miss.field("cache-status"), "actix-response-cache; fwd=uri-miss; stored");
    assert_eq!(miss.field("x-cache"), "MISS");
    clock.advance(Duration::from_secs(18));
    let hit = send(&app, get("/")).await;
    assert_eq!(hit.field("cache-status"), "actix-response-cache; hit; ttl=42");
    assert_eq!(hit.field("x-cache"), "HIT");
    let bypass = send(&app, get_with("/", ("cookie", "a=b"))).await;
    assert_eq!(bypass.field("x-cache"), "BYPASS");

    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .responses(Responses::new().cache_status_key(true));
    let telling = crate::support::app(&cache, &Origin::counting()).await;
    for told in ["fwd=uri-miss; stored", "hit; ttl=60"] {
        let status = send(&telling, get("/a?b=1")).await.field("cache-status");
        let key = "; key=\"shop.example/a?b=1\"";
        assert_eq!(status, format!("actix-response-cache; {told}{key}"));
    }

    let silent = crate::support::app(
        &ResponseCache::memory().responses(Responses::new().cache_status(false)),
        &Origin::counting(),
    )
    .await;
    for _ in 0..2 {
        let seen = send(&silent, get("/")).await;
        assert_eq!((seen.field("cache-status"), seen.field("x-cache")), Default::default());
    }
}

#[actix_rt::test]
async fn upstream_cache_status_precedes_ours() {
    let origin = Origin::with_fields(&[("cache-status", "upstream; hit")]);
    let app = app(&ResponseCache::memory().clock(Clock::manual()), &origin).await;
    for ours in ["actix-response-cache; fwd=uri-miss; stored", "actix-response-cache; hit; ttl=60"]
    {
        assert_eq!(send(&app, get("/")).await.all("cache-status"), ["upstream; hit", ours]);
    }
}

#[actix_rt::test]
async fn only_if_cached_is_answered_from_store_or_504() {
    let origin = Origin::counting();
    let app = app(&ResponseCache::memory(), &origin).await;
    let only = || get_with("/", ("cache-control", "only-if-cached"));
    assert_eq!((send(&app, only()).await.status.as_u16(), origin.calls()), (504, 0));
    send(&app, get("/")).await;
    let hit = send(&app, only()).await;
    assert_eq!((hit.status.as_u16(), hit.word()), (200, "HIT"));
}

#[actix_rt::test]
async fn vary_names_headers_of_the_key() {
    type Make = fn() -> ResponseCache;
    let caches: [(Make, &[&str]); 7] = [
        (ResponseCache::memory, &[]),
        (
            || ResponseCache::memory().vary_by_auth(Auth::Status),
            &["authorization", "cookie", "x-api-key"],
        ),
        (
            || ResponseCache::memory().vary_by_auth(Auth::PerCredential),
            &["authorization", "cookie", "x-auth-token"],
        ),
        (|| ResponseCache::memory().vary_by_auth(Auth::cookie("session")), &["cookie"]),
        (|| ResponseCache::memory().vary_by_auth(Auth::header("x-tenant").unwrap()), &["x-tenant"]),
        (|| ResponseCache::memory().vary_by_header("X-Currency"), &["x-currency"]),
        (|| ResponseCache::memory().vary_by_cookie("theme"), &["cookie"]),
    ];
    for (make, expected) in caches {
        let said = &[("vary", "Accept-Language"), ("etag", "\"v\"")];
        let app = app(&make().client_cache(FIVE_MINUTES), &Origin::with_fields(said)).await;
        let not_modified = || get_with("/", ("if-none-match", "\"v\""));
        for (req, word) in [(get("/"), "MISS"), (get("/"), "HIT"), (not_modified(), "HIT")] {
            let seen = send(&app, req).await;
            let vary = seen.field("vary");
            let names: Vec<_> = vary.split(", ").collect();
            assert_eq!((seen.word(), names[0]), (word, "Accept-Language"));
            for name in expected {
                assert_eq!(names.iter().filter(|told| *told == name).count(), 1, "{name}: {vary}");
            }
            assert_eq!(names.len() == 1, expected.is_empty(), "{vary}");
            assert_eq!(seen.field("cache-control"), "public, max-age=300");
        }
    }
}

#[actix_rt::test]
async fn response_keyed_by_function_is_private_even_if_handler_says_public() {
    for (said, told) in [
        ("public, max-age=60", "max-age=60, private"),
        ("s-maxage=60", "private"),
        ("max-age=60", "max-age=60, private"),
    ] {
        for cache in [
            ResponseCache::memory().vary_by_auth(Auth::from_fn(|_| Some("tenant".to_owned()))),
            ResponseCache::memory().key_fn(|_| Some("region".to_owned())),
        ] {
            let origin = Origin::new(move |_, _| {
                let mut res = HttpResponse::Ok();
                res.insert_header(("cache-control", said));
                res.insert_header(("cdn-cache-control", "max-age=600")).finish()
            });
            let app = app(&cache, &origin).await;
            for word in ["MISS", "HIT"] {
                let seen = send(&app, get("/")).await;
                assert_eq!((seen.word(), seen.field("cache-control").as_str()), (word, told));
                assert_eq!(seen.field("cdn-cache-control"), "");
            }
        }
    }
}

#[actix_rt::test]
async fn bypassed_responses_carry_the_same_vary_and_private() {
    let keyed = || ResponseCache::memory().vary_by_auth(Auth::header("x-tenant").unwrap());
    let told = send(&app(&keyed(), &Origin::counting()).await, get("/")).await;
    for req in [
        get_with("/", ("x-api-key", "k")),
        get_with("/", ("upgrade", "websocket")),
        get_with("/", ("cookie", "a=b")),
    ] {
        let seen = send(
            &app(&keyed().responses(Responses::new().x_cache(true)), &Origin::counting()).await,
            req,
        )
        .await;
        assert_eq!(
            (seen.field("x-cache").as_str(), seen.field("vary")),
            ("BYPASS", told.field("vary"))
        );
    }
    let refused =
        ResponseCache::memory().responses(Responses::new().x_cache(true)).key_fn(|_| None);
    let origin = Origin::with_fields(&[("cache-control", "public, max-age=60")]);
    let seen = send(&app(&refused, &origin).await, get("/")).await;
    assert_eq!(seen.field("x-cache"), "BYPASS");
    assert_eq!(seen.field("cache-control"), "max-age=60, private");
    let post = TestRequest::post().uri("/");
    assert_eq!(send(&app(&keyed(), &Origin::counting()).await, post).await.field("vary"), "");
}

#[actix_rt::test]
async fn response_is_private_if_vary_cannot_name_the_credential() {
    let public = &[("cache-control", "public, max-age=60")];
    for (credential, told) in [
        ("x-member-id", "max-age=60, private"),
        ("cf-access-jwt-assertion", "max-age=60, private"),
        ("x-api-key", "public, max-age=60"),
        ("accept", "public, max-age=60"),
    ] {
        let cache = ResponseCache::memory()
            .credentials(Credentials::new().headers(["x-member*"]))
            .vary_by_auth(Auth::PerCredential);
        let app = app(&cache, &Origin::with_fields(public)).await;
        for word in ["MISS", "HIT"] {
            let seen = send(&app, get_with("/", (credential, "*/*"))).await;
            assert_eq!(seen.word(), word);
            assert_eq!(seen.field("cache-control"), told, "{credential}");
            assert!(!seen.field("vary").contains('*'), "{}", seen.field("vary"));
        }
    }
}

#[actix_rt::test]
async fn response_for_one_origin_varies_by_origin() {
    let origin = Origin::with_fields(&[("access-control-allow-origin", "https://a.example")]);
    let from_a = || get_with("/", ("origin", "https://a.example"));
    for (cache, told) in [
        (ResponseCache::memory(), "origin"),
        (ResponseCache::memory().compliance(Compliance::careful().vary_by_origin(false)), ""),
    ] {
        let app = app(&cache, &origin).await;
        for word in ["MISS", "HIT"] {
            let seen = send(&app, from_a()).await;
            assert_eq!((seen.word(), seen.field("vary").as_str()), (word, told));
        }
    }
}

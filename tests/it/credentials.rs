//! What counts as a credential: every field that says who is asking, and cookies as handlers read them.

use actix_response_cache::{Auth, Credentials, ResponseCache};
use actix_web::{HttpResponse, http::header::COOKIE, test::TestRequest};

use crate::support::{Origin, app, get, get_with, send};

/// Fields by which clients and proxies say who is asking.
const CREDENTIALS: [&str; 20] = [
    "X-Api-Key",
    "Api-Key",
    "X-Auth-Token",
    "X-Access-Token",
    "X-Session-Token",
    "Proxy-Authorization",
    "X-Amz-Security-Token",
    "X-Forwarded-User",
    "X-Remote-User",
    "Remote-User",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Goog-IAP-JWT-Assertion",
    "X-Amzn-Oidc-Identity",
    "X-MS-Client-Principal-Id",
    "Cf-Access-Jwt-Assertion",
    "X-Forwarded-Client-Cert",
    "X-Client-Cert",
    "X-SSL-Client-Cert",
    "X-SSL-Client-S-DN",
];

fn echo_of(name: &'static str) -> Origin {
    Origin::new(move |req, _| {
        let who = req.headers().get(name).map(|value| value.to_str().unwrap());
        HttpResponse::Ok().body(who.unwrap_or("nobody").to_owned())
    })
}

#[actix_rt::test]
async fn every_identifying_header_is_a_credential() {
    for name in CREDENTIALS {
        let by = |who: &'static str| get_with("/", (name, who));
        let app = app(&ResponseCache::memory(), &echo_of(name)).await;
        for (req, who, word) in [
            (by("alice"), "alice", "BYPASS"),
            (by("bob"), "bob", "BYPASS"),
            (get("/"), "nobody", "MISS"),
            (get("/"), "nobody", "HIT"),
            (by("alice"), "alice", "BYPASS"),
        ] {
            let seen = send(&app, req).await;
            assert_eq!((seen.text(), seen.word()), (who, word), "{name}");
            let status = seen.field("cache-status");
            assert_eq!(word == "BYPASS", status.ends_with("detail=credential"), "{status}");
        }
    }
}

#[actix_rt::test]
async fn auth_key_covers_every_credential() {
    for name in CREDENTIALS {
        let by = |who: &'static str| get_with("/", (name, who));
        let each = ResponseCache::memory().vary_by_auth(Auth::PerCredential);
        let each = app(&each, &echo_of(name)).await;
        for word in ["MISS", "HIT"] {
            for (req, who) in [(by("alice"), "alice"), (by("bob"), "bob"), (get("/"), "nobody")] {
                let seen = send(&each, req).await;
                assert_eq!((seen.text(), seen.word()), (who, word), "{name}");
            }
        }
        let origin = Origin::new(move |req, _| {
            HttpResponse::Ok().body(req.headers().contains_key(name).to_string())
        });
        let status = ResponseCache::memory().vary_by_auth(Auth::Status);
        let status = app(&status, &origin).await;
        for (req, text, word) in [
            (by("alice"), "true", "MISS"),
            (get("/"), "false", "MISS"),
            (by("bob"), "true", "HIT"),
            (get("/"), "false", "HIT"),
        ] {
            let seen = send(&status, req).await;
            assert_eq!((seen.text(), seen.word()), (text, word), "{name}");
        }
    }
}

#[actix_rt::test]
async fn two_credentials_do_not_collide_with_one() {
    let cache = ResponseCache::memory().vary_by_auth(Auth::PerCredential);
    let app = app(&cache, &Origin::counting()).await;
    let asks = [
        get_with("/", ("x-api-key", "a")).insert_header(("x-auth-token", "b")),
        get_with("/", ("x-api-key", "b")).insert_header(("x-auth-token", "a")),
        get_with("/", ("x-api-key", "a")).append_header(("x-api-key", "x-auth-token")),
        get_with("/", ("x-api-key", "a")),
        get_with("/", ("authorization", "a")),
    ];
    for req in asks {
        assert_eq!(send(&app, req).await.word(), "MISS");
    }
    let other_order = get_with("/", ("x-auth-token", "b")).insert_header(("x-api-key", "a"));
    assert_eq!(send(&app, other_order).await.word(), "HIT");
}

#[actix_rt::test]
async fn settings_choose_credential_headers() {
    let member = || get_with("/", ("x-member", "1"));
    let key = || get_with("/", ("x-api-key", "1"));
    let second = async |cache: ResponseCache, req: fn() -> TestRequest| {
        let app = app(&cache, &Origin::counting()).await;
        send(&app, req()).await;
        send(&app, req()).await.word()
    };
    assert_eq!(second(ResponseCache::memory(), member).await, "HIT");
    let with = |credentials| ResponseCache::memory().credentials(credentials);
    let counted = || Credentials::new().headers(["X-Member"]);
    assert_eq!(second(with(counted()), member).await, "BYPASS");
    assert_eq!(second(with(counted().harmless_headers(["x-member"])), member).await, "HIT");
    let harmless = || Credentials::new().harmless_headers(["X-Api-*"]);
    assert_eq!(second(with(harmless()), key).await, "HIT");
    assert_eq!(second(with(harmless().headers(["x-api-key"])), key).await, "BYPASS");
    assert_eq!(second(ResponseCache::memory().vary_by_header("x-api-key"), key).await, "HIT");
    let by_key = Auth::header("x-api-key").unwrap();
    let by_key = || ResponseCache::memory().vary_by_auth(by_key.clone());
    assert_eq!(second(by_key(), key).await, "HIT");
    let both = || get_with("/", ("x-api-key", "1")).insert_header(("x-auth-token", "2"));
    assert_eq!(second(by_key(), both).await, "BYPASS", "the other one is not in the key");
    for cache in [
        ResponseCache::memory().credentials(Credentials::new().harmless_headers(["Authorization"])),
        ResponseCache::memory().credentials(Credentials::new().harmless_headers(["cookie"])),
        ResponseCache::memory().credentials(Credentials::new().headers(["a b"])),
    ] {
        assert!(cache.check().await.is_err());
    }
}

/// The name that the handler finds in the cookie `session`.
fn session_of() -> Origin {
    Origin::new(|req, _| {
        let session = req.cookie("session");
        let name = session.as_ref().map_or("nobody", |cookie| cookie.value());
        HttpResponse::Ok().body(name.to_owned())
    })
}

#[actix_rt::test]
async fn cookies_are_parsed_as_handlers_parse_them() {
    let hidden = [
        "session =mallory",
        "%73ession=mallory",
        "\u{a0}session=mallory",
        "session\u{a0}=mallory",
        "a=1; session\t=mallory",
    ];
    for cache in [
        ResponseCache::memory().vary_by_auth(Auth::cookie("session")),
        ResponseCache::memory()
            .vary_by_auth(Auth::Status)
            .credentials(Credentials::new().ignore_cookies(["a"])),
        ResponseCache::memory().vary_by_auth(Auth::PerCredential),
        ResponseCache::memory().vary_by_cookie("session"),
        ResponseCache::memory()
            .credentials(Credentials::new().ignore_cookies(["a", "%73*", "session "])),
    ] {
        let app = app(&cache, &session_of()).await;
        for line in hidden {
            let line = actix_web::http::header::HeaderValue::from_bytes(line.as_bytes()).unwrap();
            let mallory = send(&app, get_with("/", (COOKIE, line))).await;
            assert_eq!((mallory.text(), mallory.word()), ("mallory", "BYPASS"), "{cache:?}");
            assert!(mallory.field("cache-status").ends_with("ambiguous-cookie"));
            assert_eq!(send(&app, get("/")).await.text(), "nobody");
        }
        assert_eq!(send(&app, get("/")).await.word(), "HIT");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    /// For any cookies that are sent, no user gets the page of another.
    #[test]
    fn arbitrary_cookies_never_share_pages_between_users(
        lines in proptest::collection::vec("[a=; %7\\t]{0,3}(session|%73ession| session)?[=; ]{0,2}[ab%]{0,2}", 1..12)
    ) {
        actix_rt::System::new().block_on(async {
            let cache = ResponseCache::memory().vary_by_auth(Auth::cookie("session"));
            let cached = app(&cache, &session_of()).await;
            let plain = app(&ResponseCache::memory().exclude("/"), &session_of()).await;
            for line in &lines {
                let ask = || get_with("/", (COOKIE, line.clone()));
                assert_eq!(send(&cached, ask()).await.text(), send(&plain, ask()).await.text());
            }
        });
    }
}

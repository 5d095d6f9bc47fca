//! `Rule::shared`: public pages of a site with logins are stored once, whoever asks.

use actix_response_cache::{Auth, Compliance, Inquiry, ResponseCache, Rule};
use actix_web::{HttpResponse, test::TestRequest};

use crate::support::{Origin, app, get, get_with, send};

const WHO: [Option<(&str, &str)>; 5] = [
    None,
    Some(("cookie", "session=alice")),
    Some(("cookie", "session=bob")),
    Some(("authorization", "Bearer carol")),
    Some(("x-api-key", "dave")),
];

fn by(url: &str, who: Option<(&'static str, &'static str)>) -> TestRequest {
    who.map_or_else(|| get(url), |field| get_with(url, field))
}

fn shared() -> Rule {
    Rule::new().shared(true)
}

#[actix_rt::test]
async fn everybody_gets_one_stored_response() {
    let caches = [
        ResponseCache::memory(),
        ResponseCache::memory().vary_by_auth(Auth::Status),
        ResponseCache::memory().vary_by_auth(Auth::PerCredential),
        ResponseCache::memory().vary_by_auth(Auth::from_fn(|_| None)),
        ResponseCache::memory().vary_by_cookie("session").vary_by_header("authorization"),
    ];
    for cache in caches {
        let cache = cache.rule("/public/{tail:.*}", shared());
        let origin = Origin::counting();
        let app = app(&cache, &origin).await;
        let words = futures_util::future::join_all(WHO.map(async |who| {
            let seen = send(&app, by("/public/page", who)).await;
            assert_eq!(seen.all("vary"), [""; 0], "caches downstream may share it too");
            assert!(!seen.field("cache-control").contains("private"));
            seen.word()
        }));
        assert_eq!(words.await, ["MISS", "HIT", "HIT", "HIT", "HIT"]);
        assert_eq!(origin.calls(), 1);
    }
}

#[actix_rt::test]
async fn first_visitor_may_be_signed_in() {
    let cache = ResponseCache::memory().rule("/{tail:.*}", shared());
    let app = app(&cache, &Origin::counting()).await;
    assert_eq!(send(&app, by("/", WHO[1])).await.word(), "MISS");
    assert_eq!(send(&app, by("/", None)).await.word(), "HIT");
    assert_eq!(send(&app, by("/", WHO[3])).await.word(), "HIT");
}

#[actix_rt::test]
async fn other_paths_still_tell_people_apart() {
    let cache = ResponseCache::memory()
        .vary_by_auth(Auth::PerCredential)
        .rule("/public/{tail:.*}", shared());
    let app = app(&cache, &Origin::counting()).await;
    for who in WHO {
        assert_eq!(send(&app, by("/mine", who)).await.word(), "MISS", "{who:?}");
    }
}

#[actix_rt::test]
async fn private_responses_and_cookies_are_never_stored() {
    for fields in [
        &[("cache-control", "private")][..],
        &[("cache-control", "private, max-age=60")],
        &[("set-cookie", "session=1")],
        &[("set-cookie", "session=1"), ("cache-control", "no-cache=\"set-cookie\", max-age=60")],
        &[("set-cookie", "session=1"), ("cache-control", "public, max-age=60")],
    ] {
        let origin = Origin::new(move |_, n| {
            let mut res = HttpResponse::Ok();
            for field in fields {
                res.append_header(*field);
            }
            res.body(n.to_string())
        });
        let cache = ResponseCache::memory()
            .compliance(Compliance::careful().store_set_cookie(true))
            .rule("/{tail:.*}", shared());
        let app = app(&cache, &origin).await;
        for who in WHO {
            assert_ne!(send(&app, by("/", who)).await.word(), "HIT", "{fields:?}");
        }
        assert_eq!(origin.calls(), WHO.len());
    }
}

#[actix_rt::test]
async fn rule_that_is_undone_tells_people_apart_again() {
    let cache = ResponseCache::memory().rule("/{tail:.*}", shared().shared(false));
    let app = app(&cache, &Origin::counting()).await;
    assert_eq!(send(&app, by("/", WHO[1])).await.word(), "BYPASS");
}

#[actix_rt::test]
async fn explain_says_that_credentials_do_not_count() {
    let cache = ResponseCache::memory().rule("/{tail:.*}", shared());
    let app = app(&cache, &Origin::counting()).await;
    send(&app, by("/", WHO[1])).await;
    let handle = cache.handle().unwrap();
    let inquiry = Inquiry::get("/").header("host", "shop.example").header("cookie", "session=eve");
    let explained = handle.explain(&inquiry).await.unwrap();
    assert!(explained.notes.iter().any(|note| note.contains("credentials do not count")));
    assert!(explained.stored.is_some());
    assert!(explained.key.unwrap().uncovered.is_empty());
}

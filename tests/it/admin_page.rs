//! The page of the admin scope as a browser uses it: signing in, forms, who may do what, and what strangers
//! get.

use std::time::Duration;

use actix_response_cache::{AdminToken, AdminTokens, ResponseCache, Rule};
use actix_web::{
    App,
    test::{TestRequest, init_service},
};
use serde_json::{Value, json};

use crate::support::{Origin, Seen, TestApp, get, request, send};

const TOKEN: &str = "a-token-that-is-long-enough";
const READER: &str = "a-token-that-only-reads";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn tokens() -> AdminTokens {
    AdminTokens::from([
        AdminToken::new(TOKEN).unwrap().named("operators"),
        AdminToken::new(READER).unwrap().named("reader").read_only(),
    ])
}

async fn app(tokens: AdminTokens) -> impl TestApp {
    let cache = ResponseCache::memory();
    let admin = cache.admin("/_cache", tokens);
    let origin = Origin::with_fields(&[("cache-groups", "\"g\"")]);
    init_service(App::new().service(admin).default_service(origin.route()).wrap(cache)).await
}

/// A browser that has signed in.
struct Browser<'a, A> {
    app: &'a A,
    cookie: String,
}

impl<'a, A: TestApp> Browser<'a, A> {
    async fn sign_in(app: &'a A, token: &str) -> Self {
        let seen = send(app, login(token)).await;
        assert_eq!((seen.status.as_u16(), seen.field("location")), (303, "./".to_owned()));
        let cookie = seen.field("set-cookie");
        for part in ["__Host-", "; HttpOnly", "; SameSite=Strict", "; Secure", "; Path=/;"] {
            assert!(cookie.contains(part), "{part}: {cookie}");
        }
        Self { app, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    fn request(&self, method: &str, path: &str) -> TestRequest {
        request(method, &format!("/_cache{path}"))
            .insert_header(("cookie", self.cookie.clone()))
            .insert_header(("accept", "text/html,*/*;q=0.8"))
    }

    async fn get(&self, path: &str) -> Seen {
        send(self.app, self.request("GET", path)).await
    }

    /// Sends a form with the hidden field of the page.
    async fn post(&self, path: &str, form: &str) -> Seen {
        let page = self.get("/").await;
        let (_, csrf) = page.text().split_once("name=\"csrf\" value=\"").expect("a form");
        let form = format!("csrf={}&{form}", csrf.split('"').next().unwrap());
        send(self.app, self.request("POST", path).insert_header(FORM).set_payload(form)).await
    }
}

fn login(token: &str) -> TestRequest {
    request("POST", "/_cache/login")
        .insert_header(FORM)
        .insert_header(("accept", "text/html"))
        .set_payload(format!("token={token}"))
}

fn bearer(token: &str, method: &str, path: &str) -> TestRequest {
    request(method, &format!("/_cache{path}"))
        .insert_header(("authorization", format!("Bearer {token}")))
}

fn reason(seen: &Seen) -> String {
    let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    body["reason"].as_str().expect("a reason").to_owned()
}

#[actix_rt::test]
async fn stranger_gets_the_form_that_takes_a_token_and_nothing_else() {
    let app = app(tokens()).await;
    send(&app, get("/secret")).await;
    for path in ["", "/", "/stats", "/app.js", "/nothing"] {
        let uri = format!("/_cache{path}");
        let seen = send(&app, get(&uri).insert_header(("accept", "text/html"))).await;
        assert_eq!(seen.status, 401, "{path}");
        assert!(seen.text().contains("action=\"login\"") && !seen.text().contains("secret"));
        assert_eq!(reason(&send(&app, get(&uri)).await), "no-token");
    }
    assert_eq!(send(&app, get("/_cache/style.css")).await.status, 200);
}

#[actix_rt::test]
async fn page_has_figures_without_script_and_runs_nothing_foreign() {
    let app = app(tokens()).await;
    for uri in ["/a", "/a", "/b"] {
        send(&app, get(uri)).await;
    }
    let browser = Browser::sign_in(&app, TOKEN).await;
    let page = browser.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("33.3 %"), "{}", page.text());
    assert!(page.text().contains("operators"));
    assert!(!page.text().contains("style=") && !page.text().contains("onclick"));
    let policy = page.field("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!policy.contains("unsafe"));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(page.field(name), value);
    }
    assert!(browser.get("/live").await.text().contains("id=\"summary\""));
    assert!(browser.get("/app.js").await.field("content-type").starts_with("text/javascript"));
    assert_eq!(browser.get("").await.field("location"), "/_cache/");
}

#[actix_rt::test]
async fn request_is_explained_from_the_page() {
    let app = app(tokens()).await;
    let browser = Browser::sign_in(&app, READER).await;
    assert!(browser.get("/").await.text().contains("action=\"explain\""));
    let explained = browser.post("/explain", "url=http%3A%2F%2Flocalhost%3A8080%2Fa").await;
    assert_eq!(explained.status, 200, "{}", explained.text());
    assert!(explained.field("content-type").starts_with("text/html"));
    assert!(explained.text().contains("GET http://localhost:8080/a"), "{}", explained.text());
    let form = "url=http%3A%2F%2Flocalhost%3A8080%2Fa&headers=cookie%3A%20session%3D1%0D%0A%0D%0Ax%3A%20%3Cb%3E";
    let private = browser.post("/explain", form).await;
    assert!(private.text().contains("credentials"), "{}", private.text());
    assert!(private.text().contains("x: &lt;b&gt;</textarea>"), "it can be asked again");
    assert_eq!(browser.post("/explain", "url=http%3A%2F%2Fa%2F&headers=none").await.status, 400);
}

#[actix_rt::test]
async fn reasons_lead_to_explanations_of_examples() {
    let app = app(tokens()).await;
    send(&app, get("/mine?a=1").insert_header(("cookie", "session=1"))).await;
    let browser = Browser::sign_in(&app, TOKEN).await;
    let page = browser.get("/").await;
    let (_, link) = page.text().split_once("<a href=\"./?method=GET&amp;url=").expect("a link");
    let (url, _) = link.split_once("#explain").unwrap();
    assert!(url.ends_with("%2Fmine%3Fa%3D1"), "{url}");
    let explained = browser.get(&format!("/?method=GET&url={url}")).await;
    let (_, answer) = explained.text().split_once("class=\"answer\"").expect("an answer");
    assert!(answer.contains("/mine?a=1"), "{answer}");
    let reader = Browser::sign_in(&app, READER).await;
    assert!(!reader.get("/").await.text().contains("a%3D1"), "queries can hold secrets");
}

#[actix_rt::test]
async fn stored_responses_are_searched_page_by_page() {
    let app = app(tokens()).await;
    for number in 0..25 {
        send(&app, get(&format!("/a/{number}?key=secret"))).await;
    }
    send(&app, get("/b")).await;
    let browser = Browser::sign_in(&app, TOKEN).await;
    let listed = |seen: &Seen| seen.text().matches("<button class=\"small\">Purge").count();
    let mut page = browser.get("/?path=%2Fa%2F").await;
    let mut found = listed(&page);
    while let Some((_, link)) = page.text().split_once("after=") {
        let (after, _) = link.split_once('#').unwrap();
        if after.is_empty() || found >= 25 {
            break;
        }
        page = browser.get(&format!("/?path=%2Fa%2F&after={after}")).await;
        found += listed(&page);
    }
    assert_eq!(found, 25);
    assert_eq!(listed(&browser.get("/?path=%2Fb").await), 1);
    let reader = Browser::sign_in(&app, READER).await;
    let page = reader.get("/?path=%2Fa%2F").await;
    assert!(page.text().contains("/a/") && !page.text().contains("secret"));
    assert_eq!(listed(&page), 0);
    let entries = send(&app, bearer(READER, "GET", "/entries?path=/b&limit=1")).await;
    let entries: Value = serde_json::from_slice(&entries.body).unwrap();
    assert_eq!(
        (&entries["is_listed"], &entries["entries"][0]["status"]),
        (&json!(true), &json!(200))
    );
}

#[actix_rt::test]
async fn purge_takes_no_more_than_was_previewed() {
    let app = app(tokens()).await;
    send(&app, get("/a?1")).await;
    let asked = |path: &'static str, body: &'static str| {
        send(&app, bearer(TOKEN, "POST", path).set_payload(body))
    };
    let preview = asked("/purge/preview", "{\"path\": \"/a\"}").await;
    assert_eq!(preview.text(), "{\"at_least\":false,\"entries\":1}");
    send(&app, get("/a?2")).await;
    let refused = asked("/purge", "{\"path\": \"/a\", \"at_most\": 1}").await;
    assert_eq!((refused.status.as_u16(), &*reason(&refused)), (409, "more-than-previewed"));
    let browser = Browser::sign_in(&app, TOKEN).await;
    let page = browser.post("/purge/preview", "kind=path&target=/a").await;
    for part in [
        "2 responses",
        "href=\"../style.css\"",
        "action=\"../purge\"",
        "name=\"at_most\" value=\"2\"",
    ] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    let page = browser.post("/purge", "kind=path&target=/a&at_most=1&confirmed=1").await;
    assert_eq!(page.status, 409);
    assert!(page.text().contains("2 responses would go now"), "{}", page.text());
    assert_eq!(send(&app, get("/a?1")).await.word(), "HIT", "nothing has gone");
    let done = asked("/purge", "{\"path\": \"/a\", \"at_most\": 2}").await;
    assert_eq!(done.text(), "{\"purged\":2}");
    assert_eq!(asked("/purge/preview", "{}").await.status, 400);
    let reader = bearer(READER, "POST", "/purge/preview").set_payload("{\"all\": true}");
    assert_eq!(send(&app, reader).await.status, 403);
}

#[actix_rt::test]
async fn warnings_about_settings_are_shown() {
    let cache = ResponseCache::memory()
        .rule("/a/{id}", Rule::new().ttl(Duration::from_secs(1)))
        .rule("/a/{other}", Rule::new().ttl(Duration::from_secs(2)));
    let warnings = cache.check().await.unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let admin = cache.admin("/_cache", tokens());
    let app = init_service(App::new().service(admin).wrap(cache)).await;
    let stats = send(&app, bearer(READER, "GET", "/stats")).await;
    let stats: Value = serde_json::from_slice(&stats.body).unwrap();
    assert_eq!(stats["warnings"], json!(warnings));
    let page = send(&app, bearer(READER, "GET", "/")).await;
    assert!(page.text().contains("<li class=\"warn\">"), "{}", page.text());
}

#[actix_rt::test]
async fn purge_asks_first_and_is_logged() {
    let app = app(tokens()).await;
    send(&app, get("/a")).await;
    let browser = Browser::sign_in(&app, TOKEN).await;
    let asked = browser.post("/purge", "kind=path&target=/a").await;
    assert_eq!(asked.status, 200);
    assert!(asked.text().contains("Purge?") && asked.text().contains("<code>/a</code>"));
    assert_eq!(send(&app, get("/a")).await.word(), "HIT", "it only asked");
    let done = browser.post("/purge", "kind=path&target=/a&confirmed=1").await;
    assert_eq!((done.status.as_u16(), done.field("location")), (303, "./".to_owned()));
    assert_eq!(send(&app, get("/a")).await.word(), "MISS");
    let page = browser.get("/").await;
    for part in ["path /a", "removed 1", "operators", "sign in"] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    let audit = send(&app, bearer(READER, "GET", "/audit")).await;
    let audit: Value = serde_json::from_slice(&audit.body).unwrap();
    assert_eq!(
        (&audit["entries"][0]["action"], &audit["entries"][0]["who"]),
        (&json!("purge"), &json!("operators"))
    );
}

#[actix_rt::test]
async fn text_of_an_operator_stays_text() {
    let app = app(tokens()).await;
    let browser = Browser::sign_in(&app, TOKEN).await;
    let asked = browser.post("/purge", "kind=group&target=%3Cscript%3E%22").await;
    assert!(asked.text().contains("&lt;script&gt;&quot;") && !asked.text().contains("<script>"));
    let refused = browser.post("/purge", "kind=path&target=%3Cscript%3E").await;
    assert_eq!((refused.status.as_u16(), refused.text().contains("<script")), (400, false));
}

#[actix_rt::test]
async fn form_switches_cache_off_and_on() {
    let app = app(tokens()).await;
    let browser = Browser::sign_in(&app, TOKEN).await;
    assert_eq!(browser.post("/switch", "on=false").await.status, 303);
    assert!(browser.get("/").await.text().contains("disabled: every request"));
    assert_eq!(send(&app, get("/a")).await.word(), "BYPASS");
    browser.post("/switch", "on=true").await;
    assert_eq!(send(&app, get("/a")).await.word(), "MISS");
}

#[actix_rt::test]
async fn request_of_another_site_is_refused() {
    let app = app(tokens()).await;
    let browser = Browser::sign_in(&app, TOKEN).await;
    let purge = || browser.request("POST", "/purge").insert_header(("accept", "application/json"));
    let form = || purge().insert_header(FORM).set_payload("kind=all&confirmed=1");
    assert_eq!(reason(&send(&app, form()).await), "csrf");
    let json = purge().set_payload("{\"all\": true}");
    assert_eq!(reason(&send(&app, json).await), "csrf", "JSON needs the field, too");
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let login = login(TOKEN).insert_header((name, value)).insert_header(("accept", "*/*"));
        assert_eq!(reason(&send(&app, login).await), "csrf", "{name}");
    }
    let ours = login(TOKEN).insert_header(("origin", "https://shop.example"));
    assert_eq!(send(&app, ours).await.status, 303);
}

#[actix_rt::test]
async fn reader_sees_everything_and_changes_nothing() {
    let app = app(tokens()).await;
    send(&app, get("/a")).await;
    for path in ["/stats", "/timeline", "/audit", "/metrics", "/switch", "/openapi.json", "/"] {
        assert_eq!(send(&app, bearer(READER, "GET", path)).await.status, 200, "{path}");
    }
    for (path, body) in [("/purge", "{\"all\": true}"), ("/switch", "{\"on\": false}")] {
        let seen = send(&app, bearer(READER, "POST", path).set_payload(body)).await;
        assert_eq!((seen.status.as_u16(), reason(&seen)), (403, "read-only".to_owned()));
    }
    let browser = Browser::sign_in(&app, READER).await;
    let page = browser.get("/").await;
    assert!(
        page.text().contains("reader (read-only)") && !page.text().contains("action=\"purge\"")
    );
    assert_eq!(browser.post("/purge", "kind=all&confirmed=1").await.status, 403);
    assert_eq!(send(&app, get("/a")).await.word(), "HIT");
}

#[actix_rt::test]
async fn session_ends_with_sign_out_and_forged_cookies_hold_nothing() {
    let app = app(tokens()).await;
    let browser = Browser::sign_in(&app, TOKEN).await;
    let out = browser.post("/logout", "").await;
    assert!(out.field("set-cookie").contains("Max-Age=0"));
    for cookie in ["__Host-cache-admin=v1.99999999999.00", "__Host-cache-admin="] {
        let req = get("/_cache/stats").insert_header(("cookie", cookie));
        assert_eq!(reason(&send(&app, req).await), "expired");
    }
}

#[actix_rt::test]
async fn wrong_tokens_wait_and_the_right_one_does_not() {
    let app = app(tokens()).await;
    tokio::time::pause();
    let wrong = || async {
        let begun = tokio::time::Instant::now();
        let seen = send(&app, bearer("a-wrong-token-of-length", "GET", "/stats")).await;
        assert_eq!(reason(&seen), "wrong-token");
        begun.elapsed().as_millis() / 10 * 10
    };
    let mut waits = Vec::new();
    for _ in 0..5 {
        waits.push(wrong().await);
    }
    assert_eq!(waits, [0, 0, 0, 250, 500]);
    let begun = tokio::time::Instant::now();
    let stats = send(&app, bearer(TOKEN, "GET", "/stats")).await;
    assert_eq!(begun.elapsed().as_millis(), 0);
    let stats: Value = serde_json::from_slice(&stats.body).unwrap();
    assert_eq!(stats["wrong_tokens"], json!(5));
    assert_eq!(send(&app, login("another-wrong-token")).await.status, 401);
}

#[actix_rt::test]
async fn token_is_typed_over_https_or_on_this_machine() {
    let login = |peer: &str| login(TOKEN).peer_addr(peer.parse().unwrap());
    let plain = app(tokens()).await;
    let seen = send(&plain, login("203.0.113.7:4000")).await;
    assert_eq!((seen.status.as_u16(), seen.text().contains("HTTPS")), (403, true));
    for local in ["127.0.0.1:4000", "[::1]:4000"] {
        assert_eq!(send(&plain, login(local)).await.status, 303, "{local}");
    }
    let behind_tls = app(tokens().behind_tls(true)).await;
    assert_eq!(send(&behind_tls, login("203.0.113.7:4000")).await.status, 303);
}

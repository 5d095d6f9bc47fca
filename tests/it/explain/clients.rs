//! What an explanation says of settings for handlers and clients.

use actix_response_cache::{
    CacheHints, ClientCache, Precompress, PurgeHook, PurgeNotice, Redis, StoredView,
};
use actix_web::{http::StatusCode, web};

use super::*;
use crate::support::redis::RedisServer;

async fn stored(cache: &ResponseCache, asked: Inquiry) -> StoredView {
    explain(cache, asked).await.stored.expect("it is stored")
}

#[actix_rt::test]
async fn forms_of_a_packed_body_are_shown_with_the_one_that_is_given() {
    let cache = ResponseCache::memory().precompress(Precompress::new());
    let origin = Origin::new(|_, _| {
        HttpResponse::Ok().content_type("text/plain").body("all work and no play ".repeat(200))
    });
    let app = app(&cache, &origin).await;
    send(&app, get("/a")).await;
    settle(&cache).await;
    for (accepted, given) in [("gzip, br", Some("br")), ("gzip", Some("gzip")), ("identity", None)]
    {
        let asked = || inquiry("GET", "/a", ("accept-encoding", accepted));
        let sent = send(&app, get_with("/a", ("accept-encoding", accepted))).await;
        let view = stored(&cache, asked()).await;
        let codings: Vec<_> = view.packed.iter().map(|form| form.coding).collect();
        assert_eq!(codings, ["br", "zstd", "gzip"]);
        let shown = view.packed.iter().find(|form| form.is_given);
        assert_eq!(shown.map(|form| form.coding), given, "{accepted}");
        assert_eq!(sent.field("content-encoding"), given.unwrap_or_default());
        let sent = sent.body.len() as u64;
        assert_eq!(shown.map_or(view.body_bytes, |form| form.bytes), sent, "{accepted}");
        assert!(view.etag_is_made);
        let text = explain(&cache, asked()).await.to_string();
        assert!(text.contains("ETag: made of the body by the cache"), "{text}");
        assert_eq!(text.contains("bytes, which this request is given"), given.is_some(), "{text}");
    }
}

#[actix_rt::test]
async fn groups_are_shown_as_they_are_told_downstream() {
    let cache = ResponseCache::memory()
        .responses(Responses::new().emit_groups("surrogate-key"))
        .rule("/products/{id}", Rule::new().groups(["products", "product:{id}"]));
    let app = app(&cache, &origin()).await;
    let sent = send(&app, get("/products/7")).await;
    settle(&cache).await;
    let view = stored(&cache, inquiry("GET", "/products/7", ("", ""))).await;
    let line = view.emitted_groups.expect("there is a header");
    assert_eq!(line, format!("surrogate-key: {}", sent.field("surrogate-key")));
    assert_eq!(line, "surrogate-key: product:7 products");
}

struct Cdn;

impl PurgeHook for Cdn {
    async fn purged(
        &self,
        _: &PurgeNotice,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    fn name(&self) -> String {
        "cdn".to_owned()
    }
}

/// The notes on a request for this path.
async fn notes(cache: &ResponseCache, path: &str) -> Vec<String> {
    explain(cache, inquiry("GET", path, ("", ""))).await.notes
}

#[actix_rt::test]
async fn headers_for_clients_and_purge_hooks_are_noted() {
    let told = ClientCache::public().max_age(5 * SECOND);
    let cache = ResponseCache::memory()
        .purge_hook(Cdn)
        .client_cache(told.clone())
        .rule("/shared", Rule::new().shared(true).client_cache(None))
        .rule("/replaced", Rule::new().client_cache(told.replace(true)));
    let _app = app(&cache, &origin()).await;
    let hook = "purges are told to `cdn`: 0 wait for it";
    let told = "clients are told `Cache-Control: public, max-age=5`";
    for (path, first) in [
        ("/a", format!("{told}, unless the handler says more")),
        ("/replaced", format!("{told}, whatever the handler says")),
    ] {
        assert_eq!(notes(&cache, path).await, [first.as_str(), hook]);
    }
    let shared = notes(&cache, "/shared").await;
    assert!(shared[0].contains("the same for everybody") && shared[1] == hook, "{shared:?}");
}

#[actix_rt::test]
async fn version_whose_responses_are_found_is_noted() {
    let server = RedisServer::start();
    let cache = |redis: Redis| ResponseCache::new(redis).version("v2");
    let over_redis = cache(Redis::new(server.url()));
    let _app = app(&over_redis, &origin()).await;
    let noted = notes(&over_redis, "/a").await;
    assert!(noted.contains(&"only responses that version `v2` has stored are found".to_owned()));
    let without = ResponseCache::new(Redis::new(server.url()));
    let _app = app(&without, &origin()).await;
    assert!(!notes(&without, "/a").await.iter().any(|note| note.contains("version")));
}

#[actix_rt::test]
async fn undeclared_validated_and_hinted_responses_have_their_rows() {
    let hinted = |hints: CacheHints| async move {
        hints.policy("short").group("hinted");
        "x"
    };
    let cache = ResponseCache::memory()
        .only_declared(true)
        .policy("short", Rule::new().ttl(3 * SECOND))
        .rule("/orders", Rule::new().validate_only(true));
    let service = App::new().wrap(cache.clone()).route("/hinted", web::get().to(hinted));
    let app = init_service(service.default_service(origin().route())).await;
    assert_eq!(send(&app, get("/hinted")).await.status, StatusCode::OK);
    settle(&cache).await;
    let view = stored(&cache, inquiry("GET", "/hinted", ("", ""))).await;
    assert_eq!(
        (view.policy.as_deref(), view.lifetime, view.lifetime_from, view.groups),
        (Some("short"), 3 * SECOND, LifetimeSource::Policy, vec!["hinted".to_owned()])
    );
    let other = explain(&cache, inquiry("GET", "/other", ("", ""))).await.to_string();
    for line in [
        "would   200 without Cache-Control: not stored (not-declared)",
        "would   200 with Cache-Control: max-age=60: stored for 60 s",
        "would   200 whose handler chooses the policy `short`: stored for 3 s (policy)",
    ] {
        assert!(other.contains(line), "{line:?} is not in\n{other}");
    }
    let orders = explain(&cache, inquiry("GET", "/orders", ("", ""))).await;
    assert_eq!(orders.reason, Some(Reason::ValidateOnly));
}

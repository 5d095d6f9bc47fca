//! Bodies packed when they are stored: which form a client is given, its tag, conditions and ranges over
//! it, and that a purge takes all forms.

use std::{io::Read as _, time::Duration};

use actix_response_cache::{Clock, Precompress, Redis, ResponseCache, Tiered};
use actix_web::{
    App, HttpResponse,
    body::BodyStream,
    http::header::ContentEncoding,
    middleware::Compress,
    test::{TestRequest, init_service},
};
use bytes::Bytes;
use futures_util::stream;
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::{
    Origin, Seen, TestApp, app, get, get_with, redis::RedisServer, request, send, settle,
};

mod short_memory;

const MINUTE: Duration = Duration::from_secs(60);

/// A long text.
fn text() -> String {
    "all work and no play makes jack a dull boy. ".repeat(200)
}

fn page() -> Origin {
    Origin::new(|_, _| HttpResponse::Ok().content_type("text/plain").body(text()))
}

/// A cache in memory that packs.
fn packing() -> ResponseCache {
    ResponseCache::memory().ttl(MINUTE).precompress(Precompress::new())
}

fn accepting(accepted: &str) -> TestRequest {
    get_with("/", ("accept-encoding", accepted))
}

/// The response to a request with this `Accept-Encoding`, once the entry is packed.
async fn packed(cache: &ResponseCache, app: &impl TestApp, accepted: &str) -> Seen {
    send(app, get("/")).await;
    settle(cache).await;
    send(app, accepting(accepted)).await
}

fn unpacked(seen: &Seen) -> Vec<u8> {
    let mut body = Vec::new();
    match seen.field("content-encoding").as_str() {
        "br" => drop(brotli::Decompressor::new(&*seen.body, 4096).read_to_end(&mut body).unwrap()),
        "gzip" => drop(flate2::read::GzDecoder::new(&*seen.body).read_to_end(&mut body).unwrap()),
        "zstd" => body = zstd::stream::decode_all(&*seen.body).unwrap(),
        _ => body = seen.body.to_vec(),
    }
    body
}

/// Whether the response says that it depends on `Accept-Encoding`.
fn varies(seen: &Seen) -> bool {
    seen.all("vary").iter().any(|line| line.contains("accept-encoding"))
}

#[actix_rt::test]
async fn client_is_given_the_form_that_it_wants() {
    let (cache, origin) = (packing(), page());
    let app = app(&cache, &origin).await;
    let miss = send(&app, accepting("br")).await;
    assert_eq!((miss.word(), miss.text(), varies(&miss)), ("MISS", &*text(), true));
    assert_eq!(miss.field("content-encoding"), "");
    settle(&cache).await;
    // more than once: from the store, and from what the worker remembers
    for _ in 0..4 {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip, zstd", "zstd"),
            ("gzip", "gzip"),
            ("br;q=0.5, gzip", "gzip"),
            ("identity, br;q=0.1", ""),
            ("deflate", ""),
        ] {
            let seen = send(&app, accepting(accepted)).await;
            assert_eq!((seen.word(), seen.field("content-encoding").as_str()), ("HIT", coding));
            assert_eq!(unpacked(&seen), text().as_bytes(), "{accepted}");
            assert!(varies(&seen) && seen.all("vary").len() == 1, "{accepted}");
            assert!(coding.is_empty() || seen.body.len() < text().len() / 5, "{accepted}");
            let head = send(&app, accepting(accepted).method("HEAD".parse().unwrap())).await;
            assert_eq!(head.field("content-encoding"), coding);
            assert_eq!(head.field("etag"), seen.field("etag"));
        }
    }
    assert_eq!(origin.calls(), 1);
}

#[actix_rt::test]
async fn each_form_has_its_own_tag() {
    for (own, plain) in [(None, ""), (Some("\"abc\""), "\"abc\""), (Some("W/\"abc\""), "W/\"abc\"")]
    {
        let origin = Origin::new(move |_, _| {
            let mut res = HttpResponse::Ok();
            if let Some(tag) = own {
                res.insert_header(("etag", tag));
            }
            res.content_type("text/plain").body(text())
        });
        let cache = packing();
        let app = app(&cache, &origin).await;
        let identity = packed(&cache, &app, "identity").await.field("etag");
        assert!(plain.is_empty() && identity.starts_with('"') || identity == plain, "{identity}");
        let stem = identity.trim_end_matches('"').to_owned();
        for coding in ["br", "gzip", "zstd"] {
            let seen = send(&app, accepting(coding)).await;
            assert_eq!(seen.field("etag"), format!("{stem}-{coding}\""));
            let known = accepting(coding).insert_header(("if-none-match", seen.field("etag")));
            let known = send(&app, known).await;
            assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
            assert_eq!((known.field("etag"), varies(&known)), (seen.field("etag"), true));
            assert_eq!(known.field("content-encoding"), "");
            // the form that the client has counts, if it may still be given it
            let identity_known =
                accepting(coding).insert_header(("if-none-match", identity.clone()));
            let identity_known = send(&app, identity_known).await;
            assert_eq!(
                (identity_known.status.as_u16(), identity_known.field("etag")),
                (304, identity.clone())
            );
            let other = get("/").insert_header(("if-none-match", seen.field("etag")));
            assert_eq!(send(&app, other).await.status, 200, "identity alone is accepted");
        }
    }
}

#[actix_rt::test]
async fn client_with_a_packed_form_is_told_304_before_the_next_one_is_packed() {
    let (clock, origin) = (Clock::manual(), page());
    let cache = packing().clock(clock.clone());
    let first = app(&cache, &origin).await;
    let tag = packed(&cache, &first, "br").await.field("etag");
    assert!(tag.ends_with("-br\""), "{tag}");
    let asked = || accepting("br").insert_header(("if-none-match", tag.clone()));
    // on the miss that stores it again, and on what has been stored without being packed
    clock.advance(MINUTE);
    let refreshed = send(&first, asked()).await;
    assert_eq!((refreshed.status.as_u16(), refreshed.word()), (304, "MISS"));
    assert_eq!(refreshed.field("etag"), tag);
    let other = ResponseCache::memory().precompress(Precompress::new().above(1).zstd(None));
    let second = app(&other, &origin).await;
    let miss = send(&second, asked()).await;
    assert_eq!((miss.status.as_u16(), miss.field("etag"), origin.calls()), (304, tag.clone(), 3));
    let refused = accepting("gzip").insert_header(("if-none-match", tag.clone()));
    assert_eq!(send(&second, refused).await.status, 200);
}

#[actix_rt::test]
async fn ranges_are_of_the_chosen_form() {
    let cache = packing();
    let app = app(&cache, &page()).await;
    let whole = packed(&cache, &app, "br").await;
    let range = |accepted: &str| accepting(accepted).insert_header(("range", "bytes=1-9"));
    let part = send(&app, range("br")).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &whole.body[1..10]));
    assert_eq!(part.field("content-range"), format!("bytes 1-9/{}", whole.body.len()));
    assert_eq!(
        (part.field("content-encoding").as_str(), part.field("etag")),
        ("br", whole.field("etag"))
    );
    let plain = send(&app, range("identity")).await;
    assert_eq!((plain.status.as_u16(), plain.text()), (206, &text()[1..10]));
    // the rest of another form is not what the client has the beginning of
    for (condition, status) in [(whole.field("etag"), 206), (plain.field("etag"), 200)] {
        let seen = send(&app, range("br").insert_header(("if-range", condition))).await;
        assert_eq!(seen.status.as_u16(), status);
    }
    let past = accepting("br").insert_header(("range", format!("bytes={}-", whole.body.len())));
    let past = send(&app, past).await;
    assert_eq!((past.status.as_u16(), past.field("content-encoding").as_str()), (416, ""));
}

#[actix_rt::test]
async fn date_does_not_say_which_form_a_client_has() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let origin = Origin::new(|_, _| {
        let mut res = HttpResponse::Ok();
        res.insert_header(("last-modified", DATE)).content_type("text/plain").body(text())
    });
    let cache = packing();
    let app = app(&cache, &origin).await;
    let seen = packed(&cache, &app, "br").await;
    assert_eq!((seen.field("content-encoding").as_str(), seen.field("etag").as_str()), ("br", ""));
    let range = accepting("br").insert_header(("range", "bytes=1-9"));
    assert_eq!(send(&app, range.insert_header(("if-range", DATE))).await.status, 200);
    let since = accepting("br").insert_header(("if-modified-since", DATE));
    assert_eq!(send(&app, since).await.status, 304);
}

#[actix_rt::test]
async fn purge_takes_all_forms_and_packing_brings_none_back() {
    let (cache, origin) = (
        packing(),
        Origin::new(|_, call| {
            HttpResponse::Ok().content_type("text/plain").body(format!("{call}{}", text()))
        }),
    );
    let app = app(&cache, &origin).await;
    for call in 1..20 {
        let seen = send(&app, accepting("br")).await;
        assert!(unpacked(&seen).starts_with(call.to_string().as_bytes()), "{call}");
        let handle = cache.handle().unwrap();
        // while it is being packed, or after
        if call % 2 == 0 {
            settle(&cache).await;
        }
        handle.purge_path("/").await.unwrap();
    }
    settle(&cache).await;
    assert_eq!(send(&app, accepting("br")).await.word(), "MISS");
    cache.handle().unwrap().soft().purge_path("/").await.unwrap();
    settle(&cache).await;
    assert_eq!(send(&app, accepting("br")).await.word(), "MISS");
}

#[actix_rt::test]
async fn encoded_short_and_opaque_bodies_are_not_packed() {
    let origin = Origin::new(|req, _| {
        let mut res = HttpResponse::Ok();
        let chunks = stream::iter([Ok::<_, actix_web::Error>(Bytes::from(text()))]);
        match req.path() {
            "/short" => res.content_type("text/plain").body("short"),
            "/image" => res.content_type("image/png").body(text()),
            "/untyped" => res.body(text().into_bytes()),
            "/packed" => res
                .insert_header(("content-encoding", "br"))
                .content_type("text/plain")
                .body("x".repeat(2000)),
            "/chooses" => res
                .insert_header(("vary", "accept-encoding"))
                .content_type("text/plain")
                .body(text()),
            "/forbids" => res
                .insert_header(("cache-control", "max-age=60, no-transform"))
                .content_type("text/plain")
                .body(text()),
            "/missing" => HttpResponse::NotFound()
                .insert_header(("cache-control", "max-age=60"))
                .content_type("text/plain")
                .body(text()),
            _ => res.content_type("text/plain").body(BodyStream::new(chunks)),
        }
    });
    let cache = packing();
    let app = app(&cache, &origin).await;
    let get = |path: &str| get_with(path, ("accept-encoding", "gzip"));
    for path in ["/short", "/image", "/untyped", "/packed", "/chooses", "/forbids", "/missing"] {
        send(&app, get(path)).await;
        settle(&cache).await;
        let seen = send(&app, get(path)).await;
        assert_eq!(seen.word(), "HIT", "{path}");
        let coding = if path == "/packed" { "br" } else { "" };
        assert_eq!(seen.field("content-encoding"), coding, "{path}");
        assert_eq!(varies(&seen), path == "/chooses", "{path}");
    }
    let stream = send(&app, get("/stream")).await;
    assert_eq!((stream.text(), varies(&stream)), (&*text(), true));
    settle(&cache).await;
    assert_eq!(send(&app, get("/stream")).await.field("content-encoding"), "gzip");
}

#[actix_rt::test]
async fn compress_outside_does_not_pack_twice() {
    let cache = packing();
    let app = init_service(
        App::new().wrap(cache.clone()).wrap(Compress::default()).default_service(page().route()),
    )
    .await;
    let coding = |seen: &Seen| seen.all("content-encoding");
    send(&app, get("/")).await;
    settle(&cache).await;
    let seen = send(&app, accepting("br")).await;
    assert_eq!((coding(&seen), unpacked(&seen)), (vec!["br".to_owned()], text().into_bytes()));
    assert_eq!(ContentEncoding::Brotli.as_str(), "br");
}

#[actix_rt::test]
async fn setting_can_be_undone_and_mistakes_are_named() {
    let off = packing().precompress(None);
    let without = app(&off, &page()).await;
    let seen = packed(&off, &without, "br").await;
    assert_eq!(
        (seen.word(), seen.field("content-encoding").as_str(), varies(&seen)),
        ("HIT", "", false)
    );
    let new = Precompress::new;
    for (precompress, setting) in [
        (new().br(12), "Precompress::br"),
        (new().gzip(0), "Precompress::gzip"),
        (new().gzip(10), "Precompress::gzip"),
        (new().zstd(20), "Precompress::zstd"),
        (new().br(None).gzip(None).zstd(None), "precompress"),
    ] {
        let error = ResponseCache::memory().precompress(precompress).check().await.unwrap_err();
        assert!(error.to_string().contains(setting), "{error}");
    }
    let only = ResponseCache::memory().precompress(new().br(None).zstd(None).above(10_000));
    let long = app(&only, &page()).await;
    assert_eq!(packed(&only, &long, "br, gzip").await.field("content-encoding"), "", "too short");
}

#[actix_rt::test]
async fn packed_bodies_count_against_the_capacity() {
    let bytes = async |cache: ResponseCache| {
        let app = app(&cache, &page()).await;
        send(&app, get("/")).await;
        let stats = settle(&cache).await.stats();
        stats.bytes.unwrap()
    };
    let (plain, packed) = (bytes(ResponseCache::memory()).await, bytes(packing()).await);
    assert!(packed > plain + 200, "{packed} and {plain}");
}

#[actix_rt::test]
async fn processes_share_packed_bodies() {
    let server = RedisServer::start();
    let redis = || Redis::new(server.url());
    let make = [
        ResponseCache::new(redis()),
        ResponseCache::new(Tiered::new(actix_response_cache::Memory::new(), redis())),
    ];
    for (number, one) in make.into_iter().enumerate() {
        let uri = format!("/{number}");
        let get = |accepted: &str| get_with(&uri, ("accept-encoding", accepted));
        let (one, origin) = (one.precompress(Precompress::new()), page());
        let first = app(&one, &origin).await;
        send(&first, get("br")).await;
        settle(&one).await;
        // another process, which packs nothing itself
        let two = ResponseCache::redis(server.url());
        let second = app(&two, &origin).await;
        for (app, accepted) in [(&second, "br"), (&second, "zstd"), (&second, "identity")] {
            let seen = send(app, get(accepted)).await;
            let coding = if accepted == "identity" { "" } else { accepted };
            assert_eq!((seen.word(), seen.field("content-encoding").as_str()), ("HIT", coding));
            assert_eq!(unpacked(&seen), text().as_bytes());
        }
        let seen = send(&first, get("gzip")).await;
        assert_eq!((seen.word(), seen.field("content-encoding").as_str()), ("HIT", "gzip"));
        assert_eq!(origin.calls(), 1);
        two.handle().unwrap().purge_all().await.unwrap();
        settle(&two).await;
        assert_eq!(send(&second, get("br")).await.word(), "MISS");
    }
}

fn accept_encoding() -> impl Strategy<Value = String> {
    let member = prop::sample::select(vec![
        "br",
        "gzip",
        "zstd",
        "identity",
        "*",
        "br;q=0",
        "gzip;q=0",
        "zstd;q=0",
        "identity;q=0",
        "*;q=0",
        "br;q=0.5",
        "gzip;q=0.7",
        "zstd;q=0.2",
        "deflate",
        "br;x=y",
    ]);
    prop::collection::vec(member, 0..5).prop_map(|members| members.join(", "))
}

/// Whatever a client accepts, it gets the body of the handler, in a coding that it has not refused.
#[test]
fn any_client_can_read_what_it_is_given() {
    let config =
        ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let system = actix_web::rt::System::new();
    let (cache, origin) = (packing(), page());
    let app = system.block_on(app(&cache, &origin));
    system.block_on(async { packed(&cache, &app, "br").await });
    let tried = TestRunner::new(config).run(&accept_encoding(), |accepted| {
        let seen = system.block_on(send(&app, accepting(&accepted)));
        let coding = seen.field("content-encoding");
        prop_assert_eq!(unpacked(&seen), text().into_bytes());
        let members: Vec<_> = accepted.split(", ").collect();
        if !coding.is_empty() {
            let refused = format!("{coding};q=0");
            prop_assert!(!members.contains(&refused.as_str()), "{} for {}", coding, accepted);
            let named = members.iter().any(|member| member.starts_with(&coding));
            prop_assert!(named || members.contains(&"*"), "{} for {}", coding, accepted);
        }
        Ok(())
    });
    tried.unwrap();
    let _ = request("GET", "/");
}

//! Where memory is short, an entry keeps its packed bodies only, and each client is given the same bytes.

use actix_response_cache::{EntrySearch, EntryView, Memory};

use super::*;

/// How much memory there is, in bytes: for about ten pages as they come.
const CAPACITY: u64 = 100_000;

/// A page that is not that of another path.
fn page_of(path: &str) -> String {
    format!("{path}: {}", text())
}

fn pages() -> Origin {
    Origin::new(|req, _| {
        if req.headers().contains_key("if-none-match") {
            return HttpResponse::NotModified().insert_header(("etag", "\"abc\"")).finish();
        }
        let mut res = HttpResponse::Ok();
        res.insert_header(("etag", "\"abc\"")).content_type("text/plain").body(page_of(req.path()))
    })
}

fn short_of_memory() -> ResponseCache {
    let memory = Memory::new().max_capacity(CAPACITY);
    ResponseCache::new(memory).ttl(MINUTE).precompress(Precompress::new())
}

/// Stores pages until memory is short, and says of which the cache keeps the packed bodies only.
async fn packed_only(cache: &ResponseCache, app: &impl TestApp) -> Vec<EntryView> {
    for number in 0..60 {
        // asked for twice, so that it may take the place of another one
        for _ in 0..2 {
            send(app, get(&format!("/{number}"))).await;
        }
        settle(cache).await;
    }
    let handle = cache.handle().unwrap();
    let stored = handle.entries(&EntrySearch::new()).await.unwrap().entries;
    assert!(handle.stats().bytes.unwrap() <= CAPACITY);
    assert!(stored.len() as u64 > 2 * CAPACITY / page_of("/0").len() as u64, "{}", stored.len());
    let is_packed = |entry: &EntryView| entry.bytes < entry.body_bytes;
    stored.into_iter().filter(is_packed).collect()
}

fn path(entry: &EntryView) -> String {
    entry.url[entry.url.find('/').unwrap()..].to_owned()
}

#[actix_rt::test]
async fn each_client_is_given_the_same_bytes() {
    let (cache, origin) = (short_of_memory(), pages());
    let app = app(&cache, &origin).await;
    let stored = packed_only(&cache, &app).await;
    assert!(stored.len() >= 10, "{stored:?}");
    let calls = origin.calls();
    for path in stored.iter().map(path) {
        let (body, ask) =
            (page_of(&path), |accepted: &str| get_with(&path, ("accept-encoding", accepted)));
        for (accepted, coding, tag) in [
            ("identity", "", "\"abc\""),
            ("", "", "\"abc\""),
            ("gzip;q=0, br;q=0, zstd;q=0", "", "\"abc\""),
            ("br", "br", "\"abc-br\""),
            ("gzip", "gzip", "\"abc-gzip\""),
            ("zstd, gzip;q=0.5", "zstd", "\"abc-zstd\""),
        ] {
            let seen = send(&app, ask(accepted)).await;
            let is = (seen.word(), seen.field("content-encoding"), seen.field("etag"));
            assert_eq!(is, ("HIT", coding.to_owned(), tag.to_owned()), "{accepted}");
            assert!(unpacked(&seen) == body.as_bytes(), "{accepted}");
            let head = send(&app, ask(accepted).method("HEAD".parse().unwrap())).await;
            assert_eq!((head.field("etag"), head.body.len()), (tag.to_owned(), 0));
            let known = send(&app, ask(accepted).insert_header(("if-none-match", tag))).await;
            assert_eq!((known.status.as_u16(), known.field("etag")), (304, tag.to_owned()));
        }
        let part = ask("identity").insert_header(("range", "bytes=3-12"));
        let part = send(&app, part.insert_header(("if-range", "\"abc\""))).await;
        assert_eq!((part.status.as_u16(), part.text()), (206, &body[3..13]));
        assert_eq!(part.field("content-range"), format!("bytes 3-12/{}", body.len()));
        let past = ask("identity").insert_header(("range", format!("bytes={}-", body.len())));
        let past = send(&app, past).await;
        assert_eq!((past.status.as_u16(), past.body.len()), (416, 0));
        assert_eq!(past.field("content-range"), format!("bytes */{}", body.len()));
    }
    assert_eq!(origin.calls(), calls, "all of them are hits");
}

#[actix_rt::test]
async fn entry_is_validated_renewed_and_purged_as_any_other() {
    let (clock, origin) = (Clock::manual(), pages());
    let cache = short_of_memory().clock(clock.clone()).stale_if_error(MINUTE);
    let app = app(&cache, &origin).await;
    let stored = packed_only(&cache, &app).await;
    let path = path(&stored[0]);
    clock.advance(MINUTE);
    let ask = || get_with(&path, ("accept-encoding", "identity"));
    let renewed = send(&app, ask()).await;
    let status = renewed.field("cache-status");
    assert!(status.contains("fwd-status=304"), "{status}");
    assert!(renewed.text() == page_of(&path));
    settle(&cache).await;
    for accepted in ["identity", "br", "gzip"] {
        let seen = send(&app, get_with(&path, ("accept-encoding", accepted))).await;
        assert_eq!(seen.word(), "HIT");
        assert!(unpacked(&seen) == page_of(&path).as_bytes(), "{accepted}");
    }
    cache.handle().unwrap().purge_path(&path).await.unwrap();
    assert_eq!(send(&app, ask()).await.word(), "MISS");
}

#[actix_rt::test]
async fn memory_before_redis_keeps_the_packed_bodies_only() {
    let server = RedisServer::start();
    let memory = Memory::new().max_capacity(CAPACITY);
    let store = Tiered::new(memory, Redis::new(server.url()));
    let cache = ResponseCache::new(store).ttl(MINUTE).precompress(Precompress::new());
    let app = app(&cache, &pages()).await;
    for number in 0..60 {
        for accepted in ["identity", "br", "identity", "gzip"] {
            let path = format!("/{number}");
            let seen = send(&app, get_with(&path, ("accept-encoding", accepted))).await;
            assert!(unpacked(&seen) == page_of(&path).as_bytes(), "{accepted}");
            settle(&cache).await;
        }
    }
    for number in 0..60 {
        let path = format!("/{number}");
        let seen = send(&app, get_with(&path, ("accept-encoding", "identity"))).await;
        assert_eq!(seen.word(), "HIT");
        assert!(seen.text() == page_of(&path));
    }
}

//! Redis behind a slow network: values that take longer than the response timeout.

use std::time::Duration;

use actix_response_cache::{Redis, ResponseCache};
use actix_web::HttpResponse;
use futures_util::future::join;

use crate::support::{
    Origin, app, get,
    proxy::{Bandwidth, Mode, Proxy},
    redis::RedisServer,
    send, settle,
};

const LARGE: usize = 1_500_000;
/// The large body takes three quarters of a second: longer than one reply may take.
const BYTES_PER_SECOND: u32 = 2_000_000;
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(300);

fn origin() -> Origin {
    Origin::new(|req, call| {
        let length = if req.path() == "/large" { LARGE } else { 2000 };
        let body: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        HttpResponse::Ok().insert_header(("x-call", call.to_string())).body(body)
    })
}

#[actix_rt::test]
async fn large_body_hits_and_does_not_delay_small_ones() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address());
    proxy.set_mode(Mode::Limited(Bandwidth::new(BYTES_PER_SECOND)));
    let cache = ResponseCache::new(Redis::new(proxy.url()).response_timeout(RESPONSE_TIMEOUT));
    let origin = origin();
    let app = app(&cache, &origin).await;
    for path in ["/large", "/small"] {
        send(&app, get(path)).await;
    }
    settle(&cache).await;
    let calls = origin.calls();
    let large = async {
        for _ in 0..3 {
            let seen = send(&app, get("/large")).await;
            assert_eq!(seen.body.len(), LARGE);
            assert_eq!(seen.word(), "HIT");
        }
    };
    let (mut hits, mut all) = (0, 0);
    let small = async {
        for _ in 0..200 {
            let seen = send(&app, get("/small")).await;
            all += 1;
            hits += usize::from(seen.word() == "HIT");
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    };
    join(large, small).await;
    assert!(hits * 100 >= all * 98, "{hits} of {all} small ones were hits");
    assert!(origin.calls() <= calls + all - hits, "the large one was not asked for again");
}

#[actix_rt::test]
async fn body_too_large_for_bandwidth_is_backed_off() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address());
    let cache = ResponseCache::new(Redis::new(proxy.url()).response_timeout(RESPONSE_TIMEOUT));
    let origin = origin();
    let app = app(&cache, &origin).await;
    for path in ["/large", "/small"] {
        send(&app, get(path)).await;
    }
    settle(&cache).await;
    // the large one takes 15 seconds, a small one 20 ms
    proxy.set_mode(Mode::Limited(Bandwidth::new(100_000)));
    let begun = std::time::Instant::now();
    assert_ne!(send(&app, get("/large")).await.word(), "HIT", "it does not come in time");
    assert!(
        begun.elapsed() < 14 * RESPONSE_TIMEOUT,
        "and is not waited for: {:?}",
        begun.elapsed()
    );
    proxy.set_mode(Mode::Limited(Bandwidth::new(BYTES_PER_SECOND)));
    let mut word = String::new();
    for _ in 0..100 {
        word = send(&app, get("/small")).await.word().to_owned();
        if word == "HIT" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(word, "HIT", "others are asked for again");
    // each look asks for the length, and little else does
    settle(&cache).await;
    let asked = server.calls("strlen");
    assert_ne!(send(&app, get("/large")).await.word(), "HIT");
    assert_eq!(server.calls("strlen"), asked, "it is left alone for a while");
}

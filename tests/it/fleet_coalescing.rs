//! Coalescing over processes: of all caches on one Redis that miss a response, one calls its handler.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_response_cache::{Memory, Redis, ResponseCache, Tiered};
use actix_web::{App, HttpResponse, test::init_service, web};
use futures_util::future::join_all;

use crate::support::{TestApp, get, redis::RedisServer, send};

/// How long a test tries until all processes hear of one another.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls of the handlers of all processes.
type Calls = Arc<AtomicUsize>;

async fn process(
    cache: ResponseCache,
    calls: &Calls,
    field: (&'static str, &'static str),
) -> impl TestApp + use<> {
    let calls = Arc::clone(calls);
    let route = web::to(move || {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            // long enough for everybody to come
            tokio::time::sleep(Duration::from_millis(100)).await;
            HttpResponse::Ok().insert_header(field).body(format!("answer {call}"))
        }
    });
    init_service(App::new().wrap(cache).default_service(route)).await
}

const KINDS: [fn(Redis) -> ResponseCache; 2] =
    [ResponseCache::new, |redis| ResponseCache::new(Tiered::new(Memory::new(), redis))];

/// Repeats bursts over all processes, each to a path of its own, until handlers ran `expected` times.
async fn bursts(server: &RedisServer, field: (&'static str, &'static str), expected: usize) {
    for (kind, make) in KINDS.into_iter().enumerate() {
        let calls = Calls::default();
        let slow = Duration::from_secs(2);
        let redis = || Redis::new(server.url()).key_prefix(format!("{kind}:"));
        let cache = || make(redis().response_timeout(slow));
        let one = process(cache(), &calls, field).await;
        let two = process(cache(), &calls, field).await;
        let begun = Instant::now();
        for n in 0.. {
            let before = calls.load(Ordering::SeqCst);
            let path = format!("/{n}");
            let of_one = join_all((0..20).map(|_| send(&one, get(&path))));
            let of_two = join_all((0..20).map(|_| send(&two, get(&path))));
            let (of_one, of_two) = futures_util::future::join(of_one, of_two).await;
            let ran = calls.load(Ordering::SeqCst) - before;
            let texts: std::collections::HashSet<_> =
                of_one.iter().chain(&of_two).map(|seen| seen.text().to_owned()).collect();
            assert_eq!(texts.len(), ran, "each run's answer went to somebody");
            if ran == expected {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{ran} runs in place of {expected}");
        }
    }
}

#[actix_rt::test]
async fn burst_over_processes_calls_handler_once() {
    bursts(&RedisServer::start(), ("x-any", "1"), 1).await;
}

#[actix_rt::test]
async fn unstorable_response_is_not_shared_over_processes() {
    bursts(&RedisServer::start(), ("cache-control", "private"), 40).await;
}

#[actix_rt::test]
async fn dropped_leader_gives_up_lease() {
    let server = RedisServer::start();
    let calls = Calls::default();
    let any = ("x-any", "1");
    let one = process(ResponseCache::redis(server.url()), &calls, any).await;
    let two = process(ResponseCache::redis(server.url()), &calls, any).await;
    let begun = Instant::now();
    for n in 0.. {
        let path = format!("/{n}");
        let before = calls.load(Ordering::SeqCst);
        let mut leader = Box::pin(send(&one, get(&path)));
        while calls.load(Ordering::SeqCst) == before {
            let step = tokio::time::timeout(Duration::from_millis(1), &mut leader).await;
            assert!(step.is_err(), "the handler takes longer");
        }
        let follower = send(&two, get(&path));
        let leaving = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let waited = calls.load(Ordering::SeqCst) == before + 1;
            drop(leader);
            waited
        };
        let asked = Instant::now();
        let (seen, waited) = futures_util::future::join(follower, leaving).await;
        assert_eq!(seen.text(), format!("answer {}", before + 2));
        assert!(asked.elapsed() < Duration::from_secs(4), "before the lease ends by itself");
        if waited {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the processes do not hear of one another");
    }
}

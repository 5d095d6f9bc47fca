//! Responses that cannot be shared: followers call the handler side by side and not one after
//! another.

use actix_response_cache::{Compliance, ResponseCache};
use actix_web::{Error, HttpRequest, HttpResponse, error::ErrorServiceUnavailable};
use futures_util::future::{join, join_all};
use tokio::time::sleep;

use crate::support::{
    gate::{Gate, gated, rest},
    get_with, send,
};

use super::{MILLISECOND, Slow, counted, many, slowest, tenths, timed};

type Plain = fn(&HttpRequest, usize) -> Result<HttpResponse, Error>;

#[actix_rt::test]
async fn unshareable_responses_do_not_serialize_followers() {
    tokio::time::pause();
    let not_shared: [(&str, Plain, u128); 4] = [
        ("503", |_, _| Ok(HttpResponse::ServiceUnavailable().finish()), 6),
        ("no lifetime", |_, _| Ok(HttpResponse::Created().finish()), 6),
        (
            "private",
            |_, _| Ok(HttpResponse::Ok().insert_header(("cache-control", "private")).finish()),
            6,
        ),
        // a handler that fails without a response is called once more for all
        ("error", |_, _| Err(ErrorServiceUnavailable("away")), 9),
    ];
    for (name, answer, time) in not_shared {
        let slow = Slow::new(300 * MILLISECOND, answer);
        let app = slow.serve(&ResponseCache::memory()).await;
        let answers = timed(&app, many(12)).await;
        assert_eq!((tenths(slowest(&answers)), slow.calls()), (time, 12), "{name}");
    }
}

#[actix_rt::test]
async fn endless_purges_cost_burst_two_calls() {
    tokio::time::pause();
    let cache = ResponseCache::memory();
    let slow = Slow::new(300 * MILLISECOND, counted());
    let app = slow.serve(&cache).await;
    let handle = cache.handle().unwrap();
    let purges = async {
        loop {
            handle.purge_group("everything").await.unwrap();
            handle.purge_all().await.unwrap();
            sleep(50 * MILLISECOND).await;
        }
    };
    let answers = tokio::select! {
        () = purges => unreachable!("it has no end"),
        answers = timed(&app, many(100)) => answers,
    };
    assert_eq!(slow.calls(), 2);
    assert_eq!(tenths(slowest(&answers)), 6);
    let first = answers.iter().filter(|(seen, _)| seen.text() == "answer 1").count();
    assert_eq!(first, 1, "what was purged is for the request that had asked for it");
}

#[actix_rt::test]
async fn no_store_request_does_not_lead() {
    let cache = ResponseCache::memory().compliance(Compliance::careful().request_directives(true));
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let mut requests = vec![get_with("/", ("cache-control", "no-store"))];
    requests.extend(many(20));
    let answers = join_all(requests.into_iter().map(|request| send(&app, request)));
    let open = async {
        rest().await;
        gate.open_wide();
    };
    join(answers, open).await;
    assert_eq!(gate.calls(), 2, "one for itself, and one for all others");
}

//! A wall clock that is set forward or back while the cache is in use: spans do not change, and no
//! response lives longer than its lifetime.

use std::time::Duration;

use actix_response_cache::{Clock, ResponseCache, entry::Timestamp};
use actix_web::HttpResponse;

use crate::support::{Origin, app, get, send};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: i64 = 3600;

/// Sets the wall clock this many seconds forward, or back.
fn step(clock: &Clock, seconds: i64) {
    clock.set(Timestamp::from_millis(clock.now().as_millis() + seconds * 1000));
}

/// Fails from its second call on, up to and without the one with the number `until`.
fn failing(until: usize) -> Origin {
    Origin::new(move |_, call| {
        if (2..until).contains(&call) {
            return HttpResponse::InternalServerError().finish();
        }
        HttpResponse::Ok()
            .insert_header(("cache-control", "max-age=10, stale-if-error=86400"))
            .body(format!("answer {call}"))
    })
}

#[actix_rt::test]
async fn failed_handler_is_asked_again_after_the_pause_however_the_clock_steps() {
    for seconds in [-HOUR, HOUR] {
        let clock = Clock::manual();
        let cache = ResponseCache::memory().clock(clock.clone()).pause_after_failure(2 * SECOND);
        let origin = failing(3);
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        clock.advance(11 * SECOND);
        assert_eq!(send(&app, get("/")).await.text(), "answer 1", "it stands in");
        step(&clock, seconds);
        clock.advance(SECOND);
        assert_eq!(send(&app, get("/")).await.text(), "answer 1", "still in the pause");
        assert_eq!(origin.calls(), 2);
        clock.advance(SECOND);
        assert_eq!(send(&app, get("/")).await.text(), "answer 3", "{seconds}");
    }
}

#[actix_rt::test]
async fn clock_that_steps_while_the_handler_runs_makes_no_response_old() {
    for seconds in [-HOUR, HOUR] {
        let clock = Clock::manual();
        let cache = ResponseCache::memory().clock(clock.clone());
        let setter = clock.clone();
        let origin = Origin::new(move |_, call| {
            step(&setter, seconds);
            HttpResponse::Ok()
                .insert_header(("cache-control", "max-age=60"))
                .body(format!("answer {call}"))
        });
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        clock.advance(5 * SECOND);
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.word(), seen.field("age").as_str()), ("HIT", "5"), "{seconds}");
    }
}

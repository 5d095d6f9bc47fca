//! The same between processes of a fleet: of the commands that the one who fills and the one who
//! purges send to Redis, any number of each goes before those of the other.

use std::time::Duration;

use actix_response_cache::{Coalescing, Purge, Redis, ResponseCache};
use futures_util::future::{Either, select};

use super::{Steps, Version, app, purges};
use crate::support::{
    get,
    proxy::{Mode, Proxy},
    redis::RedisServer,
    send,
};

fn cache(url: &str) -> ResponseCache {
    // a command that waits at the gate must not time out
    let long = Duration::from_secs(30);
    ResponseCache::new(Redis::new(url).connect_timeout(long).response_timeout(long))
}

/// One purge of each kind: a URL, a path, a prefix, a group, all.
const HARD: [usize; 5] = [0, 2, 4, 5, 6];
/// Soft ones of a path and of a group.
const SOFT: [usize; 2] = [9, 12];

/// What one case has found.
#[derive(Debug, PartialEq)]
enum Outcome {
    Done,
    /// The fill has fewer commands.
    FillWasOver,
    /// The purge has fewer commands.
    PurgeWasOver,
}

#[actix_rt::test]
async fn purge_wins_in_any_order_of_redis_commands() {
    let cases = examine(&HARD).await;
    assert!(cases > 200, "a fill and a purge have several commands each: {cases}");
}

#[actix_rt::test]
async fn soft_purge_wins_in_any_order_of_redis_commands() {
    let cases = examine(&SOFT).await;
    assert!(cases > 50, "a fill and a purge have several commands each: {cases}");
}

/// Says how many orders there were.
async fn examine(kinds: &[usize]) -> usize {
    let server = RedisServer::start();
    let (filling, purging) = (Proxy::start(server.address()), Proxy::start(server.address()));
    // only who fills has a lead: others do not wait for what waits at the gate
    let impatient =
        |url: &str| cache(url).coalescing(Coalescing::new().timeout(Duration::from_millis(1)));
    let caches = [cache(&filling.url()), impatient(&purging.url()), impatient(&server.url())];
    let (version, steps) = (Version::default(), Steps::default());
    let filler = app(&caches[0], &version, &steps).await;
    let purger = app(&caches[1], &version, &steps).await;
    let reader = app(&caches[2], &version, &steps).await;
    let handles = caches.each_ref().map(|cache| cache.handle().unwrap());
    for cache in &caches {
        cache.check().await.unwrap().store.unwrap();
    }
    let case = async |purge: &Purge, uri: &str, of_fill: usize, of_purge: usize| {
        let context =
            format!("{purge:?} after {of_fill} commands of the fill, {of_purge} of its own");
        let fresh = async |when: &str| {
            assert_eq!(send(&reader, get(uri)).await.text(), "2", "{context}, {when}");
            handles[2].settle().await;
        };
        version.set(1);
        let fill = Box::pin(async {
            send(&filler, get(uri)).await;
            handles[0].settle().await;
        });
        let gate = filling.hold_after(of_fill);
        let Either::Right(((), fill)) = select(fill, Box::pin(gate.held())).await else {
            return Outcome::FillWasOver;
        };
        version.set(2);
        let gate = purging.hold_after(of_purge);
        let purge = Box::pin(handles[1].purge(purge));
        let outcome = match select(purge, Box::pin(gate.held())).await {
            Either::Left((gone, _)) => {
                gone.unwrap();
                fresh("the fill under way").await;
                filling.set_mode(Mode::Pass);
                fill.await;
                Outcome::PurgeWasOver
            }
            Either::Right(((), purge)) => {
                filling.set_mode(Mode::Pass);
                fill.await;
                purging.set_mode(Mode::Pass);
                purge.await.unwrap();
                Outcome::Done
            }
        };
        purging.set_mode(Mode::Pass);
        fresh("all done").await;
        for app in [&filler, &purger] {
            assert_eq!(send(app, get(uri)).await.text(), "2", "{context}");
        }
        outcome
    };
    let mut cases = 0;
    for &kind in kinds {
        'fill: for of_fill in 0.. {
            for of_purge in 0.. {
                let item = format!("{kind}-{of_fill}-{of_purge}");
                let uri = format!("/shop/{item}");
                // counted, it sends the commands that remove too before it returns
                let purge = purges(&item)[kind].clone().counted();
                match case(&purge, &uri, of_fill, of_purge).await {
                    Outcome::Done => cases += 1,
                    Outcome::PurgeWasOver => break,
                    Outcome::FillWasOver => break 'fill,
                }
            }
        }
        filling.set_mode(Mode::Pass);
    }
    cases
}

//! A fill and a purge in every order: the fill stops at each of its steps, the purge runs there, and
//! no request after the purge gets what the fill had read before it.

mod fleet;
mod steps;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{CacheGroups, Coalescing, Purge, ResponseCache};
use actix_web::{
    App, Error, HttpResponse,
    test::init_service,
    web::{Bytes, Data, Path},
};
use futures_util::{
    future::{Either, select},
    stream,
};

use self::steps::{Paused, Steps};
use crate::{
    custom_store::Table,
    support::{TestApp, get, send},
};

/// What handlers read and writers change.
#[derive(Clone, Default)]
struct Version(Arc<AtomicU64>);

impl Version {
    fn set(&self, version: u64) {
        self.0.store(version, Ordering::SeqCst);
    }
}

/// Answers with the version it finds when it is asked, and takes its time to say so.
async fn read(version: Data<Version>, steps: Data<Steps>, item: Path<String>) -> HttpResponse {
    steps.step("the handler is asked").await;
    let text = version.0.load(Ordering::SeqCst).to_string();
    steps.step("the handler has read").await;
    let chunks = stream::unfold(0, move |chunk| {
        let (steps, text) = (steps.clone(), text.clone());
        async move {
            steps.step("a chunk is asked for").await;
            let bytes = [Some(Bytes::new()), Some(text.into()), None].into_iter().nth(chunk)??;
            Some((Ok::<_, Error>(bytes), chunk + 1))
        }
    });
    let mut res = HttpResponse::Ok();
    res.insert_header(CacheGroups::new([item.into_inner()]));
    res.insert_header(("vary", "accept")).streaming(chunks)
}

async fn app(cache: &ResponseCache, version: &Version, steps: &Steps) -> impl TestApp + use<> {
    let app = App::new().app_data(Data::new(version.clone())).app_data(Data::new(steps.clone()));
    init_service(app.wrap(cache.clone()).route("/shop/{item}", actix_web::web::get().to(read)))
        .await
}

/// Every kind of purge, hard and soft, each of which takes the item: nothing here may be served
/// stale.
fn purges(item: &str) -> Vec<Purge> {
    let path = format!("/shop/{item}");
    let hard = [
        Purge::url(&path),
        Purge::url(format!("http://shop.example{path}")),
        Purge::path(&path),
        Purge::prefix(&path),
        Purge::prefix("/shop"),
        Purge::group(item),
        Purge::all(),
    ];
    hard.iter().cloned().chain(hard.iter().cloned().map(Purge::soft)).collect()
}

/// Purges at each step of a fill; says which these were.
async fn examine(cache: &ResponseCache, steps: &Steps) -> Vec<&'static str> {
    let version = Version::default();
    // requests do not wait long for a fill that has been stopped
    let cache = &cache.clone().coalescing(Coalescing::new().timeout(Duration::from_millis(5)));
    let app = app(cache, &version, steps).await;
    let handle = cache.handle().unwrap();
    let mut reached = Vec::new();
    for kind in 0..purges("").len() {
        for step in 0.. {
            let item = format!("{kind}-{step}");
            let (uri, purge) = (format!("/shop/{item}"), &purges(&item)[kind]);
            version.set(1);
            let fill = Box::pin(async {
                send(&app, get(&uri)).await;
                handle.settle().await;
            });
            let stopped = Box::pin(steps.stop_at(step));
            let Either::Right((stop, fill)) = select(fill, stopped).await else { break };
            version.set(2);
            handle.purge(purge).await.unwrap();
            let seen = send(&app, get(&uri)).await;
            assert_eq!(seen.text(), "2", "{purge:?} when {stop}: the fill is not over");
            steps.go_on();
            fill.await;
            for _ in 0..2 {
                let seen = send(&app, get(&uri)).await;
                assert_eq!(seen.text(), "2", "{purge:?} when {stop}");
                handle.settle().await;
            }
            assert_eq!(send(&app, get(&uri)).await.word(), "HIT", "{purge:?} when {stop}");
            reached.push(stop);
        }
        steps.go_on();
    }
    reached
}

const HANDLER: [&str; 2] = ["the handler is asked", "the handler has read"];

#[actix_rt::test]
async fn purge_at_any_step_of_memory_fill_wins() {
    let reached = examine(&ResponseCache::memory(), &Steps::default()).await;
    assert!(HANDLER.iter().all(|stop| reached.contains(stop)), "{reached:?}");
    assert_eq!(reached.len(), 14 * 5, "{reached:?}");
}

#[actix_rt::test]
async fn purge_at_any_step_of_custom_store_fill_wins() {
    let steps = Steps::default();
    let store = Paused::new(Table::default(), &steps);
    let reached = examine(&ResponseCache::new(store), &steps).await;
    for stop in ["before get", "after mark", "before put", "after put"].iter().chain(&HANDLER) {
        assert!(reached.contains(stop), "{stop}: {reached:?}");
    }
}

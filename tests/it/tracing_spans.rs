//! The span of each request: what it says, and that the handler runs in it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use actix_response_cache::{Clock, ResponseCache, Rule};
use actix_web::HttpResponse;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::set_default,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::{LookupSpan, Registry},
};

use crate::support::{Origin, SECOND, app, get, request, send, settle};

type Fields = BTreeMap<&'static str, String>;

/// Keeps the fields of each span of the cache, by the order in which spans begin.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<BTreeMap<u64, Fields>>>);

struct Recorded<'f>(&'f mut Fields);

impl Visit for Recorded<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().target() == "actix_response_cache::request" {
            self.0.lock().unwrap().insert(id.into_u64(), Fields::new());
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, _: Context<'_, S>) {
        if let Some(fields) = self.0.lock().unwrap().get_mut(&id.into_u64()) {
            record.record(&mut Recorded(fields));
        }
    }
}

impl Spans {
    /// The one span since this was asked last.
    fn take_one(&self) -> Fields {
        let mut spans = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.pop_first().unwrap().1
    }
}

#[actix_rt::test]
async fn every_request_has_one_span_with_its_verdict() {
    let spans = Spans::default();
    let _guard = set_default(Registry::default().with(spans.clone()));
    let clock = Clock::manual();
    let cache = ResponseCache::memory()
        .clock(clock.clone())
        .stale_while_revalidate(SECOND * 60)
        .rule("/a/{id}", Rule::new().ttl(SECOND * 10))
        .exclude("/private");
    let origin = Origin::new(|req, _| match req.path() {
        "/cookie" => HttpResponse::Ok().insert_header(("set-cookie", "a=b")).finish(),
        _ => HttpResponse::Ok().body("x"),
    });
    let app = app(&cache, &origin).await;
    let says = |fields: &Fields, expected: &[(&'static str, &str)]| {
        for (name, value) in expected {
            assert_eq!(fields.get(name).map(String::as_str), Some(*value), "{name} of {fields:?}");
        }
    };
    send(&app, get("/a/1?secret=7")).await;
    let miss = spans.take_one();
    says(&miss, &[("verdict", "miss"), ("rule", "/a/{id}")]);
    assert!(miss.contains_key("handler_us") && miss.contains_key("lookup_us"), "{miss:?}");
    send(&app, get("/a/1?secret=7")).await;
    let hit = spans.take_one();
    says(&hit, &[("verdict", "hit"), ("ttl_ms", "10000"), ("key", &miss["key"])]);
    assert!(!format!("{miss:?}{hit:?}").contains("secret"), "no URL is in a span");
    clock.advance(SECOND * 12);
    send(&app, get("/a/1?secret=7")).await;
    settle(&cache).await;
    let stale = spans.0.lock().unwrap().pop_first().unwrap().1;
    says(&stale, &[("verdict", "stale"), ("ttl_ms", "-2000")]);
    says(&spans.take_one(), &[("verdict", "miss"), ("reason", "stale")]);
    send(&app, get("/cookie")).await;
    says(&spans.take_one(), &[("verdict", "miss"), ("not_stored", "set-cookie")]);
    send(&app, get("/private")).await;
    says(&spans.take_one(), &[("verdict", "bypass"), ("reason", "excluded")]);
    send(&app, request("POST", "/a/1")).await;
    says(&spans.take_one(), &[("verdict", "bypass"), ("reason", "method")]);
}

#[actix_rt::test]
async fn handler_runs_inside_of_the_span() {
    let _guard = set_default(Registry::default().with(Spans::default()));
    let seen = Arc::new(Mutex::new(None));
    let inside = Arc::clone(&seen);
    let origin = Origin::new(move |_, _| {
        *inside.lock().unwrap() = tracing::Span::current().metadata().map(tracing::Metadata::name);
        HttpResponse::Ok().body("x")
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    send(&app, get("/")).await;
    assert_eq!(*seen.lock().unwrap(), Some("cache"));
    assert!(tracing::Span::current().is_none(), "it is left again");
}

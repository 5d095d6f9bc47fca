//! Metrics, as Prometheus and as a recorder of the `metrics` facade get them.

use std::collections::BTreeMap;

use actix_response_cache::{ResponseCache, Rule};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use openmetrics_parser::prometheus::parse_prometheus;

use crate::{
    product_server::server::example,
    support::{Origin, app, get, send},
};

async fn used_cache() -> (ResponseCache, impl Sized) {
    let cache = ResponseCache::memory().rule("/a/{id}", Rule::new());
    let app = app(&cache, &Origin::counting()).await;
    for path in ["/a/1", "/a/1", "/a/1", "/b"] {
        send(&app, get(path)).await;
    }
    (cache, app)
}

#[actix_rt::test]
async fn prometheus_reads_the_text() {
    let (cache, _app) = used_cache().await;
    let text = cache.handle().unwrap().prometheus_text();
    let parsed = parse_prometheus(&text).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    assert!(parsed.families.len() > 15, "{text}");
    let requests = &parsed.families["http_cache_requests_total"];
    let mut counted = BTreeMap::new();
    for sample in requests.iter_samples() {
        let values = sample.get_labelset().expect("labels");
        let [verdict, reason, rule] = ["verdict", "reason", "rule"]
            .map(|label| values.get_label_value(label).unwrap_or_default().to_owned());
        counted.insert((verdict, reason, rule), format!("{:?}", sample.value));
    }
    let hits = &counted[&("hit".to_owned(), String::new(), "/a/{id}".to_owned())];
    assert!(hits.contains('2'), "{counted:?}");
    assert_eq!(counted.len(), 3);
    let histogram = &parsed.families["http_cache_handler_duration_seconds"];
    assert_eq!(histogram.iter_samples().count(), 2, "one for each rule, and one without a rule");
}

#[actix_rt::test]
async fn recorder_is_given_what_has_changed() {
    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    recorder.install().expect("no other recorder in this process");
    let (cache, app) = used_cache().await;
    let handle = cache.handle().unwrap();
    let taken = || {
        handle.publish_metrics();
        let mut taken = BTreeMap::new();
        for (key, _, _, value) in snapshots.snapshot().into_vec() {
            let labels =
                key.key().labels().map(|label| format!("{}={}", label.key(), label.value()));
            let name = format!("{} {}", key.key().name(), labels.collect::<Vec<_>>().join(","));
            taken.insert(name, value);
        }
        taken
    };
    let first = taken();
    let hits = "http_cache_requests_total verdict=hit,reason=,rule=/a/{id}";
    assert!(matches!(first[hits], DebugValue::Counter(2)), "{first:?}");
    assert!(
        matches!(first["http_cache_entries "], DebugValue::Gauge(entries) if format!("{entries}") == "2")
    );
    let handlers = "http_cache_handler_duration_seconds rule=/a/{id}";
    assert!(matches!(&first[handlers], DebugValue::Histogram(times) if times.len() == 1));
    // snapshots of counters are of what came since the last one
    let second = taken();
    assert!(!matches!(second.get(hits), Some(DebugValue::Counter(1..))), "{second:?}");
    drop(app);
}

#[test]
fn open_telemetry_is_given_them_by_the_bridge() {
    let output = std::process::Command::new(example("open_telemetry")).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.trim(), "exported: 2 hits, 1 misses");
}

//! Metrics of the cache by OpenTelemetry: the recorder of the `metrics` facade is a bridge to a meter provider,
//! here one that exports into memory. A service has an OTLP exporter in its place.
//!
//! ```sh
//! cargo run --example open_telemetry --features metrics
//! ```

use std::error::Error;

use actix_response_cache::ResponseCache;
use actix_web::{
    App, HttpResponse,
    test::{TestRequest, call_and_read_body, init_service},
    web,
};
use metrics_opentelemetry::{OpenTelemetryMetrics, OpenTelemetryRecorder};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, PeriodicReader, SdkMeterProvider,
    data::{AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics, SumDataPoint},
};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter.clone()).build())
        .build();
    let bridge = OpenTelemetryMetrics::new(provider.meter("news"));
    metrics::set_global_recorder(OpenTelemetryRecorder::new(bridge))
        .map_err(|_| "there is another recorder")?;

    let cache = ResponseCache::memory();
    let app = App::new().route("/", web::get().to(HttpResponse::Ok)).wrap(cache.clone());
    let app = init_service(app).await;
    for _ in 0..3 {
        call_and_read_body(&app, TestRequest::get().uri("/").to_request()).await;
    }
    // happens once a second by itself
    cache.handle()?.publish_metrics();
    provider.force_flush()?;

    let exported = |verdict| requests(&exporter, verdict);
    println!("exported: {} hits, {} misses", exported("hit"), exported("miss"));
    assert_eq!((exported("hit"), exported("miss")), (2, 1));
    Ok(())
}

/// How many requests with this verdict have been exported.
fn requests(exporter: &InMemoryMetricExporter, verdict: &str) -> u64 {
    let resources = exporter.get_finished_metrics().unwrap_or_default();
    let scopes = resources.iter().flat_map(ResourceMetrics::scope_metrics);
    let requests = scopes
        .flat_map(ScopeMetrics::metrics)
        .filter(|metric| metric.name() == "http_cache_requests_total");
    let mut count = 0;
    for metric in requests {
        if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
            let points = sum
                .data_points()
                .filter(|point| point.attributes().any(|label| label.value.as_str() == verdict));
            count += points.map(SumDataPoint::value).sum::<u64>();
        }
    }
    count
}

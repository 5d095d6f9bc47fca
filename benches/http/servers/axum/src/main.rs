//! The axum servers of the comparison: `bench-axum KIND PORT SIZE`, on one thread. They answer as
//! `bench-actix` does.

use std::{
    env, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    BoxError, Router,
    body::Bytes,
    error_handling::HandleErrorLayer,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::IntoResponse,
    routing::get,
};
use http_cache::MokaManager;
use http_cache_tower_server::ServerCacheLayer;
use moka::future::Cache;
use tower::ServiceBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [kind, port, size] = args.as_slice() else {
        return Err(io::Error::other("usage: bench-axum KIND PORT SIZE"));
    };
    let routes = routes(size.parse().map_err(io::Error::other)?);
    let app = match kind.as_str() {
        "bare" => routes,
        "http-cache" => {
            let manager = MokaManager::new(Cache::new(10_000));
            // as its own examples do it: the layer may fail, a router may not
            let fail = |_: BoxError| async { StatusCode::INTERNAL_SERVER_ERROR };
            routes.layer(
                ServiceBuilder::new()
                    .layer(HandleErrorLayer::new(fail))
                    .layer(ServerCacheLayer::new(manager)),
            )
        }
        other => return Err(io::Error::other(format!("no such kind: {other}"))),
    };
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, app).await
}

fn routes(size: usize) -> Router {
    let body = Bytes::from(vec![b'x'; size]);
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let product = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let body = body.clone();
        async move {
            let headers =
                [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "max-age=86400")];
            (headers, body).into_response()
        }
    };
    let report = move || {
        let calls = calls.load(Ordering::Relaxed).to_string();
        async move { ([(CACHE_CONTROL, "no-store")], calls).into_response() }
    };
    Router::new().route("/products/{id}", get(product)).route("/calls", get(report))
}

//! The server: routes, the order of the middleware, and an end that waits for answers under way.

use std::{future::pending, io, net::SocketAddr};

use actix_response_cache::{AdminToken, ResponseCache};
use actix_web::{
    App, HttpServer, Resource, Route,
    dev::Server,
    guard,
    http::Method,
    middleware::{Logger, from_fn},
    rt::signal,
    web::{self, Data, ServiceConfig},
};

use crate::{
    database::Database,
    home,
    options::Options,
    problem, products, reports, users,
    verdicts::{self, Verdicts},
};

/// For how long requests under way may go on when the server ends, in seconds.
const FAREWELL: u64 = 10;

const LOG_LINE: &str = r#""%r" %s %bB %Dms %{cache-status}o"#;

/// Binds the port and says which it is. The server runs when it is awaited.
pub(crate) fn start(
    options: &Options,
    database: Data<Database>,
    cache: ResponseCache,
    admin: AdminToken,
) -> io::Result<(Server, SocketAddr)> {
    let verdicts = Data::new(Verdicts::default());
    let app = move || {
        App::new()
            .app_data(database.clone())
            .app_data(verdicts.clone())
            .configure(problem::configure)
            .configure(routes)
            .service(cache.admin("/_cache", admin.clone()))
            .default_service(web::to(problem::no_such_route))
            // what is registered after the cache is outside of it and sees every request, hits too
            .wrap(cache.clone())
            .wrap(from_fn(verdicts::record))
            .wrap(Logger::new(LOG_LINE))
    };
    let mut server = HttpServer::new(app).shutdown_timeout(FAREWELL).shutdown_signal(told_to_end());
    if let Some(workers) = options.workers {
        server = server.workers(workers.get());
    }
    let server = server.bind(("127.0.0.1", options.port))?;
    let address = server.addrs().first().copied().ok_or(io::ErrorKind::AddrNotAvailable)?;
    println!("listening on http://{address}");
    Ok((server.run(), address))
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD").route(read().to(home::page)))
        .service(resource("/style.css", "GET, HEAD").route(read().to(home::style)))
        .service(
            resource("/products", "GET, HEAD, POST")
                .route(read().to(products::list))
                .route(web::post().to(products::create)),
        )
        .service(
            resource("/products/{id}", "GET, HEAD, PUT, DELETE")
                .route(read().to(products::get))
                .route(web::put().to(products::update))
                .route(web::delete().to(products::delete)),
        )
        .service(
            resource("/reports/bought-together", "GET, HEAD")
                .route(read().to(reports::bought_together)),
        )
        .service(resource("/users/me", "GET, HEAD").route(read().to(users::me)));
}

/// A resource that names the methods it has when it is asked for another one.
fn resource(path: &str, methods: &'static str) -> Resource {
    let refuse = move || {
        let refusal = problem::method_not_allowed(methods);
        async move { refusal }
    };
    web::resource(path).default_service(web::to(refuse))
}

/// GET and HEAD. The cache answers a HEAD from a stored GET; without one, the handler must.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Method(Method::HEAD)))
}

/// Ends when the process is to end: by Ctrl-C, or by SIGTERM where there are such signals.
#[cfg(unix)]
async fn told_to_end() {
    use signal::unix::{SignalKind, signal};

    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return interrupted().await };
    tokio::select! {
        () = interrupted() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn told_to_end() {
    interrupted().await;
}

async fn interrupted() {
    if signal::ctrl_c().await.is_err() {
        pending::<()>().await;
    }
}

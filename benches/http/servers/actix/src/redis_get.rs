//! What a handler costs that does one `GET` in Redis and nothing else: the least that any cache in
//! Redis can cost.

use std::io;

use actix_web::{App, Error, HttpResponse, HttpServer, error::ErrorInternalServerError, web};
use redis::{AsyncCommands, aio::MultiplexedConnection};

use crate::{
    Args,
    page::{Page, respond},
};

const KEY: &str = "bench:redis-get";

/// Puts the body into Redis and serves it from there. Each worker has a multiplexed connection of
/// its own, as the cache has.
pub async fn run(args: &Args, page: Page) -> io::Result<()> {
    let client = redis::Client::open(args.redis()?).map_err(io::Error::other)?;
    let mut connection = connect(&client).await?;
    let body = page.body();
    let _: () = connection.set(KEY, &*body).await.map_err(io::Error::other)?;
    HttpServer::new(move || {
        let client = client.clone();
        App::new()
            .data_factory(move || {
                let client = client.clone();
                async move { connect(&client).await }
            })
            .app_data(web::Data::new(page.clone()))
            .route("/products/{id}", web::get().to(product))
            .configure(page.calls_route())
    })
    .workers(1)
    .bind(("127.0.0.1", args.port))?
    .run()
    .await
}

async fn connect(client: &redis::Client) -> io::Result<MultiplexedConnection> {
    client.get_multiplexed_async_connection().await.map_err(io::Error::other)
}

async fn product(
    page: web::Data<Page>,
    connection: web::Data<MultiplexedConnection>,
) -> Result<HttpResponse, Error> {
    page.count();
    let mut connection = connection.get_ref().clone();
    let body: Vec<u8> = connection.get(KEY).await.map_err(ErrorInternalServerError)?;
    Ok(respond(body))
}

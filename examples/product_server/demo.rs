//! `--demo-traffic`: requests of the server to itself, as customers would send them, so that the cache's
//! page has something to show.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use actix_web::rt;
use awc::{Client, error::SendRequestError};
use tokio::time::MissedTickBehavior;

/// How long a request may take at most. It bounds how many run at a time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends requests for as long as the server runs.
pub(crate) fn start(server: SocketAddr, per_second: NonZeroU32) {
    rt::spawn(async move {
        let client = Client::builder().timeout(PATIENCE).finish();
        let mut turn = rt::time::interval(Duration::from_secs(1) / per_second.get());
        turn.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            turn.tick().await;
            rt::spawn(send(client.clone(), format!("http://{server}")));
        }
    });
}

/// Sends one request. What comes of it is for the log of the server to say.
async fn send(client: Client, server: String) {
    let _ = match fastrand::u32(..100) {
        0..45 => get(&client, format!("{server}/products/{}", popular(60))).await,
        45..75 => get(&client, format!("{server}/products?page={}", popular(5))).await,
        75..85 => get(&client, format!("{server}/products?category=games")).await,
        85..90 => get(&client, format!("{server}/reports/bought-together")).await,
        90..97 => user(&client, server).await,
        97..98 => get(&client, format!("{server}/products/999")).await,
        _ => change(&client, format!("{server}/products/{}", popular(60))).await,
    };
}

async fn get(client: &Client, url: String) -> Result<(), SendRequestError> {
    client.get(url).send().await?.body().await.map(drop).map_err(|_| SendRequestError::Timeout)
}

async fn user(client: &Client, server: String) -> Result<(), SendRequestError> {
    let request = client.get(format!("{server}/users/me")).bearer_auth("alice-token");
    request.send().await.map(drop)
}

/// Saves a product as it is, which purges it.
async fn change(client: &Client, url: String) -> Result<(), SendRequestError> {
    let product = client.get(&url).send().await?.body().await;
    let product = product.map_err(|_| SendRequestError::Timeout)?;
    client.put(url).content_type("application/json").send_body(product).await.map(drop)
}

/// A number from 1 on, of which small ones are asked for more often.
fn popular(most: u32) -> u32 {
    fastrand::u32(0..=fastrand::u32(0..most)) + 1
}

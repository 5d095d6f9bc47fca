//! The cache's page of the product server: the token that it makes up, and traffic to look at.

use serde_json::Value;
use tokio::time::Instant;

use super::server::{ADMIN_TOKEN, BOUND, Server};

#[actix_rt::test]
async fn token_is_made_up_anew_at_each_start() {
    let (first, token) = Server::with_token_of_its_own(&[]).await;
    let (second, other) = Server::with_token_of_its_own(&[]).await;
    assert_ne!(token, other);
    assert!(token.len() >= 32, "{token}");
    assert_eq!(first.get_as("/_cache/stats", &token).await.status, 200);
    assert_eq!(second.get_as("/_cache/stats", &token).await.status, 401);
    assert_eq!(first.get_as("/_cache/stats", ADMIN_TOKEN).await.status, 401);
}

#[actix_rt::test]
async fn demo_traffic_moves_the_counters() {
    let server = Server::start(&["--demo-traffic", "200"]).await;
    let begun = Instant::now();
    for counter in ["hits", "misses", "stores", "purges"] {
        loop {
            let stats = server.admin("GET", "/_cache/stats", &Value::Null).await.json();
            if stats[counter].as_u64().expect(counter) > 0 {
                break;
            }
            assert!(begun.elapsed() < BOUND, "{counter}: {stats}");
        }
    }
}

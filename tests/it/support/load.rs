//! The load of the test support on a cache.

use actix_response_cache::{ResponseCache, Rule};
use actix_web::{App, test::init_service};
use test_support::load::{Changed, Load, Shop};

/// Runs `scenario` under a load on a shop with `cache` before it.
pub async fn run<T>(cache: &ResponseCache, scenario: impl AsyncFnOnce(&Load) -> T) -> T {
    let shop = Shop::default();
    let rule = Rule::new().groups(["item:{number}"]);
    let before = cache.clone().rule("/items/{number}", rule);
    let app = init_service(App::new().wrap(before).service(shop.items())).await;
    let handle = cache.handle().expect("settings are right");
    let purge = async |changed| match changed {
        Changed::Item(number) => handle.purge_group(&format!("item:{number}")).await.is_ok(),
        Changed::Items => handle.purge_prefix("/items").await.is_ok(),
    };
    Load::run(&app, &shop, purge, scenario).await
}

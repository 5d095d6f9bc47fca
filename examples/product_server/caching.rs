//! The cache's settings, and the group that handlers purge.

use std::time::Duration;

use actix_response_cache::{
    CacheHandle, ClientCache, Memory, Query, Redis, ResponseCache, Rule, Tiered,
};

use crate::options::Options;

/// The group of all lists of products.
const PRODUCTS: &str = "products";

/// Counting takes long and last week's sales do not change: a report may be old.
const REPORT_TTL: Duration = Duration::from_secs(600);

/// A product that is asked for too early is found soon after it has been created by other means
/// than this server.
const NOT_FOUND_TTL: Duration = Duration::from_secs(5);

/// The cache before the whole app.
pub(crate) fn cache(options: &Options) -> ResponseCache {
    let cache = match &options.redis {
        Some(url) if options.tiered => {
            ResponseCache::new(Tiered::new(Memory::new(), redis(url, options)))
        }
        Some(url) => ResponseCache::new(redis(url, options)),
        None => ResponseCache::memory(),
    };
    cache
        .ttl(options.ttl)
        .exclude("/users/me")
        // no handler reads another parameter, so no other one makes a second entry
        .query(Query::only(["page", "per_page", "category"]).sort(true))
        .rule("/products", Rule::new().groups([PRODUCTS]))
        .rule("/products/{id}", Rule::new().groups(["product:{id}"]).ttl_for(404, NOT_FOUND_TTL))
        .rule("/reports/{name}", Rule::new().ttl(REPORT_TTL).client_cache(report_clients()))
}

fn redis(url: &str, options: &Options) -> Redis {
    let redis = Redis::new(url).key_prefix("product-server:");
    match options.redis_timeout {
        Some(timeout) => redis.connect_timeout(timeout).response_timeout(timeout),
        None => redis,
    }
}

/// Purges reach this cache and no browser's, so only reports are kept there.
fn report_clients() -> ClientCache {
    ClientCache::public().max_age(REPORT_TTL)
}

/// Purges all lists of products, whatever their page and category.
///
/// A change of `/products/7` purges `/products/7` by itself (RFC 9111 s.4.4); that it shows in
/// `/products?page=1` only we know. The change is made, so a Redis that cannot be reached now is
/// no failure of the request: lists are then as old as their lifetime allows.
pub(crate) async fn forget_lists(cache: &CacheHandle) {
    match cache.purge_group(PRODUCTS).await {
        Ok(purged) if purged.pending => {
            tracing::warn!("Redis has yet to confirm that the stored lists are purged");
        }
        Ok(_) => tracing::info!("the stored lists are purged"),
        Err(problem) => tracing::warn!("stored lists could not be purged: {problem}"),
    }
}

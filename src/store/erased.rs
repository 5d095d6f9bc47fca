//! [`Store`] behind a pointer: a twin of the trait whose futures are boxed, for a user's own store.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{
    error::StoreError,
    interface::{Put, Size, Store},
    lease::Lease,
};
use crate::{
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber, Purged},
};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`Store`] with boxed futures, so that there can be a `dyn` of it.
pub(crate) trait ErasedStore: Send + Sync {
    fn purge_number(&self) -> Boxed<'_, PurgeNumber>;
    fn get<'a>(&'a self, key: &'a CacheKey) -> Boxed<'a, Option<Arc<Entry>>>;
    fn put(&self, entry: Arc<Entry>, keep: Duration) -> Boxed<'_, Put>;
    fn purge<'a>(&'a self, target: &'a Purge) -> Boxed<'a, Purged>;
    fn lease<'a>(&'a self, key: &'a CacheKey, at_most: Duration) -> Boxed<'a, Lease>;
    fn size(&self) -> Option<Size>;
}

impl<S: Store> ErasedStore for S {
    fn purge_number(&self) -> Boxed<'_, PurgeNumber> {
        Box::pin(Store::purge_number(self))
    }

    fn get<'a>(&'a self, key: &'a CacheKey) -> Boxed<'a, Option<Arc<Entry>>> {
        Box::pin(Store::get(self, key))
    }

    fn put(&self, entry: Arc<Entry>, keep: Duration) -> Boxed<'_, Put> {
        Box::pin(Store::put(self, entry, keep))
    }

    fn purge<'a>(&'a self, target: &'a Purge) -> Boxed<'a, Purged> {
        Box::pin(Store::purge(self, target))
    }

    fn lease<'a>(&'a self, key: &'a CacheKey, at_most: Duration) -> Boxed<'a, Lease> {
        Box::pin(Store::lease(self, key, at_most))
    }

    fn size(&self) -> Option<Size> {
        Store::size(self)
    }
}

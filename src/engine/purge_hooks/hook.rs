//! [`PurgeHook`]: what an application writes to tell its CDN of purges.

use std::{error::Error, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use super::notice::PurgeNotice;

/// Is told of every purge of this process: of those by handles, by the admin scope and by unsafe
/// requests. A cache in front of the servers, such as a CDN, is purged by one
/// ([`ResponseCache::purge_hook`](crate::ResponseCache::purge_hook)).
///
/// A purge does not wait for the hook and does not fail by it. Notices wait in a queue of the hook's
/// own, and come in the order of the purges, one at a time. One that fails, panics or takes longer than
/// [`timeout`](Self::timeout) is given again, with a growing pause, until it succeeds: so the hook may
/// be told of a purge twice. Purges of the same wait as one, and 30 of them are given together. Past 512 that wait,
/// one of everything takes their place. What the process does not live to tell is lost.
///
/// Each hook has a thread of its own with a runtime of tokio on it, so that its futures need not be
/// `Send`: the client of actix, `awc`, can be made and used in it.
///
/// ```
/// use std::error::Error;
///
/// use actix_response_cache::{PurgeHook, PurgeNotice, ResponseCache};
///
/// struct Cdn;
///
/// impl PurgeHook for Cdn {
///     async fn purged(&self, notice: &PurgeNotice) -> Result<(), Box<dyn Error + Send + Sync>> {
///         if let Some(tags) = notice.cache_tag() {
///             println!("POST /purge with Cache-Tag: {tags}");
///         }
///         Ok(())
///     }
/// }
///
/// let cache = ResponseCache::memory().purge_hook(Cdn);
/// ```
pub trait PurgeHook: Send + Sync + 'static {
    /// These purges hold in the cache: tell others of them.
    fn purged(
        &self,
        notice: &PurgeNotice,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>>;

    /// What the log and the statistics call it. Default: `purge-hook`.
    fn name(&self) -> String {
        "purge-hook".to_owned()
    }

    /// How long one attempt may take. Default: 10 s.
    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// What a hook says of one notice.
pub(super) type Told = Result<(), Box<dyn Error + Send + Sync>>;

/// [`PurgeHook`] with a boxed future, so that there can be a `dyn` of it.
trait ErasedHook: Send + Sync {
    fn purged<'a>(&'a self, notice: &'a PurgeNotice) -> Pin<Box<dyn Future<Output = Told> + 'a>>;
    fn name(&self) -> String;
    fn timeout(&self) -> Duration;
}

impl<H: PurgeHook> ErasedHook for H {
    fn purged<'a>(&'a self, notice: &'a PurgeNotice) -> Pin<Box<dyn Future<Output = Told> + 'a>> {
        Box::pin(PurgeHook::purged(self, notice))
    }

    fn name(&self) -> String {
        PurgeHook::name(self)
    }

    fn timeout(&self) -> Duration {
        PurgeHook::timeout(self)
    }
}

/// A hook of the application.
#[derive(Clone)]
pub(crate) struct AnyPurgeHook(Arc<dyn ErasedHook>);

impl AnyPurgeHook {
    pub(crate) fn new(hook: impl PurgeHook) -> Self {
        Self(Arc::new(hook))
    }

    /// Whether both are the same value, not only alike.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn name(&self) -> String {
        self.0.name()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.0.timeout()
    }

    pub(super) async fn purged(&self, notice: &PurgeNotice) -> Told {
        self.0.purged(notice).await
    }
}

impl fmt::Debug for AnyPurgeHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PurgeHook").field(&self.name()).finish()
    }
}

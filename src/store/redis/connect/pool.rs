//! The pool of connections: one for each runtime.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, Shared};
use tokio::{runtime::Id, sync::oneshot};

use super::{connection::Connection, failure::Failure, wire::Wire};
use crate::clock::Stopwatch;

/// How many runtimes have a connection. A process has one for each worker; beyond this, connections are
/// made anew.
const MAX_RUNTIMES: usize = 256;

pub(super) type ConnectAttempt = Shared<BoxFuture<'static, Result<Connection, Failure>>>;

/// An attempt to connect and, once it is done, the connection.
#[derive(Clone)]
pub(super) struct PooledConnection {
    runtime: Id,
    pub(super) number: u64,
    since: Stopwatch,
    pub(super) attempt: ConnectAttempt,
    /// Closes when the connection is no longer used.
    _in_use: Arc<oneshot::Sender<()>>,
}

/// The connections, by their runtimes.
#[derive(Default)]
pub(super) struct Pool {
    pool: RwLock<HashMap<Id, PooledConnection>>,
    made: AtomicU64,
}

impl Pool {
    /// The connection of this runtime. For a new one, which `attempt` makes, the receiver closes when it
    /// is no longer used: the task that keeps the connection open waits for that.
    pub(super) fn get(
        &self,
        runtime: Id,
        attempt: impl FnOnce() -> ConnectAttempt,
    ) -> (PooledConnection, Option<oneshot::Receiver<()>>) {
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(pooled) = pool.get(&runtime) {
            return (pooled.clone(), None);
        }
        drop(pool);
        let mut pool = self.write();
        if let Some(pooled) = pool.get(&runtime) {
            return (pooled.clone(), None);
        }
        if pool.len() >= MAX_RUNTIMES {
            pool.clear();
        }
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let (in_use, unused) = oneshot::channel();
        let (since, in_use) = (Stopwatch::start(), Arc::new(in_use));
        let pooled =
            PooledConnection { runtime, number, since, attempt: attempt(), _in_use: in_use };
        pool.insert(runtime, pooled.clone());
        (pooled, Some(unused))
    }

    /// The plain connection of this runtime, where it is made, and its number.
    pub(super) fn plain(&self, runtime: Id) -> Option<(Wire, u64)> {
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner);
        let pooled = pool.get(&runtime)?;
        match pooled.attempt.peek()? {
            Ok(Connection::Plain(wire)) => Some((wire.clone(), pooled.number)),
            _ => None,
        }
    }

    /// The number of this runtime's connection, where there is one.
    pub(super) fn number(&self, runtime: Id) -> Option<u64> {
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner);
        pool.get(&runtime).map(|pooled| pooled.number)
    }

    /// Drops a connection, unless another has taken its place.
    pub(super) fn forget(&self, gone: &PooledConnection) {
        self.forget_number(gone.runtime, gone.number);
    }

    /// [`forget`](Self::forget) without the connection at hand.
    pub(super) fn forget_number(&self, runtime: Id, number: u64) {
        self.take(runtime, |pooled| pooled.number == number);
    }

    /// Drops the connection of a runtime if it is at least this old. One that is still being made stays:
    /// another would take as long.
    pub(super) fn remove(&self, runtime: Id, from_age: Duration) {
        let is_old = |pooled: &PooledConnection| pooled.since.elapsed() >= from_age;
        self.take(runtime, |pooled| pooled.attempt.peek().is_some() && is_old(pooled));
    }

    fn take(&self, runtime: Id, is_meant: impl FnOnce(&PooledConnection) -> bool) {
        let mut pool = self.write();
        let taken =
            if pool.get(&runtime).is_some_and(is_meant) { pool.remove(&runtime) } else { None };
        // what a connection does when it is dropped needs no lock of ours
        drop(pool);
        drop(taken);
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Id, PooledConnection>> {
        self.pool.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops a connection when it is dropped itself. A task of the connection's runtime holds it, so it is
/// dropped when that runtime ends at the latest.
pub(super) struct PoolGuard {
    pool: Weak<Pool>,
    runtime: Id,
    number: u64,
}

impl PoolGuard {
    pub(super) fn new(pool: &Arc<Pool>, pooled: &PooledConnection) -> Self {
        Self { pool: Arc::downgrade(pool), runtime: pooled.runtime, number: pooled.number }
    }
}

impl Drop for PoolGuard {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.forget_number(self.runtime, self.number);
        }
    }
}

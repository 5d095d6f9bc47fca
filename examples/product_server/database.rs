//! `Database`: SQLite, in a file or in memory, away from the threads that answer requests.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use actix_web::web;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::problem::Problem;

/// A memory database that all connections of this process share, and no other process.
const IN_MEMORY: &str = "file:/product_server?vfs=memdb";

/// How long one connection waits for another, be it of another process.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection for everyday queries and one for reports.
///
/// SQLite writes one change at a time, and an everyday query takes microseconds: more connections
/// would bring more waiting for its lock and little else. A report takes as long as thousands of
/// them, so it has a connection of its own.
pub(crate) struct Database {
    everyday: Arc<Mutex<Connection>>,
    reports: Arc<Mutex<Connection>>,
    is_new: bool,
}

impl Database {
    /// Opens the file, or a database in memory, and fills it where it is empty.
    pub(crate) fn open(file: Option<&Path>) -> rusqlite::Result<Self> {
        let mut everyday = connect(file)?;
        let is_new = fill(&mut everyday)?;
        let reports = connect(file)?;
        Ok(Self { everyday: shared(everyday), reports: shared(reports), is_new })
    }

    /// Whether it was empty.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Runs a short query.
    pub(crate) async fn query<T, F>(&self, query: F) -> Result<T, Problem>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        run(Arc::clone(&self.everyday), query).await
    }

    /// Runs a query that takes its time.
    pub(crate) async fn query_slowly<T, F>(&self, query: F) -> Result<T, Problem>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        run(Arc::clone(&self.reports), query).await
    }
}

/// Runs a query on a thread that may wait.
async fn run<T, F>(connection: Arc<Mutex<Connection>>, query: F) -> Result<T, Problem>
where
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    T: Send + 'static,
{
    let answer = web::block(move || {
        // a query that panicked has left the connection as it was
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        query(&connection)
    });
    Ok(answer.await??)
}

fn shared(connection: Connection) -> Arc<Mutex<Connection>> {
    Arc::new(Mutex::new(connection))
}

fn connect(file: Option<&Path>) -> rusqlite::Result<Connection> {
    let connection = match file {
        Some(file) => Connection::open(file)?,
        None => Connection::open(IN_MEMORY)?,
    };
    connection.busy_timeout(PATIENCE)?;
    if file.is_some() {
        // readers and the writer do not wait for each other
        write_ahead(&connection)?;
        connection.pragma_update(None, "synchronous", "normal")?;
    }
    Ok(connection)
}

/// Turns write-ahead logging on. SQLite does not wait for another process that is just doing the
/// same: it says at once that the database is busy.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(problem) if is_busy(&problem) && started.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

fn is_busy(problem: &rusqlite::Error) -> bool {
    problem.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Fills an empty database. Two processes may open one at the same time: the second one waits
/// and finds it full.
fn fill(connection: &mut Connection) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // asked in SQL: what the connection itself knows of tables may be from before it waited
    let tables = "SELECT count(*) = 0 FROM sqlite_schema WHERE name = 'products'";
    let is_new: bool = transaction.query_row(tables, [], |row| row.get(0))?;
    if is_new {
        transaction.execute_batch(include_str!("schema.sql"))?;
        transaction.execute_batch(include_str!("seed.sql"))?;
    }
    transaction.commit()?;
    Ok(is_new)
}

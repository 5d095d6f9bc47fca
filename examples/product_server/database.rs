//! `Database`: SQLite, in a file or in memory, away from the threads that answer requests.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use actix_web::web;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::problem::Problem;

/// A memory database that all connections of this process share, and no other process.
const IN_MEMORY: &str = "file:/product_server?vfs=memdb";

/// How long one connection waits for another, be it of another process.
const PATIENCE: Duration = Duration::from_secs(10);

/// The columns of products that a file of an earlier version lacks, and what adds each.
const LATER_COLUMNS: [(&str, &str); 2] = [
    ("description", "ALTER TABLE products ADD COLUMN description TEXT NOT NULL DEFAULT ''"),
    (
        "stock",
        "ALTER TABLE products ADD COLUMN stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0)",
    ),
];

/// A connection for everyday queries and one for reports.
///
/// SQLite writes one change at a time, and an everyday query takes microseconds: more connections
/// would bring more waiting for its lock and little else. A report takes as long as thousands of
/// them, so it has a connection of its own.
pub(crate) struct Database {
    everyday: Arc<Mutex<Connection>>,
    reports: Arc<Mutex<Connection>>,
    is_changed: bool,
}

impl Database {
    /// Opens the file, or a database in memory. Fills it where it is empty, and adds what a file of
    /// an earlier version lacks.
    pub(crate) fn open(file: Option<&Path>) -> rusqlite::Result<Self> {
        let mut everyday = connect(file)?;
        let is_changed = prepare(&mut everyday)?;
        let reports = connect(file)?;
        Ok(Self { everyday: shared(everyday), reports: shared(reports), is_changed })
    }

    /// Whether opening it changed it: it was empty, or of an earlier version.
    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed
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

/// Fills an empty database, adds to another one the columns that it lacks, and says whether it
/// changed anything. Two processes may open one at the same time: the second one waits and finds
/// nothing to do.
fn prepare(connection: &mut Connection) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // asked in SQL: what the connection itself knows of tables may be from before it waited
    let tables = "SELECT count(*) = 0 FROM sqlite_schema WHERE name = 'products'";
    let is_empty: bool = transaction.query_row(tables, [], |row| row.get(0))?;
    let is_changed = if is_empty { fill(&transaction) } else { add_later_columns(&transaction) }?;
    transaction.commit()?;
    Ok(is_changed)
}

fn fill(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    transaction.execute_batch(include_str!("schema.sql"))?;
    transaction.execute_batch(include_str!("seed.sql"))?;
    Ok(true)
}

/// Adds the columns that are missing, and says whether one was.
fn add_later_columns(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    let columns = "SELECT count(*) = 0 FROM pragma_table_info('products') WHERE name = ?1";
    let mut is_changed = false;
    for (column, add) in LATER_COLUMNS {
        let is_missing: bool = transaction.query_row(columns, [column], |row| row.get(0))?;
        if is_missing {
            transaction.execute_batch(add)?;
            is_changed = true;
        }
    }
    Ok(is_changed)
}

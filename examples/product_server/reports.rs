//! Reports: slow queries, which make the cache visible.

use actix_web::web::{Data, Json};
use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::{database::Database, problem::Problem};

/// Every pair of products in every order.
const PAIRS: &str = "
    SELECT a.name AS one, b.name AS other, COUNT(*) AS orders
    FROM order_lines AS x
    JOIN order_lines AS y ON y.order_id = x.order_id AND y.product_id > x.product_id
    JOIN products AS a ON a.id = x.product_id
    JOIN products AS b ON b.id = y.product_id
    GROUP BY a.id, b.id
    ORDER BY orders DESC, a.id, b.id
    LIMIT 10";

/// Two products, and how many orders had both.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    products: [String; 2],
    orders: u32,
}

impl TryFrom<&Row<'_>> for Pair {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, Self::Error> {
        Ok(Self { products: [row.get("one")?, row.get("other")?], orders: row.get("orders")? })
    }
}

/// Which products are bought together.
pub(crate) async fn bought_together(database: Data<Database>) -> Result<Json<Vec<Pair>>, Problem> {
    tracing::info!("counting what was bought together");
    database.query_slowly(select_pairs).await.map(Json)
}

fn select_pairs(connection: &Connection) -> rusqlite::Result<Vec<Pair>> {
    let mut pairs = connection.prepare_cached(PAIRS)?;
    pairs.query_map([], |row| Pair::try_from(row))?.collect()
}

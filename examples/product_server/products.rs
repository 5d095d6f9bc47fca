//! Products: list, get, create, update, delete.

use std::num::NonZeroU32;

use actix_response_cache::CacheHandle;
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path, Query},
};
use rusqlite::{Connection, OptionalExtension as _, named_params};
use serde::{Deserialize, Serialize};

use crate::{
    caching::forget_lists,
    database::Database,
    problem::Problem,
    product::{Draft, Product, ProductId},
};

const MAX_PER_PAGE: u32 = 100;

/// Which products are asked for.
#[allow(clippy::struct_field_names, reason = "the names are those of the query")]
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    page: NonZeroU32,
    per_page: NonZeroU32,
    category: Option<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        let twenty = NonZeroU32::MIN.saturating_add(19);
        Self { page: NonZeroU32::MIN, per_page: twenty, category: None }
    }
}

/// One page of products.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    page: NonZeroU32,
    total: u32,
    products: Vec<Product>,
}

pub(crate) async fn list(
    database: Data<Database>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Listing>, Problem> {
    if wanted.per_page.get() > MAX_PER_PAGE {
        return Err(Problem::bad_request(format!("`per_page` is over {MAX_PER_PAGE}")));
    }
    database.query(move |connection| select_page(connection, &wanted)).await.map(Json)
}

pub(crate) async fn get(
    database: Data<Database>,
    id: Path<ProductId>,
) -> Result<Json<Product>, Problem> {
    let id = id.into_inner();
    let product = database.query(move |connection| select(connection, id)).await?;
    product.map(Json).ok_or_else(|| no_such_product(id))
}

/// The answer's `Location` purges what is stored for the new URL: a 404, if somebody was early.
pub(crate) async fn create(
    database: Data<Database>,
    Json(draft): Json<Draft>,
    cache: CacheHandle,
) -> Result<HttpResponse, Problem> {
    draft.check()?;
    let product = database.query(move |connection| insert(connection, &draft)).await?;
    forget_lists(&cache).await;
    let location = (header::LOCATION, format!("/products/{}", product.id()));
    Ok(HttpResponse::Created().insert_header(location).json(product))
}

pub(crate) async fn update(
    database: Data<Database>,
    id: Path<ProductId>,
    Json(draft): Json<Draft>,
    cache: CacheHandle,
) -> Result<Json<Product>, Problem> {
    let id = id.into_inner();
    draft.check()?;
    draft.check_id(id)?;
    let product = database.query(move |connection| replace(connection, id, &draft)).await?;
    let product = product.ok_or_else(|| no_such_product(id))?;
    forget_lists(&cache).await;
    Ok(Json(product))
}

pub(crate) async fn delete(
    database: Data<Database>,
    id: Path<ProductId>,
    cache: CacheHandle,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    if !database.query(move |connection| remove(connection, id)).await? {
        return Err(no_such_product(id));
    }
    forget_lists(&cache).await;
    Ok(HttpResponse::NoContent().finish())
}

fn no_such_product(ProductId(id): ProductId) -> Problem {
    Problem::not_found(format!("there is no product {id}"))
}

fn select_page(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Listing> {
    let (page, per_page) = (i64::from(wanted.page.get()), i64::from(wanted.per_page.get()));
    let total = connection.query_one(
        "SELECT COUNT(*) FROM products WHERE category = ifnull(:category, category)",
        named_params! { ":category": wanted.category },
        |row| row.get(0),
    )?;
    let mut products = connection.prepare_cached(
        "SELECT * FROM products WHERE category = ifnull(:category, category)
         ORDER BY id LIMIT :per_page OFFSET :before",
    )?;
    let products = products.query_map(
        named_params! {
            ":category": wanted.category,
            ":per_page": per_page,
            ":before": (page - 1) * per_page,
        },
        |row| Product::try_from(row),
    )?;
    Ok(Listing { page: wanted.page, total, products: products.collect::<Result<_, _>>()? })
}

fn select(connection: &Connection, ProductId(id): ProductId) -> rusqlite::Result<Option<Product>> {
    let select = "SELECT * FROM products WHERE id = ?1";
    connection.query_one(select, [id], |row| Product::try_from(row)).optional()
}

fn insert(connection: &Connection, draft: &Draft) -> rusqlite::Result<Product> {
    let insert = "INSERT INTO products (name, description, category, price_cents, stock)
                  VALUES (?1, ?2, ?3, ?4, ?5) RETURNING *";
    let Draft { name, description, category, price_cents, stock, .. } = draft;
    let values = (name, description, category, price_cents, stock);
    connection.query_one(insert, values, |row| Product::try_from(row))
}

fn replace(
    connection: &Connection,
    ProductId(id): ProductId,
    draft: &Draft,
) -> rusqlite::Result<Option<Product>> {
    let update = "UPDATE products
                  SET name = ?2, description = ?3, category = ?4, price_cents = ?5, stock = ?6
                  WHERE id = ?1 RETURNING *";
    let Draft { name, description, category, price_cents, stock, .. } = draft;
    let values = (id, name, description, category, price_cents, stock);
    connection.query_one(update, values, |row| Product::try_from(row)).optional()
}

fn remove(connection: &Connection, ProductId(id): ProductId) -> rusqlite::Result<bool> {
    connection.execute("DELETE FROM products WHERE id = ?1", [id]).map(|removed| removed > 0)
}

//! What a product is, and which ones are accepted.

use rusqlite::Row;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 1_000;
const MAX_CATEGORY: usize = 40;
const MAX_PRICE_CENTS: i64 = 100_000_000;
const MAX_STOCK: i64 = 1_000_000;

/// A product as the shop has it.
#[derive(Debug, Serialize)]
pub(crate) struct Product {
    id: i64,
    name: String,
    description: String,
    category: String,
    price_cents: i64,
    stock: i64,
}

impl Product {
    pub(crate) fn id(&self) -> i64 {
        self.id
    }
}

impl TryFrom<&Row<'_>> for Product {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            category: row.get("category")?,
            price_cents: row.get("price_cents")?,
            stock: row.get("stock")?,
        })
    }
}

/// A product as a client describes it: what GET has given is accepted as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    /// The shop numbers products. A PUT may repeat the number of its URL.
    id: Option<i64>,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) category: String,
    pub(crate) price_cents: i64,
    #[serde(default)]
    pub(crate) stock: i64,
}

impl Draft {
    pub(crate) fn check(&self) -> Result<(), Problem> {
        check_text("name", &self.name, MAX_NAME)?;
        check_length("description", &self.description, MAX_DESCRIPTION)?;
        check_text("category", &self.category, MAX_CATEGORY)?;
        check_number("price_cents", self.price_cents, MAX_PRICE_CENTS)?;
        check_number("stock", self.stock, MAX_STOCK)
    }

    /// Refuses a body with another number than the URL has: one of them is a mistake, and the
    /// wrong product would be overwritten.
    pub(crate) fn check_id(&self, ProductId(id): ProductId) -> Result<(), Problem> {
        match self.id {
            Some(given) if given != id => {
                let problem = format!("`id` is {given} and the URL's number is {id}");
                Err(Problem::unprocessable(problem))
            }
            _ => Ok(()),
        }
    }
}

fn check_text(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::unprocessable(format!("`{field}` is empty")));
    }
    check_length(field, text, max)
}

fn check_length(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.chars().count() > max {
        let problem = format!("`{field}` has more than {max} characters");
        return Err(Problem::unprocessable(problem));
    }
    Ok(())
}

fn check_number(field: &str, number: i64, max: i64) -> Result<(), Problem> {
    if !(0..=max).contains(&number) {
        let problem = format!("`{field}` is not between 0 and {max}");
        return Err(Problem::unprocessable(problem));
    }
    Ok(())
}

/// A product's number as its URL has it.
///
/// One product has one URL: `/products/07` and `/products/+7` would be others, with stored
/// responses of their own that a change of `/products/7` does not purge.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ProductId(pub(crate) i64);

impl TryFrom<String> for ProductId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.parse() {
            Ok(id) if id > 0 && text == i64::to_string(&id) => Ok(Self(id)),
            _ => Err(format!("`{text}` is not the number of a product")),
        }
    }
}

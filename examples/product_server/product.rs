//! What a product is, and which ones are accepted.

use rusqlite::Row;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

const MAX_NAME: usize = 100;
const MAX_CATEGORY: usize = 40;
const MAX_PRICE_CENTS: i64 = 100_000_000;

/// A product as the shop has it.
#[derive(Debug, Serialize)]
pub(crate) struct Product {
    id: i64,
    name: String,
    category: String,
    price_cents: i64,
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
            category: row.get("category")?,
            price_cents: row.get("price_cents")?,
        })
    }
}

/// A product as a client describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) price_cents: i64,
}

impl Draft {
    pub(crate) fn check(&self) -> Result<(), Problem> {
        check_text("name", &self.name, MAX_NAME)?;
        check_text("category", &self.category, MAX_CATEGORY)?;
        if !(0..=MAX_PRICE_CENTS).contains(&self.price_cents) {
            let problem = format!("`price_cents` is not between 0 and {MAX_PRICE_CENTS}");
            return Err(Problem::unprocessable(problem));
        }
        Ok(())
    }
}

fn check_text(field: &str, text: &str, longest: usize) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::unprocessable(format!("`{field}` is empty")));
    }
    if text.chars().count() > longest {
        let problem = format!("`{field}` has more than {longest} characters");
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

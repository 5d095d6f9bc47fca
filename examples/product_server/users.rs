//! The one who asks: kept out of the cache, and known by a token.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{self, CacheControl, CacheDirective},
    web::Data,
};
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use crate::{database::Database, problem::Problem};

/// A user, as they may see themselves.
#[derive(Debug, Serialize)]
pub(crate) struct User {
    name: String,
    email: String,
}

/// What a request says in `Authorization: Bearer …`.
pub(crate) struct BearerToken(String);

impl FromRequest for BearerToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = req.headers().get(header::AUTHORIZATION).and_then(|line| {
            let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| Self(token.trim().to_owned()))
        });
        ready(token.ok_or_else(|| Problem::unauthorized("a bearer token is needed")))
    }
}

/// The cache keeps away from this path; `no-store` says the same to caches further out.
pub(crate) async fn me(
    database: Data<Database>,
    BearerToken(token): BearerToken,
) -> Result<HttpResponse, Problem> {
    let user = database.query(move |connection| select(connection, &token)).await?;
    let user = user.ok_or_else(|| Problem::unauthorized("the bearer token is not known"))?;
    Ok(HttpResponse::Ok().insert_header(CacheControl(vec![CacheDirective::NoStore])).json(user))
}

fn select(connection: &Connection, token: &str) -> rusqlite::Result<Option<User>> {
    let select = "SELECT name, email FROM users WHERE token = ?1";
    let user = connection.query_one(select, [token], |row| {
        Ok(User { name: row.get("name")?, email: row.get("email")? })
    });
    user.optional()
}

//! The page of the admin scope in a real browser: `tests/run.sh` installs Chromium where it is missing, and
//! `CHROMIUM_BIN` names another one.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod chromium;
mod page;
mod site;

//! The processes that share what is stored.

use super::{
    super::operator::Admin,
    figures::Figures,
    html::Html,
    number,
    table::{row, table},
};
use crate::engine::fleet::ProcessInfo;

/// A table of the processes, where there can be others than this one.
pub(super) async fn section(html: &mut Html, admin: &Admin, figures: &Figures) {
    let (Some(_), Ok(handle)) = (&figures.stats.store.redis, admin.handle()) else { return };
    html.raw("<section id=\"fleet\"><h2>Processes with this prefix in Redis</h2>");
    match handle.processes().await {
        Ok(processes) => table(html, &COLUMNS, |html| {
            for process in processes {
                process_row(html, &process, figures);
            }
        }),
        Err(problem) => {
            html.raw("<p>They are not known now: ").text(problem).raw("</p>");
        }
    }
    html.raw("</section>");
}

const COLUMNS: [&str; 6] = ["Application", "Version", "Process", "Id", "Started", "Last seen"];

fn process_row(html: &mut Html, process: &ProcessInfo, figures: &Figures) {
    let last_seen = if process.is_own {
        "this process".to_owned()
    } else {
        format!("{} ago", number::span(process.last_seen.as_secs()))
    };
    let started = format!("{} ago", number::span(figures.seconds_since(process.started)));
    let version = if process.version.is_empty() { number::NONE } else { &process.version };
    let cells =
        [version.to_owned(), process.pid.to_string(), process.id.clone(), started, last_seen];
    row(html, &process.name, cells);
}

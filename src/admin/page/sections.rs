//! The sections of the page that have figures, from those looked at first to those looked up. Forms stand
//! between them, and are left alone when figures are fetched anew.

use super::{figures::Figures, html::Html, overview, stored, tables};

/// Whether anything is broken, the last hour, and why responses do not come from the store.
pub(super) fn first(html: &mut Html, figures: &Figures) {
    overview::health(html, figures);
    overview::summary(html, figures);
    overview::charts(html, figures);
    html.raw("<div class=\"columns\">");
    tables::reasons(html, figures, &tables::BYPASSED, &figures.stats.bypasses);
    tables::reasons(html, figures, &tables::NOT_STORED, &figures.stats.not_stored);
    html.raw("</div>");
}

/// Rules, times, the store, keys.
pub(super) fn second(html: &mut Html, figures: &Figures) {
    tables::rules(html, &figures.stats);
    tables::times(html, &figures.stats);
    html.raw("<div class=\"columns\">");
    tables::store(html, &figures.stats);
    tables::handlers(html, &figures.stats);
    html.raw("</div>");
    tables::top(html, figures);
}

/// What happens now.
pub(super) fn third(html: &mut Html, figures: &Figures) {
    stored::flights(html, figures);
}

//! The sections of the page that have figures, from those looked at first to those looked up.

use super::{figures::Figures, html::Html, overview, tables};

pub(super) fn all(html: &mut Html, figures: &Figures) {
    overview::health(html, figures);
    overview::summary(html, figures);
    overview::charts(html, figures);
    tables::rules(html, &figures.stats);
    html.raw("<div class=\"columns\">");
    tables::reasons(html, figures, &tables::BYPASSED, &figures.stats.bypasses);
    tables::reasons(html, figures, &tables::NOT_STORED, &figures.stats.not_stored);
    html.raw("</div>");
    tables::times(html, &figures.stats);
    tables::top(html, figures);
    html.raw("<div class=\"columns\">");
    tables::store(html, &figures.stats);
    tables::handlers(html, &figures.stats);
    html.raw("</div>");
    tables::audit(html, figures);
}

//! A table: columns with names, and rows with names.

use super::html::Html;

pub(super) fn table(html: &mut Html, columns: &[&'static str], rows: impl FnOnce(&mut Html)) {
    html.raw("<div class=\"wide\"><table><thead><tr>");
    for column in columns {
        html.element("th scope=\"col\"", column);
    }
    html.raw("</tr></thead><tbody>");
    rows(html);
    html.raw("</tbody></table></div>");
}

pub(super) fn row<const N: usize>(html: &mut Html, name: &str, cells: [String; N]) {
    html.raw("<tr>").element("th scope=\"row\"", name);
    for cell in cells {
        html.element("td", cell);
    }
    html.raw("</tr>");
}

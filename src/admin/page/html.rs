//! `Html`: text that is escaped unless it is part of this program.

use std::fmt::{self, Write as _};

#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of this program: nothing that comes from elsewhere is `'static`.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Anything that stays text, between tags as well as in a quoted attribute.
    pub(super) fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        // writing to a String does not fail
        let _ = write!(Escaping(&mut self.0), "{text}");
        self
    }

    /// An element with text in it.
    pub(super) fn element(&mut self, tag: &'static str, text: impl fmt::Display) -> &mut Self {
        self.raw("<").raw(tag).raw(">").text(text);
        let name = tag.split_once(' ').map_or(tag, |(name, _)| name);
        self.raw("</").raw(name).raw(">")
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(letter),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_its_element_or_attribute() {
        let mut html = Html::default();
        html.raw("<p title=\"").text("\"'").raw("\">").text("<b>&lt;</b> ü").raw("</p>");
        html.element("td class=\"n\"", "<");
        assert_eq!(
            html.finish(),
            "<p title=\"&quot;&#39;\">&lt;b&gt;&amp;lt;&lt;/b&gt; ü</p><td class=\"n\">&lt;</td>"
        );
    }
}

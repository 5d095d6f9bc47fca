//! Which parts of a query tell two requests apart. Parameters are cut as actix-web's own `Query`
//! extractor cuts them: at `&`, never at `;`, and compared after decoding. And by which reading of a
//! query purges name it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Parameters that say where a visitor came from, not what is asked for.
pub(crate) const TRACKING_PARAMETERS: &[&str] = &[
    "utm_*",
    "gclid",
    "gclsrc",
    "gbraid",
    "wbraid",
    "dclid",
    "fbclid",
    "msclkid",
    "yclid",
    "twclid",
    "ttclid",
    "igshid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "mkt_tok",
    "oly_anon_id",
    "oly_enc_id",
    "rb_clickid",
    "s_cid",
    "vero_conv",
    "vero_id",
    "wickedid",
];

/// How a query becomes part of the key. By default as it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct QueryRules {
    pub(crate) sort: bool,
    pub(crate) ignore: Vec<String>,
    pub(crate) only: Option<Vec<String>>,
}

impl QueryRules {
    /// The query as it counts; `None` where nothing of it does.
    pub(crate) fn apply<'q>(&self, query: &'q str) -> Option<Cow<'q, str>> {
        if !self.sort && self.ignore.is_empty() && self.only.is_none() {
            return Some(Cow::Borrowed(query));
        }
        let mut pairs: Vec<(Cow<'_, str>, &str)> =
            query.split('&').map(|pair| (name(pair), pair)).collect();
        pairs.retain(|(name, _)| self.counts(name));
        if self.sort {
            // stable: parameters of one name keep their order, which handlers can tell
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        let pairs: Vec<&str> = pairs.into_iter().map(|(_, pair)| pair).collect();
        (!pairs.is_empty()).then(|| Cow::Owned(pairs.join("&")))
    }

    /// The names of the parameters that do not count.
    pub(crate) fn left_out_of(&self, query: &str) -> Vec<String> {
        let names = query.split('&').filter(|pair| !pair.is_empty()).map(name);
        let mut names: Vec<String> =
            names.filter(|name| !self.counts(name)).map(Cow::into_owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn counts(&self, name: &str) -> bool {
        let named = |patterns: &Vec<String>| patterns.iter().any(|pattern| matches(pattern, name));
        self.only.as_ref().is_none_or(named) && !named(&self.ignore)
    }
}

/// The reading of a query by which purges name it: decoded, without its question mark. An empty query
/// is none, and `+` is a space, as handlers that read forms take it.
pub(crate) fn canonical(query: &str) -> Cow<'_, str> {
    let query = query.strip_prefix('?').unwrap_or(query);
    if !query.contains(['%', '+']) {
        return Cow::Borrowed(query);
    }
    let spaced = query.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// Whether `name` is `pattern`, or begins with it where the pattern ends in `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn name(pair: &str) -> Cow<'_, str> {
    let decoded = form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map_or(Cow::Borrowed(""), |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignoring(names: &[&str]) -> QueryRules {
        let ignore = names.iter().map(|name| (*name).to_owned()).collect();
        QueryRules { ignore, ..QueryRules::default() }
    }

    #[test]
    fn by_default_a_query_counts_as_received() {
        for query in ["", "b=1&a=2", "a=%41", "&&", "a;b"] {
            assert_eq!(QueryRules::default().apply(query).as_deref(), Some(query));
        }
    }

    #[test]
    fn queries_that_mean_one_thing_have_one_reading() {
        for spelling in ["?q=grün x", "q=gr%C3%BCn%20x", "?q=gr%c3%bcn+x", "%71=gr%C3%BCn%20x"] {
            assert_eq!(canonical(spelling), "q=grün x", "{spelling}");
        }
        assert_eq!(canonical("?"), "");
        assert_ne!(canonical("a=1&b=2"), canonical("b=2&a=1"));
    }

    #[test]
    fn ignored_parameters_are_compared_decoded() {
        let rules = ignoring(&["utm_*", "gclid"]);
        let cut = |query: &'static str| rules.apply(query).map(Cow::into_owned);
        assert_eq!(cut("utm_source=x&id=7&gclid=1").as_deref(), Some("id=7"));
        assert_eq!(cut("u%74m_source=x&id=7").as_deref(), Some("id=7"));
        assert_eq!(cut("gclid"), None);
        assert_eq!(cut("gclid=1&gclid=2&a=1").as_deref(), Some("a=1"));
        assert_eq!(
            rules.left_out_of("utm_b=1&&id=7&gclid=1&utm_a=2&gclid=3"),
            ["gclid", "utm_a", "utm_b"]
        );
        assert!(rules.left_out_of("id=7").is_empty());
    }

    #[test]
    fn a_semicolon_ends_no_parameter() {
        // to the handler this is one parameter `utm_x` or `id` with a semicolon in its value
        let rules = ignoring(&["utm_*"]);
        assert_eq!(rules.apply("id=7;utm_x=1").as_deref(), Some("id=7;utm_x=1"));
        assert_eq!(rules.apply("utm_x=1;id=7&id=8").as_deref(), Some("id=8"));
    }

    #[test]
    fn sorting_keeps_the_order_of_one_name() {
        let rules = QueryRules { sort: true, ..QueryRules::default() };
        assert_eq!(rules.apply("b=1&a=2&b=0&a=1").as_deref(), Some("a=2&a=1&b=1&b=0"));
    }

    #[test]
    fn only_named_parameters_count() {
        let rules = QueryRules { only: Some(vec!["page".into()]), ..QueryRules::default() };
        assert_eq!(rules.apply("x=1&page=2&pages=3").as_deref(), Some("page=2"));
        assert_eq!(rules.apply("x=1"), None);
    }
}

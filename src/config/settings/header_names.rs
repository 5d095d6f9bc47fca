//! Names of headers that a user sets.

use actix_web::http::header::HeaderName;

use crate::config::error::ConfigError;

/// A header name.
pub(crate) fn header_name(setting: &'static str, name: &str) -> Result<HeaderName, ConfigError> {
    let refuse = |_| ConfigError::new(setting, format!("`{name}` is not a header name"));
    name.parse::<HeaderName>().map_err(refuse)
}

/// In lower case, a header name or the beginning of one with a `*`.
pub(super) fn name_pattern(setting: &'static str, name: &str) -> Result<String, ConfigError> {
    let name = name.to_ascii_lowercase();
    let start = name.strip_suffix('*').unwrap_or(&name);
    let is_name = !start.contains('*') && start.parse::<HeaderName>().is_ok() || name == "*";
    let refuse = || ConfigError::new(setting, format!("`{name}` is not a header name"));
    if is_name { Ok(name) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_header_names_are_refused() {
        for name in ["", "a b", "x-*-y", "**"] {
            assert!(name_pattern("Credentials::headers", name).is_err(), "{name:?}");
        }
        for name in ["", "a b", "a:"] {
            assert!(header_name("vary_by_header", name).is_err(), "{name:?}");
        }
        for (name, pattern) in [("X-Member", "x-member"), ("*", "*"), ("X-A-*", "x-a-*")] {
            assert_eq!(name_pattern("Credentials::headers", name).unwrap(), pattern);
        }
    }
}

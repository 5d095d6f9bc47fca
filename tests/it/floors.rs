//! The floors of the house: a file imports from lower floors and from its own, never upward.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each folder or file of `src` with its floor.
const FLOORS: [(&str, usize); 13] = [
    ("semantics", 0),
    ("clock", 1),
    ("host", 1),
    ("path", 1),
    ("query", 1),
    ("key", 1),
    ("purge", 1),
    ("entry", 1),
    ("store", 2),
    ("engine", 3),
    ("config", 4),
    ("middleware", 5),
    ("admin", 6),
];

fn floor(module: &str) -> usize {
    let known = FLOORS.iter().find(|(name, _)| *name == module);
    known.unwrap_or_else(|| panic!("`{module}` is on no floor")).1
}

/// Every source file of the crate with the module it belongs to.
fn files() -> Vec<(String, PathBuf, String)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&src, &mut paths);
    let named = paths.into_iter().filter(|path| !path.ends_with("src/lib.rs")).map(|path| {
        let inside = path.strip_prefix(&src).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let text = fs::read_to_string(&path).unwrap();
        (module.to_owned(), path, text)
    });
    named.collect()
}

/// The modules that follow `crate::` in the text, also in a braced list.
fn imports(text: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
    };
    let mut imports = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if !rest.starts_with('{') {
            imports.push(name(rest));
            continue;
        }
        let mut depth = 0;
        let mut at_start = false;
        for (index, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && (c == '{' || c == ',') {
                at_start = true;
            } else if at_start && !c.is_whitespace() {
                imports.push(name(&rest[index..]));
                at_start = false;
            }
        }
    }
    imports.retain(|import| !import.is_empty());
    imports
}

/// The code of a file: comments and unit tests left out.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_file_imports_upward() {
    for (module, path, text) in files() {
        for import in imports(&text) {
            let (from, to) = (floor(&module), floor(&import));
            assert!(
                to <= from,
                "{} (floor {from}) imports `{import}` (floor {to})",
                path.display()
            );
        }
    }
}

#[test]
fn the_imports_are_found() {
    let text = "use crate::{\n    engine::{stats::Stats, fill},\n    key::CacheKey,\n};\nlet x = crate::store::y;";
    assert_eq!(imports(text), ["engine", "key", "store"]);
}

#[test]
fn the_lower_floors_know_no_framework_and_no_clock() {
    for (module, path, text) in files() {
        let (code, floor) = (code(&text), floor(&module));
        let shown = path.display();
        if floor < 4 {
            let framework = code.matches("actix_web::").count();
            let http = code.matches("actix_web::http").count();
            assert_eq!(framework, http, "{shown} names the framework");
        }
        if floor < 2 {
            assert!(!code.contains("async "), "{shown} is async");
        }
        let is_test = path.ends_with("tests.rs") || path.to_string_lossy().contains("/tests/");
        if module != "clock" && !is_test {
            for clock in ["SystemTime::now", "Instant::now"] {
                assert!(!code.contains(clock), "{shown} asks the clock");
            }
        }
        assert!(text.starts_with("//!"), "{shown} does not say what lives there");
    }
}

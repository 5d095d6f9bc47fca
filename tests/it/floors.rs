//! The floors of the house: a file imports from lower floors and from its own, never upward, and no
//! two files import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Source, SourceFile};

/// Each folder or file of `src` with its floor.
const FLOORS: [(&str, usize); 14] = [
    ("semantics", 0),
    ("clock", 1),
    ("counting", 1),
    ("key", 1),
    ("purge", 1),
    ("purge_log", 1),
    ("entry", 1),
    ("store", 2),
    ("engine", 3),
    ("testing", 3),
    ("config", 4),
    ("middleware", 5),
    ("admin", 6),
    ("fuzzing", 7),
];

fn floor(module: &[String]) -> usize {
    let Some(first) = module.first() else { return usize::MAX }; // `lib.rs` is the roof
    let known = FLOORS.iter().find(|(name, _)| name == first);
    known.unwrap_or_else(|| panic!("`{first}` is on no floor")).1
}

fn shown(file: &SourceFile) -> String {
    let name = file.path.to_string_lossy();
    name.rsplit_once("/src/").map_or_else(|| name.to_string(), |(_, inside)| inside.to_owned())
}

/// Which other files each file imports from.
fn edges(source: &Source) -> BTreeMap<String, BTreeSet<String>> {
    let mut edges = BTreeMap::<_, BTreeSet<_>>::new();
    for file in &source.files {
        let others = edges.entry(shown(file)).or_default();
        for path in file.named_paths() {
            if let Some((other, _)) = source.definition(&path)
                && other.module != file.module
            {
                others.insert(shown(other));
            }
        }
    }
    edges
}

/// The files that can be reached from one by its imports.
fn reachable(edges: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = edges[from].iter().cloned().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file.clone()) {
            next.extend(edges[&file].iter().cloned());
        }
    }
    reached
}

#[test]
fn no_file_imports_upward() {
    let source = Source::read();
    for file in &source.files {
        for path in file.named_paths() {
            let (from, to) = (floor(&file.module), floor(&path));
            assert!(to <= from, "{} (floor {from}) imports {path:?} (floor {to})", shown(file));
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let edges = edges(&Source::read());
    assert!(edges.len() > 100, "the files are found");
    let reached: BTreeMap<_, _> =
        edges.keys().map(|file| (file.clone(), reachable(&edges, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        if others.contains(file) {
            let circle: Vec<_> =
                others.iter().filter(|other| reached[*other].contains(file)).cloned().collect();
            circles.insert(circle);
        }
    }
    let told = circles.iter().map(|circle| {
        let imports = circle.iter().map(|file| {
            let within: Vec<_> =
                edges[file].iter().filter(|other| circle.contains(other)).collect();
            format!("\n    {file} imports from {within:?}")
        });
        format!("\n{} files:{}", circle.len(), imports.collect::<String>())
    });
    assert!(circles.is_empty(), "circles:{}", told.collect::<String>());
}

#[test]
fn imports_are_found_in_every_form() {
    let source = Source::read();
    let file = source.files.iter().find(|file| shown(file) == "store/mod.rs").unwrap();
    let absolute = |path: &str| {
        let names: Vec<_> = path.split("::").map(str::to_owned).collect();
        file.absolute(&names).map(|names| names.join("::"))
    };
    assert_eq!(absolute("crate::key::CacheKey").as_deref(), Some("key::CacheKey"));
    assert_eq!(absolute("super::key::CacheKey").as_deref(), Some("key::CacheKey"));
    assert_eq!(absolute("any::AnyStore").as_deref(), Some("store::any::AnyStore"));
    assert_eq!(absolute("std::sync::Arc"), None);
    let re_exported = ["store".to_owned(), "Lease".to_owned()];
    assert_eq!(shown(source.definition(&re_exported).unwrap().0), "store/lease.rs");
}

#[test]
fn the_lower_floors_know_no_framework_and_no_clock() {
    for file in Source::read().files {
        let (shown, floor) = (shown(&file), floor(&file.module));
        let code = file.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        if floor < 4 {
            let framework = code.matches("actix_web::").count();
            let http = code.matches("actix_web::http").count();
            assert_eq!(framework, http, "{shown} names the framework");
        }
        if floor < 2 {
            assert!(!code.contains("async "), "{shown} is async");
        }
        if shown != "clock.rs" {
            for clock in ["SystemTime::now", "Instant::now"] {
                assert!(!code.contains(clock), "{shown} asks the clock");
            }
        }
        assert!(
            floor == usize::MAX || file.text.starts_with("//!"),
            "{shown} says what lives there"
        );
    }
}

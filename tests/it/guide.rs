//! The guide's pages can be found: from the first page of the documentation, from the README, and from their index.

use std::{fs, path::Path};

const README: &str = include_str!("../../README.md");
const INDEX: &str = include_str!("../../src/guide/index.md");
const CRATE: &str = include_str!("../../src/lib.rs");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<String> {
    let files = fs::read_dir(root().join("src/guide")).unwrap().map(|file| file.unwrap().path());
    let pages = files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned());
    pages.filter(|page| page != "index").collect()
}

#[test]
fn every_page_is_in_the_documentation_the_index_and_the_readme() {
    let pages = pages();
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        assert!(CRATE.contains(&format!("guide/{page}.md")), "{page} is not documentation");
        assert!(INDEX.contains(&format!("[`{page}`]")), "{page} is not in the index");
        assert!(
            README.contains(&format!("guide/{page}/index.html")),
            "{page} is not in the README"
        );
    }
}

#[test]
fn readme_links_to_pages_and_files_that_there_are() {
    let pages = pages();
    let guide = "actix_response_cache/guide/";
    let linked = README.split(guide).skip(1).map(|link| link.split('/').next().unwrap());
    for page in linked.filter(|page| !page.starts_with("index.html")) {
        assert!(pages.iter().any(|known| known == page), "no page {page}");
    }
    let files = README.split(['(', '"']).skip(1).filter_map(|link| link.split([')', '"']).next());
    let files = files.filter(|link| link.starts_with("tests/") || link.starts_with("LICENSE"));
    let missing: Vec<_> = files.clone().filter(|file| !root().join(file).is_file()).collect();
    assert_eq!((files.count(), missing), (4, vec![]));
}

#[test]
fn readme_is_read_in_a_minute_or_two() {
    assert!(README.lines().count() <= 200);
}

//! The example `warm_up` as a process: what was stored when it ended is stored again when it has started.

use crate::{examples::Example, support::client::Answer};

fn is_hit(answer: &Answer) -> bool {
    answer.field("cache-status").contains("; hit")
}

#[actix_rt::test]
async fn exported_urls_are_stored_again_after_restart() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("urls");
    let file = file.to_str().expect("a path");
    let first = Example::start("warm_up", &[file]);
    for number in 1..=5 {
        first.get(&format!("/pages/{number}")).await;
    }
    first.end();
    let mut second = Example::start("warm_up", &[file]);
    // a request that is not among them sets it going
    assert!(!is_hit(&second.get("/pages/0").await));
    assert_eq!(second.says(), "5 of 5 responses are stored again");
    for number in 1..=5 {
        assert!(is_hit(&second.get(&format!("/pages/{number}")).await));
    }
}

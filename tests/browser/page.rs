//! What operators do on the page.

use actix_response_cache::Clock;
use serde_json::json;

use crate::{
    chromium::Browser,
    site::{READER, Site, TOKEN},
};

const REQUESTS: &str = "#summary div:nth-child(2) .value";

async fn signed_in(site: &Site, token: &str) -> Browser {
    let mut browser = Browser::start().await;
    browser.open(&format!("{}/_cache/", site.url)).await;
    assert_eq!(browser.text("h1").await, "Sign in");
    browser.type_text(token).await;
    browser.follow("button").await;
    assert_eq!(browser.text("h1").await, "Response cache");
    browser
}

#[actix_rt::test]
async fn counters_and_charts_move_under_traffic() {
    let site = Site::start();
    let mut browser = signed_in(&site, TOKEN).await;
    let before: u64 = browser.text(REQUESTS).await.parse().expect("a number");
    site.hit("/products/1").await;
    for _ in 0..20 {
        site.get("/products/1").await;
    }
    let moved =
        format!("Number(document.querySelector('{REQUESTS}').textContent) >= {}", before + 21);
    browser.wait_for(&moved).await;
    browser
        .wait_for("document.querySelector('#charts .bar.hit')?.getAttribute('d').length > 0")
        .await;
    assert!(browser.text("#rules").await.contains("/products/{id}"));
    assert!(browser.text("#top-hits").await.contains("/products/1"));
    assert_eq!(browser.text("#poll").await, "live");
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn purge_asks_and_the_next_request_misses() {
    let site = Site::start();
    site.hit("/products/1").await;
    let mut browser = signed_in(&site, TOKEN).await;
    browser.value("document.querySelector('#target').value = '/products/1'").await;
    browser.follow("#purge button").await;
    assert_eq!(browser.text("h1").await, "Purge?");
    assert!(site.get("/products/1").await.contains("; hit"), "it only asked");
    browser.follow("button[name=confirmed]").await;
    assert!(site.get("/products/1").await.contains("fwd=uri-miss"));
    let log = browser.text("#audit").await;
    assert!(log.contains("path /products/1") && log.contains("removed 1"), "{log}");
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn switch_is_told_on_the_page() {
    let site = Site::start();
    let mut browser = signed_in(&site, TOKEN).await;
    for (label, health) in [("Disable the cache", "disabled"), ("Enable the cache", "enabled")] {
        assert_eq!(browser.text("#switch button").await, label);
        browser.follow("#switch button").await;
        assert!(browser.text("#health li").await.starts_with(health));
    }
    browser.follow(".who button").await;
    assert_eq!(browser.text("h1").await, "Sign in");
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn reader_has_no_forms_and_a_wrong_token_gets_nowhere() {
    let site = Site::start();
    let mut browser = signed_in(&site, READER).await;
    assert_eq!(browser.value("document.querySelectorAll('#purge form, #switch').length").await, 0);
    assert!(browser.text(".who").await.contains("read-only"));
    browser.follow(".who button").await;
    browser.type_text("a-token-that-is-wrong").await;
    browser.follow("button").await;
    assert!(browser.text("[role=alert]").await.contains("wrong"));
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn page_fits_a_phone_and_a_dark_room() {
    let site = Site::start();
    site.hit("/products/1").await;
    let mut browser = signed_in(&site, TOKEN).await;
    browser.wait_for("document.querySelector('#charts svg') !== null").await;
    for width in [320, 390, 800, 1600] {
        browser.resize(width, 800).await;
        let widest = browser.value("document.documentElement.scrollWidth").await;
        assert_eq!(widest, json!(width));
    }
    let background = "getComputedStyle(document.documentElement).backgroundColor";
    browser.set_dark(false).await;
    assert_eq!(browser.value(background).await, "rgb(255, 255, 255)");
    browser.set_dark(true).await;
    assert_eq!(browser.value(background).await, "rgb(18, 21, 26)");
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn keyboard_is_enough_to_purge() {
    let site = Site::start();
    site.hit("/products/1").await;
    let mut browser = Browser::start().await;
    browser.open(&format!("{}/_cache/", site.url)).await;
    browser.type_text(TOKEN).await;
    browser.press("Enter").await;
    browser.wait_for("document.querySelector('#purge form') !== null").await;
    browser.press("Tab").await;
    assert_eq!(browser.value("document.activeElement.className").await, "skip");
    browser.press("Enter").await;
    for _ in 0..2 {
        browser.press("Tab").await; // the kind of the target, the target
    }
    assert_eq!(browser.value("document.activeElement.id").await, "target");
    browser.type_text("/products/1").await;
    browser.press("Enter").await;
    browser.wait_for("document.querySelector('h1')?.textContent === 'Purge?'").await;
    browser.wait_for("document.activeElement.textContent === 'Cancel'").await;
    assert!(site.get("/products/1").await.contains("; hit"), "it only asked");
    browser.value("document.querySelector('button').focus()").await;
    browser.press("Enter").await;
    browser.wait_for("document.querySelector('#audit')?.textContent.includes('removed 1')").await;
    assert!(site.get("/products/1").await.contains("fwd=uri-miss"));
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn figures_are_fetched_only_while_the_page_is_seen() {
    let site = Site::start();
    let mut browser = signed_in(&site, TOKEN).await;
    let fetched = "performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('/live')).length";
    browser.wait_for(&format!("{fetched} > 0")).await;
    browser.set_seen(false).await;
    // a fetch that was under way has ended by then; of those after it, two would have been due
    browser.value("window.hiddenAt = performance.now()").await;
    browser.wait_for("performance.now() > window.hiddenAt + 1000").await;
    let before = browser.value(fetched).await;
    browser.wait_for("performance.now() > window.hiddenAt + 6000").await;
    assert_eq!(browser.value(fetched).await, before);
    browser.set_seen(true).await;
    browser.wait_for(&format!("{fetched} > {before} + 1")).await;
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn private_url_is_explained_with_its_headers() {
    let site = Site::start();
    let mut browser = signed_in(&site, READER).await;
    let fill = format!(
        "document.querySelector('#url').value = '{}/account';
         document.querySelector('#headers').value = 'cookie: session=secret-of-a-customer';",
        site.url
    );
    browser.value(&fill).await;
    browser.follow("#explain button").await;
    let answer = browser.text("#explain .answer").await;
    assert!(answer.contains("/account") && answer.contains("credentials"), "{answer}");
    assert!(!answer.contains("secret-of-a-customer"), "{answer}");
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn entry_is_found_and_purged_after_its_preview() {
    let site = Site::start();
    for path in ["/products/1", "/products/2", "/about"] {
        site.hit(path).await;
    }
    let mut browser = signed_in(&site, TOKEN).await;
    browser
        .value("document.querySelector('#entries input[name=path]').value = '/products/2'")
        .await;
    browser.follow("#entries form button").await;
    assert_eq!(browser.value("document.querySelectorAll('#entries tbody tr').length").await, 1);
    browser.follow("#entries td form button, #entries th form button").await;
    assert!(browser.text("#would-go").await.starts_with("1 response"));
    assert!(site.get("/products/2").await.contains("; hit"), "it only asked");
    browser.follow("button[name=confirmed]").await;
    assert!(site.get("/products/2").await.contains("fwd=uri-miss"));
    assert!(site.get("/products/1").await.contains("; hit"), "nothing else has gone");
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn purge_of_more_than_was_previewed_is_refused() {
    let site = Site::start();
    site.hit("/products/1").await;
    let mut browser = signed_in(&site, TOKEN).await;
    let fill = "document.querySelector('#purge input[value=prefix]').checked = true;
                document.querySelector('#target').value = '/products';";
    browser.value(fill).await;
    browser.follow("#purge button").await;
    assert!(browser.text("#would-go").await.starts_with("1 response"));
    site.hit("/products/2").await;
    browser.follow("button[name=confirmed]").await;
    assert!(browser.text("main").await.contains("2 responses would go now"));
    for path in ["/products/1", "/products/2"] {
        assert!(site.get(path).await.contains("; hit"), "nothing has gone");
    }
    site.stop().await;
}

#[actix_rt::test]
async fn reason_leads_to_the_explanation_of_an_example() {
    let site = Site::start();
    site.get_with_cookie("/account").await;
    let mut browser = signed_in(&site, TOKEN).await;
    browser.follow("#why-bypassed a[href*=account]").await;
    assert!(browser.text("#explain .answer").await.contains("/account"));
    assert_eq!(browser.value("location.hash").await, "#explain");
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn wrong_tokens_are_answered_more_slowly_and_the_right_one_at_once() {
    let site = Site::start();
    let mut browser = Browser::start().await;
    browser.open(&format!("{}/_cache/", site.url)).await;
    let mut slowest = std::time::Duration::ZERO;
    for wrong in 0..6 {
        browser.type_text(&format!("a-token-that-is-wrong-{wrong}")).await;
        let begun = std::time::Instant::now();
        browser.follow("button").await;
        slowest = slowest.max(begun.elapsed());
    }
    // the last of them waited for a quarter of a second, doubled twice
    assert!(slowest >= std::time::Duration::from_millis(900), "{slowest:?}");
    browser.type_text(TOKEN).await;
    browser.follow("button").await;
    assert_eq!(browser.text("h1").await, "Response cache");
    assert!(browser.text("#health").await.contains("6 wrong tokens"));
    browser.assert_clean().await;
    site.stop().await;
}

#[actix_rt::test]
async fn pictures_of_the_page_show_something() {
    let clock = Clock::manual();
    let site = Site::at(clock.clone());
    site.pass_an_hour(&clock).await;
    let mut browser = signed_in(&site, TOKEN).await;
    browser.resize(1200, 900).await;
    browser
        .wait_for("document.querySelector('#charts .bar.hit')?.getAttribute('d').length > 0")
        .await;
    for (name, dark) in [("page-light.png", false), ("page-dark.png", true)] {
        browser.set_dark(dark).await;
        let picture = browser.screenshot().await;
        assert_eq!(&picture[1..4], b"PNG");
        let side = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
        assert_eq!((side(16), side(20)), (1200, 900));
        // one of a blank page has 5 KB
        assert!((20_000..150_000).contains(&picture.len()), "{} bytes", picture.len());
        if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/screenshots");
            std::fs::create_dir_all(folder).expect("a folder");
            std::fs::write(format!("{folder}/{name}"), picture).expect("it is written");
        }
    }
    browser.assert_clean().await;
    site.stop().await;
}

//! What `benches/instructions.sh` counts by callgrind: one kind of request, a number of times.
//! Called as `instructions <kind> <times>`; the difference of two numbers of times is free of what
//! starting and ending cost.

#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::panic, reason = "a bench")]

use std::{env, hint::black_box};

use actix_response_cache::ResponseCache;
use actix_web::{App, HttpResponse, test::init_service, web};

mod support;

use support::{ask, body, request};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [kind, times] = arguments.as_slice() else {
        return; // `cargo bench` runs every bench; this one is for the script
    };
    let times = times.parse().expect("a number of times");
    let body = body(1024);
    let handler = move || {
        let body = body.clone();
        async move { HttpResponse::Ok().content_type("text/html").body(body) }
    };
    let app = App::new().route("/products/{id}", web::get().to(handler));
    let one = |_: u64| "/products/7".to_owned();
    actix_rt::System::new().block_on(async {
        match kind.as_str() {
            // the requests alone, which every other kind builds too
            "none" => (0..times).for_each(|n: u64| drop(black_box(request(&one(n))))),
            "bare" => drop(ask(&init_service(app).await, times, one).await),
            "hit" => {
                let app = init_service(app.wrap(ResponseCache::memory())).await;
                ask(&app, times, one).await;
            }
            "miss" => {
                let app = init_service(app.wrap(ResponseCache::memory())).await;
                ask(&app, times, |n| format!("/products/{n}")).await;
            }
            "bypass" => {
                let app = init_service(app.wrap(ResponseCache::memory().exclude("/"))).await;
                ask(&app, times, one).await;
            }
            other => panic!("`{other}` is none of none, bare, hit, miss, bypass"),
        }
    });
}

//! Text that is packed once, when it is stored, and leaves in the coding that each client wants. Run it, then
//! `curl -so /dev/null -w '%{size_download}' -H 'accept-encoding: br' localhost:8080` twice.

use std::time::Duration;

use actix_response_cache::{Precompress, ResponseCache};
use actix_web::{App, HttpServer, Responder, web};

async fn page() -> impl Responder {
    let rows = (1..=1000).map(|row| format!("<tr><td>{row}</td><td>a product</td></tr>"));
    web::Html::new(format!("<table>{}</table>", rows.collect::<String>()))
}

fn cache() -> ResponseCache {
    ResponseCache::memory()
        .ttl(Duration::from_secs(60))
        // slow levels keep no request waiting
        .precompress(Precompress::new().br(9).zstd(9).gzip(9))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let cache = cache();
    HttpServer::new(move || App::new().route("/", web::get().to(page)).wrap(cache.clone()))
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        body::MessageBody as _,
        test::{TestRequest, call_service, init_service},
        web,
    };

    #[actix_web::test]
    async fn page_leaves_packed_from_the_first_hit_on() {
        let cache = super::cache();
        let app = App::new().route("/", web::get().to(super::page)).wrap(cache.clone());
        let app = init_service(app).await;
        let ask = || TestRequest::get().insert_header(("accept-encoding", "gzip, br")).to_request();
        let plain = call_service(&app, ask()).await.into_body().try_into_bytes();
        cache.handle().expect("right settings").settle().await;
        let res = call_service(&app, ask()).await;
        assert_eq!(res.headers().get("content-encoding").expect("packed"), "br");
        let packed = res.into_body().try_into_bytes();
        assert!(packed.expect("a body").len() * 5 < plain.expect("a body").len());
    }
}

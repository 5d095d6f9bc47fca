//! An application on a socket of its own.

use std::{fmt::Debug, net::SocketAddr};

use actix_http::{Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::{
    Error, HttpServer,
    body::MessageBody,
    dev::{AppConfig, ServerHandle},
};

/// Runs a server on a free loopback port. A signal ends the test and not the server.
pub fn serve<F, I, S, B>(server: HttpServer<F, I, S, B>) -> (SocketAddr, ServerHandle)
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error>,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let server = server.disable_signals().shutdown_timeout(1);
    let server = server.bind(("127.0.0.1", 0)).expect("a free port");
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    actix_rt::spawn(running);
    (address, handle)
}

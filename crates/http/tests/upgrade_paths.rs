//! Which handler an upgrade request reaches, over real sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;

use ferrowire_core::async_trait;
use ferrowire_core::port::{Origin, TakeOver, Upgrade};
use ferrowire_http::{Limits, NoUpgrade, Page, Registration, Response, Routes, full, serve, text};
use hyper::StatusCode;
use hyper::http::request::Parts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Refuses every upgrade and says which path it has.
struct Named(&'static str);

#[async_trait]
impl Upgrade for Named {
    async fn upgrade(&self, _: Parts, _: Origin) -> Result<TakeOver, Response> {
        Err(text(StatusCode::FORBIDDEN, self.0))
    }
}

fn add(routes: &Routes, path: &'static str) -> Registration {
    routes.add_upgrade(path, Arc::new(Named(path))).unwrap()
}

async fn serve_routes(routes: &Routes) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving =
        serve(listener, None, routes.clone(), Limits::default(), CancellationToken::new());
    #[expect(clippy::disallowed_methods, reason = "no node owns this task")]
    tokio::spawn(serving);
    address
}

/// The status and the body of the response to a request with these header lines.
async fn ask(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn upgrade(address: SocketAddr, path: &str) -> String {
    ask(address, path, "Connection: Upgrade\r\nUpgrade: websocket\r\n")
        .await
        .1
        .trim_end()
        .to_owned()
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    ask(address, path, "Connection: close\r\n").await
}

#[tokio::test]
async fn the_most_exact_path_gets_an_upgrade() {
    let routes = Routes::new();
    let paths = ["/*", "/a/*", "/a/:x", "/:x/b", "/a/:x/c", "/a/b", "/caf%C3%A9"];
    let mut kept: Vec<_> = paths.into_iter().map(|path| add(&routes, path)).collect();
    let address = serve_routes(&routes).await;
    for (path, expected) in [
        ("/a/b", "/a/b"),
        ("/a/x", "/a/:x"),
        ("/a/x/c", "/a/:x/c"),
        ("/a/x/d", "/a/*"),
        ("/a/", "/a/*"),
        ("/x/b", "/:x/b"),
        ("/x/y", "/*"),
        ("/caf%c3%a9?query", "/caf%C3%A9"),
    ] {
        assert_eq!(upgrade(address, path).await, expected, "{path}");
    }
    drop(kept.remove(5));
    assert_eq!(upgrade(address, "/a/b").await, "/a/:x", "after the literal path was released");
}

#[tokio::test]
async fn one_path_has_one_handler_whatever_its_parameters_are_called() {
    let routes = Routes::new();
    let kept = add(&routes, "/a/:x");
    let second = || routes.add_upgrade("/a/:y", Arc::new(Named("second")));
    let error = second().unwrap_err();
    assert_eq!(error.to_string(), "the path `/a/:y` is already in use; choose another one");
    drop(kept);
    let _kept = second().unwrap();
    let invalid = routes.add_upgrade("/*/a", Arc::new(Named("invalid")));
    assert!(matches!(invalid, Err(NoUpgrade::Invalid(_))));
}

#[tokio::test]
async fn a_request_without_an_upgrade_learns_that_the_path_requires_one() {
    let routes = Routes::new();
    let page: Page = Arc::new(|_, _| Box::pin(std::future::ready(full("text/plain", "page"))));
    let _page = routes.add_pages_below("/", page).unwrap();
    let _upgrades = ["/ocpp/:id", "/live/*", "/:any", "/"].map(|path| add(&routes, path));
    let address = serve_routes(&routes).await;
    for path in ["/ocpp/1", "/live/a/b"] {
        assert_eq!(get(address, path).await.0, 426, "{path}");
    }
    for path in ["/", "/index.html", "/ocpp/1/2"] {
        assert_eq!(get(address, path).await, (200, "page".to_owned()), "{path}");
    }
    assert_eq!(upgrade(address, "/").await, "/");
    assert_eq!(upgrade(address, "/index.html").await, "/:any");
}

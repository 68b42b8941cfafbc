//! Which route handles a request, over a real connection.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;

use ferrowire_http::{Layer, Limits, Page, Registration, Request, Routes, Turn, serve, text};
use hyper::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

fn says(name: &'static str) -> Page {
    Arc::new(move |_, _| Box::pin(std::future::ready(text(StatusCode::OK, name))))
}

/// Handles paths below `below` that contain `part`.
fn layer(
    routes: &Routes,
    turn: Turn,
    name: &'static str,
    part: &'static str,
) -> (Registration, Vec<String>) {
    let page = says(name);
    let find =
        move |request: &Request| request.uri().path().contains(part).then(|| Arc::clone(&page));
    let (below, what) = ("/".to_owned(), format!("paths with {part}"));
    routes.add_layer(Layer { turn, below, what, who: name.to_owned(), find: Arc::new(find) })
}

async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response.split_once("\r\n\r\n").unwrap().1.trim().to_owned()
}

/// Serves routes until `client` has ended.
async fn served(client: impl AsyncFnOnce(Routes, SocketAddr)) {
    let routes = Routes::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = serve(listener, None, routes.clone(), Limits::default(), stop.clone());
    let client = async {
        client(routes, address).await;
        stop.cancel();
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn exact_paths_come_first_then_layers_in_turn_then_who_answers_everything_below() {
    served(async |routes: Routes, address| {
        let _root = routes.add_pages_below("/", says("root")).unwrap();
        let admin = routes.add_pages_below("/admin/", says("admin")).unwrap();
        let _exact = routes.add_page("/admin/x", says("exact")).unwrap();
        assert!(routes.add_page("/admin/x", says("another")).is_err());
        let (last, _) = layer(&routes, Turn::Last, "file", "a");
        let (flow, others) = layer(&routes, Turn::Flows, "flow", "x");
        assert_eq!(others, Vec::<String>::new());
        let (_second, others) = layer(&routes, Turn::Flows, "second", "x");
        assert_eq!(others, ["flow"]);
        let (_first, _) = layer(&routes, Turn::Runtime, "runtime", "xyz");
        for (path, answer) in [
            ("/admin/x", "exact"),
            ("/xyz", "runtime"),
            ("/xy", "flow"),
            ("/a", "file"),
            ("/admin/y", "file"),
            ("/b", "root"),
            ("/", "root"),
        ] {
            assert_eq!(ask(address, path).await, answer, "{path}");
        }
        drop(flow);
        assert_eq!(ask(address, "/xy").await, "second");
        drop(last);
        assert_eq!(ask(address, "/admin/y/z").await, "admin");
        assert_eq!(ask(address, "/admin").await, "root");
        drop(admin);
        assert_eq!(ask(address, "/admin/y/z").await, "root");
    })
    .await;
}

#[tokio::test]
async fn while_the_port_is_held_only_early_pages_are_served() {
    served(async |routes: Routes, address| {
        let _root = routes.add_pages_below("/", says("root")).unwrap();
        let (_early, _) = layer(&routes, Turn::Early, "early", "early");
        let held = routes.hold();
        let mut waiting = std::pin::pin!(ask(address, "/other"));
        tokio::select! {
            answer = ask(address, "/early") => assert_eq!(answer, "early"),
            answer = &mut waiting => panic!("{answer}"),
        }
        drop(held);
        assert_eq!(waiting.await, "root");
        assert_eq!(ask(address, "/other").await, "root");
    })
    .await;
}

#[tokio::test]
async fn a_route_of_a_flow_is_found_by_its_method_and_path_below_the_root() {
    served(async |routes: Routes, address| {
        let known = routes.clone();
        let page: Page = Arc::new(move |request, _| {
            let answer = if known.flows_have(&request) { "of a flow" } else { "of nobody" };
            Box::pin(std::future::ready(text(StatusCode::OK, answer)))
        });
        let _page = routes.add_pages_below("/", page).unwrap();
        let flow = |what: &str| Layer {
            turn: Turn::Flows,
            below: "/api/".to_owned(),
            what: what.to_owned(),
            who: String::new(),
            find: Arc::new(|_| None),
        };
        let _get = routes.add_layer(flow("GET /metrics"));
        let _post = routes.add_layer(flow("POST /other"));
        let _all = routes.add_layer(flow("GET /*"));
        for (path, answer) in
            [("/api/metrics", "of a flow"), ("/metrics", "of nobody"), ("/api/other", "of nobody")]
        {
            assert_eq!(ask(address, path).await, answer, "{path}");
        }
    })
    .await;
}

//! A node in a library serves at the HTTP port of its host.

#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use bytes::Bytes;
use ferrowire_core::port::{
    Answer, Body, ByteStream, Incoming, Origin, Place, Port, Registration, Route, Upgrade,
};
use ferrowire_core::{Level, Message, NodeError, NodeInfo};
use ferrowire_testkit::Harness;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Channel, Empty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What nodes added.
#[derive(Default)]
struct Added {
    answer: Option<Arc<dyn Answer>>,
    upgrade: Option<Arc<dyn Upgrade>>,
}

/// A port without a socket: tests call what was added.
#[derive(Clone, Default)]
struct TestPort(Arc<Mutex<Added>>);

impl std::fmt::Debug for TestPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestPort")
    }
}

/// Removes what was added.
struct Guard(TestPort, fn(&mut Added));

impl Drop for Guard {
    fn drop(&mut self) {
        (self.1)(&mut self.0.0.lock().unwrap());
    }
}

impl Port for TestPort {
    fn root(&self, place: Place) -> &str {
        match place {
            Place::Flows => "/root",
            Place::Admin => "/admin",
        }
    }

    fn add_route(
        &self,
        owner: &NodeInfo,
        route: Route,
        answer: Arc<dyn Answer>,
    ) -> Result<Registration, NodeError> {
        assert_eq!((owner.id.as_str(), route), ("server", Route::of_flows("POST /echo")));
        self.0.lock().unwrap().answer = Some(answer);
        let guard = Guard(self.clone(), |added| added.answer = None);
        Ok(Registration::new(guard, vec!["first".into(), "second".into()]))
    }

    fn add_upgrade(
        &self,
        _: &NodeInfo,
        path: &str,
        upgrade: Arc<dyn Upgrade>,
    ) -> Result<Registration, NodeError> {
        if self.0.lock().unwrap().upgrade.is_some() {
            return Err(NodeError::new(format!("the path `{path}` is taken")));
        }
        self.0.lock().unwrap().upgrade = Some(upgrade);
        Ok(Registration::new(Guard(self.clone(), |added| added.upgrade = None), Vec::new()))
    }
}

impl TestPort {
    fn answer(&self) -> Arc<dyn Answer> {
        self.0.lock().unwrap().answer.clone().unwrap()
    }

    fn upgrade(&self) -> Arc<dyn Upgrade> {
        self.0.lock().unwrap().upgrade.clone().unwrap()
    }
}

/// The node, served at a port.
async fn serve() -> (Harness, TestPort) {
    let port = TestPort::default();
    let mut node = Harness::with(support::node_type("fixture-serves"))
        .config(ferrowire_testkit::json!({"id": "server"}))
        .port(port.clone())
        .start()
        .await;
    let told = node.next_output(0).await;
    assert_eq!(told.payload(), Some(&"/root".into()));
    assert_eq!(told.get("earlier"), Some(&"first,second".into()));
    (node, port)
}

fn origin() -> Origin {
    Origin { address: "[fe80::1]:1234".parse().unwrap(), secure: true }
}

fn empty() -> Body {
    Box::pin(Empty::new().map_err(|never| match never {}))
}

fn incoming(path: &str, body: Body) -> Incoming {
    let request = Request::post(path).header("x-value", [0xff].as_slice()).body(body).unwrap();
    Incoming { request, origin: origin() }
}

#[tokio::test]
async fn a_request_with_a_streamed_body_is_answered_by_a_library() {
    let (node, port) = serve().await;
    let answer = port.answer();
    assert!(answer.answers(&Method::POST, "/echo") && !answer.answers(&Method::GET, "/echo"));
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    let response = answer.answer(incoming("/root/echo", Box::pin(body))).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["x-value"].as_bytes(), [0xff]);
    assert_eq!(response.headers()["x-origin"], "[fe80::1]:1234 true");
    let mut body = response.into_body();
    let large = Bytes::from(vec![7; 70_000]);
    for part in [Bytes::from_static(b"short"), large.clone()] {
        sender.send_data(part.clone()).await.unwrap();
        let back = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(back, part);
        assert_eq!(back.as_ptr(), part.as_ptr(), "the bytes are shared");
    }
    sender.abort(io::ErrorKind::ConnectionReset.into());
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    drop(answer);
    node.stop().await;
}

#[tokio::test]
async fn the_answer_of_a_library_is_dropped_when_the_client_leaves() {
    let (node, port) = serve().await;
    let answer = port.answer();
    let mut waiting = answer.answer(incoming("/root/echo/wait", empty()));
    let polled = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    drop(waiting);
    drop(answer);
    let logs = node.stop().await.logs;
    let expected = [(Level::Debug, "waiting"), (Level::Warn, "the client left")];
    assert_eq!(logs, expected.map(|(level, text)| (level, text.to_owned())));
}

#[tokio::test]
async fn a_panic_of_a_library_that_answers_is_status_500_and_the_error_of_its_node() {
    let (mut node, port) = serve().await;
    let answer = port.answer();
    let panicked = "of the plugin `ferrowire-loader-fixture` panicked: on purpose, in";
    let response = answer.answer(incoming("/root/echo/panic", empty())).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(node.next_error().await, format!("a handler of requests {panicked} answer"));
    assert!(!answer.answers(&Method::POST, "/panic"));
    assert_eq!(
        node.next_error().await,
        "`answers` of the plugin `ferrowire-loader-fixture` panicked"
    );
    drop(answer);
    node.stop().await;
}

#[tokio::test]
async fn a_library_takes_a_connection_over_and_refuses_another() {
    let (node, port) = serve().await;
    let upgrade = port.upgrade();
    let head = |path| Request::get(path).body(()).unwrap().into_parts().0;
    let Err(refusal) = upgrade.upgrade(head("/root/up?no"), origin()).await else {
        panic!("it was accepted")
    };
    assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
    let Ok(take_over) = upgrade.upgrade(head("/root/up"), origin()).await else {
        panic!("it was refused")
    };
    let (mut near, far) = tokio::io::duplex(1024);
    take_over(ByteStream::new(far), Bytes::from_static(b"early"));
    let mut got = vec![0; 10_000];
    near.read_exact(&mut got[..5]).await.unwrap();
    assert_eq!(&got[..5], b"early");
    let (mut reader, mut writer) = tokio::io::split(near);
    let sent = vec![9; 10_000];
    let (written, read) = tokio::join!(writer.write_all(&sent), reader.read_exact(&mut got));
    written.unwrap();
    read.unwrap();
    assert!(got == sent);
    drop((reader, writer, upgrade));
    tokio::task::yield_now().await;
    let logs = node.stop().await.logs;
    assert_eq!(logs, [(Level::Warn, "the connection ended".to_owned())]);
}

#[tokio::test]
async fn what_a_library_added_goes_when_it_drops_its_registrations_and_another_path_is_refused() {
    let (mut node, port) = serve().await;
    let mut second = Harness::with(support::node_type("fixture-serves"))
        .config(ferrowire_testkit::json!({"id": "server"}))
        .port(port.clone())
        .start()
        .await;
    assert_eq!(second.next_error().await, "the path `/up` is taken");
    second.stop().await;
    node.send(Message::new()).await;
    let is_gone = |added: &Added| added.answer.is_none() && added.upgrade.is_none();
    assert!(is_gone(&port.0.lock().unwrap()));
    node.stop().await;
}

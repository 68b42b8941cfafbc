//! `TcpIn`: the node `tcp in`.

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ferrowire::{
    FromConfig, Message, Node, NodeConfig, NodeContext, NodeError, Status, StopReason, Value,
    async_trait,
};
use ferrowire_net::Stream;

use crate::client::{Client, Serve, Target};
use crate::framing::{Framing, FramingOptions};
use crate::listen::{Accept, Server};
use crate::peer::{End, Mailbox, Peer, Take, serve};
use crate::pool::Entry;
use crate::settings::MAX_MESSAGE;
use crate::status;

/// Node-RED's `tcp in`.
#[derive(Debug)]
pub struct TcpIn {
    listens: bool,
    target: Target,
    messages: Messages,
    server: OnceLock<Arc<Server>>,
}

/// How data becomes messages.
#[derive(Clone, Debug)]
struct Messages {
    topic: Value,
    framing: FramingOptions,
    /// Messages of a server have the address of the client.
    has_address: bool,
}

impl FromConfig for TcpIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let listens = config.text("server") == "server" || config.text("server") == "true";
        TcpIn {
            listens,
            target: Target::from_config(config),
            messages: Messages {
                topic: config.properties().get_own("topic").cloned().unwrap_or(Value::Undefined),
                framing: FramingOptions::from_config(config),
                has_address: listens,
            },
            server: OnceLock::new(),
        }
    }
}

#[async_trait]
impl Node for TcpIn {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let messages = self.messages.clone();
        if self.listens {
            let Target { port, security, .. } = &self.target;
            let server = Server::start(cx, *port, security, messages).await?;
            // A node starts once.
            let _is_first = self.server.set(server);
        } else {
            let client = Client::new(self.target.clone(), cx.clone());
            cx.spawn(async move { client.keep_up(&messages).await });
        }
        Ok(())
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        if let Some(server) = self.server.get() {
            server.stop().await;
        }
    }
}

/// The messages of one connection.
struct Inflow<'a> {
    messages: &'a Messages,
    framing: Framing,
    ip: Value,
    port: Value,
    session: Value,
    cx: &'a NodeContext,
}

impl Inflow<'_> {
    async fn send(&self, payload: Value) {
        let mut msg = Message::new();
        msg.set("topic", self.messages.topic.clone());
        msg.set("payload", payload);
        if self.messages.has_address {
            msg.set("ip", self.ip.clone());
            msg.set("port", self.port.clone());
        }
        msg.set("_session", self.session.clone());
        self.cx.send(0, msg).await;
    }

    /// Sends what is left; returns whether there was something.
    async fn end(&mut self) -> bool {
        match self.framing.end() {
            Some(payload) => {
                self.send(payload).await;
                true
            }
            None => false,
        }
    }
}

impl Take for Inflow<'_> {
    async fn take(&mut self, bytes: Bytes) -> io::Result<()> {
        let found = self.framing.add(bytes).inspect_err(|error| {
            self.cx.fail(format!("error: {error}"));
        })?;
        for payload in found {
            self.send(payload).await;
        }
        Ok(())
    }
}

impl Messages {
    fn inflow<'a>(&'a self, peer: &Peer, cx: &'a NodeContext) -> Inflow<'a> {
        let framing = Framing::new(self.framing.clone(), cx.setting(&MAX_MESSAGE));
        Inflow {
            messages: self,
            framing,
            ip: peer.address.ip().to_string().into(),
            port: f64::from(peer.address.port()).into(),
            session: status::session(peer),
            cx,
        }
    }
}

impl Serve for Messages {
    async fn serve(
        &self,
        client: &Client,
        stream: Stream,
        peer: &Arc<Peer>,
        mailbox: Mailbox,
    ) -> End {
        let _entry = Entry::new(peer);
        let mut inflow = self.inflow(peer, client.cx());
        let end = serve(stream, mailbox, &mut inflow).await;
        if matches!(end, End::Closed) && inflow.end().await {
            client.expect_end();
        }
        end
    }

    fn has_session(&self) -> bool {
        true
    }
}

impl Accept for Messages {
    async fn serve(
        &self,
        server: &Server,
        stream: Stream,
        peer: &Arc<Peer>,
        mailbox: Mailbox,
    ) -> End {
        let _entry = Entry::new(peer);
        let mut inflow = self.inflow(peer, &server.cx);
        let end = serve(stream, mailbox, &mut inflow).await;
        if matches!(end, End::Closed) {
            inflow.end().await;
        }
        end
    }

    fn changed(&self, server: &Server, peer: &Peer, is_new: bool) {
        let event = if is_new { "connect" } else { "disconnect" };
        let status = Status::new("", "", status::count(server.count()))
            .with("event", event)
            .with("ip", peer.address.ip().to_string())
            .with("port", f64::from(peer.address.port()))
            .with("_session", status::session(peer));
        server.cx.status(status);
    }
}

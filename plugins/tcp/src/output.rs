//! `TcpOut`: the node `tcp out`.

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, Status, StopReason,
    Value, async_trait,
};
use ferrowire_net::Stream;

use crate::client::{Client, Serve, Target};
use crate::listen::{Accept, Server};
use crate::peer::{End, Mailbox, Peer, Take, serve};
use crate::{reply, status};

/// Node-RED's `tcp out`.
#[derive(Debug)]
pub struct TcpOut {
    role: Role,
    target: Target,
    is_base64: bool,
    /// Connections are closed after each message.
    ends: bool,
    client: OnceLock<Arc<Client>>,
    server: OnceLock<Arc<Server>>,
}

/// The property `beserver`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Reply,
    Server,
}

impl FromConfig for TcpOut {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        TcpOut {
            role: match config.text("beserver").as_str() {
                "" | "client" => Role::Client,
                "reply" => Role::Reply,
                _ => Role::Server,
            },
            target: Target::from_config(config),
            is_base64: config.boolean("base64", false),
            ends: config.boolean("end", false),
            client: OnceLock::new(),
            server: OnceLock::new(),
        }
    }
}

#[async_trait]
impl Node for TcpOut {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        match self.role {
            Role::Reply => {}
            Role::Client => {
                let client = Arc::new(Client::new(self.target.clone(), cx.clone()));
                // A node starts once.
                let _is_first = self.client.set(Arc::clone(&client));
                cx.spawn(async move { client.keep_up(&Ignored).await });
            }
            Role::Server => {
                cx.status(Status::new("", "", status::count(0)));
                let Target { port, security, .. } = &self.target;
                let server = Server::start(cx, *port, security, Ignored).await?;
                let _is_first = self.server.set(server);
            }
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        if self.role == Role::Reply && reply::reply_now(&msg, self.is_base64) {
            return Handled::Done;
        }
        Handled::NotNow(msg)
    }

    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        if self.role == Role::Reply {
            return reply::reply(&msg, self.is_base64).await;
        }
        let payload = msg.payload().filter(|payload| !matches!(payload, Value::Null));
        let Some(payload) = payload else { return Ok(()) };
        let bytes = javascript::bytes(Some(payload), self.is_base64);
        match (self.client.get(), self.server.get()) {
            (Some(client), _) => self.send(client, bytes, cx).await,
            (_, Some(server)) => self.send_to_all(server, bytes).await,
            _ => Ok(()),
        }
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        if let Some(server) = self.server.get() {
            server.stop().await;
        }
    }
}

impl TcpOut {
    async fn send(&self, client: &Client, bytes: Bytes, cx: &NodeContext) -> Result<(), NodeError> {
        let Some(peer) = client.current() else { return Ok(()) };
        peer.write(bytes).await?;
        if self.ends {
            client.expect_end();
            cx.status(Status::default());
            peer.end();
        }
        Ok(())
    }

    async fn send_to_all(&self, server: &Server, bytes: Bytes) -> Result<(), NodeError> {
        let sent = reply::write_to(&server.peers(), &bytes).await;
        if self.ends {
            server.peers().iter().for_each(|peer| peer.end());
        }
        sent
    }
}

/// What a peer sends is not used.
struct Ignored;

impl Take for Ignored {
    async fn take(&mut self, _: Bytes) -> io::Result<()> {
        Ok(())
    }
}

impl Serve for Ignored {
    async fn serve(&self, _: &Client, stream: Stream, _: &Arc<Peer>, mailbox: Mailbox) -> End {
        serve(stream, mailbox, &mut Ignored).await
    }

    fn has_session(&self) -> bool {
        false
    }
}

impl Accept for Ignored {
    async fn serve(&self, _: &Server, stream: Stream, _: &Arc<Peer>, mailbox: Mailbox) -> End {
        serve(stream, mailbox, &mut Ignored).await
    }

    fn changed(&self, server: &Server, peer: &Peer, is_new: bool) {
        let (ip, port) = (peer.address.ip(), peer.address.port());
        let what = if is_new { "connection from" } else { "connection closed from" };
        server.cx.info_log(format_args!("{what} {ip}:{port}"));
        server.cx.status(Status::new("", "", status::count(server.count())));
    }
}

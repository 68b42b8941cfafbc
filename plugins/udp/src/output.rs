//! `UdpOut`: the node `udp out`.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ferrowire::expression::javascript;
use ferrowire::{
    FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError, Sending,
    Status, StopReason, Value, async_trait,
};
use tokio::net::lookup_host;

use crate::failure;
use crate::family::Family;
use crate::interface::{self, Interface};
use crate::socket::Shared;

/// Node-RED's `udp out`.
#[derive(Debug)]
pub struct UdpOut {
    address: String,
    port: String,
    /// The port to send from; 0 for any.
    own_port: u16,
    family: Family,
    interface: Interface,
    reach: Reach,
    is_base64: bool,
    socket: Mutex<Option<Arc<Shared>>>,
}

/// The property `multicast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    One,
    Broadcast,
    Group,
}

impl FromConfig for UdpOut {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let family = Family::from_config(config);
        UdpOut {
            address: config.text("addr"),
            port: config.text("port"),
            own_port: config.number_in("outport", 0.0..=65_535.0).unwrap_or(0.0) as u16,
            family,
            interface: Interface::from_config(config, family),
            reach: match config.text("multicast").as_str() {
                "board" => Reach::Broadcast,
                "multi" => Reach::Group,
                _ => Reach::One,
            },
            is_base64: config.boolean("base64", false),
            socket: Mutex::default(),
        }
    }
}

#[async_trait]
impl Node for UdpOut {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        // Without a port of its own, it may use that of a node which starts later.
        if self.own_port == 0 && self.reach == Reach::One {
            return Ok(());
        }
        self.open(cx).map(drop)
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        match msg.contains_key("payload") {
            true => Handled::NotNow(msg),
            // As in Node-RED, it is not completed either.
            false => Handled::Kept(Sending::done()),
        }
    }

    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let (host, port) = match self.target(&msg) {
            Ok(target) => target,
            Err(warning) => {
                cx.warn(warning);
                return Ok(());
            }
        };
        let bytes = javascript::bytes(msg.payload(), self.is_base64);
        let shared = self.open(cx)?;
        let sent = match self.resolve(&host, port).await {
            Ok(address) => shared.socket.send_to(&bytes, address).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            let text = format!("udp : Error: send {} {host}:{port}", failure::code(&error));
            cx.fail_with(text, msg).await;
        }
        Ok(())
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        self.socket.locked().take();
        cx.info_log("udp output stopped");
        cx.status(Status::default());
    }
}

impl UdpOut {
    /// The host and port of a message.
    fn target(&self, msg: &Message) -> Result<(String, u16), &'static str> {
        let given = |own: &str, name: &str| match own.is_empty() {
            false => Some(Value::from(own)),
            true => msg.get(name).filter(|value| value.is_truthy()).cloned(),
        };
        let host = given(&self.address, "ip").ok_or("udp: ip address not set")?;
        let port = given(&self.port, "port").ok_or("udp: port not set")?;
        let port = javascript::number(Some(&port));
        if !(1.0..=65_535.0).contains(&port) {
            return Err("udp: port number not valid");
        }
        Ok((javascript::text(Some(&host)), port as u16))
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<SocketAddr> {
        let found = lookup_host((host, port)).await?.find_map(|address| self.family.fit(address));
        found.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// The socket: that of another node at the same port, or a new one.
    fn open(&self, cx: &NodeContext) -> Result<Arc<Shared>, NodeError> {
        let mut socket = self.socket.locked();
        if let Some(shared) = &*socket {
            return Ok(Arc::clone(shared));
        }
        let there = self.port.parse().ok().filter(|_| self.own_port == 0);
        let used = there.and_then(|port| Shared::opened(port, self.family));
        let shared = match used {
            Some(shared) => shared,
            None => Shared::at(self.own_port, self.family)
                .map_err(|error| NodeError::new(failure::not_open(&error, self.own_port)))?,
        };
        self.prepare(&shared, cx);
        *socket = Some(Arc::clone(&shared));
        Ok(shared)
    }

    fn prepare(&self, shared: &Shared, cx: &NodeContext) {
        let interface = self.interface.find(cx);
        let prepared = match self.reach {
            Reach::One => Ok(()),
            Reach::Broadcast => shared.socket.set_broadcast(true),
            Reach::Group => interface::join(&shared.socket, &self.address, interface.as_ref()),
        };
        match prepared {
            Ok(()) => cx.info_log(format_args!("udp ready: {}:{}", self.address, self.port)),
            Err(error) => cx.fail(failure::not_joined(&error)),
        }
    }
}

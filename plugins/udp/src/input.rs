//! `UdpIn`: the node `udp in`.

use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use ferrowire::port::Registration;
use ferrowire::{
    FromConfig, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError, Status,
    StopReason, Value, async_trait,
};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::family::Family;
use crate::interface::{self, Interface};
use crate::socket::{Datagram, Shared};
use crate::{failure, ports};

/// Node-RED's `udp in`.
#[derive(Debug)]
pub struct UdpIn {
    port: u16,
    family: Family,
    interface: Interface,
    /// The multicast group to join.
    group: Option<String>,
    form: Form,
    route: Mutex<Option<Registration>>,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Buffer,
    Text,
    Base64,
}

impl FromConfig for UdpIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let family = Family::from_config(config);
        let is_multicast = config.text("multicast") == "true";
        UdpIn {
            port: config.number_in("port", 0.0..=65_535.0).unwrap_or(0.0) as u16,
            family,
            interface: Interface::from_config(config, family),
            group: is_multicast.then(|| config.text("group")),
            form: match config.text("datatype").as_str() {
                "utf8" => Form::Text,
                "base64" => Form::Base64,
                _ => Form::Buffer,
            },
            route: Mutex::default(),
        }
    }
}

#[async_trait]
impl Node for UdpIn {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        *self.route.locked() = ports::add(cx);
        let interface = self.interface.find(cx);
        let shared = Shared::at(self.port, self.family)
            .map_err(|error| NodeError::new(failure::not_open(&error, self.port)))?;
        let port = shared.socket.local_addr().map_or(self.port, |address| address.port());
        cx.info_log(format_args!("udp listener at {}", self.family.anywhere(port)));
        if let Some(group) = &self.group {
            match interface::join(&shared.socket, group, interface.as_ref()) {
                Ok(()) => cx.info_log(format_args!("udp multicast group {group}")),
                Err(error) => cx.fail(failure::not_joined(&error)),
            }
        }
        let arriving = shared.listen();
        cx.spawn(deliver(arriving, self.form, cx.clone()));
        cx.spawn(read(shared, cx.clone()));
        Ok(())
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        self.route.locked().take();
        cx.info_log("udp listener stopped");
        cx.status(Status::default());
    }
}

async fn read(shared: Arc<Shared>, cx: NodeContext) {
    if let Err(error) = shared.read().await {
        cx.fail(format!("error: {}", failure::code(&error)));
    }
}

/// Sends each message on. While the flow is slow, the oldest of those that wait are dropped.
async fn deliver(mut arriving: Receiver<Datagram>, form: Form, cx: NodeContext) {
    loop {
        match arriving.recv().await {
            Ok(datagram) => cx.send(0, message(datagram, form)).await,
            Err(RecvError::Lagged(count)) => {
                cx.warn(format_args!("the flow is too slow; {count} UDP messages were dropped"));
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn message(Datagram { bytes, from }: Datagram, form: Form) -> Message {
    let payload = match form {
        Form::Buffer => Value::from(bytes),
        Form::Text => String::from_utf8_lossy(&bytes).as_ref().into(),
        Form::Base64 => BASE64.encode(&bytes).into(),
    };
    let (ip, port) = (from.ip().to_string(), from.port());
    let mut msg = Message::with_payload(payload);
    msg.set("fromip", format!("{ip}:{port}"));
    msg.set("ip", ip);
    msg.set("port", f64::from(port));
    msg
}

//! The way of a received message to the nodes that have subscribed to it, and of the outcome of a published
//! one to its sender.

use std::sync::Arc;

use ferrowire::{Message, MutexExt as _, Text};
use mqtt5_protocol::packet::publish::PublishPacket;

use crate::inbox::Delivery;
use crate::link::{Link, MARK};
use crate::properties;
use crate::session::Outcome;
use crate::subscriptions::Receiver;

/// The filter that a message is for, in messages to users.
pub(crate) const FILTER: &str = "filter";

/// Delivers one message after the other, so that a slow flow slows the broker down.
pub(crate) async fn run(link: Arc<Link>, mut delivery: Delivery) {
    while let Some(received) = delivery.messages.recv().await {
        let receipt = received.receipt();
        deliver(&link, received.packet).await;
        if delivery.delivered.send(receipt).await.is_err() {
            return;
        }
    }
}

async fn deliver(link: &Link, packet: PublishPacket) {
    let ids = properties::subscription_ids(&packet.properties);
    let receivers = link.subscriptions.locked().receivers(&packet.topic_name, &ids);
    let Some((last, others)) = receivers.split_last() else { return };
    let msg = message(link, packet);
    for receiver in others {
        send(link, receiver, msg.clone()).await;
    }
    send(link, last, msg).await;
}

async fn send(link: &Link, receiver: &Receiver, mut msg: Message) {
    msg.set(FILTER, receiver.filter.clone());
    // A node that was stopped meanwhile gets nothing.
    if let Ok(sending) = link.cx.send_to(&receiver.node, msg) {
        sending.await;
    }
}

/// The message of a packet; the payload is a buffer.
fn message(link: &Link, packet: PublishPacket) -> Message {
    let topic = Text::from(packet.topic_name);
    let mut msg = Message::new();
    msg.set("topic", topic.clone());
    msg.set("payload", packet.payload);
    msg.set("qos", f64::from(packet.qos as u8));
    msg.set("retain", packet.retain);
    properties::show(&packet.properties, &mut msg);
    if link.options().is_local {
        msg.set("_topic", topic);
    }
    msg.set(MARK, link.mark.clone());
    msg
}

/// Reports one outcome after the other. A message is counted until its sender has taken the report.
pub(crate) async fn report(link: Arc<Link>) {
    loop {
        let Outcome { ticket, result } = link.outcomes.next().await;
        let Some((node, number)) = &ticket.sender else { continue };
        let mut told = Message::new();
        told.set(MARK, link.mark.clone());
        told.set("ticket", *number);
        if let Err(text) = result {
            told.set("error", text);
        }
        // A node that was stopped meanwhile need not know.
        if let Ok(sending) = link.cx.send_to(node, told) {
            sending.await;
        }
    }
}

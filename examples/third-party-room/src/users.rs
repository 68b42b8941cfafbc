//! The users of a room: `room in` and `room out`.

use ferrowire::{FromConfig, Handled, Message, Node, NodeConfig, NodeContext, Value};

/// Passes on the messages of the room.
pub(crate) struct RoomIn;

impl FromConfig for RoomIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        config.text("prefix");
        RoomIn
    }
}

impl Node for RoomIn {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

/// Sends to its room; with `msg.count` it requests the number of clients instead.
pub(crate) struct RoomOut {
    room: String,
}

impl FromConfig for RoomOut {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        RoomOut { room: config.text("room") }
    }
}

impl Node for RoomOut {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        if msg.get("count").is_some_and(Value::is_truthy) {
            let (asked, cx) = (cx.ask(&self.room, "count"), cx.clone());
            return Handled::Later(Box::pin(async move {
                msg.set("payload", asked.await?);
                cx.send(0, msg).await;
                Ok(())
            }));
        }
        match cx.send_to(&self.room, msg) {
            Ok(sending) if sending.is_done() => Handled::Done,
            Ok(sending) => Handled::Later(Box::pin(async move {
                sending.await;
                Ok(())
            })),
            Err(error) => Handled::Failed(error),
        }
    }
}

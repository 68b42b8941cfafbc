//! `http response`: answers the request that a message belongs to.

use ferrowire::{
    FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeError, Value,
};
use ferrowire_net::take_mark;

use crate::open::{self, NotOpen};
use crate::reply::Reply;

/// Node-RED's `http response`.
#[derive(Debug)]
pub struct HttpResponse {
    status: Option<u16>,
    headers: Map,
}

impl FromConfig for HttpResponse {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let status = config.number_in("statusCode", 100.0..=999.0);
        let headers = match config.raw("headers") {
            None => Map::new(),
            Some(Value::Object(headers)) => headers.as_ref().clone(),
            // What the editor wrote before it had a list of headers.
            Some(Value::String(text)) if text.is_empty() => Map::new(),
            Some(Value::Array(none)) if none.is_empty() => Map::new(),
            Some(_) => {
                config.problem("headers", "an object of headers was expected");
                Map::new()
            }
        };
        HttpResponse { status: status.map(|status| status as u16), headers }
    }
}

impl Node for HttpResponse {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        match self.answer(&mut msg, cx) {
            Ok(()) => Handled::Done,
            Err(error) => Handled::Failed(error),
        }
    }
}

impl HttpResponse {
    fn answer(&self, msg: &mut Message, cx: &NodeContext) -> Result<(), NodeError> {
        let Some(res) = msg.get("res").filter(|res| res.is_truthy()) else {
            cx.warn("the message has no `msg.res`: it does not come from an `http in`");
            return Ok(());
        };
        let name = res.get("_res").and_then(Value::as_str).unwrap_or_default().to_owned();
        take_mark(msg);
        // What cannot be sent must not use the request up: a catch node may still answer it.
        let reply = Reply::of(msg, self.status, &self.headers)?;
        let answered = open::take(&name).and_then(|open| {
            let response = reply.into_response(open.callback.as_deref());
            open.answer(response)
        });
        match answered {
            Ok(()) => Ok(()),
            // A client that has left is no failure of the flow.
            Err(left @ NotOpen::Left) => {
                cx.debug(left);
                Ok(())
            }
            Err(error) => Err(NodeError::new(error.to_string())),
        }
    }
}

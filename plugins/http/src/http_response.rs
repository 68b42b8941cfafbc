//! `http response`: responds to the request of a message.

use ferrowire::{
    FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeError, Value,
};
use ferrowire_net::take_mark;

use crate::open;
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
            // Old versions of the editor saved an empty string instead of the headers.
            Some(Value::String(text)) if text.is_empty() => Map::new(),
            Some(Value::Array(none)) if none.is_empty() => Map::new(),
            Some(_) => {
                config.problem("headers", "expected an object of headers");
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
            cx.warn("the message has no `msg.res`; send a message from an `http in`");
            return Ok(());
        };
        let name = res.get("_res").and_then(Value::as_str).unwrap_or_default().to_owned();
        take_mark(msg);
        // An invalid response must not use up the request: a catch node may still respond to it.
        let reply =
            Reply::of(msg, self.status, &self.headers).inspect_err(|_| open::fail(&name))?;
        open::answer(&name, cx, |asked| reply.into_response(asked))
    }
}

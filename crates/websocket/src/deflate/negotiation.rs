//! Both sides of the negotiation (RFC 7692 §5 and §7.1).

use hyper::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

use crate::deflate::memory::{CONTEXTS, Reserved};
use crate::deflate::options::CompressionOptions;
use crate::deflate::parameters::{ClientBits, Malformed, NAME, Parameters, parse};
use crate::deflate::{Agreed, MAX_BITS, Window};

/// What a server answers to the offers of a client.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The value of the header.
    pub(crate) header: String,
    pub(crate) agreed: Agreed,
}

fn fields(headers: &HeaderMap) -> Result<Vec<&str>, Malformed> {
    let fields = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
    fields.map(|field| HeaderValue::to_str(field).map_err(|_| Malformed)).collect()
}

impl CompressionOptions {
    /// The server's side: accepts the client's first valid offer; `None` if there is none.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Result<Option<Answer>, Malformed> {
        let mut first = None;
        for field in fields(headers)? {
            for extension in parse(field)?.iter().filter(|extension| extension.name == NAME) {
                first = first.or_else(|| Parameters::read(extension));
            }
        }
        Ok(first.map(|offer| self.accept(&offer)))
    }

    fn accept(&self, offer: &Parameters) -> Answer {
        let ours = Window {
            bits: self.server.bits.min(offer.server_max_window_bits.unwrap_or(MAX_BITS)),
            takeover: self.server.takeover && !offer.server_no_context_takeover,
        };
        let theirs = Window {
            bits: match offer.client_max_window_bits {
                // The server must not limit a client that did not say that it can be limited.
                None => MAX_BITS,
                Some(ClientBits::Any) => self.client.bits,
                Some(ClientBits::AtMost(bits)) => bits.min(self.client.bits),
            },
            takeover: self.client.takeover && !offer.client_no_context_takeover,
        };
        let (ours, theirs, memory) = within_memory(ours, theirs);
        let header = Parameters {
            server_no_context_takeover: !ours.takeover,
            client_no_context_takeover: !theirs.takeover,
            server_max_window_bits: offer.server_max_window_bits.map(|_| ours.bits),
            client_max_window_bits: match offer.client_max_window_bits {
                Some(ClientBits::Any) if theirs.bits == MAX_BITS => None,
                offered => offered.map(|_| ClientBits::AtMost(theirs.bits)),
            },
        };
        Answer {
            header: header.write(),
            agreed: Agreed { ours, theirs, rules: self.rules, memory },
        }
    }

    /// The client's side: what it offers, without context takeover if no memory is left for it.
    pub(crate) fn offer(self) -> Offer {
        let (ours, theirs, memory) = within_memory(self.client, self.server);
        let is_limited = |window: Window| window.bits < MAX_BITS;
        let parameters = Parameters {
            server_no_context_takeover: !theirs.takeover,
            client_no_context_takeover: !ours.takeover,
            server_max_window_bits: is_limited(theirs).then_some(theirs.bits),
            client_max_window_bits: Some(match is_limited(ours) {
                true => ClientBits::AtMost(ours.bits),
                false => ClientBits::Any,
            }),
        };
        Offer { parameters, agreed: Agreed { ours, theirs, rules: self.rules, memory } }
    }
}

/// Reserves the memory of both contexts; without takeover if too little is left.
fn within_memory(ours: Window, theirs: Window) -> (Window, Window, Option<Reserved>) {
    let wanted = ours.of_compressor() + theirs.of_decompressor();
    if wanted == 0 {
        return (ours, theirs, None);
    }
    match CONTEXTS.reserve(wanted) {
        Some(memory) => (ours, theirs, Some(memory)),
        None => {
            let alone = |window: Window| Window { takeover: false, ..window };
            (alone(ours), alone(theirs), None)
        }
    }
}

/// What a client offers to a server.
#[derive(Debug)]
pub(crate) struct Offer {
    parameters: Parameters,
    agreed: Agreed,
}

impl Offer {
    /// The value of the header.
    pub(crate) fn header(&self) -> String {
        self.parameters.write()
    }

    /// Checks the server's answer; `None` if it declined.
    ///
    /// # Errors
    /// If the answer does not correspond to the offer; the connection must be failed then.
    pub(crate) fn check(self, headers: &HeaderMap) -> Result<Option<Agreed>, &'static str> {
        let malformed = |Malformed| "`Sec-WebSocket-Extensions` is malformed";
        let mut extensions = Vec::new();
        for field in fields(headers).map_err(malformed)? {
            extensions.extend(parse(field).map_err(malformed)?);
        }
        match extensions.as_slice() {
            [] => Ok(None),
            [answer] if answer.name == NAME => {
                let parameters = Parameters::read(answer)
                    .ok_or("the server's answer about compression has an invalid parameter")?;
                self.settle(&parameters).map(Some)
            }
            _ => Err("the server chose an extension that was not offered"),
        }
    }

    fn settle(self, answer: &Parameters) -> Result<Agreed, &'static str> {
        let Offer { parameters: offer, mut agreed } = self;
        if offer.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err("the server keeps its compression context, which was not offered");
        }
        let server_bits = answer.server_max_window_bits.unwrap_or(MAX_BITS);
        if server_bits > agreed.theirs.bits {
            return Err("the server's compression window is larger than offered");
        }
        let client_bits = match answer.client_max_window_bits {
            None => agreed.ours.bits,
            Some(ClientBits::AtMost(bits)) if bits <= agreed.ours.bits => bits,
            Some(_) => return Err("the server chose a compression window that was not offered"),
        };
        agreed.theirs.bits = server_bits;
        agreed.theirs.takeover = !answer.server_no_context_takeover;
        agreed.ours.bits = client_bits;
        agreed.ours.takeover &= !answer.client_no_context_takeover;
        Ok(agreed)
    }
}

//! The header `Sec-WebSocket-Extensions` (RFC 6455 §9.1), and the parameters of permessage-deflate
//! (RFC 7692 §7.1).

use crate::deflate::{MAX_BITS, MIN_BITS};

/// The name of the extension.
pub(crate) const NAME: &str = "permessage-deflate";

/// A header that does not follow the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// An extension in the header, with its parameters in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extension<'a> {
    pub(crate) name: &'a str,
    pub(crate) parameters: Vec<(&'a str, Option<&'a str>)>,
}

/// The extensions in one header field, in order.
pub(crate) fn parse(field: &str) -> Result<Vec<Extension<'_>>, Malformed> {
    let mut rest = Rest(field.trim_matches([' ', '\t']));
    let mut extensions = Vec::new();
    loop {
        let mut extension = Extension { name: rest.token()?, parameters: Vec::new() };
        while rest.take(';') {
            let name = rest.token()?;
            let value = if rest.take('=') { Some(rest.value()?) } else { None };
            extension.parameters.push((name, value));
        }
        extensions.push(extension);
        if rest.0.is_empty() {
            return Ok(extensions);
        }
        if !rest.take(',') {
            return Err(Malformed);
        }
    }
}

/// What is left to parse, without white space at its start.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn advance(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest.trim_start_matches([' ', '\t']);
        taken
    }

    fn take(&mut self, separator: char) -> bool {
        let found = self.0.starts_with(separator);
        if found {
            self.advance(1);
        }
        found
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let length = self.0.bytes().take_while(|byte| is_token(*byte)).count();
        if length == 0 { Err(Malformed) } else { Ok(self.advance(length)) }
    }

    /// A token, or one in quotes: what is quoted must be a token as well.
    fn value(&mut self) -> Result<&'a str, Malformed> {
        let Some(quoted) = self.0.strip_prefix('"') else { return self.token() };
        let value = quoted.split('"').next().filter(|value| value.bytes().all(is_token));
        let value = value.filter(|value| !value.is_empty()).ok_or(Malformed)?;
        if quoted.len() == value.len() {
            return Err(Malformed);
        }
        self.advance(value.len() + 2);
        Ok(value)
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The parameters of an offer or an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: Option<u8>,
    pub(crate) client_max_window_bits: Option<ClientBits>,
}

/// The parameter `client_max_window_bits`, which may have no value in an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientBits {
    Any,
    AtMost(u8),
}

impl Parameters {
    /// Reads the parameters of an extension; `None` if one is unknown, invalid or given twice.
    pub(crate) fn read(extension: &Extension<'_>) -> Option<Self> {
        let mut read = Parameters::default();
        for &(name, value) in &extension.parameters {
            let is_first = match (name, value) {
                ("server_no_context_takeover", None) => set(&mut read.server_no_context_takeover),
                ("client_no_context_takeover", None) => set(&mut read.client_no_context_takeover),
                ("server_max_window_bits", Some(value)) => {
                    read.server_max_window_bits.replace(bits(value)?).is_none()
                }
                ("client_max_window_bits", None) => {
                    read.client_max_window_bits.replace(ClientBits::Any).is_none()
                }
                ("client_max_window_bits", Some(value)) => {
                    let bits = ClientBits::AtMost(bits(value)?);
                    read.client_max_window_bits.replace(bits).is_none()
                }
                _ => false,
            };
            if !is_first {
                return None;
            }
        }
        Some(read)
    }

    /// The extension with these parameters, as in the header.
    pub(crate) fn write(&self) -> String {
        let mut text = NAME.to_owned();
        if self.server_no_context_takeover {
            text.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            text.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = self.server_max_window_bits {
            text.push_str(&format!("; server_max_window_bits={bits}"));
        }
        match self.client_max_window_bits {
            None => {}
            Some(ClientBits::Any) => text.push_str("; client_max_window_bits"),
            Some(ClientBits::AtMost(bits)) => {
                text.push_str(&format!("; client_max_window_bits={bits}"));
            }
        }
        text
    }
}

/// Sets a flag; whether it was not set yet.
fn set(flag: &mut bool) -> bool {
    !std::mem::replace(flag, true)
}

/// A number from 8 to 15 without leading zeros.
fn bits(value: &str) -> Option<u8> {
    let number = value.parse().ok().filter(|bits| (MIN_BITS..=MAX_BITS).contains(bits))?;
    (value == number.to_string()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str) -> Option<Parameters> {
        Parameters::read(&parse(field).unwrap()[0])
    }

    #[test]
    fn a_header_is_a_list_of_names_with_parameters() {
        let found = parse(" a;b ; c=1; d=\"2\" , permessage-deflate,x;y ").unwrap();
        let names: Vec<&str> = found.iter().map(|extension| extension.name).collect();
        assert_eq!(names, ["a", "permessage-deflate", "x"]);
        assert_eq!(found[0].parameters, [("b", None), ("c", Some("1")), ("d", Some("2"))]);
        assert_eq!(found[2].parameters, [("y", None)]);
    }

    #[test]
    fn what_does_not_follow_the_grammar_is_malformed() {
        for field in [
            "",
            ",",
            "a,",
            "a;",
            "a;b=",
            "a b",
            "a;b=\"",
            "a;b=\"\"",
            "a;b=\"1",
            "a;b=\"1 2\"",
            "a;;b",
        ] {
            assert_eq!(parse(field), Err(Malformed), "{field}");
        }
    }

    #[test]
    fn parameters_are_written_as_they_are_read() {
        let all = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                   server_max_window_bits=8; client_max_window_bits=15";
        for text in [NAME, all, "permessage-deflate; client_max_window_bits"] {
            assert_eq!(read(text).unwrap().write(), text);
        }
        assert_eq!(read("permessage-deflate;server_max_window_bits=\"10\""), {
            read("permessage-deflate; server_max_window_bits=10")
        });
    }

    #[test]
    fn unknown_invalid_and_repeated_parameters_are_refused() {
        for parameters in [
            "other",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=010",
            "client_max_window_bits=0",
            "client_max_window_bits=99999",
            "client_max_window_bits=+9",
            "client_max_window_bits=x",
            "client_max_window_bits; client_max_window_bits",
            "server_max_window_bits=10; server_max_window_bits=10",
            "server_no_context_takeover; server_no_context_takeover",
        ] {
            assert_eq!(read(&format!("{NAME}; {parameters}")), None, "{parameters}");
        }
    }
}

//! What a command printed, and how it ended, as properties of messages.

use std::process::ExitStatus;

use ferrowire::{Map, Status, Value};

use crate::signal;

/// Text if the bytes are UTF-8 without other control characters than tabs and line breaks, otherwise a buffer, as in
/// Node-RED.
pub(crate) fn payload(bytes: Vec<u8>) -> Value {
    let is_control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    if bytes.iter().any(is_control) {
        return bytes.into();
    }
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => error.into_bytes().into(),
    }
}

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct End {
    /// The exit code; `None` if a signal ended it. Negative if it did not start.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<&'static str>,
}

impl End {
    pub(crate) fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        End { code: status.code(), signal: status.signal().and_then(signal::name) }
    }

    pub(crate) fn code(self) -> Value {
        self.code.map_or(Value::Null, |code| f64::from(code).into())
    }

    /// `{code}`, with the signal, if one ended it.
    pub(crate) fn object(self) -> Map {
        let signal = self.signal.map(|signal| ("signal", Value::from(signal)));
        [Some(("code", self.code())), signal].into_iter().flatten().collect()
    }
}

/// While a process runs.
pub(crate) fn running(pid: u32) -> Status {
    Status::new("blue", "dot", format!("pid:{pid}"))
}

/// After a signal.
pub(crate) fn killed() -> Status {
    Status::new("red", "dot", "killed")
}

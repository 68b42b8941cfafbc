//! The metrics of the port.

use ferrowire_core::metric::Counter;
use hyper::StatusCode;

/// Connections that were refused because there were too many.
pub static REFUSED: Counter =
    Counter::new("port_connections_refused", "connections refused because there were too many");

/// Responses by the class of their status. Accepted handshakes of WebSockets are not among them.
pub mod responses {
    use ferrowire_core::metric::Counter;

    const fn class(class: &'static str) -> Counter {
        Counter::new("http_responses", "HTTP responses of the port").label("status", class)
    }

    /// 1xx.
    pub static INFORMATIONAL: Counter = class("1xx");
    /// 2xx.
    pub static SUCCESSFUL: Counter = class("2xx");
    /// 3xx.
    pub static REDIRECTION: Counter = class("3xx");
    /// 4xx.
    pub static CLIENT_ERROR: Counter = class("4xx");
    /// 5xx and what is not a status of HTTP.
    pub static SERVER_ERROR: Counter = class("5xx");
}

/// Counts a response.
pub(crate) fn responded(status: StatusCode) {
    let counter = match status.as_u16() {
        100..=199 => &responses::INFORMATIONAL,
        200..=299 => &responses::SUCCESSFUL,
        300..=399 => &responses::REDIRECTION,
        400..=499 => &responses::CLIENT_ERROR,
        _ => &responses::SERVER_ERROR,
    };
    counter.increment();
}

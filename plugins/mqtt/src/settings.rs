//! The settings of MQTT connections.

use std::time::Duration;

use ferrowire::{NodeRedNames, Setting};

const GROUP: &str = "MQTT connections";

ferrowire::settings! {
    /// The longest first delay before a broker is dialled again.
    pub RECONNECT_TIME: Duration = Setting::seconds("mqtt-reconnect-time")
        .default("5")
        .node_red(NodeRedNames::key("mqttReconnectTime"))
        .group(GROUP)
        .help("Seconds before an MQTT broker is dialled again, doubled with each failure up to twelvefold");
    /// The bytes that wait for a broker, and those of a broker that wait for the flow.
    pub MAX_QUEUE: usize = Setting::bytes("mqtt-max-queue")
        .default("16 MiB")
        .group(GROUP)
        .help("Bytes of messages that may wait for an MQTT broker, or that it sent and a flow has not taken");
    /// The largest packet of a broker.
    pub MAX_PACKET: usize = Setting::bytes("mqtt-max-packet")
        .default("100 MiB")
        .group(GROUP)
        .help("Largest packet accepted from an MQTT broker; a larger one ends the connection");
}

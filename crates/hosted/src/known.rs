//! Which npm packages have the types that flows use most, to name them to users who lack them.

/// A package, types that it has, and beginnings of further ones.
type Known = (&'static str, &'static [&'static str], &'static [&'static str]);

const KNOWN: &[Known] = &[
    ("@flowfuse/node-red-dashboard", &[], &["ui-"]),
    ("node-red-dashboard", &[], &["ui_"]),
    (
        "node-red-contrib-home-assistant-websocket",
        &["poll-state", "server-events", "server-state-changed", "trigger-state"],
        &["api-", "ha-"],
    ),
    ("node-red-contrib-modbus", &[], &["modbus-"]),
    ("node-red-contrib-telegrambot", &[], &["telegram "]),
    (
        "node-red-contrib-influxdb",
        &["influxdb", "influxdb batch", "influxdb in", "influxdb out"],
        &[],
    ),
    ("node-red-contrib-s7", &[], &["s7 "]),
    ("node-red-contrib-opcua", &[], &["OpcUa-"]),
    ("node-red-contrib-cron-plus", &["cronplus"], &[]),
    ("node-red-contrib-aedes", &["aedes broker"], &[]),
    ("node-red-contrib-web-worldmap", &[], &["worldmap"]),
    ("node-red-contrib-uibuilder", &[], &["uibuilder", "uib-"]),
    ("node-red-contrib-zigbee2mqtt", &[], &["zigbee2mqtt-"]),
    ("node-red-contrib-moment", &["humanizer", "moment"], &[]),
    ("node-red-contrib-bigtimer", &["bigtimer"], &[]),
    ("node-red-contrib-stoptimer", &["stoptimer"], &[]),
    ("node-red-node-base64", &["base64"], &[]),
    ("node-red-node-email", &[], &["e-mail"]),
    ("node-red-node-feedparser", &["feedparse"], &[]),
    ("node-red-node-geofence", &["geofence"], &[]),
    ("node-red-node-mongodb", &["mongodb", "mongodb in", "mongodb out"], &[]),
    ("node-red-node-msgpack", &["msgpack"], &[]),
    ("node-red-node-mysql", &["MySQLdatabase", "mysql"], &[]),
    ("node-red-node-openweathermap", &[], &["openweathermap"]),
    ("node-red-node-pi-gpio", &[], &["rpi-"]),
    ("node-red-node-ping", &["ping"], &[]),
    ("node-red-node-random", &["random"], &[]),
    ("node-red-node-serialport", &["serial-port"], &["serial "]),
    ("node-red-node-smooth", &["smooth"], &[]),
    ("node-red-node-sqlite", &["sqlite", "sqlitedb"], &[]),
    ("node-red-node-tail", &["tail"], &[]),
    // Node-RED's own nodes that a runtime may lack.
    ("@node-red/nodes", &["csv", "html", "watch", "xml", "yaml"], &["mqtt", "tcp ", "udp "]),
];

/// The npm package that has a node type, if it is among those that flows use most.
pub fn package_of(node_type: &str) -> Option<&'static str> {
    let has = |(_, types, beginnings): &&Known| {
        types.contains(&node_type) || beginnings.iter().any(|it| node_type.starts_with(it))
    };
    KNOWN.iter().find(has).map(|(package, _, _)| *package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_known_by_types_and_their_beginnings() {
        assert_eq!(package_of("ui_button"), Some("node-red-dashboard"));
        assert_eq!(package_of("ui-button"), Some("@flowfuse/node-red-dashboard"));
        assert_eq!(package_of("mysql"), Some("node-red-node-mysql"));
        assert_eq!(package_of("mysqlx"), None);
    }
}

//! `Profile`: the properties of a broker node, which messages may change, and `Options`: what they mean.

use std::time::Duration;

use ferrowire::expression::javascript;
use ferrowire::{Key, Map, NodeConfig, Value, generate_id};
use ferrowire_net::TlsOptions;
use mqtt5_protocol::packet::connect::ConnectPacket;
use mqtt5_protocol::{ConnectOptions, Properties, WillMessage};

use crate::address::{self, Address};
use crate::codec::Version;
use crate::properties;
use crate::publication::{Publication, Unpublishable};

/// The properties of a broker node.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    properties: Map,
    /// The options of the `tls-config`, if there is one.
    tls: Option<TlsOptions>,
}

/// The properties that `msg.broker` replaces.
const REPLACED: [&str; 18] = [
    "url",
    "broker",
    "port",
    "clientid",
    "autoConnect",
    "usetls",
    "verifyservercert",
    "compatmode",
    "protocolVersion",
    "keepalive",
    "cleansession",
    "autoUnsubscribe",
    "topicAliasMaximum",
    "maximumPacketSize",
    "receiveMaximum",
    "sessionExpiry",
    "username",
    "password",
];

/// The properties of a message of `msg.broker`, and the end of those of the node.
const ANNOUNCED: [(&str, &str); 5] = [
    ("topic", "Topic"),
    ("payload", "Payload"),
    ("qos", "Qos"),
    ("retain", "Retain"),
    ("properties", "Msg"),
];

impl Profile {
    /// Reads them; problems of the `tls-config` are reported.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let tls = config.referenced("tls").map(|properties| {
            TlsOptions::from_properties(&properties, |property, text| {
                config.problem("tls", format!("`{property}` of the `tls-config`: {text}"));
            })
        });
        Profile { properties: config.properties().clone(), tls }
    }

    /// Replaces what a message says in `msg.broker`.
    pub(crate) fn change(&mut self, changes: &Map) {
        for name in REPLACED {
            if let Some(value) = changes.get_own(name) {
                self.properties.insert(name, value.clone());
            }
        }
        for (name, own) in [
            ("sessionExpiryInterval", "sessionExpiry"),
            ("userProps", "userProps"),
            ("userProperties", "userProps"),
        ] {
            if let Some(value) = changes.get_own(name) {
                self.properties.insert(own, value.clone());
            }
        }
        for announcement in ["birth", "close", "will"] {
            let Some(value) = changes.get_own(announcement) else { continue };
            for (name, end) in ANNOUNCED {
                let value = value.get(name).cloned().unwrap_or_default();
                self.properties.insert(Key::from(format!("{announcement}{end}")), value);
            }
        }
    }

    /// Whether one instance of a cluster connects for all.
    pub(crate) fn is_once_in_cluster(&self) -> bool {
        self.text("cluster") == "once"
    }

    fn text(&self, name: &str) -> String {
        match self.properties.get(name) {
            None | Some(Value::Null) => String::new(),
            value => javascript::text(value),
        }
    }

    fn is_on(&self, name: &str, default: bool) -> bool {
        properties::boolean_in(&self.properties, name).unwrap_or(default)
    }

    /// Whether the connection is opened without being told to.
    pub(crate) fn connects_by_itself(&self) -> bool {
        self.is_on("autoConnect", true)
    }

    /// The version of the protocol.
    pub(crate) fn version(&self) -> Version {
        match self.text("protocolVersion").as_str() {
            _ if self.is_on("compatmode", false) => Version::V3,
            "3" => Version::V3,
            "5" => Version::V5,
            _ => Version::V4,
        }
    }

    /// A user's name or password: of `msg.broker`, of the credentials, or of the URL.
    fn login(&self, name: &str, credential: &str) -> Option<String> {
        let given = self.properties.get(name).or_else(|| {
            let credentials = self.properties.get("credentials");
            credentials.and_then(|all| all.get(credential))
        });
        given.filter(|value| value.is_truthy()).map(|value| javascript::text(Some(value)))
    }

    fn url(&self) -> String {
        match self.text("url") {
            url if url.is_empty() => {
                let is_secure = self.is_on("usetls", false);
                address::url_of(&self.text("broker"), &self.text("port"), is_secure)
            }
            url => url,
        }
    }

    /// The TLS options: those of the `tls-config` if TLS is switched on. Without one, certificates
    /// are verified only if the node says so, as in Node-RED.
    fn tls(&self) -> TlsOptions {
        let given = self.tls.clone().filter(|_| self.is_on("usetls", false));
        given.unwrap_or_else(|| {
            TlsOptions::default().verifying(self.is_on("verifyservercert", false))
        })
    }

    /// A message that is announced to the broker: the birth, close or will message.
    fn announcement(
        &self,
        name: &str,
        version: Version,
    ) -> Option<Result<Publication, Unpublishable>> {
        let property = |end: &str| self.properties.get(&format!("{name}{end}")).cloned();
        let mut msg: Map = ANNOUNCED
            .into_iter()
            .filter_map(|(own, end)| Some((Key::from(own), property(end)?)))
            .collect();
        if !msg.get("topic").is_some_and(Value::is_truthy) {
            return None;
        }
        if let Some(Value::Object(more)) = property("Msg") {
            add_more(&more, name == "will", &mut msg);
        }
        Some(Publication::of(&msg, version))
    }
}

/// Adds the properties of MQTT 5 of a message that is announced, under the names that messages have.
fn add_more(more: &Map, is_will: bool, msg: &mut Map) {
    let delay = is_will.then_some(("delay", "willDelayInterval"));
    let names = [
        ("respTopic", "responseTopic"),
        ("correl", "correlationData"),
        ("expiry", "messageExpiryInterval"),
        ("contentType", "contentType"),
    ];
    for (own, name) in names.into_iter().chain(delay) {
        if let Some(value) = more.get(own).or_else(|| more.get(name)) {
            msg.insert(name, value.clone());
        }
    }
    let pairs = more.get("userProps").or_else(|| more.get("userProperties"));
    let pairs = properties::pairs_of_json(pairs).into_iter();
    let pairs: Map = pairs.map(|(key, value)| (Key::from(key), Value::from(value))).collect();
    msg.insert("userProperties", pairs);
}

/// What a connection needs to know of the node.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) version: Version,
    pub(crate) address: Result<Address, String>,
    pub(crate) tls: TlsOptions,
    /// For logs: the client's identifier, if it is given, and the URL.
    pub(crate) name: String,
    /// The broker is on this machine: messages have `_topic` then, as in Node-RED.
    pub(crate) is_local: bool,
    pub(crate) unsubscribes: bool,
    pub(crate) keep_alive: u16,
    pub(crate) birth: Option<Publication>,
    pub(crate) close: Option<Publication>,
    /// What Node-RED warns of.
    pub(crate) warnings: Vec<&'static str>,
    client_id: String,
    is_clean: bool,
    login: (Option<String>, Option<String>),
    will: Option<Publication>,
    properties: Properties,
}

/// The keep-alive interval of a node without one, in seconds.
const KEEP_ALIVE: f64 = 60.0;

impl Options {
    /// What the properties mean. A client without an identifier gets a random one.
    pub(crate) fn of(profile: &Profile) -> Self {
        let version = profile.version();
        let (client_id, url) = (profile.text("clientid"), profile.url());
        let mut warnings = Vec::new();
        let mut is_clean = profile.is_on("cleansession", true);
        if !is_clean && client_id.is_empty() {
            is_clean = true;
            warnings.push("No client ID set, using clean session");
        }
        let mut announced = |name| {
            let publication = profile.announcement(name, version)?;
            publication.map_err(|_| warnings.push("Invalid topic specified")).ok()
        };
        let (birth, close, will) = (announced("birth"), announced("close"), announced("will"));
        let shown = address::shown(&url);
        let address = Address::parse(&url);
        let (user, password) = address.as_ref().ok().and_then(|it| it.login.clone()).unzip();
        Options {
            version,
            tls: profile.tls(),
            name: if client_id.is_empty() { shown } else { format!("{client_id}@{shown}") },
            is_local: matches!(profile.text("broker").as_str(), "localhost" | "127.0.0.1"),
            unsubscribes: profile.is_on("autoUnsubscribe", true),
            keep_alive: keep_alive(&profile.properties),
            birth,
            close,
            warnings,
            is_clean,
            client_id: match client_id.is_empty() {
                true => format!("nodered{}", generate_id()),
                false => client_id,
            },
            login: (
                profile.login("username", "user").or(user),
                profile.login("password", "password").or(password),
            ),
            will,
            properties: connect_properties(&profile.properties, version),
            address,
        }
    }

    /// The packet that begins a connection.
    pub(crate) fn connect_packet(&self) -> ConnectPacket {
        let keep_alive = Duration::from_secs(u64::from(self.keep_alive));
        let options = ConnectOptions::new(&self.client_id)
            .with_clean_start(self.is_clean)
            .with_keep_alive(keep_alive);
        let mut packet = ConnectPacket::new(options);
        packet.protocol_version = self.version.number();
        packet.properties = self.properties.clone();
        let (user, password) = self.login.clone();
        // Before MQTT 5, there is no password without a user.
        packet.password = password
            .filter(|_| user.is_some() || self.version == Version::V5)
            .map(String::into_bytes);
        packet.username = user;
        if let Some(will) = &self.will {
            packet.will = Some(
                WillMessage::new(will.topic.clone(), will.payload.to_vec())
                    .with_qos(will.qos)
                    .with_retain(will.retain),
            );
            packet.will_properties = will.properties.clone();
        }
        packet
    }

    /// The topic aliases that the broker may use.
    pub(crate) fn aliases(&self) -> u16 {
        self.properties.get_topic_alias_maximum().unwrap_or(0)
    }
}

/// In seconds; 0 switches it off.
fn keep_alive(properties: &Map) -> u16 {
    let given = properties.get("keepalive").filter(|value| !matches!(value, Value::Null));
    let seconds = given.map_or(KEEP_ALIVE, |value| javascript::number(Some(value)));
    if seconds.is_nan() { KEEP_ALIVE as u16 } else { seconds as u16 }
}

/// The properties of CONNECT.
fn connect_properties(given: &Map, version: Version) -> Properties {
    let mut all = Properties::default();
    if version != Version::V5 {
        return all;
    }
    all.set_request_response_information(true);
    all.set_request_problem_information(true);
    if let Some(seconds) = properties::integer_in(given, "sessionExpiry").filter(|it| *it > 0) {
        all.set_session_expiry_interval(seconds);
    }
    if let Some(most) = properties::short_in(given, "receiveMaximum") {
        all.set_receive_maximum(most);
    }
    if let Some(most) = properties::short_in(given, "topicAliasMaximum") {
        all.set_topic_alias_maximum(most);
    }
    if let Some(most) = properties::integer_in(given, "maximumPacketSize").filter(|it| *it > 0) {
        all.set_maximum_packet_size(most);
    }
    properties::add_pairs(&mut all, properties::pairs_of_json(given.get("userProps")));
    all
}

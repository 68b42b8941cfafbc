//! The table of the runtime's own settings. A record here is all that a setting needs: its flag,
//! environment variable, key of the settings file, check, help and documentation derive from it.
//! Code reads the value with [`Settings::get`](super::Settings::get).

use std::path::PathBuf;
use std::time::Duration;

use ferrowire_core::{NodeRedNames as NodeRed, Secret, Setting, SettingRecord};

/// The headings of the settings that commands without flows take as well.
pub(crate) const PLUGIN_GROUP: &str = "Plugins in shared libraries";
pub(crate) const NPM_GROUP: &str = "Nodes from npm";

macro_rules! table {
    ($($group:expr => {
        $($(#[$attribute:meta])* $name:ident: $type:ty = $setting:expr;)+
    })+) => {
        $($(
            $(#[$attribute])*
            pub(crate) const $name: Setting<$type> = Setting::declared_by(
                $setting.group($group),
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            );
        )+)+

        /// All of them, in the order of help and documentation.
        #[expect(unused_doc_comments, reason = "what is said of a constant stands at its entry, too")]
        pub(crate) const ALL: &[SettingRecord] = &[$($($(#[$attribute])* *$name.record(),)+)+];
    };
}

table! {
    "The port" => {
        LISTEN: String = Setting::text("listen")
            .node_red(NodeRed::key("uiHost"))
            .default("127.0.0.1:1880")
            .value_name("ADDRESS")
            .help("Address of the one port; its port may be left out, and a host name is looked up at the start");
        PORT: Option<usize> = Setting::integer("port")
            .between("0", "65535")
            .node_red(NodeRed::key("uiPort").short('p').variable("PORT"))
            .otherwise("that of listen")
            .help("The port, instead of that in listen; 0 for a free one");
        TLS_CERT: Option<PathBuf> = Setting::path("tls-cert")
            .value_name("FILE")
            .otherwise("no TLS")
            .help("Certificate chain for TLS, PEM; needs tls-key");
        TLS_KEY: Option<PathBuf> = Setting::path("tls-key")
            .value_name("FILE")
            .help("Private key for TLS, PEM; may be encrypted");
        TLS_PASSPHRASE: Option<Secret> = Setting::secret("tls-passphrase")
            .value_name("PASSPHRASE")
            .otherwise("none")
            .help("Decrypts the key in tls-key");
        TLS_CLIENT_CA: Option<PathBuf> = Setting::path("tls-client-ca")
            .value_name("FILE")
            .otherwise("clients are not asked for certificates")
            .help("Certificates of the authorities that sign those of clients, PEM; needs tls-cert");
        TLS_CLIENT_CERT: String = Setting::choice("tls-client-cert", &["required", "optional"])
            .default("required")
            .help("Whether a client without a certificate is refused, with tls-client-ca");
        TRUSTED_PROXIES: Vec<String> = Setting::list("trusted-proxies")
            .value_name("ADDRESSES")
            .help("Addresses of proxies, or networks such as 10.0.0.0/8, whose `X-Forwarded-For` or \
                   `Forwarded` names the client");
        HANDSHAKE_TIMEOUT: Duration = Setting::seconds("handshake-timeout")
            .default("10")
            .help("Seconds for a TLS handshake, for the head of a request, and for dialling a server");
        TRANSFER_TIMEOUT: Duration = Setting::seconds("transfer-timeout")
            .default("60")
            .help("Seconds that a client may make no progress with a request's body or a response; in \
                   all as long, and a second more for each KiB");
        /// Without a value, [`Settings::read`](super::Settings::read) sets a share of the open files.
        MAX_CONNECTIONS: Option<usize> = Setting::integer("max-connections")
            .between("1", "1000000000")
            .otherwise("three quarters of the files that the process may open")
            .help("Connections of the port, those of WebSocket clients included; further ones are \
                   refused with status 503");
        MAX_PER_ADDRESS: usize = Setting::integer("max-per-address")
            .between("1", "1000000000")
            .default("1024")
            .help("HTTP connections of one address, without those of this machine and of \
                   trusted-proxies, and those that became WebSocket connections; further ones wait for up to handshake-timeout");
        /// Without a value, [`Settings::read`](super::Settings::read) sets a share of the memory.
        MAX_QUEUE_TOTAL: Option<usize> = Setting::bytes("max-queue-total")
            .otherwise("a quarter of the memory of the machine or control group")
            .help("Bytes that may wait for all peers together; at this limit, those with the longest \
                   queues are disconnected");
    }
    "HTTP and WebSocket nodes" => {
        HTTP_NODE_ROOT: String = Setting::text("http-node-root")
            .node_red(NodeRed::key("httpNodeRoot"))
            .default("/")
            .value_name("PATH")
            .help("Path before those of all listeners and `http in` nodes");
        HTTP_NODE_AUTH: () = Setting::table("http-node-auth")
            .node_red(NodeRed::key("httpNodeAuth"))
            .hidden()
            .help("User and password hash that requests to flows need");
        HTTP_NODE_CORS: () = Setting::table("http-node-cors")
            .node_red(NodeRed::key("httpNodeCors"))
            .help("Cross-origin requests that flows accept");
        HTTP_STATIC: Option<PathBuf> = Setting::path("http-static")
            .node_red(NodeRed::key("httpStatic"))
            .value_name("DIRECTORY")
            .otherwise("no files are served")
            .help("Directory whose files are served");
        HTTP_STATIC_ROOT: String = Setting::text("http-static-root")
            .node_red(NodeRed::key("httpStaticRoot"))
            .default("/")
            .value_name("PATH")
            .help("Path before those of the files in http-static");
        HTTP_STATIC_FOLLOW_LINKS: bool = Setting::switch("http-static-follow-links")
            .help("Serve also files outside of http-static that symbolic links in it lead to");
    }
    "The editor and its API" => {
        HTTP_ADMIN_ROOT: String = Setting::text("http-admin-root")
            .node_red(NodeRed::key("httpAdminRoot"))
            .default("/")
            .value_name("PATH")
            .help("Path of the editor and its API, or off");
        NO_EDITOR: bool = Setting::switch("no-editor")
            .node_red(NodeRed::key("disableEditor"))
            .help("Serve the API without the editor");
        ADMIN_AUTH: () = Setting::table("admin-auth")
            .node_red(NodeRed::key("adminAuth"))
            .hidden()
            .help("Users and tokens that may use the editor and its API");
        ADMIN_TOKEN: Option<Secret> = Setting::secret("admin-token")
            .value_name("TOKEN")
            .otherwise("none")
            .help("Access token with all permissions, of at least 16 characters");
        ALLOW_PUBLIC_EDITOR: bool = Setting::switch("allow-public-editor")
            .help("Serve the editor without authentication on an address other than loopback");
        EDITOR_HOSTS: Vec<String> = Setting::list("editor-hosts")
            .value_name("NAMES")
            .help("Further host names under which the editor is reached, for example by a proxy");
        API_MAX_LENGTH: usize = Setting::bytes("api-max-length")
            .node_red(NodeRed::key("apiMaxLength"))
            .default("5 MiB")
            .help("Largest body that the API accepts");
        RUNTIME_STATE: bool = Setting::boolean("runtime-state")
            .node_red(NodeRed::key("runtimeState.enabled"))
            .default("false")
            .help("Whether the editor can start and stop the flows");
    }
    "Files" => {
        USER_DIR: Option<PathBuf> = Setting::path("user-dir")
            .node_red(NodeRed::key("userDir").flag("userDir").short('u'))
            .value_name("DIRECTORY")
            .otherwise("that of the flow file")
            .help("Directory of flows, credentials, library and user settings");
        ALLOW_SHARED_USER_DIR: bool = Setting::switch("allow-shared-user-dir")
            .help("Start although another instance uses the same user directory, flow file or context \
                   files; each may overwrite what the other saves");
        FLOW_FILE: Option<PathBuf> = Setting::path("flow-file")
            .node_red(NodeRed::key("flowFile").variable("FLOWS"))
            .value_name("FILE")
            .otherwise("flows.json in the user directory")
            .help("Flow file of a start that names none; looked for in the user directory as well");
        FLOW_FILE_PRETTY: bool = Setting::boolean("flow-file-pretty")
            .node_red(NodeRed::key("flowFilePretty"))
            .default("true")
            .help("Whether flow files are written with line breaks");
        CREDENTIAL_SECRET: Option<Secret> = Setting::secret("credential-secret")
            .node_red(NodeRed::key("credentialSecret"))
            .otherwise("generated, and kept in .config.runtime.json")
            .help("Key that credentials are encrypted with, or false");
        CONTEXT_STORAGE: () = Setting::table("context-storage")
            .node_red(NodeRed::key("contextStorage"))
            .help("Stores for context, in memory, in files or in NATS");
        FUNCTION_GLOBAL_CONTEXT: () = Setting::table("function-global-context")
            .node_red(NodeRed::key("functionGlobalContext"))
            .help("Values that the global context begins with");
    }
    "Several instances" => {
        CLUSTER: Vec<String> = Setting::list("cluster")
            .value_name("SERVERS")
            .help("NATS servers over which this instance works with others, such as nats://host:4222");
        CLUSTER_NAME: String = Setting::text("cluster-name")
            .value_name("NAME")
            .default("ferrowire")
            .help("Name of the cluster; instances with another one are strangers");
        INSTANCE_NAME: Option<String> = Setting::text("instance-name")
            .value_name("NAME")
            .otherwise("a random one")
            .help("Name of this instance, which no other one of the cluster has");
        CLUSTER_PREFIX: String = Setting::text("cluster-prefix")
            .value_name("SUBJECT")
            .default("ferrowire")
            .help("What all subjects in NATS begin with, before cluster-name");
        CLUSTER_CREDENTIALS: Option<PathBuf> = Setting::path("cluster-credentials")
            .value_name("FILE")
            .otherwise("none")
            .help("Credentials file for NATS");
        CLUSTER_USER: Option<String> = Setting::text("cluster-user")
            .value_name("NAME")
            .otherwise("none")
            .help("User for NATS; needs cluster-password");
        CLUSTER_PASSWORD: Option<Secret> = Setting::secret("cluster-password")
            .value_name("PASSWORD")
            .otherwise("none")
            .help("Password for NATS");
        CLUSTER_TOKEN: Option<Secret> = Setting::secret("cluster-token")
            .value_name("TOKEN")
            .otherwise("none")
            .help("Token for NATS");
        CLUSTER_TLS_CA: Option<PathBuf> = Setting::path("cluster-tls-ca")
            .value_name("FILE")
            .otherwise("those of the system")
            .help("Certificates of the authorities that sign those of NATS servers, PEM");
        CLUSTER_TLS_CERT: Option<PathBuf> = Setting::path("cluster-tls-cert")
            .value_name("FILE")
            .otherwise("none")
            .help("Certificate of this instance for NATS, PEM; needs cluster-tls-key");
        CLUSTER_TLS_KEY: Option<PathBuf> = Setting::path("cluster-tls-key")
            .value_name("FILE")
            .otherwise("none")
            .help("Private key of this instance for NATS, PEM");
        CLUSTER_REQUIRED: bool = Setting::boolean("cluster-required")
            .default("false")
            .help("Whether the start fails if NATS cannot be reached; otherwise it goes on, and connects later");
        CLUSTER_TTL: Duration = Setting::seconds("cluster-ttl")
            .between("1", "3600")
            .default("6")
            .help("Seconds without a sign of life after which another instance counts as gone; it gives three \
                   within this time");
        CLUSTER_TIMEOUT: Duration = Setting::seconds("cluster-timeout")
            .between("0.1", "60")
            .default("2")
            .help("Seconds that other instances may take to answer");
        CLUSTER_QUEUE: usize = Setting::bytes("cluster-queue")
            .default("8 MiB")
            .help("Bytes that may wait for NATS; beyond them the oldest messages are dropped, and changes of a shared context and messages for histories fail");
        CLUSTER_FLOWS: bool = Setting::boolean("cluster-flows")
            .default("false")
            .help("Whether all instances run the same flows: a deploy at one of them is a deploy at all");
        CLUSTER_REPLICAS: usize = Setting::integer("cluster-replicas")
            .between("1", "5")
            .default("1")
            .help("On how many servers of NATS the buckets are kept that this instance makes");
    }
    "Operation" => {
        LOG: String = Setting::text("log")
            .node_red(NodeRed::key("logging.console.level"))
            .default("info")
            .value_name("FILTER")
            .help("Which log lines are written, such as info or ferrowire=debug");
        VERBOSE: bool = Setting::switch("verbose")
            .node_red(NodeRed::key("verbose").short('v'))
            .help("Log at the level debug, unless log says otherwise");
        LOG_FORMAT: String = Setting::choice("log-format", &["human", "json"])
            .default("human")
            .value_name("FORMAT")
            .help("Format of log lines");
        SAFE: bool = Setting::switch("safe")
            .node_red(NodeRed::key("safeMode").variable("NODE_RED_ENABLE_SAFE_MODE"))
            .help("Load the flows without starting them; the next deploy starts them");
        METRICS: Option<String> = Setting::text("metrics")
            .value_name("ADDRESS")
            .otherwise("only below http-admin-root, with the permission metrics.read")
            .help("Address that serves `/metrics` and `/health` without a login; its port is 9464 if left out");
        METRICS_NODES: usize = Setting::integer("metrics-nodes")
            .between("0", "10000")
            .default("0")
            .help("Nodes with metrics of their own; further ones are counted together as `other`");
        TITLE: Option<String> = Setting::text("title")
            .node_red(NodeRed::key("").short('t'))
            .otherwise("the name of the program")
            .help("Name of the process, of which Linux keeps 15 bytes");
        WORKERS: Option<usize> = Setting::integer("workers")
            .between("1", "1024")
            .otherwise("one for each core")
            .help("Worker threads");
        SHUTDOWN_TIMEOUT: Duration = Setting::seconds("shutdown-timeout")
            .default("10")
            .help("Seconds for nodes and connections to stop");
        DRAIN: Duration = Setting::seconds("drain")
            .between("0", "86400")
            .default("0")
            .help("Seconds over which WebSocket clients are closed, with 1012, before the program stops; with 0 \
                   all are closed at once, with 1001");
        DRAIN_DELAY: Duration = Setting::seconds("drain-delay")
            .between("0", "86400")
            .default("0")
            .help("Seconds that the port goes on after `/health/ready` has failed, before the program \
                   drains or stops, for load balancers to notice");
    }
    "Traces" => {
        /// [`Settings::read`](super::Settings::read) reads all of these into `Settings::traces`.
        OTLP_ENDPOINT: Option<String> = Setting::text("otlp-endpoint")
            .standard_variable("OTEL_EXPORTER_OTLP_ENDPOINT")
            .value_name("URL")
            .otherwise("no traces are recorded")
            .help("OpenTelemetry collector that gets the traces of messages, over OTLP/HTTP with JSON, \
                   such as http://localhost:4318");
        OTLP_HEADERS: Option<Secret> = Setting::secret("otlp-headers")
            .standard_variable("OTEL_EXPORTER_OTLP_HEADERS")
            .value_name("HEADERS")
            .otherwise("none")
            .help("Headers for the collector, such as Authorization=Basic%20abc: names and percent-encoded \
                   values, separated by commas");
        TRACE_SAMPLE: String = Setting::text("trace-sample")
            .default("1")
            .value_name("SHARE")
            .help("Share of the traces beginning here that are recorded, from 0 to 1; others are recorded if \
                   they come with the flag `sampled`");
        TRACE_CONTEXT: Vec<String> = Setting::list("trace-context")
            .value_name("NAMES")
            .help("Where `traceparent` is taken and sent: `http`, which is the default, `websocket` for \
                   handshakes, `mqtt` for messages of MQTT 5; or `none`");
        SERVICE_NAME: String = Setting::text("service-name")
            .standard_variable("OTEL_SERVICE_NAME")
            .default("ferrowire")
            .value_name("NAME")
            .help("Name of this program in traces");
    }
    NPM_GROUP => {
        #[cfg(feature = "npm-nodes")]
        NO_NPM_NODES: bool = Setting::switch("no-npm-nodes")
            .help("Do not run the nodes of npm packages in the user directory");
        #[cfg(feature = "npm-nodes")]
        NODE_JS: PathBuf = Setting::path("node-js")
            .value_name("PROGRAM")
            .default("node")
            .help("Node.js 18 or later, which runs the nodes of npm packages if the flows have some");
        #[cfg(feature = "npm-nodes")]
        NODE_JS_MEMORY: Option<usize> = Setting::integer("node-js-memory")
            .value_name("MIB")
            .between("16", "1048576")
            .otherwise("what Node.js allows")
            .help("Memory for the JavaScript of npm packages, in MiB. Node.js ends and starts again if it needs more");
        #[cfg(feature = "npm-nodes")]
        PALETTE_INSTALL: Option<bool> = Setting::boolean("palette-install")
            .node_red(NodeRed::key("externalModules.palette.allowInstall"))
            .otherwise("true if listen is a loopback address")
            .help("Whether the editor may install, update, remove, enable and disable npm packages");
    }
    PLUGIN_GROUP => {
        /// Read as [`Wanted`](super::wanted::Wanted): a path may say whether it is required.
        PLUGINS: Vec<PathBuf> = Setting::paths("plugins")
            .value_name("DIRECTORY")
            .help("Directory whose shared libraries are loaded; may be repeated. A path that ends in \
                   `?required=false` may fail");
        /// As [`PLUGINS`].
        PLUGIN: Vec<PathBuf> = Setting::paths("plugin")
            .value_name("FILE")
            .help("A shared library that is loaded; may be repeated. A path that ends in \
                   `?required=false` may fail");
        PLUGINS_REQUIRED: bool = Setting::boolean("plugins-required")
            .default("true")
            .help("Whether a library that cannot be loaded prevents the start, unless its path says");
        PLUGINS_TIMEOUT: Duration = Setting::seconds("plugins-timeout")
            .default("10")
            .help("Seconds for each library to be ready");
    }
}

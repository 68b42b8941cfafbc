//! The table of the runtime's own settings. A record here is all that a setting needs: its flag,
//! environment variable, key of the settings file, check, help and documentation derive from it.
//! Code reads the value with [`Settings::get`](super::Settings::get).

use std::path::PathBuf;
use std::time::Duration;

use ferrowire_core::{Secret, Setting, SettingRecord};

/// The heading of the settings that commands without flows take as well.
pub(crate) const PLUGIN_GROUP: &str = "Plugins in shared libraries";

macro_rules! table {
    ($($group:expr => {
        $($(#[$doc:meta])* $name:ident: $type:ty = $setting:expr;)+
    })+) => {
        $($(
            $(#[$doc])*
            pub(crate) const $name: Setting<$type> = Setting::declared_by(
                $setting.group($group),
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            );
        )+)+

        /// All of them, in the order of help and documentation.
        pub(crate) const ALL: &[SettingRecord] = &[$($(*$name.record(),)+)+];
    };
}

table! {
    "The port" => {
        LISTEN: String = Setting::text("listen")
            .default("127.0.0.1:1880")
            .value_name("ADDRESS")
            .help("Address of the one port");
        TLS_CERT: Option<PathBuf> = Setting::path("tls-cert")
            .value_name("FILE")
            .otherwise("no TLS")
            .help("Certificate chain for TLS, PEM; needs tls-key");
        TLS_KEY: Option<PathBuf> = Setting::path("tls-key")
            .value_name("FILE")
            .help("Private key for TLS, PEM");
        HANDSHAKE_TIMEOUT: Duration = Setting::seconds("handshake-timeout")
            .default("10")
            .help("Seconds for a TLS handshake, for the head of a request, and for dialling a server");
    }
    "HTTP and WebSocket nodes" => {
        HTTP_NODE_ROOT: String = Setting::text("http-node-root")
            .default("/")
            .value_name("PATH")
            .help("Path before those of all listeners and `http in` nodes; Node-RED's httpNodeRoot");
        HTTP_NODE_AUTH: () = Setting::table("http-node-auth")
            .hidden()
            .help("User and password hash that requests to flows need; Node-RED's httpNodeAuth");
        HTTP_NODE_CORS: () = Setting::table("http-node-cors")
            .help("Cross-origin requests that flows accept; Node-RED's httpNodeCors");
        HTTP_STATIC: Option<PathBuf> = Setting::path("http-static")
            .value_name("DIRECTORY")
            .otherwise("no files are served")
            .help("Directory whose files are served; Node-RED's httpStatic");
        HTTP_STATIC_ROOT: String = Setting::text("http-static-root")
            .default("/")
            .value_name("PATH")
            .help("Path before those of the files in http-static");
    }
    "The editor and its API" => {
        HTTP_ADMIN_ROOT: String = Setting::text("http-admin-root")
            .default("/")
            .value_name("PATH")
            .help("Path of the editor and its API, or off; Node-RED's httpAdminRoot");
        NO_EDITOR: bool = Setting::switch("no-editor").help("Serve the API without the editor");
        ADMIN_AUTH: () = Setting::table("admin-auth")
            .hidden()
            .help("Users and tokens that may use the editor and its API; Node-RED's adminAuth");
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
            .default("5 MiB")
            .help("Largest body that the API accepts; Node-RED's apiMaxLength");
        RUNTIME_STATE: bool = Setting::boolean("runtime-state")
            .default("false")
            .help("Whether the editor can start and stop the flows; Node-RED's runtimeState");
    }
    "Files" => {
        USER_DIR: Option<PathBuf> = Setting::path("user-dir")
            .value_name("DIRECTORY")
            .otherwise("that of the flow file")
            .help("Directory of flows, credentials, library and user settings, as in Node-RED");
        FLOW_FILE_PRETTY: bool = Setting::boolean("flow-file-pretty")
            .default("true")
            .help("Whether flow files are written with line breaks; Node-RED's flowFilePretty");
        CREDENTIAL_SECRET: Option<Secret> = Setting::secret("credential-secret")
            .otherwise("generated, and kept in .config.runtime.json")
            .help("Key that credentials are encrypted with, or false; Node-RED's credentialSecret");
        CONTEXT_STORAGE: () = Setting::table("context-storage")
            .help("Stores for context, in memory or in files; Node-RED's contextStorage");
    }
    "Operation" => {
        LOG: String = Setting::text("log")
            .default("info")
            .value_name("FILTER")
            .help("Which log lines are written, such as info or ferrowire=debug");
        LOG_FORMAT: String = Setting::choice("log-format", &["human", "json"])
            .default("human")
            .value_name("FORMAT")
            .help("Format of log lines");
        WORKERS: Option<usize> = Setting::integer("workers")
            .between("1", "1024")
            .otherwise("one for each core")
            .help("Worker threads");
        SHUTDOWN_TIMEOUT: Duration = Setting::seconds("shutdown-timeout")
            .default("10")
            .help("Seconds for nodes and connections to stop");
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

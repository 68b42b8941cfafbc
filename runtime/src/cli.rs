//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs Node-RED flows natively, WebSocket nodes first.
#[derive(Debug, Parser)]
#[command(name = "ferrowire", version, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run flows until SIGINT or SIGTERM; SIGHUP reads the files again and restarts what changed
    Run {
        /// Flow files as Node-RED writes them; several are run as one, and cannot be deployed to
        /// [default: flows.json in the user directory]
        flows: Vec<PathBuf>,
        #[command(flatten)]
        settings: Box<SettingsArgs>,
    },
    /// Report every problem in flow files, without running anything; exit code 2 if there is one
    Check {
        /// Flow files as Node-RED writes them; several are checked as one
        #[arg(required = true)]
        flows: Vec<PathBuf>,
        #[command(flatten)]
        plugins: PluginArgs,
    },
    /// Print the bcrypt hash of a password for `admin-auth`, asked for or read from standard input
    HashPassword,
    /// List the node types that this program holds, and those of the plugins that it loads
    Nodes {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        plugins: PluginArgs,
    },
    /// Look at plugins in shared libraries
    #[command(subcommand)]
    Plugin(PluginCommand),
}

/// What can be done with plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Say what a library is and whether this runtime takes it, running none of its code
    Check {
        /// The library
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the plugins that a start with these settings loads or refuses
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        plugins: PluginArgs,
    },
}

/// Where settings and plugins come from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PluginArgs {
    /// A TOML file with settings [env: FERROWIRE_SETTINGS]
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Directory whose shared libraries are loaded as plugins; may be repeated.
    /// `DIR?required=false`: the start may do without
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins: Vec<String>,
    /// A shared library that is loaded as a plugin; may be repeated, and `?required=false` too
    #[arg(long, value_name = "FILE")]
    pub(crate) plugin: Vec<String>,
    /// Whether a plugin that cannot be used prevents the start, where nothing else is said of it
    /// [default: true]
    #[arg(long, value_name = "BOOL")]
    pub(crate) plugins_required: Option<String>,
    /// Seconds for each plugin to be ready [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) plugins_timeout: Option<String>,
}

impl From<PluginArgs> for SettingsArgs {
    fn from(plugins: PluginArgs) -> Self {
        SettingsArgs { plugins, ..SettingsArgs::default() }
    }
}

/// The flags of all settings. Each is also an environment variable (`--max-queue` is
/// `FERROWIRE_MAX_QUEUE`) and a key of the settings file (`max-queue`).
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings, also as FERROWIRE_NAME and as keys of the settings file")]
pub(crate) struct SettingsArgs {
    /// The settings file, and plugins.
    #[command(flatten)]
    pub(crate) plugins: PluginArgs,
    /// Address of the one port [default: 127.0.0.1:1880]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Certificate for TLS, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<String>,
    /// Private key for TLS, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<String>,
    /// Path before those of all listeners, Node-RED's httpNodeRoot [default: /]
    #[arg(long, value_name = "PATH")]
    pub(crate) http_node_root: Option<String>,
    /// Largest body of a request that a flow accepts [default: 32 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) http_node_max_length: Option<String>,
    /// HTTP requests that may wait for a flow's answer at a time [default: 4096]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) http_node_max_open: Option<String>,
    /// Seconds that each of them may [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) http_node_timeout: Option<String>,
    /// Folder whose files are served, Node-RED's httpStatic
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) http_static: Option<String>,
    /// Path before those of the files [default: /]
    #[arg(long, value_name = "PATH")]
    pub(crate) http_static_root: Option<String>,
    /// Path of the editor and its API, Node-RED's httpAdminRoot, or off [default: /]
    #[arg(long, value_name = "PATH")]
    pub(crate) http_admin_root: Option<String>,
    /// Serve the API without the editor
    #[arg(long)]
    pub(crate) no_editor: bool,
    /// Let everybody use the editor on an address that others reach
    #[arg(long)]
    pub(crate) allow_public_editor: bool,
    /// Further names under which the editor is reached, for example through a proxy
    #[arg(long, value_name = "NAMES")]
    pub(crate) editor_hosts: Option<String>,
    /// Directory of flows, credentials, library and user settings, as Node-RED lays it out
    /// [default: that of the flow file]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) user_dir: Option<String>,
    /// Largest body that the API accepts [default: 5 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) api_max_length: Option<String>,
    /// true: the editor can start and stop the flows [default: false]
    #[arg(long, value_name = "BOOLEAN")]
    pub(crate) runtime_state: Option<String>,
    /// false: flow files are written in one line [default: true]
    #[arg(long, value_name = "BOOLEAN")]
    pub(crate) flow_file_pretty: Option<String>,
    /// Which log lines to write, such as info or ferrowire=debug [default: info]
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// human or json [default: human]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) workers: Option<String>,
    /// Seconds for a handshake: TLS, the head of a request, dialling a server [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) handshake_timeout: Option<String>,
    /// Seconds for nodes and connections to stop [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) shutdown_timeout: Option<String>,
    /// Seconds that a WebSocket peer may take nothing while output waits [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) stall_timeout: Option<String>,
    /// Largest WebSocket message accepted [default: 100 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_message: Option<String>,
    /// Bytes that may wait for a WebSocket peer that reads slowly [default: 4 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_queue: Option<String>,
    /// What then happens: disconnect, drop or wait [default: disconnect]
    #[arg(long, value_name = "POLICY")]
    pub(crate) slow_client: Option<String>,
    /// Seconds before a WebSocket client dials again [default: 3]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) reconnect_delay: Option<String>,
}

impl SettingsArgs {
    /// The value of the flag for a setting.
    pub(crate) fn flag(&self, name: &str) -> Option<String> {
        let value = match name {
            "listen" => &self.listen,
            "tls-cert" => &self.tls_cert,
            "tls-key" => &self.tls_key,
            "http-node-root" => &self.http_node_root,
            "http-node-max-length" => &self.http_node_max_length,
            "http-node-max-open" => &self.http_node_max_open,
            "http-node-timeout" => &self.http_node_timeout,
            "http-static" => &self.http_static,
            "http-static-root" => &self.http_static_root,
            "http-admin-root" => &self.http_admin_root,
            "no-editor" => return self.no_editor.then(|| "true".to_owned()),
            "allow-public-editor" => return self.allow_public_editor.then(|| "true".to_owned()),
            "editor-hosts" => &self.editor_hosts,
            "user-dir" => &self.user_dir,
            "api-max-length" => &self.api_max_length,
            "runtime-state" => &self.runtime_state,
            "flow-file-pretty" => &self.flow_file_pretty,
            "log" => &self.log,
            "log-format" => &self.log_format,
            "workers" => &self.workers,
            "handshake-timeout" => &self.handshake_timeout,
            "shutdown-timeout" => &self.shutdown_timeout,
            "stall-timeout" => &self.stall_timeout,
            "max-message" => &self.max_message,
            "max-queue" => &self.max_queue,
            "slow-client" => &self.slow_client,
            "reconnect-delay" => &self.reconnect_delay,
            "plugins" => return joined(&self.plugins.plugins),
            "plugin" => return joined(&self.plugins.plugin),
            "plugins-required" => &self.plugins.plugins_required,
            "plugins-timeout" => &self.plugins.plugins_timeout,
            _ => return None,
        };
        value.clone()
    }
}

/// As the environment lists several.
fn joined(paths: &[String]) -> Option<String> {
    (!paths.is_empty()).then(|| paths.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::NAMES;

    #[test]
    fn every_setting_has_a_flag() {
        for name in NAMES {
            let flag = format!("--{name}");
            let (value, expected) = match *name {
                "no-editor" | "allow-public-editor" => (None, "true"),
                _ => (Some("x"), "x"),
            };
            let arguments = ["ferrowire", "run", flag.as_str()];
            let cli = Cli::parse_from(arguments.into_iter().chain(value));
            let Command::Run { settings, .. } = cli.command else { panic!("not `run`") };
            assert_eq!(settings.flag(name).as_deref(), Some(expected), "{name}");
        }
    }
}

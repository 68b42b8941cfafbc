//! The program `ferrowire`: the runtime with the default set of plugins.

use std::process::ExitCode;

use ferrowire_plugin_batch as _;
use ferrowire_plugin_change as _;
use ferrowire_plugin_comment as _;
use ferrowire_plugin_debug as _;
use ferrowire_plugin_delay as _;
use ferrowire_plugin_function as _;
use ferrowire_plugin_http as _;
use ferrowire_plugin_http_request as _;
use ferrowire_plugin_inject as _;
use ferrowire_plugin_json as _;
use ferrowire_plugin_junction as _;
use ferrowire_plugin_link as _;
use ferrowire_plugin_range as _;
use ferrowire_plugin_rbe as _;
use ferrowire_plugin_sort as _;
use ferrowire_plugin_split_join as _;
use ferrowire_plugin_switch as _;
use ferrowire_plugin_template as _;
use ferrowire_plugin_trigger as _;
use ferrowire_plugin_watch as _;
use ferrowire_plugin_websocket_in as _;
use ferrowire_plugin_websocket_out as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The plugins that the lines above link in. The start fails if one of them did not register.
const PLUGINS: &[&str] = &[
    "ferrowire-plugin-batch",
    "ferrowire-plugin-change",
    "ferrowire-plugin-comment",
    "ferrowire-plugin-debug",
    "ferrowire-plugin-delay",
    "ferrowire-plugin-function",
    "ferrowire-plugin-http",
    "ferrowire-plugin-http-request",
    "ferrowire-plugin-inject",
    "ferrowire-plugin-json",
    "ferrowire-plugin-junction",
    "ferrowire-plugin-link",
    "ferrowire-plugin-range",
    "ferrowire-plugin-rbe",
    "ferrowire-plugin-sort",
    "ferrowire-plugin-split-join",
    "ferrowire-plugin-switch",
    "ferrowire-plugin-template",
    "ferrowire-plugin-trigger",
    "ferrowire-plugin-watch",
    "ferrowire-plugin-websocket-in",
    "ferrowire-plugin-websocket-out",
];

fn main() -> ExitCode {
    ferrowire_runtime::main(PLUGINS)
}

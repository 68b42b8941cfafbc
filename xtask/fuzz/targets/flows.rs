//! Flow files: nothing is lost, and a check of any file ends with its problems.
#![no_main]

use std::sync::LazyLock;

use ferrowire_core::Registry;
use ferrowire_engine::{Environment, FlowFile, check};
use libfuzzer_sys::fuzz_target;

use ferrowire_plugin_change as _;
use ferrowire_plugin_delay as _;
use ferrowire_plugin_http as _;
use ferrowire_plugin_inject as _;
use ferrowire_plugin_json as _;
use ferrowire_plugin_link as _;
use ferrowire_plugin_split_join as _;
use ferrowire_plugin_switch as _;
use ferrowire_plugin_template as _;
use ferrowire_plugin_tls_config as _;
use ferrowire_plugin_trigger as _;
use ferrowire_plugin_websocket_endpoints as _;
use ferrowire_plugin_websocket_in as _;
use ferrowire_plugin_websocket_out as _;
// Expressions in the flows are compiled.
use ferrowire_testkit as _;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::linked().expect("unique types"));

fuzz_target!(|data: &[u8]| {
    let Ok(file) = FlowFile::parse(data) else { return };
    let text = file.to_json();
    let again = FlowFile::parse(text.as_bytes()).expect("a flow file that was written is one");
    assert_eq!(again.to_json(), text);
    assert_eq!(again.rev(), file.rev());
    let environment = Environment::new(|name| (name == "PORT").then(|| "1880".to_owned()));
    let problems = check(&file, &REGISTRY, &environment);
    assert_eq!(check(&file, &REGISTRY, &environment).len(), problems.len());
});

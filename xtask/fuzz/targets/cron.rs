//! Cron expressions of `inject`: those that are accepted lead to a message, or to an error that says
//! that there is no further time, or to waiting.
#![no_main]

use std::time::Duration;

use ferrowire_fuzz::{block_on, build};
use ferrowire_plugin_inject as _;
use ferrowire_testkit::{Harness, json};
use libfuzzer_sys::fuzz_target;

/// A little more than a minute and an hour: the node looks at the clock each minute, so that more would
/// take too long.
const WAITS: [u64; 2] = [61, 3_601];

fuzz_target!(|text: &str| {
    if !build("inject", &[("crontab", text.into())]).is_empty() || text.trim().is_empty() {
        return;
    }
    block_on(async {
        let config = json!({"crontab": text, "repeat": "", "props": [{"p": "topic", "v": "x"}]});
        let mut node = Harness::of("inject").config(config).start().await;
        for seconds in WAITS {
            node.wait(Duration::from_secs(seconds)).await;
            let (messages, errors) = (node.outputs(0), node.errors());
            assert!(messages.is_empty() || errors.is_empty(), "`{text}`: {errors:?}");
            if !messages.is_empty() || !errors.is_empty() {
                break;
            }
        }
        node.stop().await;
    });
});

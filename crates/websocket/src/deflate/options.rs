//! The properties of a node about compression.

use ferrowire_core::NodeConfig;

use crate::deflate::compressor::Rules;
use crate::deflate::{MAX_BITS, MIN_COMPRESSOR_BITS, Window};

/// zlib's default.
const LEVEL: u8 = 6;

/// What a node wants of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompressionOptions {
    /// Of the server's messages.
    pub(crate) server: Window,
    /// Of the client's messages.
    pub(crate) client: Window,
    pub(crate) rules: Rules,
}

impl CompressionOptions {
    /// Reads `compression` and the properties whose names begin so; `None` if it is off.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Option<Self> {
        let kind = config.text("compression");
        let is_on = kind == "deflate";
        if !is_on && !kind.is_empty() {
            let text = format!("expected `deflate` or nothing, found `{kind}`");
            config.problem("compression", text);
        }
        let options = CompressionOptions {
            server: window(config, "compressionServerTakeover", "compressionServerBits"),
            client: window(config, "compressionClientTakeover", "compressionClientBits"),
            rules: rules(config),
        };
        is_on.then_some(options)
    }
}

fn window(config: &mut NodeConfig<'_>, takeover: &str, bits: &str) -> Window {
    let range = f64::from(MIN_COMPRESSOR_BITS)..=f64::from(MAX_BITS);
    Window {
        bits: config.number_in(bits, range).map_or(MAX_BITS, |bits| bits as u8),
        takeover: config.boolean(takeover, false),
    }
}

fn rules(config: &mut NodeConfig<'_>) -> Rules {
    let threshold = config.number_in("compressionThreshold", 0.0..=f64::from(u32::MAX));
    let level = config.number_in("compressionLevel", 1.0..=9.0);
    Rules {
        threshold: threshold.unwrap_or(0.0) as usize,
        level: level.map_or(LEVEL, |level| level as u8),
    }
}

//! What the fuzz targets share.

pub mod requests;

use std::future::Future;

use ferrowire_core::{ConfigProblem, Map, Message, NodeConfig, NodeInfo, NodeType, Value};
use ferrowire_testkit::Harness;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
}

/// Runs `future` on a paused clock, so that time limits cost no time.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// What a node makes of a message: the payloads that it sends, or its error.
pub fn convert(node: &str, config: &serde_json::Value, msg: Message) -> Result<Vec<Value>, String> {
    block_on(async {
        let mut node = Harness::of(node).config(config.clone()).start().await;
        node.send(msg).await;
        let mut stopped = node.stop().await;
        let payload = |msg: Message| msg.payload().cloned().unwrap_or_default();
        match stopped.errors.pop() {
            Some(error) => {
                assert!(!error.contains("panicked"), "{error}");
                Err(error)
            }
            None => Ok(std::mem::take(&mut stopped.outputs[0]).into_iter().map(payload).collect()),
        }
    })
}

/// The text before the first zero byte and the text after it; `None` if they are not UTF-8.
pub fn two_texts(data: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(data).ok()?;
    Some(text.split_once('\0').unwrap_or((text, "")))
}

/// The headers in `lines`; what is not a header is left out.
pub fn headers<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// Builds a node of a linked type, as a check of a flow file does. Returns its problems.
pub fn build(node_type: &str, properties: &[(&'static str, Value)]) -> Vec<ConfigProblem> {
    let node_type = NodeType::linked().find(|it| it.name == node_type).expect("a linked type");
    let properties: Map = properties.iter().cloned().collect();
    let mut config = NodeConfig::new(NodeInfo::default(), properties, &|_| None);
    drop(node_type.build(&mut config));
    config.take_problems()
}

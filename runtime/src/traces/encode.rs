//! The encoding of spans: OTLP's JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ferrowire_core::Value;
use ferrowire_core::trace::{FinishedSpan, SpanKind};
use serde::Serialize;

use super::Options;
use crate::settings::{Settings, table};

/// What the spans are of: this program.
#[derive(Serialize)]
pub(super) struct Resource {
    attributes: Vec<Attribute<'static>>,
}

impl Resource {
    pub(super) fn of(settings: &Settings, options: &Options) -> Self {
        let text = |key, value: String| Attribute { key, value: AnyValue::String(value) };
        let version = || env!("CARGO_PKG_VERSION").to_owned();
        let mut attributes = vec![
            text("service.name", options.service.clone()),
            text("service.version", version()),
            text("telemetry.sdk.name", "ferrowire".to_owned()),
            text("telemetry.sdk.language", "rust".to_owned()),
            text("telemetry.sdk.version", version()),
        ];
        let instance = settings.get(&table::INSTANCE_NAME);
        attributes.extend(instance.map(|name| text("service.instance.id", name)));
        Resource { attributes }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: &'a Resource,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_state: Option<&'a str>,
    flags: u32,
    name: &'a str,
    kind: u8,
    /// 64-bit integers are texts.
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u8,
    message: &'a str,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: AnyValue,
}

#[derive(Serialize)]
enum AnyValue {
    #[serde(rename = "stringValue")]
    String(String),
    #[serde(rename = "boolValue")]
    Bool(bool),
    #[serde(rename = "intValue")]
    Int(String),
    #[serde(rename = "doubleValue")]
    Double(f64),
}

/// The flag `sampled`, and the two that say whether the parent is another system's.
const SAMPLED: u32 = 1;
const KNOWS_PARENT: u32 = 0x100;
const REMOTE_PARENT: u32 = 0x200;

/// The status of a span that failed.
const ERROR: u8 = 2;

/// The body of a request with these spans.
///
/// # Errors
/// Never: all values are representable.
pub(super) fn request(resource: &Resource, spans: &[FinishedSpan]) -> serde_json::Result<Bytes> {
    let scope = Scope { name: "ferrowire", version: env!("CARGO_PKG_VERSION") };
    let spans = spans.iter().map(encoded).collect();
    let request = Request {
        resource_spans: [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }],
    };
    serde_json::to_vec(&request).map(Bytes::from)
}

fn encoded(span: &FinishedSpan) -> Span<'_> {
    let node = &span.node;
    let remote = if span.has_remote_parent { REMOTE_PARENT } else { 0 };
    Span {
        trace_id: format!("{:032x}", span.trace_id),
        span_id: format!("{:016x}", span.span_id),
        parent_span_id: span.parent_id.map(|id| format!("{id:016x}")),
        trace_state: span.state.as_deref(),
        flags: SAMPLED | KNOWS_PARENT | remote,
        name: if node.name.is_empty() { &node.node_type } else { &node.name },
        kind: kind(span.kind),
        start_time_unix_nano: nanoseconds(span.began),
        end_time_unix_nano: nanoseconds(span.began + span.took),
        attributes: attributes(span),
        status: span.error.as_deref().map(|message| Status { code: ERROR, message }),
    }
}

fn kind(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn nanoseconds(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}

fn attributes(span: &FinishedSpan) -> Vec<Attribute<'_>> {
    let node = &span.node;
    let milliseconds = |time: Duration| AnyValue::Double(time.as_secs_f64() * 1000.0);
    let texts = [
        ("ferrowire.node.id", &node.id),
        ("ferrowire.node.type", &node.node_type),
        ("ferrowire.node.name", &node.name),
        ("ferrowire.flow.id", &node.flow),
        ("ferrowire.flow.path", &node.path),
    ];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let mut attributes: Vec<Attribute<'_>> =
        texts.map(|(key, text)| Attribute { key, value: AnyValue::String(text.clone()) }).collect();
    attributes.push(Attribute { key: "ferrowire.waited_ms", value: milliseconds(span.waited) });
    attributes.push(Attribute { key: "ferrowire.worked_ms", value: milliseconds(span.worked) });
    let own = span.attributes.iter();
    attributes.extend(own.map(|(key, value)| Attribute { key, value: any_value(value) }));
    attributes
}

fn any_value(value: &Value) -> AnyValue {
    match value {
        Value::Bool(flag) => AnyValue::Bool(*flag),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            AnyValue::Int(format!("{number:.0}"))
        }
        Value::Number(number) if number.is_finite() => AnyValue::Double(*number),
        other => AnyValue::String(other.as_str().map_or_else(|| other.to_json(), str::to_owned)),
    }
}

//! `NatsDepot`: buckets are key-value buckets of JetStream, which `nats kv` shows as well.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::consumer::{DeliverPolicy, push};
use async_nats::jetstream::context::{
    GetStreamError, GetStreamErrorKind, PublishErrorKind, RequestError, RequestErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy, LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ErrorCode, Message};
use async_nats::{Client, HeaderMap, HeaderValue};
use async_trait::async_trait;
use bytes::Bytes;
use ferrowire_core::cluster::{BucketError, Write};
use futures_util::stream::{BoxStream, StreamExt as _, iter};
use tracing::warn;

use crate::bucket::HEADERS;
use crate::depot::{Depot, Item, Kept};
use crate::member::Shared;

/// The header that tells a removal from a value, and its content.
const OPERATION: (&str, &str) = ("KV-Operation", "DEL");

/// How long NATS remembers the ids of writes.
const REMEMBERED: Duration = Duration::from_secs(120);

/// The buckets of a NATS server with JetStream.
pub(crate) struct NatsDepot {
    client: Client,
    jetstream: Context,
    replicas: usize,
}

impl NatsDepot {
    pub(crate) fn new(client: &Client, shared: &Shared) -> Arc<Self> {
        let mut jetstream = async_nats::jetstream::new(client.clone());
        jetstream.set_timeout(shared.options.timeout);
        Arc::new(NatsDepot { client: client.clone(), jetstream, replicas: shared.options.replicas })
    }

    /// The stream of a bucket, which is made if there is none.
    async fn open(&self, bucket: &str) -> Result<Stream, BucketError> {
        if !self.client.is_server_compatible(2, 9, 0) {
            let version = self.client.server_info().version;
            return Err(refused(format!(
                "NATS {version} is too old for buckets, expected 2.9 or later"
            )));
        }
        let wanted = self.config(bucket);
        let stream = match self.jetstream.get_stream(&wanted.name).await {
            Ok(stream) => stream,
            Err(error) if is_missing(&error.kind()) => self.make(&wanted).await?,
            Err(error) => return Err(unreadable(bucket, &error)),
        };
        check(bucket, &wanted, &stream.cached_info().config)?;
        Ok(stream)
    }

    async fn make(&self, wanted: &Config) -> Result<Stream, BucketError> {
        match self.jetstream.create_stream(wanted).await {
            Ok(stream) => Ok(stream),
            // Another instance may have made it.
            Err(error) => {
                self.jetstream.get_stream(&wanted.name).await.map_err(|_| {
                    refused(format!("cannot make the bucket `{}`: {error}", wanted.name))
                })
            }
        }
    }

    fn config(&self, bucket: &str) -> Config {
        Config {
            name: stream_of(bucket),
            description: Some("values that instances of Ferrowire share".to_owned()),
            subjects: vec![subject(bucket, ">")],
            max_messages_per_subject: 1,
            max_bytes: -1,
            max_messages: -1,
            max_message_size: -1,
            max_consumers: -1,
            num_replicas: self.replicas,
            discard: DiscardPolicy::New,
            duplicate_window: REMEMBERED,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            ..Config::default()
        }
    }
}

fn refused(text: impl Into<String>) -> BucketError {
    BucketError::Refused(text.into())
}

fn unreadable(bucket: &str, error: &GetStreamError) -> BucketError {
    let request = error.source().and_then(|source| source.downcast_ref::<RequestError>());
    match (request.map(RequestError::kind), error.kind()) {
        (Some(RequestErrorKind::NoResponders), _) => {
            refused("NATS has no JetStream; start it with `-js`")
        }
        (Some(RequestErrorKind::TimedOut), _) => BucketError::Away,
        (_, GetStreamErrorKind::JetStream(error)) if is_disabled(error.error_code()) => {
            refused("JetStream is not enabled for the account of this instance in NATS")
        }
        _ => refused(format!("cannot read the bucket `{bucket}`: {error}")),
    }
}

fn is_disabled(code: ErrorCode) -> bool {
    [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT].contains(&code)
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Whether a bucket that was there can be used.
fn check(bucket: &str, wanted: &Config, found: &Config) -> Result<(), BucketError> {
    let what =
        if found.subjects != wanted.subjects || found.mirror.is_some() || found.sources.is_some() {
            "its subjects are not those of a bucket"
        } else if found.max_age != wanted.max_age {
            "its values expire"
        } else if found.max_messages_per_subject < 1 || found.max_messages > 0 {
            "it is no key-value bucket, or keeps a limited number of values"
        } else {
            return Ok(());
        };
    let wanted =
        "with another `cluster-prefix` or `cluster-name` the instance makes one of its own";
    Err(refused(format!("the bucket `{bucket}` of NATS has another shape: {what}; {wanted}")))
}

fn stream_of(bucket: &str) -> String {
    format!("KV_{bucket}")
}

fn subject(bucket: &str, key: &str) -> String {
    format!("$KV.{bucket}.{key}")
}

#[async_trait]
impl Depot for NatsDepot {
    fn largest(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADERS)
    }

    async fn watch(&self, bucket: &str) -> Result<BoxStream<'static, Kept>, BucketError> {
        let stream = self.open(bucket).await?;
        let failed =
            |error: String| refused(format!("cannot watch the bucket `{bucket}`: {error}"));
        let config = push::OrderedConfig {
            deliver_subject: self.client.new_inbox(),
            description: Some("an instance of Ferrowire".to_owned()),
            filter_subject: subject(bucket, ">"),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ..push::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| failed(error.to_string()))?;
        let is_empty = consumer.cached_info().num_pending == 0;
        // What the server counts as pending stays too high if an entry is replaced before it is told.
        let last = stream.cached_info().state.last_sequence;
        let messages = consumer.messages().await.map_err(|error| failed(error.to_string()))?;
        let (prefix, mut is_current) = (subject(bucket, ""), is_empty);
        let changes = messages
            // A reader that was not fast enough, for example; the next watch begins anew.
            .take_while(|message| {
                let ends = message
                    .as_ref()
                    .err()
                    .map(|error| warn!("the watch of a bucket ended: {error}"));
                std::future::ready(ends.is_none())
            })
            .flat_map(move |message| {
                let message = message.ok();
                let info = message.as_ref().and_then(|message| message.info().ok());
                let is_last = info.is_some_and(|it| it.pending == 0 || it.stream_sequence >= last);
                let becomes_current = !is_current && is_last;
                is_current |= becomes_current;
                let item = message.and_then(|message| item(&message, &prefix)).map(Kept::Item);
                iter(item.into_iter().chain(becomes_current.then_some(Kept::Current)))
            });
        Ok(iter(is_empty.then_some(Kept::Current)).chain(changes).boxed())
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Item>, BucketError> {
        let stream = self.jetstream.get_stream_no_info(stream_of(bucket)).await;
        let stream = stream.map_err(|error| refused(error.to_string()))?;
        match stream.get_last_raw_message_by_subject(&subject(bucket, key)).await {
            Ok(message) => Ok(Some(Item {
                key: key.to_owned(),
                value: value(Some(&message.headers), message.payload),
                revision: message.sequence,
            })),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                LastRawMessageErrorKind::JetStream(error) => Err(refused(error.to_string())),
                _ => Err(BucketError::Away),
            },
        }
    }

    async fn write(
        &self,
        bucket: &str,
        key: &str,
        write: Write,
        id: String,
    ) -> Result<u64, BucketError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.as_str());
        if let Some(expected) = write.expected {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(expected));
        }
        if write.value.is_none() {
            headers.insert(OPERATION.0, OPERATION.1);
        }
        let (subject, value) = (subject(bucket, key), write.value.unwrap_or_default());
        let sent = self.jetstream.publish_with_headers(subject, headers, value).await;
        let sent = match sent {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        sent.map(|acknowledged| acknowledged.sequence).map_err(|error| match error.kind() {
            PublishErrorKind::WrongLastSequence => BucketError::Conflict,
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => BucketError::Away,
            PublishErrorKind::StreamNotFound => refused("the bucket is gone"),
            _ => refused(error.to_string()),
        })
    }
}

fn item(message: &Message, prefix: &str) -> Option<Item> {
    let key = message.subject.strip_prefix(prefix)?.to_owned();
    let revision = message.info().ok()?.stream_sequence;
    Some(Item { key, value: value(message.headers.as_ref(), message.payload.clone()), revision })
}

/// The value of a message; none if it removes the key.
fn value(headers: Option<&HeaderMap>, payload: Bytes) -> Option<Bytes> {
    let is_value = headers.is_none_or(|headers| headers.get(OPERATION.0).is_none());
    is_value.then_some(payload)
}

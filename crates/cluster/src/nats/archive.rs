//! `NatsArchive`: journals are streams of JetStream, with a subject for each place and key.
//!
//! A stream sends what it has taken to followers by itself, with its number and that of the message before it: a
//! follower has a plain subscription, and notices what did not come.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::header::{
    NATS_EXPECTED_STREAM, NATS_LAST_SEQUENCE, NATS_MESSAGE_ID, NATS_SEQUENCE,
};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{
    GetStreamError, GetStreamErrorKind, PublishError, PublishErrorKind, RequestError,
    RequestErrorKind,
};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, Republish, RetentionPolicy, Stream,
};
use async_nats::jetstream::{Context, ErrorCode, Message};
use async_nats::{Client, HeaderMap, HeaderName};
use async_trait::async_trait;
use bytes::Bytes;
use ferrowire_core::cluster::{JournalError, Shape};
use futures_util::stream::{BoxStream, StreamExt as _};

use crate::archive::{Archive, Arrived, Extract, Item, Opened};
use crate::bucket::HEADERS;
use crate::member::Shared;
use crate::names::JournalNames;

/// How long NATS remembers the ids of messages, which is no longer than it keeps them.
const REMEMBERED: Duration = Duration::from_secs(120);

/// How many messages are fetched at once.
const AT_ONCE: u64 = 500;

/// How long a consumer lasts that is not used any more.
const UNUSED: Duration = Duration::from_secs(5);

/// The journals of a NATS server with JetStream.
pub(crate) struct NatsArchive {
    client: Client,
    jetstream: Context,
    replicas: usize,
    timeout: Duration,
}

impl NatsArchive {
    pub(crate) fn new(client: &Client, shared: &Shared) -> Arc<Self> {
        let mut jetstream = async_nats::jetstream::new(client.clone());
        jetstream.set_timeout(shared.options.timeout);
        Arc::new(NatsArchive {
            client: client.clone(),
            jetstream,
            replicas: shared.options.replicas,
            timeout: shared.options.timeout,
        })
    }

    async fn make(&self, wanted: &Config) -> Result<Stream, JournalError> {
        match self.jetstream.create_stream(wanted).await {
            Ok(stream) => Ok(stream),
            // Another instance may have made it.
            Err(error) => self.jetstream.get_stream(&wanted.name).await.map_err(|_| {
                JournalError::Unusable(format!("cannot make the stream `{}`: {error}", wanted.name))
            }),
        }
    }

    /// Adapts a stream to properties of the listener that have changed.
    async fn adapted(&self, stream: Stream, wanted: &Config) -> Result<Info, JournalError> {
        let found = stream.cached_info();
        let of =
            |config: &Config| (config.max_messages_per_subject, config.max_age, config.max_bytes);
        if of(&found.config) == of(wanted) {
            return Ok(found.clone());
        }
        let config = Config {
            max_messages_per_subject: wanted.max_messages_per_subject,
            max_age: wanted.max_age,
            max_bytes: wanted.max_bytes,
            duplicate_window: wanted.duplicate_window,
            ..found.config.clone()
        };
        self.jetstream.update_stream(config).await.map_err(|error| {
            JournalError::Unusable(format!("cannot change the stream `{}`: {error}", wanted.name))
        })
    }

    fn config(&self, names: &JournalNames, shape: &Shape) -> Config {
        let most = if shape.by_key { 1 } else { shape.messages as i64 + 1 };
        let age = shape.age.unwrap_or_default();
        Config {
            name: names.stream.clone(),
            description: Some("a history that instances of Ferrowire share".to_owned()),
            subjects: vec![format!("{}>", names.appended)],
            republish: Some(Republish {
                source: format!("{}>", names.appended),
                destination: format!("{}>", names.told),
                headers_only: false,
            }),
            // One more than is asked for tells who has missed nothing.
            max_messages_per_subject: most,
            max_age: age,
            max_bytes: shape.bytes as i64,
            max_messages: -1,
            max_message_size: -1,
            max_consumers: -1,
            num_replicas: self.replicas,
            discard: DiscardPolicy::Old,
            duplicate_window: shape.age.map_or(REMEMBERED, |age| age.min(REMEMBERED)),
            allow_direct: true,
            ..Config::default()
        }
    }

    async fn state(&self, stream: &str) -> Result<Info, JournalError> {
        let stream = self.jetstream.get_stream(stream).await.map_err(|_| JournalError::Away)?;
        Ok(stream.cached_info().clone())
    }
}

fn unusable(error: &GetStreamError) -> JournalError {
    let request = error.source().and_then(|source| source.downcast_ref::<RequestError>());
    match (request.map(RequestError::kind), error.kind()) {
        (Some(RequestErrorKind::NoResponders), _) => {
            JournalError::Unusable("NATS has no JetStream; start it with `-js`".to_owned())
        }
        (_, GetStreamErrorKind::JetStream(error)) if is_disabled(error.error_code()) => {
            let text = "JetStream is not enabled for the account of this instance in NATS";
            JournalError::Unusable(text.to_owned())
        }
        // In a network of several servers there may be none that leads for a while.
        _ => JournalError::Away,
    }
}

fn is_disabled(code: ErrorCode) -> bool {
    [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT].contains(&code)
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Whether a stream that was there can be used.
fn check(wanted: &Config, found: &Config) -> Result<(), JournalError> {
    let what =
        if found.subjects != wanted.subjects || found.mirror.is_some() || found.sources.is_some() {
            "its subjects are not those of the listener"
        } else if found.republish != wanted.republish {
            "it does not republish its messages"
        } else if found.retention != RetentionPolicy::Limits || found.discard != DiscardPolicy::Old
        {
            "it does not keep the newest messages"
        } else if found.max_messages > 0 {
            "it keeps a limited number of messages"
        } else {
            return Ok(());
        };
    Err(JournalError::Unusable(format!(
        "the stream `{}` of NATS has another shape: {what}; with another `cluster-prefix` or `cluster-name` the \
         instance makes one of its own",
        wanted.name
    )))
}

#[async_trait]
impl Archive for NatsArchive {
    fn largest(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADERS)
    }

    async fn open(&self, names: &JournalNames, shape: &Shape) -> Result<Opened, JournalError> {
        if !self.client.is_server_compatible(2, 9, 0) {
            let version = self.client.server_info().version;
            return Err(JournalError::Unusable(format!(
                "NATS {version} is too old for histories, expected 2.9 or later"
            )));
        }
        let wanted = self.config(names, shape);
        let stream = match self.jetstream.get_stream(&wanted.name).await {
            Ok(stream) => stream,
            Err(error) if is_missing(&error.kind()) => self.make(&wanted).await?,
            Err(error) => return Err(unusable(&error)),
        };
        check(&wanted, &stream.cached_info().config)?;
        let info = self.adapted(stream, &wanted).await?;
        Ok(Opened { epoch: epoch(&info), last: info.state.last_sequence, bytes: info.state.bytes })
    }

    async fn append(
        &self,
        names: &JournalNames,
        (subject, message): (String, Bytes),
        id: String,
    ) -> Result<(), JournalError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.as_str());
        headers.insert(NATS_EXPECTED_STREAM, names.stream.as_str());
        let sent = self.jetstream.publish_with_headers(subject, headers, message).await;
        let acknowledged = sent.map_err(|error| not_taken(&error))?.await;
        acknowledged.map(|_| ()).map_err(|error| not_taken(&error))
    }

    async fn follow(
        &self,
        names: &JournalNames,
        place: &str,
    ) -> Result<BoxStream<'static, Arrived>, JournalError> {
        let subscribed = self.client.subscribe(format!("{}{place}.*", names.told)).await;
        let subscriber = subscribed.map_err(|_| JournalError::Away)?;
        let arrived = |message: async_nats::Message| {
            let headers = message.headers.as_ref()?;
            Some(Arrived {
                sequence: number(headers, NATS_SEQUENCE)?,
                before: number(headers, NATS_LAST_SEQUENCE)?,
                message: message.payload,
            })
        };
        Ok(subscriber.filter_map(move |message| std::future::ready(arrived(message))).boxed())
    }

    async fn read(
        &self,
        names: &JournalNames,
        place: &str,
        (after, at_once): (u64, usize),
    ) -> Result<Extract, JournalError> {
        let info = self.state(&names.stream).await?;
        let last = info.state.last_sequence;
        let mut extract = Extract { epoch: epoch(&info), last, ..Extract::default() };
        if last > after {
            let subjects = format!("{}{place}.*", names.appended);
            let reading = self.read_into(&mut extract, &names.stream, (subjects, after), at_once);
            reading.await?;
        }
        // What was dropped meanwhile counts as well.
        extract.first = self.state(&names.stream).await?.state.first_sequence;
        Ok(extract)
    }
}

impl NatsArchive {
    async fn read_into(
        &self,
        extract: &mut Extract,
        stream: &str,
        (subjects, after): (String, u64),
        at_once: usize,
    ) -> Result<(), JournalError> {
        let away = |_| JournalError::Away;
        let stream =
            self.jetstream.get_stream_no_info(stream).await.map_err(|_| JournalError::Away)?;
        let config = pull::Config {
            description: Some("an instance of Ferrowire".to_owned()),
            filter_subject: subjects,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
            ack_policy: AckPolicy::None,
            inactive_threshold: UNUSED,
            num_replicas: 1,
            memory_storage: true,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|_| JournalError::Away)?;
        let (mut pending, mut bytes) = (consumer.cached_info().num_pending, 0);
        while pending > 0 {
            let most = pending.min(AT_ONCE) as usize;
            let batch = consumer.batch().max_messages(most).expires(self.timeout).messages().await;
            let mut batch = batch.map_err(|_| JournalError::Away)?;
            let before = pending;
            while let Some(message) = batch.next().await {
                let message = message.map_err(away)?;
                let (item, rest) = item(&message).ok_or(JournalError::Away)?;
                pending = rest;
                extract.push(item, &mut bytes, at_once);
            }
            if pending == before {
                return Err(JournalError::Away);
            }
        }
        let name = consumer.cached_info().name.clone();
        // It ends by itself if this does not arrive.
        let _ended = stream.delete_consumer(&name).await;
        Ok(())
    }
}

/// The time at which a stream was made names its numbering.
fn epoch(info: &Info) -> String {
    format!("{:x}", info.created.unix_timestamp_nanos())
}

/// A message that was read, and how many follow it.
fn item(message: &Message) -> Option<(Item, u64)> {
    let info = message.info().ok()?;
    let published = SystemTime::from(info.published);
    let age = SystemTime::now().duration_since(published).unwrap_or_default();
    let item = Item { sequence: info.stream_sequence, message: message.payload.clone(), age };
    Some((item, info.pending))
}

fn number(headers: &HeaderMap, name: impl Into<HeaderName>) -> Option<u64> {
    headers.get(name.into())?.as_str().parse().ok()
}

fn not_taken(error: &PublishError) -> JournalError {
    let source =
        error.source().and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    let is_too_large =
        source.is_some_and(|error| error.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM);
    match error.kind() {
        _ if is_too_large => JournalError::Refused(error.to_string()),
        PublishErrorKind::MaxPayloadExceeded => JournalError::Refused(error.to_string()),
        // Whatever it is may have ended when the journal is looked at again.
        _ => JournalError::Away,
    }
}

//! The begin of a connection: the stream, CONNECT and CONNACK.

use std::time::Duration;

use bytes::BytesMut;
use ferrowire::NodeContext;
use mqtt5_protocol::MqttError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::codec::{Codec, ConnAck, Fault, Incoming, write_connect};
use crate::options::Options;
use crate::transport::{self, Duplex, NoStream};

/// From the first packet to the broker's answer, as in Node-RED.
const LIMIT: Duration = Duration::from_secs(30);

/// A connection that the broker has accepted.
pub(crate) struct Opened {
    pub(crate) stream: Box<dyn Duplex>,
    pub(crate) answer: ConnAck,
    /// What arrived after the answer.
    pub(crate) input: BytesMut,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    #[error(transparent)]
    Stream(#[from] NoStream),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("the options cannot be sent: {0}")]
    Options(#[from] MqttError),
    #[error("Connection refused: {0}")]
    Refused(&'static str),
    #[error("the broker closed the connection before it answered")]
    Closed,
    #[error("the broker did not answer within {} s", LIMIT.as_secs())]
    Timeout,
}

/// Opens a connection within 30 seconds.
pub(crate) async fn open(
    options: &Options,
    cx: &NodeContext,
    codec: Codec,
) -> Result<Opened, NotOpened> {
    let opening = async {
        let mut stream = transport::open(options, cx, codec.limit).await?;
        let mut output = BytesMut::new();
        write_connect(&options.connect_packet(), codec.version, &mut output)?;
        stream.write_all(&output).await?;
        stream.flush().await?;
        answered(stream, codec).await
    };
    tokio::time::timeout(LIMIT, opening).await.unwrap_or(Err(NotOpened::Timeout))
}

async fn answered(mut stream: Box<dyn Duplex>, codec: Codec) -> Result<Opened, NotOpened> {
    let mut input = BytesMut::new();
    loop {
        match codec.read(&mut input)? {
            Some(Incoming::ConnAck(answer)) => {
                return match answer.refusal {
                    Some(reason) => Err(NotOpened::Refused(reason)),
                    None => Ok(Opened { stream, answer, input }),
                };
            }
            Some(_) => return Err(Fault::Unexpected("a packet before CONNACK").into()),
            None => {}
        }
        if stream.read_buf(&mut input).await? == 0 {
            return Err(NotOpened::Closed);
        }
    }
}

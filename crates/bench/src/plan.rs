//! The kinds of work, and the cases of each workload.

use std::fmt;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use crate::flow::Flow;

/// A load on a server.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Work {
    /// Send messages and compare every reply, byte for byte and in order
    Echo {
        /// Connections
        #[arg(long, default_value_t = 50)]
        connections: usize,
        /// Messages that each connection has under way
        #[arg(long, default_value_t = 1)]
        in_flight: usize,
        /// Bytes in a message
        #[arg(long, default_value_t = 32)]
        size: usize,
        /// Messages per second over all connections, on a fixed schedule; as fast as possible if not given
        #[arg(long)]
        rate: Option<f64>,
        /// What the server does with messages
        #[arg(long, value_enum, default_value_t = Flow::Echo)]
        flow: Flow,
    },
    /// Publish bursts on one connection and compare what every subscriber gets
    Fanout {
        /// Connections beside the publisher's own
        #[arg(long, default_value_t = 500)]
        subscribers: usize,
        /// Messages published at once
        #[arg(long, default_value_t = 1)]
        burst: usize,
        /// Bytes in a message
        #[arg(long, default_value_t = 32)]
        size: usize,
    },
    /// Publish to one room after the other and compare what every member gets
    Rooms {
        /// Rooms; one for all connections of a listener
        #[arg(long, default_value_t = 1_000)]
        rooms: usize,
        /// Connections in each room
        #[arg(long, default_value_t = 10)]
        members: usize,
        /// Bytes in a message
        #[arg(long, default_value_t = 32)]
        size: usize,
    },
    /// Open connections, echo one message on each, and look at the server's memory
    Idle {
        /// Connections
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
        /// At a listener with a heartbeat and time limits
        #[arg(long)]
        heartbeat: bool,
    },
    /// Publish to a broker and compare what comes back through the server
    Mqtt {
        /// Connections to the broker
        #[arg(long, default_value_t = 50)]
        connections: usize,
        /// Messages that each connection has under way
        #[arg(long, default_value_t = 16)]
        in_flight: usize,
        /// Bytes in a message
        #[arg(long, default_value_t = 100)]
        size: usize,
        /// The quality of service, 0 or 1
        #[arg(long, default_value_t = 0)]
        qos: u8,
    },
    /// Open and close connections
    Churn {
        /// Connections opened at the same time
        #[arg(long, default_value_t = 8)]
        clients: usize,
    },
}

impl Work {
    /// The read buffer with which the tuned library is fastest: 4 KiB for short messages (and low
    /// memory), more for long ones, and the library's default for many long ones at once.
    pub(crate) fn read_buffer(&self) -> usize {
        match self {
            Self::Echo { size, in_flight, .. } if *size > 16_384 && *in_flight > 1 => 131_072,
            Self::Echo { size, .. } if *size > 16_384 => 16_384,
            _ => 4_096,
        }
    }

    /// The same messages on a fixed schedule.
    pub(crate) fn at_rate(self, per_second: f64) -> Self {
        match self {
            Self::Echo { connections, in_flight, size, flow, .. } => {
                Self::Echo { connections, in_flight, size, rate: Some(per_second), flow }
            }
            other => other,
        }
    }
}

/// A workload, selected by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Messages per CPU-second, echoed
    Echo,
    /// Deliveries per CPU-second to 500 subscribers
    Fanout,
    /// Deliveries per CPU-second to 1,000 rooms, against fan-outs of the same size
    Rooms,
    /// Memory of 10,000 connections that do nothing
    Idle,
    /// Handshakes per CPU-second
    Churn,
    /// Time and memory from exec to the first handshake
    Startup,
    /// Latency at half of the maximum rate
    Latency,
    /// Throughput of two workers against one
    Cores,
    /// Whole messages as JSON, with one change node
    Json,
    /// What each kind of node costs
    Nodes,
    /// WebSocket nodes linked in against loaded from shared libraries
    Plugins,
    /// Compressed messages, echoed, against zlib alone and the Node.js library `ws`
    Compression,
    /// Nodes of formats, files, programs, TCP and MQTT
    Palette,
    /// A node in the Node.js child: there and back
    Hosted,
}

impl Workload {
    /// The flow that the servers run for it.
    pub(crate) fn flow(self) -> Flow {
        match self {
            Self::Fanout => Flow::Fanout,
            Self::Rooms => Flow::Rooms,
            Self::Json => Flow::Json,
            Self::Palette => Flow::Mqtt,
            Self::Hosted => Flow::Hosted,
            _ => Flow::Echo,
        }
    }

    /// The cases that are measured with a running server; startup, latency and the like need more
    /// and are in `special`.
    pub(crate) fn cases(self, quick: bool) -> Vec<Work> {
        match self {
            Self::Echo if quick => vec![echo(50, 1, 32), echo(50, 16, 32), echo(50, 1, 65_536)],
            Self::Echo => echo_cases(),
            Self::Fanout => [1, 16].map(|burst| fanout(500, burst)).into(),
            Self::Rooms => [(1, 10), (1_000, 10), (1, 10_000)]
                .map(|(rooms, members)| Work::Rooms { rooms, members, size: 32 })
                .into(),
            Self::Idle => vec![idle(quick, false)],
            Self::Churn => vec![Work::Churn { clients: 8 }],
            Self::Latency => vec![echo(50, 1, 32)],
            Self::Json => [1, 16].map(|in_flight| exchange(Flow::Json, 50, in_flight, 256)).into(),
            Self::Plugins => vec![echo(50, 1, 32), echo(50, 16, 32), echo(50, 16, 65_536)],
            Self::Palette => mqtt_cases(),
            Self::Hosted => [(1, 1, 100), (1, 16, 100), (1, 1, 65_536)]
                .map(|(connections, in_flight, size)| {
                    exchange(Flow::Hosted, connections, in_flight, size)
                })
                .into(),
            Self::Startup | Self::Cores | Self::Nodes | Self::Compression => Vec::new(),
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Echo => "echo",
            Self::Fanout => "fanout",
            Self::Rooms => "rooms",
            Self::Idle => "idle",
            Self::Churn => "churn",
            Self::Startup => "startup",
            Self::Latency => "latency",
            Self::Cores => "cores",
            Self::Json => "json",
            Self::Nodes => "nodes",
            Self::Plugins => "plugins",
            Self::Compression => "compression",
            Self::Palette => "palette",
            Self::Hosted => "hosted",
        })
    }
}

fn echo_cases() -> Vec<Work> {
    let mut cases = Vec::new();
    for size in [32, 1_024] {
        for connections in [1, 50, 500] {
            cases.extend([1, 16].map(|in_flight| echo(connections, in_flight, size)));
        }
    }
    cases.extend([echo(1, 1, 65_536), echo(50, 1, 65_536), echo(50, 16, 65_536)]);
    cases
}

pub(crate) fn echo(connections: usize, in_flight: usize, size: usize) -> Work {
    exchange(Flow::Echo, connections, in_flight, size)
}

/// As fast as possible through a flow that answers each message.
pub(crate) fn exchange(flow: Flow, connections: usize, in_flight: usize, size: usize) -> Work {
    Work::Echo { connections, in_flight, size, rate: None, flow }
}

/// Idle connections, also at a listener with a heartbeat.
pub(crate) fn idle(quick: bool, heartbeat: bool) -> Work {
    Work::Idle { connections: if quick { 1_000 } else { 10_000 }, heartbeat }
}

fn mqtt_cases() -> Vec<Work> {
    let sizes = [100, 10 << 10];
    let case = |qos| sizes.map(|size| Work::Mqtt { connections: 50, in_flight: 16, size, qos });
    [0, 1].into_iter().flat_map(case).collect()
}

fn fanout(subscribers: usize, burst: usize) -> Work {
    Work::Fanout { subscribers, burst, size: 32 }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo { connections, in_flight, size, rate, flow } => {
                let name = flow.name();
                write!(f, "{name} {connections}x{in_flight}, {}", bytes(*size))?;
                if rate.is_some() { f.write_str(", half rate") } else { Ok(()) }
            }
            Self::Fanout { subscribers, burst, size } => {
                write!(f, "fan-out to {subscribers}, bursts of {burst}, {}", bytes(*size))
            }
            Self::Rooms { rooms: 1, members, size } => {
                write!(f, "one message to each of {members}, {}", bytes(*size))
            }
            Self::Rooms { rooms, members, size } => {
                write!(f, "{rooms} rooms of {members} in turn, {}", bytes(*size))
            }
            Self::Idle { connections, heartbeat } => {
                write!(f, "{connections} idle connections")?;
                if *heartbeat { f.write_str(", heartbeat") } else { Ok(()) }
            }
            Self::Mqtt { connections, in_flight, size, qos } => {
                write!(f, "mqtt {connections}x{in_flight}, QoS {qos}, {}", bytes(*size))
            }
            Self::Churn { clients } => write!(f, "handshakes, {clients} at a time"),
        }
    }
}

fn bytes(size: usize) -> String {
    if size.is_multiple_of(1_024) { format!("{} KiB", size / 1_024) } else { format!("{size} B") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_read_as_connections_by_messages_in_flight() {
        assert_eq!(echo(50, 16, 32).to_string(), "echo 50x16, 32 B");
        assert_eq!(echo(1, 1, 65_536).to_string(), "echo 1x1, 64 KiB");
    }

    #[test]
    fn loaded_nodes_are_measured_with_short_and_long_messages_in_flight() {
        for quick in [false, true] {
            let cases = Workload::Plugins.cases(quick);
            assert!([32, 65_536].iter().all(|size| cases.contains(&echo(50, 16, *size))));
        }
    }

    #[test]
    fn no_case_is_measured_twice() {
        let cases = Workload::Echo.cases(false);
        assert_eq!(cases.len(), 15);
        for (i, case) in cases.iter().enumerate() {
            assert!(!cases.iter().skip(i + 1).any(|other| other == case), "{case}");
        }
    }
}

//! The heartbeat of a client: pings, or messages of its application, and the limit for an answer.

use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::NodeConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior};

use crate::connection::Connection;
use crate::frame::Payload;

/// What a connection is over.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for S {}

/// The interval of messages if the node has none.
const INTERVAL: Duration = Duration::from_secs(30);

/// The properties `hb`, `hbMessage` and `hbTimeout`.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    interval: Option<Duration>,
    /// How long to wait for an answer; `None` for the interval.
    window: Option<Duration>,
    /// Instead of a ping.
    message: Option<Payload>,
}

impl Heartbeat {
    /// Reads them.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        // A day; longer intervals are of no use.
        let interval = config.number_in("hb", 0.0..=86_400.0).unwrap_or(0.0).floor();
        let interval = (interval > 0.0).then(|| Duration::from_secs_f64(interval));
        let message = Some(config.text("hbMessage")).filter(|text| !text.is_empty());
        let message = message.map(|text| Payload::Text(text.into()));
        let interval = interval.or(message.as_ref().map(|_| INTERVAL));
        let window = config.number_in("hbTimeout", 0.001..=86_400.0).map(Duration::from_secs_f64);
        if window > interval {
            config.problem("hbTimeout", "expected at most the interval of the heartbeat, `hb`");
        }
        Heartbeat { interval, window: window.min(interval), message }
    }

    /// Runs until an answer is missing.
    pub(crate) async fn run<S: Transport>(&self, connection: &Arc<Connection<S>>) {
        match (self.interval, self.window, &self.message) {
            (None, _, _) => std::future::pending().await,
            (Some(interval), None, None) => pings(interval, connection).await,
            (Some(interval), window, _) => {
                self.answered(interval, window.unwrap_or(interval), connection).await;
            }
        }
    }

    /// Sends one at each interval; ends when nothing arrives within the window after it.
    async fn answered<S: Transport>(
        &self,
        interval: Duration,
        window: Duration,
        connection: &Arc<Connection<S>>,
    ) {
        let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // What came before is no answer.
            connection.take_active();
            match &self.message {
                // If the queue is full the server reads nothing, or its answers will come late.
                Some(message) => drop(connection.send(message.clone())),
                None => connection.ping(),
            }
            tokio::time::sleep(window).await;
            if !connection.take_active() {
                return;
            }
        }
    }
}

/// Node-RED's: sends a ping at each interval; ends when an interval passed without a ping or pong.
async fn pings<S: Transport>(interval: Duration, connection: &Arc<Connection<S>>) {
    let mut ticks = tokio::time::interval(interval);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if !connection.take_alive() {
            return;
        }
        connection.ping();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ferrowire_core::Sending;
    use ferrowire_net::Backlog;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;
    use crate::connection::{Limits, Receive};
    use crate::frame::Role;

    struct Deaf;

    impl Receive for Deaf {
        fn message(&self, _: Payload) -> Sending {
            Sending::done()
        }
    }

    const INTERVAL: Duration = Duration::from_secs(10);
    const WINDOW: Duration = Duration::from_secs(5);

    fn message(window: Option<Duration>) -> Heartbeat {
        let message = Some(Payload::Text("ping".into()));
        Heartbeat { interval: Some(INTERVAL), window, message }
    }

    /// Answers each frame with `answer` after `delay`.
    async fn answer(mut peer: DuplexStream, delay: Duration, answer: &'static [u8]) {
        let mut frame = [0; 64];
        while peer.read(&mut frame).await.is_ok_and(|count| count > 0) {
            tokio::time::sleep(delay).await;
            peer.write_all(answer).await.unwrap();
        }
    }

    /// When the heartbeat ends; `None` if it runs for ten intervals.
    async fn end(heartbeat: Heartbeat, delay: Duration, frame: &'static [u8]) -> Option<Duration> {
        let (near, far) = tokio::io::duplex(4096);
        let connection =
            Connection::new(near, Role::Client, Limits::default(), Backlog::of_process());
        let start = Instant::now();
        let beating = tokio::time::timeout(INTERVAL * 10, heartbeat.run(&connection));
        tokio::select! {
            ended = beating => ended.ok().map(|()| start.elapsed()),
            _ended = Arc::clone(&connection).run(Bytes::new(), &Deaf) => None,
            () = answer(far, delay, frame) => None,
        }
    }

    const TEXT: &[u8] = &[0x81, 1, b'x'];
    const PONG: &[u8] = &[0x8a, 0];

    #[tokio::test(start_paused = true)]
    async fn any_frame_within_the_window_is_an_answer() {
        for (frame, name) in [(TEXT, "text"), (PONG, "pong")] {
            let soon = WINDOW - Duration::from_millis(10);
            assert_eq!(end(message(Some(WINDOW)), soon, frame).await, None, "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_after_the_window_is_too_late() {
        let late = WINDOW + Duration::from_millis(10);
        assert_eq!(end(message(Some(WINDOW)), late, TEXT).await, Some(INTERVAL + WINDOW));
        let pings = Heartbeat { message: None, ..message(Some(WINDOW)) };
        assert_eq!(end(pings, late, PONG).await, Some(INTERVAL + WINDOW));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_window_the_interval_is_the_limit() {
        let slow = INTERVAL - Duration::from_millis(10);
        assert_eq!(end(message(None), slow, TEXT).await, None);
        let late = INTERVAL + Duration::from_millis(10);
        assert_eq!(end(message(None), late, TEXT).await, Some(INTERVAL * 2));
    }
}

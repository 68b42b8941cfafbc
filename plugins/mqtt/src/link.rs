//! `Link`: the connection of a broker node, opened while nodes use it, and opened again when it is lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire::{Key, Map, MutexExt as _, NodeContext, Text, Value, generate_id};
use ferrowire_net::{Backoff, BackoffOptions, Failures, wanted};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::codec::Codec;
use crate::connection::{Connection, Lasting, Lost};
use crate::handshake::{self, NotOpened};
use crate::inbox::Inbox;
use crate::options::{Options, Profile};
use crate::outbox::{Outbox, Ticket};
use crate::outcomes::Outcomes;
use crate::round::Round;
use crate::session::{Outcome, Session};
use crate::settings::{MAX_PACKET, MAX_QUEUE, RECONNECT_TIME};
use crate::status::State;
use crate::subscriptions::{Subscriptions, Wanted};

/// The longest delay between attempts, as a multiple of the first.
const LONGEST: u32 = 12;

/// The property of messages between a broker node and its users that shows where they come from. Its
/// value is secret, so that no flow can imitate them.
pub(crate) const MARK: &str = "_mqtt";

/// What the flow wants.
#[derive(Clone, Copy, Debug)]
struct Wish {
    is_on: bool,
    /// Counts the requests that end a connection.
    round: u64,
}

/// The connection of a broker node.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) cx: NodeContext,
    pub(crate) outbox: Outbox,
    pub(crate) outcomes: Outcomes,
    pub(crate) subscriptions: Mutex<Subscriptions>,
    /// The value of [`MARK`].
    pub(crate) mark: Text,
    profile: Mutex<Profile>,
    options: Mutex<Arc<Options>>,
    state: watch::Sender<State>,
    /// The state that messages wait for.
    reached: watch::Sender<State>,
    wish: watch::Sender<Wish>,
    stop: CancellationToken,
    ended: CancellationToken,
}

/// How an attempt to be connected ended.
enum End {
    /// No node uses the broker, or the flow wants something else.
    Unwanted,
    Refused,
    Lost(Duration),
}

impl Link {
    /// Not connected yet.
    pub(crate) fn new(cx: NodeContext, profile: Profile) -> Self {
        let is_on = profile.connects_by_itself();
        let limit = cx.setting(&MAX_QUEUE);
        let this = Link {
            outbox: Outbox::new(limit),
            outcomes: Outcomes::default(),
            subscriptions: Mutex::default(),
            mark: format!("{}{}", generate_id(), generate_id()).into(),
            options: Mutex::new(Arc::new(Options::of(&profile))),
            profile: Mutex::new(profile),
            state: watch::Sender::default(),
            reached: watch::Sender::default(),
            wish: watch::Sender::new(Wish { is_on, round: 0 }),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            cx,
        };
        this.warn_of_options();
        this
    }

    fn warn_of_options(&self) {
        self.options().warnings.iter().for_each(|warning| self.cx.warn(warning));
    }

    /// The options as they are now.
    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.locked())
    }

    /// Changes the options for the next connection.
    pub(crate) fn change(&self, changes: &Map) {
        let options = {
            let mut profile = self.profile.locked();
            profile.change(changes);
            Arc::new(Options::of(&profile))
        };
        *self.options.locked() = options;
        self.warn_of_options();
    }

    /// Whether there is a connection.
    pub(crate) fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Waits for a state; `false` if the node stops before.
    pub(crate) async fn wait_for(&self, wanted: State) -> bool {
        let mut state = self.reached.subscribe();
        tokio::select! {
            () = self.ended.cancelled() => false,
            reached = state.wait_for(|state| *state == wanted) => reached.is_ok(),
        }
    }

    /// Switches the connection on or off. Ends the one that there is, and a wait for the next attempt.
    pub(crate) fn switch(&self, is_on: bool) {
        self.wish.send_modify(|wish| {
            wish.is_on = is_on;
            wish.round += 1;
        });
    }

    /// Whether the connection is switched on.
    pub(crate) fn is_on(&self) -> bool {
        self.wish.borrow().is_on
    }

    /// What a new connection subscribes to.
    pub(crate) fn wanted_filters(&self) -> Vec<Wanted> {
        self.subscriptions.locked().wanted()
    }

    fn fail(&self, tickets: Vec<Ticket>) {
        for ticket in tickets {
            self.outcomes
                .add(Outcome { ticket, result: Err("Error: Connection closed".to_owned()) });
        }
    }

    /// Shows a state, if it is another one. A message that asked for a connection is complete before,
    /// and one that asked for its end after that, as in Node-RED.
    fn show(&self, state: State) {
        if self.state.send_replace(state) == state {
            return;
        }
        if state == State::Connected {
            self.reached.send_replace(state);
        }
        self.cx.status_of_users(state.status());
        self.reached.send_replace(state);
    }

    /// Runs until [`stop`](Self::stop).
    pub(crate) async fn run(&self, mut inbox: Inbox) {
        while self.wanted().await {
            let number = self.wish.borrow().round;
            let once = self.profile.locked().is_once_in_cluster();
            let round = Round::begin(number, once, &self.cx);
            let is_here = tokio::select! {
                () = round.here() => true,
                () = self.given_up(number) => false,
            };
            if is_here {
                self.keep_up(&mut inbox, &round).await;
            }
        }
        self.ended.cancel();
    }

    /// Waits until a node uses the broker and the flow wants a connection; `false` if the node stops.
    async fn wanted(&self) -> bool {
        let (users, wish) = (self.cx.users(), self.wish.subscribe());
        wanted(&self.stop, users, wish, |wish| wish.is_on).await
    }

    /// Ends when the connection is given up, or when it is another instance's turn.
    async fn unwanted(&self, round: &Round) {
        tokio::select! {
            () = self.given_up(round.number) => {}
            () = round.over() => {}
        }
    }

    /// Ends when no node uses the broker any more, the node stops, or the flow wants something else
    /// than in this round.
    async fn given_up(&self, round: u64) {
        let (mut users, mut wish) = (self.cx.users(), self.wish.subscribe());
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = users.wait_for(|users| users.is_empty()) => {}
            _ = wish.wait_for(|wish| wish.round != round) => {}
        }
    }

    /// Connects, and reconnects after every end, as long as the connection is wanted.
    async fn keep_up(&self, inbox: &mut Inbox, round: &Round) {
        let options = self.options();
        let mut session = Session::new(options.version);
        let (base, mut failures) = (self.cx.setting(&RECONNECT_TIME), Failures::default());
        let mut backoff = Backoff::new(BackoffOptions::up_to(base * LONGEST), base);
        loop {
            self.show(State::Connecting);
            let lasting = Lasting {
                link: self,
                options: &options,
                session: &mut session,
                inbox: &mut *inbox,
            };
            match self.connect_once(lasting, round, &mut failures).await {
                End::Unwanted => break,
                End::Refused => {}
                End::Lost(time) => backoff.connected_for(time),
            }
            tokio::select! {
                () = self.unwanted(round) => break,
                () = tokio::time::sleep(backoff.next(None)) => {}
            }
        }
        self.fail(session.end());
        self.fail(self.outbox.clear());
        self.show(State::Disconnected);
    }

    /// Opens and serves one connection.
    async fn connect_once(
        &self,
        lasting: Lasting<'_>,
        round: &Round,
        failures: &mut Failures,
    ) -> End {
        let options = lasting.options;
        let codec = Codec { version: options.version, limit: self.cx.setting(&MAX_PACKET) };
        let opened = tokio::select! {
            opened = handshake::open(options, &self.cx, codec) => opened,
            () = self.unwanted(round) => return End::Unwanted,
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.not_connected(options, &error, failures);
                return End::Refused;
            }
        };
        failures.end();
        self.cx.info_log(format_args!("Connected to broker: {}", options.name));
        self.serve(Connection::begin(lasting, opened, codec), options, round).await
    }

    fn not_connected(&self, options: &Options, error: &NotOpened, failures: &mut Failures) {
        self.cx.info_log(format_args!("Connection failed to broker: {}", options.name));
        if let Some(warning) = failures.add(&chain(error)) {
            self.cx.warn(format_args!("cannot connect to the broker: {warning}"));
        }
    }

    async fn serve(&self, mut connection: Connection<'_>, options: &Options, round: &Round) -> End {
        let since = Instant::now();
        self.show(State::Connected);
        let lost = tokio::select! {
            lost = connection.serve() => lost,
            () = self.unwanted(round) => {
                connection.close().await;
                return End::Unwanted;
            }
        };
        self.show(State::Disconnected);
        self.log_loss(options, &lost);
        End::Lost(since.elapsed())
    }

    fn log_loss(&self, options: &Options, lost: &Lost) {
        let name = &options.name;
        if let Lost::Told { code, reason } = lost {
            self.cx.info_log(format_args!("Broker {name} disconnected client: {code} {reason}"));
        } else {
            self.cx.info_log(format_args!("Disconnected from broker: {name}"));
        }
        self.cx.warn(format_args!("lost the connection: {}", chain(lost)));
    }

    /// Waits until the connection is closed.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

/// An error with its causes, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        line = format!("{line}: {error}");
        next = error.source();
    }
    line
}

/// The properties of an answer.
pub(crate) fn answer<const N: usize>(properties: [(&'static str, Value); N]) -> Value {
    let properties = properties.map(|(name, value)| (Key::new_static(name), value));
    Map::from_distinct(properties).into()
}

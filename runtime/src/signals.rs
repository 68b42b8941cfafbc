//! The signals that end the program or reload the flows, and what holds when the end does not come.
//!
//! They are waited for on a thread of their own: a signal counts also when every worker is held.

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;
use ferrowire_core::bus::long_calls;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::logging;

/// The exit code of a run that did not stop in time, and was cut off.
pub(crate) const CUT_OFF: u8 = 3;

/// How long after the limit for stopping the rest may take: to cancel what is late, to write contexts.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// How long the log may take to say what was cut off: whoever reads it may have stopped reading.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// What has been asked of the program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// To end.
    pub(crate) stop: CancellationToken,
    /// To end without waiting for clients any longer; also set when nothing is waited for any more.
    pub(crate) stop_now: CancellationToken,
    /// To deploy the files again.
    pub(crate) reload: std::sync::Arc<Notify>,
    /// To start the program file again, and to leave everything to it.
    pub(crate) upgrade: std::sync::Arc<Notify>,
}

/// How long the end may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// To let clients go.
    pub(crate) drain: Duration,
    /// To stop nodes.
    pub(crate) stop: Duration,
}

/// Begins to wait for signals. Once one asks for the end, the process ends after `limits` and a grace
/// period, whatever holds it. A second one ends the first part.
pub(crate) fn watch(limits: Limits) -> anyhow::Result<Asked> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the thread for signals")?;
    let signals = {
        let _entered = runtime.enter();
        Signals::new().context("cannot wait for signals")?
    };
    let asked = Asked::default();
    let told = asked.clone();
    std::thread::Builder::new()
        .name("ferrowire-signals".to_owned())
        .spawn(move || wait(&runtime, signals, &told, limits))
        .context("cannot start the thread for signals")?;
    Ok(asked)
}

fn wait(runtime: &Runtime, mut signals: Signals, asked: &Asked, limits: Limits) {
    runtime.block_on(async {
        wait_for_end(&mut signals, asked).await;
        tokio::select! {
            () = signals.next_end() => asked.stop.cancel(),
            () = asked.stop_now.cancelled() => {}
            () = tokio::time::sleep(limits.drain) => {}
        }
        asked.stop_now.cancel();
        // The runtime stops by itself after the first grace period, if it can.
        let late = tokio::time::sleep(limits.stop + 2 * GRACE);
        let mut late = std::pin::pin!(late);
        loop {
            tokio::select! {
                () = &mut late => return,
                () = signals.next_end() => asked.stop.cancel(),
            }
        }
    });
    cut_off();
}

/// Waits for a signal that asks for the end, or for the end that an upgrade brings.
async fn wait_for_end(signals: &mut Signals, asked: &Asked) {
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = asked.stop_now.cancelled() => return,
        };
        match signal {
            Meaning::End => return asked.stop.cancel(),
            Meaning::Reload => asked.reload.notify_one(),
            Meaning::Upgrade => asked.upgrade.notify_one(),
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    End,
    Reload,
    Upgrade,
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next signal that asks for the end.
    async fn next_end(&mut self) {
        while self.next().await != Meaning::End {}
    }

    /// Waits for the next signal.
    async fn next(&mut self) -> Meaning {
        tokio::select! {
            _ = self.interrupt.recv() => Meaning::End,
            _ = self.terminate.recv() => Meaning::End,
            _ = self.hangup.recv() => Meaning::Reload,
            _ = self.user.recv() => Meaning::Upgrade,
        }
    }
}

/// Logs what the end does not wait for any longer.
pub(crate) fn name_what_is_late() -> ExitCode {
    let calls = long_calls();
    for call in &calls {
        let seconds = call.since.elapsed().as_secs_f64();
        call.warn(format_args!("has not returned for {seconds:.1} s and is cut off"));
    }
    error!("the runtime did not stop in time and was cut off");
    ExitCode::from(CUT_OFF)
}

/// Ends the process.
fn cut_off() -> ! {
    let (said, all_said) = mpsc::channel();
    // A thread of its own: the log may be what holds the process.
    let words = std::thread::Builder::new().spawn(move || {
        name_what_is_late();
        // Waits for what is still to be written.
        drop(logging::Rest);
        drop(said);
    });
    if words.is_ok() {
        // Whether all was said makes no difference any more.
        let _late = all_said.recv_timeout(LAST_WORDS) as Result<(), _>;
    }
    #[expect(clippy::exit, reason = "what runs on other threads cannot be waited for")]
    std::process::exit(i32::from(CUT_OFF))
}

//! Keeps a child running while the flows need one.

use std::time::Duration;

use ferrowire_core::Status;
use tokio::time::Instant;

use crate::child::TARGET;
use crate::deliveries::Deliveries;
use crate::jobs::{CallError, Work};
use crate::session::{Ended, Session};
use crate::shared::Shared;

/// The longest pause before the next child.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// After so many children in a row that ended early there is no other one until the next deploy.
const TRIES: u32 = 5;

/// How much of the time for the end the messages have that native nodes are still to get.
const DELIVERY_SHARE: u32 = 4;

/// Carries out jobs until it is asked to stop.
pub(crate) async fn supervise(shared: &Shared, mut work: Work) {
    let mut deliveries = Deliveries::new(shared.target());
    loop {
        tokio::select! {
            job = work.next() => match job {
                Some(job) => work.keep(job),
                None => break,
            },
            () = shared.stop.cancelled() => break,
        }
        if !work.latest.has_hosted() && work.waiting.is_empty() {
            shared.outbox.refuse("no node from npm runs");
            continue;
        }
        if let Some(why) = run_children(shared, &mut work, &mut deliveries).await {
            shared.refuse(&why);
            refuse_calls(&mut work, &why);
        }
    }
    deliveries.finish(shared.options.stop_limit / DELIVERY_SHARE).await;
    shared.stopped.cancel();
}

fn refuse_calls(work: &mut Work, why: &str) {
    for call in work.waiting.drain(..) {
        // Nobody waits for it any more if the request was cancelled.
        let _cancelled = call.answer.send(Err(CallError::NotRunning(why.into())));
    }
}

/// Runs one child after the other. Returns why there is none any more, unless it was asked to stop.
async fn run_children(
    shared: &Shared,
    work: &mut Work,
    deliveries: &mut Deliveries,
) -> Option<String> {
    let packages = shared.usable_packages();
    if !packages.has_runtime() {
        return Some(packages.missing_runtime(&shared.options.user_dir));
    }
    let mut early = 0;
    loop {
        shared.outbox.hold();
        let started = Instant::now();
        let start = tokio::select! {
            start = Session::start(shared, deliveries) => start,
            () = shared.stop.cancelled() => return None,
        };
        let ended = match start {
            Ok(session) => session.run(work).await,
            Err(why) => Ended::Unusable(why),
        };
        let why = match ended {
            Ended::Stopped => return None,
            Ended::Restarted => {
                early = 0;
                continue;
            }
            Ended::Unusable(why) => return Some(why),
            Ended::Died(why) => why,
        };
        early = if started.elapsed() < shared.options.pace.early { early + 1 } else { 1 };
        if early == TRIES {
            return Some(format!(
                "Node.js ended {TRIES} times soon after its start ({why}); the next deploy starts it again"
            ));
        }
        pause(shared, work, early, &why).await;
    }
}

/// Waits before the next child, longer after each early end.
async fn pause(shared: &Shared, work: &mut Work, early: u32, why: &str) {
    let pause = (shared.options.pace.pause * 2_u32.pow(early - 1)).min(LONGEST_PAUSE);
    tracing::error!(target: TARGET, "Node.js ended ({why}); it starts again in {pause:?}");
    shared.show(&Status::new("red", "ring", "Node.js ended"));
    refuse_calls(work, why);
    let until = Instant::now() + pause;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return,
            () = shared.stop.cancelled() => return,
            job = work.next() => match job {
                Some(job) => work.keep(job),
                None => return,
            },
        }
    }
}

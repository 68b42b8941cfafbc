//! How a node stops: within a time limit, and with the blame where it belongs.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Exclusive, Handler, RunningNode, Wires, guarded, seat};
use crate::StopReason;

impl RunningNode {
    /// Stops the node: it handles what waits on queued wires that nobody sends to any more, then
    /// no more messages reach it, its `stop` runs, its tasks end. All this takes at most `limit`;
    /// what is not over by then is cancelled and logged.
    pub async fn stop(&self, reason: StopReason, limit: Duration) {
        let stop = async {
            // Or what waits for the start of a node that never started would wait for ever.
            self.started.cancel();
            self.aside.close();
            self.outlet.inbox.close();
            self.outlet.inbox.wait().await;
            self.stopped.store(true, Ordering::Relaxed);
            match &self.handler {
                Handler::Shared(node) => {
                    let stopped = guarded(async {
                        self.outlet.seat.poll(node.stop(reason, &self.cx)).await;
                        Ok(())
                    });
                    self.finish(stopped.await);
                    self.outlet.stopping.cancel();
                }
                Handler::Exclusive(exclusive) => self.stop_exclusive(exclusive, reason),
            }
            self.outlet.tasks.close();
            self.outlet.tasks.wait().await;
        };
        if tokio::time::timeout(limit, stop).await.is_err() {
            if !self.names_what_holds_it() {
                self.cx
                    .warn(format_args!("did not stop within {limit:?}, its tasks are cancelled"));
            }
            self.stopped.store(true, Ordering::Relaxed);
            self.outlet.stopping.cancel();
            self.outlet.tasks.close();
            let over = tokio::time::timeout(limit, self.outlet.tasks.wait()).await.is_ok();
            if !over && !self.names_what_holds_it() {
                self.cx.error("a task of this node cannot be cancelled, it goes on");
            }
        }
        self.set_wires(Wires::new());
    }

    /// Warns in the name of the nodes in whose code tasks of this one are, if there are any: this one
    /// is not to blame then.
    fn names_what_holds_it(&self) -> bool {
        let calls = seat::holding(&self.outlet.seat);
        for call in &calls {
            let (seconds, id) = (call.since.elapsed().as_secs_f64(), &self.info().id);
            call.warn(format_args!(
                "has not returned for {seconds:.1} s and cannot be cancelled; `{id}` cannot stop \
                 because of it"
            ));
        }
        !calls.is_empty()
    }

    fn stop_exclusive(&self, exclusive: &Exclusive, reason: StopReason) {
        let stop = exclusive.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        match stop {
            // The task is gone only when it was cancelled already.
            Some(stop) => drop(stop.send(reason)),
            None => self.outlet.stopping.cancel(),
        }
    }
}

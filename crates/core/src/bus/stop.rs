//! How a node stops: within a time limit, naming the node whose code prevents it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Exclusive, Handler, RunningNode, Wires, guarded, seat};
use crate::{MutexExt as _, StopReason};

impl RunningNode {
    /// Lets the clients of the node go, spread over `window`. Other nodes end at once.
    pub async fn drain(&self, window: Duration) {
        let Handler::Shared(node) = &self.handler else { return };
        let drained = guarded(async {
            self.outlet.seat.poll(node.drain(window, &self.cx)).await;
            Ok(())
        });
        if let Err(error) = drained.await {
            self.outlet.fail_aside(&error, None);
        }
    }

    /// Stops the node: it handles the messages left in queued wires without senders, receives no
    /// further messages, its `stop` runs, and its tasks end. This takes at most `limit`; whatever
    /// still runs then is cancelled and logged.
    pub async fn stop(&self, reason: StopReason, limit: Duration) {
        let stop = async {
            // Otherwise messages for a node that never started would wait forever.
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

    /// Warns for each other node whose code holds a task of this one. Returns whether there is any.
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
        let stop = exclusive.stop.locked().take();
        match stop {
            // Fails only if the task was already cancelled.
            Some(stop) => drop(stop.send(reason)),
            None => self.outlet.stopping.cancel(),
        }
    }
}

//! The task of an exclusive node.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

use super::{Outlet, guarded, watching};
use crate::{ExclusiveNode, Message, NodeContext, Sending, StopReason};

/// Handles an exclusive node's messages until it is asked to stop, then the queued ones, then stops
/// the node.
pub(super) async fn run(
    mut node: Box<dyn ExclusiveNode>,
    mut queue: mpsc::Receiver<Message>,
    stop: oneshot::Receiver<StopReason>,
    outlet: Arc<Outlet>,
    cx: NodeContext,
) {
    let stopping = outlet.stopping.clone();
    let work = async {
        let mut stop = stop;
        let reason = loop {
            let msg = tokio::select! {
                reason = &mut stop => break reason.unwrap_or(StopReason::ShuttingDown),
                msg = queue.recv() => msg,
            };
            let Some(msg) = msg else { break StopReason::ShuttingDown };
            handle(&mut *node, msg, &outlet, &cx).await;
        };
        queue.close();
        while let Some(msg) = queue.recv().await {
            handle(&mut *node, msg, &outlet, &cx).await;
        }
        let stopped = guarded(async {
            outlet.seat.poll(node.stop(reason, &cx)).await;
            Ok(())
        });
        if let Err(error) = stopped.await {
            outlet.tell_failed(&error);
        }
        outlet.stopping.cancel();
    };
    stopping.run_until_cancelled(work).await;
}

/// So many messages in 256 are measured, as of other nodes, which count them.
const SHARE: u8 = 4;

async fn handle(node: &mut dyn ExclusiveNode, mut msg: Message, outlet: &Outlet, cx: &NodeContext) {
    let visit = outlet.arrived(&mut msg, fastrand::u8(..) < SHARE);
    let watched = outlet.watched.load(Ordering::Relaxed) & watching::OUTCOMES != 0;
    let kept = watched.then(|| msg.clone());
    let handled = guarded(visit.poll(outlet.seat.poll(node.on_message(msg, cx)))).await;
    let outcome = visit.after(|| match (handled, kept) {
        (Ok(()), None) => Sending::done(),
        (Ok(()), Some(msg)) => outlet.complete(msg),
        (Err(error), kept) => outlet.fail(&error, kept),
    });
    outcome.await;
}

//! Messages that are kept go to the journal of the cluster, and come back from it in its order.

use std::sync::Arc;

use ferrowire_core::cluster::JournalError;
use ferrowire_core::{Handled, NodeError, Text};

use crate::listener::cluster::letter;
use crate::listener::history::Publication;
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To};

impl Sessions {
    /// Appends a message to the histories of its target; `None` if they are not kept, or in no journal. The message is
    /// complete when the journal has it, or while that is away, when it waits.
    pub(crate) fn append(
        self: &Arc<Self>,
        target: &Target,
        message: &Publication,
    ) -> Option<Handled> {
        let key = message.key.as_ref()?;
        let followed = self.history.as_ref()?.followed()?;
        let parts: [&[u8]; 2] = [&letter::head(target, message), message.payload.as_bytes()];
        let mut outcomes = Vec::new();
        for place in places(target) {
            match followed.append(place, key, &parts) {
                Ok(outcome) => outcomes.push(outcome),
                Err(JournalError::Unusable(_)) => return None,
                Err(error) => return Some(Handled::Failed(failure(&error))),
            }
        }
        let (sessions, target, message) = (Arc::clone(self), target.clone(), message.clone());
        Some(Handled::Later(Box::pin(async move {
            for outcome in outcomes {
                match outcome.await {
                    Ok(_) => {}
                    // No place has it.
                    Err(JournalError::Unusable(_)) => {
                        return finished(sessions.send_everywhere(&target, message)).await;
                    }
                    Err(error) => return Err(failure(&error)),
                }
            }
            Ok(())
        })))
    }
}

/// The histories that keep a message: the listener's, or those of rooms, each once.
fn places(target: &Target) -> Vec<Option<&Text>> {
    if target.to == To::All {
        return vec![None];
    }
    let mut places: Vec<Option<&Text>> = Vec::new();
    for name in &target.names {
        if !places.contains(&Some(name)) {
            places.push(Some(name));
        }
    }
    places
}

fn failure(error: &JournalError) -> NodeError {
    NodeError::new(format!("the message was not kept in the history, and nobody gets it: {error}"))
}

async fn finished(handled: Handled) -> Result<(), NodeError> {
    match handled {
        Handled::Later(rest) => rest.await,
        Handled::Failed(error) => Err(error),
        _ => Ok(()),
    }
}

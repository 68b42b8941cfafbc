//! `FlowsState`: whether the flows are to run.

use std::sync::Mutex;

use ferrowire_core::MutexExt as _;

/// Whether the flows are to run, as in Node-RED's `/flows/state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowsState {
    /// They run, unless a problem prevents it.
    Started,
    /// They were stopped through the API.
    Stopped,
    /// They were loaded in safe mode. The next deploy starts them.
    Safe,
}

impl FlowsState {
    /// The name that the API has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            FlowsState::Started => "start",
            FlowsState::Stopped => "stop",
            FlowsState::Safe => "safe",
        }
    }
}

/// The current state.
#[derive(Debug)]
pub(crate) struct CurrentState(Mutex<FlowsState>);

impl CurrentState {
    pub(crate) fn new() -> Self {
        CurrentState(Mutex::new(FlowsState::Started))
    }

    pub(crate) fn get(&self) -> FlowsState {
        *self.0.locked()
    }

    pub(crate) fn set(&self, state: FlowsState) {
        *self.0.locked() = state;
    }
}

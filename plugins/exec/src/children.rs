//! `Children`: the running processes of a node.

use std::collections::HashSet;
use std::sync::Mutex;

use ferrowire::MutexExt as _;
use rustix::process::{Pid, Signal, kill_process_group};

/// The processes of a node, each the leader of a process group of its own.
#[derive(Debug, Default)]
pub(crate) struct Children(Mutex<HashSet<u32>>);

impl Children {
    /// How many processes run.
    pub(crate) fn len(&self) -> usize {
        self.0.locked().len()
    }

    pub(crate) fn add(&self, pid: u32) {
        self.0.locked().insert(pid);
    }

    pub(crate) fn remove(&self, pid: u32) {
        self.0.locked().remove(&pid);
    }

    /// Sends a signal to the process `pid` with its children; without `pid` to the only one. Returns
    /// whether there was one.
    pub(crate) fn kill(&self, pid: Option<u32>, signal: i32) -> bool {
        let children = self.0.locked();
        let found = match pid {
            Some(pid) => children.get(&pid),
            None if children.len() == 1 => children.iter().next(),
            None => None,
        };
        found.is_some_and(|pid| {
            send(*pid, signal);
            true
        })
    }

    /// Terminates all processes.
    pub(crate) fn terminate(&self) {
        self.0.locked().iter().for_each(|pid| send(*pid, libc::SIGTERM));
    }
}

fn send(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(signal)) {
        // Fails only if the group has ended meanwhile.
        kill_process_group(pid, signal).ok();
    }
}

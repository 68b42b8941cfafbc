//! What the machine offers to this process, for defaults that are a share of it.

use rustix::process::{Resource, getrlimit};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// The memory in bytes that this process may use: the machine's, or the limit of its control group.
/// `None` if the system does not tell.
pub(crate) fn memory() -> Option<usize> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let of_machine = Some(system.total_memory()).filter(|bytes| *bytes > 0);
    let limit = get_current_pid().ok().and_then(|id| {
        let only = ProcessesToUpdate::Some(&[id]);
        system.refresh_processes_specifics(only, false, ProcessRefreshKind::nothing());
        let limits = system.process(id)?.cgroup_limits()?;
        Some(limits.total_memory)
    });
    of_machine.into_iter().chain(limit).min().and_then(|bytes| usize::try_from(bytes).ok())
}

/// The number of files and connections that this process may open. `None` if it is not limited.
pub(crate) fn open_files() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile).current?;
    usize::try_from(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_runs_tests_has_memory_and_files() {
        let bytes = memory().unwrap();
        assert!((64 << 20..1 << 50).contains(&bytes), "{bytes}");
        assert!(open_files().unwrap() >= 64);
    }
}

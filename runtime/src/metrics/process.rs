//! The metrics of the process, by the names that Prometheus's libraries have for them.

use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

use super::family::{Family, Kind, Value};

/// Asks the system, which takes time in proportion to the number of open files. Empty if the system
/// does not tell.
pub(super) fn families() -> Vec<Family> {
    let (Ok(mut system), Ok(id)) = (System::new(), get_current_pid()) else { return Vec::new() };
    let what = ProcessRefreshKind::nothing().with_memory().with_cpu();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), false, what);
    system.process(id).map(describe).unwrap_or_default()
}

fn describe(process: &Process) -> Vec<Family> {
    let gauge = |name, help, value: Value| Family::new(Kind::Gauge, name, help).with(&[], value);
    let mut families = vec![
        Family::new(Kind::Counter, "process_cpu_seconds", "time that processors spent")
            .unit("seconds")
            .with(&[], process.accumulated_cpu_time() as f64 / 1000.0),
        gauge("process_resident_memory_bytes", "memory in use", process.memory().into())
            .unit("bytes"),
        gauge(
            "process_start_time_seconds",
            "start of the process since 1970",
            process.start_time().into(),
        )
        .unit("seconds"),
    ];
    let files = [
        ("process_open_fds", "open files and connections", process.open_files()),
        ("process_max_fds", "files and connections that may be open", process.open_files_limit()),
    ];
    for (name, help, count) in files {
        families.extend(count.map(|count| gauge(name, help, count.into())));
    }
    families
}

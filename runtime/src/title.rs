//! The name under which the system lists the process.

/// Names the process, by its main thread, which has to be the caller.
///
/// # Errors
/// If the name contains a zero byte, or on a system other than Linux.
#[cfg(target_os = "linux")]
pub(crate) fn set(title: &str) -> anyhow::Result<()> {
    use anyhow::Context as _;

    let title = std::ffi::CString::new(title).context("invalid `title`")?;
    rustix::thread::set_name(&title).context("cannot set the `title` of the process")
}

/// See the implementation for Linux.
#[cfg(not(target_os = "linux"))]
pub(crate) fn set(_title: &str) -> anyhow::Result<()> {
    anyhow::bail!("`title` is supported on Linux only")
}

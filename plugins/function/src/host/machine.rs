//! What the module `os` knows about the machine.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use ferrowire::{NodeContext, Value};
use rquickjs::{Array, Ctx, Object, Result};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::{Builder, Shared};

/// The names of Node.js for what Rust names differently.
const ARCHITECTURES: [(&str, &str); 4] =
    [("x86_64", "x64"), ("aarch64", "arm64"), ("x86", "ia32"), ("powerpc64", "ppc64")];

/// The number of processors that this process may use.
static PARALLELISM: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));

pub(super) fn add<'js>(builder: &Builder<'_, 'js>, shared: &Arc<Shared>) -> Result<()> {
    let shared = Arc::clone(shared);
    builder.add("os", move |ctx: Ctx<'js>| machine(&ctx, &shared.cx))?;
    builder.add("cwd", || {
        std::env::current_dir().map_or_else(|_| "/".to_owned(), |path| directory(&path))
    })?;
    builder.add("cpus", |ctx: Ctx<'js>| processors(&ctx))?;
    builder.add("interfaces", |ctx: Ctx<'js>| interfaces(&ctx))
}

fn machine<'js>(ctx: &Ctx<'js>, cx: &NodeContext) -> Result<Object<'js>> {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    // What the system does not tell is 0 or empty.
    let (total, free) = System::new_with_specifics(ram)
        .map_or((0, 0), |system| (system.total_memory(), system.available_memory()));
    let load = System::load_average().map_or([0.0; 3], |load| [load.one, load.five, load.fifteen]);
    let os = Object::new(ctx.clone())?;
    os.set("arch", named(&ARCHITECTURES, std::env::consts::ARCH))?;
    os.set("machine", System::cpu_arch())?;
    os.set("platform", named(&[("macos", "darwin")], std::env::consts::OS))?;
    os.set("type", named(&[("linux", "Linux"), ("macos", "Darwin")], std::env::consts::OS))?;
    os.set("release", System::kernel_version().unwrap_or_default())?;
    os.set("version", System::long_os_version().unwrap_or_default())?;
    os.set("endianness", if cfg!(target_endian = "big") { "BE" } else { "LE" })?;
    os.set("hostname", System::host_name().unwrap_or_default())?;
    os.set("homedir", home())?;
    os.set("tmpdir", directory(&std::env::temp_dir()))?;
    os.set("uptime", System::uptime().unwrap_or_default() as f64)?;
    os.set("totalmem", total as f64)?;
    os.set("freemem", free as f64)?;
    os.set("loadavg", load.to_vec())?;
    os.set("parallelism", *PARALLELISM)?;
    os.set("user", user(ctx, cx)?)?;
    Ok(os)
}

fn named<'a>(names: &[(&'a str, &'a str)], name: &'a str) -> &'a str {
    names.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs)
}

fn home() -> String {
    std::env::home_dir().map_or_else(|| "/".to_owned(), |path| directory(&path))
}

/// Without a slash at its end, as in Node.js.
fn directory(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text.trim_end_matches('/') {
        "" => "/".to_owned(),
        text => text.to_owned(),
    }
}

fn user<'js>(ctx: &Ctx<'js>, cx: &NodeContext) -> Result<Object<'js>> {
    let user = Object::new(ctx.clone())?;
    let variable = |name| cx.env(name).as_ref().and_then(Value::as_str).map(str::to_owned);
    user.set("uid", rustix::process::getuid().as_raw())?;
    user.set("gid", rustix::process::getgid().as_raw())?;
    user.set("username", variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_default())?;
    user.set("homedir", home())?;
    user.set("shell", variable("SHELL"))?;
    Ok(user)
}

/// The processors, without the times that they have worked.
fn processors<'js>(ctx: &Ctx<'js>) -> Result<Array<'js>> {
    let kind = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_frequency());
    let processors = Array::new(ctx.clone())?;
    let Ok(system) = System::new_with_specifics(kind) else { return Ok(processors) };
    for (position, cpu) in system.cpus().iter().enumerate() {
        let processor = Object::new(ctx.clone())?;
        processor.set("model", cpu.brand().trim())?;
        processor.set("speed", cpu.frequency() as f64)?;
        let times = Object::new(ctx.clone())?;
        for name in ["user", "nice", "sys", "idle", "irq"] {
            times.set(name, 0)?;
        }
        processor.set("times", times)?;
        processors.set(position, processor)?;
    }
    Ok(processors)
}

/// The addresses of the network interfaces, each with the name of its interface.
fn interfaces<'js>(ctx: &Ctx<'js>) -> Result<Array<'js>> {
    let addresses = Array::new(ctx.clone())?;
    // Without the right to ask there are none.
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    for (position, interface) in found.iter().enumerate() {
        let (family, netmask, bits) = match &interface.addr {
            if_addrs::IfAddr::V4(of) => ("IPv4", IpAddr::from(of.netmask), of.prefixlen),
            if_addrs::IfAddr::V6(of) => ("IPv6", IpAddr::from(of.netmask), of.prefixlen),
        };
        let address = Object::new(ctx.clone())?;
        address.set("name", interface.name.as_str())?;
        address.set("address", interface.ip().to_string())?;
        address.set("netmask", netmask.to_string())?;
        address.set("family", family)?;
        address.set("mac", hardware_address(&interface.name))?;
        address.set("internal", interface.is_loopback())?;
        address.set("cidr", format!("{}/{bits}", interface.ip()))?;
        addresses.set(position, address)?;
    }
    Ok(addresses)
}

/// As Linux has it; zeros elsewhere.
fn hardware_address(interface: &str) -> String {
    let path = Path::new("/sys/class/net").join(interface).join("address");
    let found = std::fs::read_to_string(path).map(|text| text.trim().to_owned());
    found.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "00:00:00:00:00:00".to_owned())
}

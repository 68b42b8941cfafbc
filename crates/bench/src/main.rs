//! `ferrowire-bench`: bare servers, a load that is not the bottleneck, and the rounds that
//! compare them with Ferrowire and Node-RED.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program that reports on stdout and fails on stderr"
)]

mod broker;
mod chart;
mod compression;
mod documents;
mod flow;
mod load;
mod many;
mod palette;
mod plan;
mod process;
mod report;
mod rounds;
mod sample;
mod serve;
mod server;
mod special;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Ferrowire's allocator, for a fair comparison with the bare servers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one of the bare servers that set the limit
    Serve(serve::Options),
    /// Put load on a server that is already running, and print what was measured as JSON
    Load(LoadOptions),
    /// Start every server and compare them, interleaved, over several rounds
    Run(rounds::Options),
}

#[derive(Debug, Args)]
struct LoadOptions {
    /// The server's address
    #[arg(long)]
    addr: SocketAddr,
    /// The server's process, for its CPU time and memory
    #[arg(long)]
    pid: u32,
    /// Seconds to measure, after a fifth as long to warm up
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    #[command(subcommand)]
    work: plan::Work,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    process::raise_open_files()?;
    match Cli::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Load(options) => measure(&options),
        Command::Run(options) => rounds::run(&options),
    }
}

fn measure(options: &LoadOptions) -> Result<()> {
    let measured = Duration::try_from_secs_f64(options.seconds)?;
    let target = load::Target { addr: options.addr, pid: options.pid };
    let sample = load::run(&options.work, target, load::Window::of(measured))?;
    println!("{}", serde_json::to_string_pretty(&sample)?);
    Ok(())
}

//! `ferrowire migrate` over directories of Node-RED, through the real binary.

#![expect(clippy::unwrap_used, reason = "the harness of a test fails it so")]

mod support;
mod directories;
mod logins;
mod nodes;
mod programs;
mod start;

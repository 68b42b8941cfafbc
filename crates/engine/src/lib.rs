//! The machine: flow files to running flows.

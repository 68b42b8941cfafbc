//! Tests of the engine through its public API, with node types of their own.

#[cfg(test)]
mod check;
mod counts;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod env;
#[cfg(test)]
mod flow_file;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod run;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod support;
#[cfg(test)]
mod users;
#[cfg(test)]
mod watching;

// The expressions of nodes and variables.
use ferrowire_languages as _;

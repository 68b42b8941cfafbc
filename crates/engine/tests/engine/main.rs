//! The engine over its public surface, with node types of the tests' own.

#[cfg(test)]
mod check;
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
mod watching;

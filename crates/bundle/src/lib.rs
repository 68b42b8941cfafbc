//! The plugins that the program `ferrowire` links. The list is the dependencies of this crate.

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

//! The one port.

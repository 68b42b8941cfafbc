//! A harness that runs one node without a server.

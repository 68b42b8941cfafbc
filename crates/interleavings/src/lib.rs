//! The connection of `ferrowire-websocket` and the backlog of `ferrowire-net`, compiled once more with
//! the locks of shuttle, which runs a test again and again with its tasks in other orders.
//!
//! The sources are those of the crates, without a condition in them: `std` is replaced in this crate
//! as a whole. What other crates do between two uses of a lock, such as tokio's `Notify`, is one
//! step. No time passes: a wake-up that is lost is a deadlock, which shuttle reports.
//!
//! A failure names its schedule; `shuttle::replay` runs that one again.

extern crate ferrowire_interleaved_std as std;
// The connection knows the backlog by this name.
extern crate self as ferrowire_net;

macro_rules! thread_local {
    ($($variable:tt)*) => { std::local! { $($variable)* } };
}

#[expect(unused_imports, reason = "`MutexExt` is for the mutex of `std`")]
#[path = "../../net/src"]
pub mod net {
    //! The part of `ferrowire-net` that is tested.
    pub mod backlog;
}
#[expect(dead_code, reason = "the other parts of the crate use it")]
#[expect(unused_imports, reason = "`MutexExt` is for the mutex of `std`")]
#[path = "../../websocket/src"]
pub mod websocket {
    //! The part of `ferrowire-websocket` that is tested.
    pub mod connection;
    pub mod deflate;
    pub mod frame;
    pub mod metrics;
}
mod peer;

use websocket::{connection, deflate, frame, metrics};

pub use connection::{Connection, Ended, Limits, NotSent, Receive};
pub use frame::{Close, Payload, Role};
pub use net::backlog::{self, Backlog};
pub use peer::{Peer, Pipe, pipe};

/// Runs `test` in many orders of its tasks: random ones, and ones in which a few changes between
/// tasks come at unlikely places.
pub fn explore(test: fn()) {
    const ORDERS: usize = 500;
    const CHANGES: usize = 3;
    // Timers can be made, and never end.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let Ok(runtime) = runtime else { return };
    let _entered = runtime.enter();
    shuttle::check_random(test, ORDERS);
    shuttle::check_pct(test, ORDERS, CHANGES);
}

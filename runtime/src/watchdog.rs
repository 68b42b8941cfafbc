//! `Watchdog`: a thread beside the workers. It sees to it that a call that takes long holds up nobody
//! else, and names the node.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use ferrowire_core::bus::{LongCall, LongCalls};
use tokio::runtime::Handle;

/// How often it looks while there is something to see, and while there is not.
const TICK: Duration = Duration::from_millis(10);
const IDLE_TICK: Duration = Duration::from_millis(40);

/// A call that takes this long is named in the log, and again after twice the time.
const NAMED: Duration = Duration::from_secs(1);

/// A running watchdog; it ends when this is dropped.
pub(crate) struct Watchdog(#[expect(dead_code, reason = "it is there to be dropped")] Sender<()>);

impl Watchdog {
    /// Begins to watch the workers of a runtime.
    pub(crate) fn start(runtime: Handle) -> std::io::Result<Self> {
        let (end, ended) = channel();
        let watch = Watch::new(runtime);
        std::thread::Builder::new()
            .name("ferrowire-watchdog".to_owned())
            .spawn(move || watch.run(&ended))?;
        Ok(Watchdog(end))
    }
}

struct Watch {
    runtime: Handle,
    calls: LongCalls,
    /// How often each worker has parked and gone on, at the last look. Odd while it is parked.
    parks: Vec<u64>,
    /// For each long call when it is named next.
    named: HashMap<(usize, u64), Duration>,
}

impl Watch {
    fn new(runtime: Handle) -> Self {
        let parks = vec![0; runtime.metrics().num_workers()];
        Watch { runtime, calls: LongCalls::default(), parks, named: HashMap::new() }
    }

    fn run(mut self, ended: &Receiver<()>) {
        let mut tick = TICK;
        while ended.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
            let busy = self.take_over();
            let long = self.calls.look(self.parks.len());
            self.name(&long);
            tick = if busy || !self.calls.is_idle() { TICK } else { IDLE_TICK };
        }
    }

    /// Wakes a parked worker when another one has been busy since the last look: the busy one may have
    /// gone on from waiting for the sockets into a long call, and then nobody waits for them.
    /// Returns whether any worker has run since the last look.
    fn take_over(&mut self) -> bool {
        let metrics = self.runtime.metrics();
        let (mut parked, mut busy, mut moved) = (false, false, false);
        for (worker, before) in self.parks.iter_mut().enumerate() {
            let now = metrics.worker_park_unpark_count(worker);
            let is_parked = now % 2 == 1;
            parked |= is_parked;
            busy |= !is_parked && now == *before;
            moved |= !is_parked || now != *before;
            *before = now;
        }
        if parked && busy {
            self.runtime.spawn(async {});
        }
        moved
    }

    fn name(&mut self, long: &[LongCall]) {
        self.named.retain(|id, _| long.iter().any(|call| call.id == *id));
        for call in long {
            let taken = call.since.elapsed();
            let next = self.named.entry(call.id).or_insert(NAMED);
            if taken < *next {
                continue;
            }
            while *next <= taken {
                *next *= 2;
            }
            call.warn(format_args!(
                "has not returned for {:.1} s; what waits for this node stands still",
                taken.as_secs_f64()
            ));
        }
    }
}

//! Renumbers the messages of each output as separate sequences.

use ferrowire::sequence::set_part;
use ferrowire::{Message, generate_id};

/// Makes the messages of each of the `ports` outputs a sequence: a new id, indexes from 0, a count.
pub(crate) fn renumber(routed: &mut [(usize, Message)], ports: usize) {
    let mut counts = vec![0usize; ports];
    for (port, _) in routed.iter() {
        counts[*port] += 1;
    }
    let ids: Vec<_> = (0..ports).map(|_| generate_id()).collect();
    let mut indexes = vec![0usize; ports];
    for (port, msg) in routed {
        set_part(msg, "id", ids[*port].clone());
        set_part(msg, "index", indexes[*port]);
        set_part(msg, "count", counts[*port]);
        indexes[*port] += 1;
    }
}

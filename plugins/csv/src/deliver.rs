//! The messages that rows become.

use std::cmp::Ordering;

use ferrowire::{Map, Message, NodeContext, NodeError, Value};

use crate::settings::Settings;
use crate::table::Table;

/// The maximum number of rows that wait for the end of their sequence. At the limit they are
/// dropped, and the message fails.
const MOST_ROWS: usize = 1 << 20;

/// The place of a message in its sequence.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// NaN if it is missing.
    pub(crate) index: f64,
    pub(crate) count: Option<f64>,
}

impl Part {
    /// `msg.parts`, if there is such a property.
    pub(crate) fn of(msg: &Message) -> Option<Self> {
        let parts = msg.get("parts")?;
        let number = |key: &str| parts.get(key).and_then(Value::as_f64);
        Some(Part { index: number("index").unwrap_or(f64::NAN), count: number("count") })
    }

    /// Whether the message may have the first line that is not skipped.
    pub(crate) fn is_first(&self, skip: f64) -> bool {
        self.index.partial_cmp(&skip) != Some(Ordering::Greater)
    }

    fn is_last(&self) -> bool {
        self.count.is_some_and(|count| self.index + 1.0 >= count)
    }
}

/// Collects rows over a sequence of messages.
#[derive(Debug, Default)]
pub(crate) struct Deliverer {
    rows: Vec<Value>,
}

impl Deliverer {
    pub(crate) async fn deliver(
        &mut self,
        settings: &Settings,
        table: Table,
        mut msg: Message,
        cx: &NodeContext,
    ) -> Result<(), NodeError> {
        let part = Part::of(&msg);
        if !settings.makes_array {
            send_rows(settings, table, &msg, cx).await;
            return Ok(());
        }
        let rows = table.rows.into_iter().map(Value::from);
        let rows = match part {
            Some(part) if table.breaks <= 1 => {
                self.rows.extend(rows);
                if part.count != Some(part.index + 1.0) {
                    return self.check();
                }
                msg.remove("parts");
                std::mem::take(&mut self.rows)
            }
            _ => rows.collect(),
        };
        msg.set("columns", table.columns);
        msg.set("payload", rows);
        cx.send(0, msg).await;
        Ok(())
    }

    fn check(&mut self) -> Result<(), NodeError> {
        if self.rows.len() <= MOST_ROWS {
            return Ok(());
        }
        self.rows = Vec::new();
        let text = format!("more than {MOST_ROWS} rows wait for the end of their sequence");
        Err(NodeError::new(text))
    }
}

/// One message for each row.
async fn send_rows(settings: &Settings, table: Table, msg: &Message, cx: &NodeContext) {
    let part = Part::of(msg);
    let is_last = part.is_some_and(|part| part.is_last());
    if is_last && table.rows.is_empty() {
        cx.send(0, Message::from(Map::from_iter([("complete", true)]))).await;
    }
    let count = table.rows.len();
    let columns = Value::from(table.columns);
    for (index, row) in table.rows.into_iter().enumerate() {
        let mut sent = msg.clone();
        sent.set("columns", columns.clone());
        sent.set("payload", row);
        match part {
            None => drop(sent.set("parts", parts(msg, index, count))),
            Some(_) => shift(&mut sent, settings),
        }
        if is_last {
            sent.set("complete", true);
        }
        cx.send(0, sent).await;
    }
}

fn parts(msg: &Message, index: usize, count: usize) -> Map {
    let id = msg.id().map(|id| ("id", Value::from(id)));
    let place = [("index", Value::from(index)), ("count", Value::from(count))];
    id.into_iter().chain(place).collect()
}

/// The lines that become no message do not count.
fn shift(msg: &mut Message, settings: &Settings) {
    let by = settings.skip + if settings.first_line_has_names { 1.0 } else { 0.0 };
    let Some(mut parts) = msg.get("parts").cloned() else { return };
    for key in ["index", "count"] {
        if let Some(Value::Number(number)) = parts.as_object_mut().and_then(|map| map.get_mut(key))
        {
            *number -= by;
        }
    }
    msg.set("parts", parts);
}

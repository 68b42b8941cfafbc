//! The node: one message after the other, since names of columns and rows are kept between them.

use ferrowire::bus::run_aside;
use ferrowire::{
    ExclusiveNode, FromConfig, Message, NodeConfig, NodeContext, NodeError, Status, Value,
    async_trait,
};

use crate::deliver::{Deliverer, Part};
use crate::error::thrown;
use crate::settings::Settings;
use crate::table::Table;
use crate::writing::{State, Writing};
use crate::{legacy, object, rfc};

const BAD_TEMPLATE: &str = "Malformed columns template.";
const WRONG_TYPE: &str = "This node only handles CSV strings or js objects.";

/// Text that is longer is read on a thread that may take its time, in bytes.
const LONG_TEXT: usize = 64 << 10;

/// The same for a list, in cells.
const LONG_LIST: usize = 4096;

/// Node-RED's `csv`.
#[derive(Debug)]
pub struct Csv {
    settings: Settings,
    /// The columns in the dialog are invalid: the node takes messages and does nothing.
    is_disabled: bool,
    state: State,
    deliverer: Deliverer,
}

impl FromConfig for Csv {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let settings = Settings::from_config(config);
        let columns = if settings.is_rfc {
            rfc::columns(&settings.columns, ",")
        } else {
            legacy::columns(&settings.columns, ",")
        };
        let is_disabled = columns.is_err();
        let state = State { columns: columns.unwrap_or_default(), ..State::default() };
        Csv { settings, is_disabled, state, deliverer: Deliverer::default() }
    }
}

impl Csv {
    async fn read(&mut self, msg: Message, text: &str, cx: &NodeContext) -> Result<(), NodeError> {
        let part = Part::of(&msg);
        let is_long = text.len() > LONG_TEXT;
        let table = if is_long {
            run_aside(|| self.table(text, part.as_ref()))
        } else {
            self.table(text, part.as_ref())
        };
        let Some(table) = table.inspect_err(|error| self.show(error, cx))? else { return Ok(()) };
        if table.is_malformed {
            cx.warn("Malformed CSV data - output probably corrupt.");
        }
        self.deliverer.deliver(&self.settings, table, msg, cx).await
    }

    fn table(&mut self, text: &str, part: Option<&Part>) -> Result<Option<Table>, NodeError> {
        let (settings, columns) = (&self.settings, &mut self.state.columns);
        if settings.is_rfc {
            rfc::read(settings, columns, text, part)
        } else {
            legacy::read(settings, columns, text, part).map(Some)
        }
    }

    /// Shows that the names of the columns, which are read strictly, are malformed.
    fn show(&self, error: &NodeError, cx: &NodeContext) {
        if error.details().contains_key("stack") {
            cx.status(Status::new("red", "dot", BAD_TEMPLATE));
        }
    }

    async fn write(&mut self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let payload = msg.payload().cloned().unwrap_or_default();
        let is_long = cells(&payload) > LONG_LIST;
        let mut writing = Writing::new(&self.settings, &mut self.state, &msg, cx);
        let write = if self.settings.is_rfc { rfc::write } else { legacy::write };
        let written = if is_long {
            run_aside(|| write(&mut writing, payload))
        } else {
            write(&mut writing, payload)
        };
        let (text, columns) = written?;
        msg.set("payload", text);
        msg.set("columns", columns);
        cx.send(0, msg).await;
        Ok(())
    }

    fn refuse(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if self.settings.is_rfc {
            cx.status(Status::new("red", "dot", WRONG_TYPE));
            return Err(thrown("Error", WRONG_TYPE));
        }
        cx.warn(WRONG_TYPE);
        Ok(())
    }
}

/// How many cells there are if all rows have those of the first one.
fn cells(payload: &Value) -> usize {
    let row = |row: &Value| match row {
        Value::Array(cells) => cells.len(),
        Value::Object(cells) => cells.len(),
        _ => 1,
    };
    match payload {
        Value::Array(rows) => rows.first().map_or(0, row).saturating_mul(rows.len()),
        _ => row(payload),
    }
}

#[async_trait]
impl ExclusiveNode for Csv {
    async fn start(&mut self, cx: &NodeContext) -> Result<(), NodeError> {
        if self.is_disabled {
            cx.warn(BAD_TEMPLATE);
            cx.status(Status::new("red", "dot", BAD_TEMPLATE));
        }
        Ok(())
    }

    async fn on_message(&mut self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        if self.is_disabled {
            return Ok(());
        }
        if self.settings.is_rfc {
            cx.status(Status::default());
        }
        let resets = msg.contains_key("reset");
        self.state.names_sent &= !resets;
        match msg.properties().get_own("payload").cloned() {
            None if resets => Ok(()),
            None => {
                cx.send(0, msg).await;
                Ok(())
            }
            Some(Value::String(text)) => self.read(msg, &text, cx).await,
            Some(value) if object::is_object(&value) => self.write(msg, cx).await,
            Some(_) => self.refuse(cx),
        }
    }
}

//! The node `range`: maps a number from one range to another.

use ferrowire::expression::javascript;
use ferrowire::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType, PropertyPath,
};

/// How numbers outside of the range are handled.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outside {
    Scale,
    Clamp,
    Roll,
    Drop,
}

/// Node-RED's `range`.
#[derive(Debug)]
pub struct Range {
    property: Option<PropertyPath>,
    outside: Outside,
    round: bool,
    input: (f64, f64),
    output: (f64, f64),
}

impl FromConfig for Range {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let outside = match config.text_or("action", "scale").as_str() {
            "scale" => Outside::Scale,
            "clamp" => Outside::Clamp,
            "roll" => Outside::Roll,
            "drop" => Outside::Drop,
            other => {
                let text = format!("expected `scale`, `clamp`, `roll` or `drop`, found `{other}`");
                config.problem("action", text);
                Outside::Scale
            }
        };
        // As in Node-RED, an empty field is 0.
        let mut number = |name: &str| config.number(name).unwrap_or(0.0);
        let mut input = (number("minin"), number("maxin"));
        let mut output = (number("minout"), number("maxout"));
        if input.0 > input.1 {
            input = (input.1, input.0);
            output = (output.1, output.0);
        }
        let round = config.boolean("round", false);
        if round {
            output = (output.0.ceil(), output.1.floor());
        }
        Range {
            property: config.property_path("property", "payload"),
            outside,
            round,
            input,
            output,
        }
    }
}

impl Range {
    /// `None` if the number is dropped.
    fn map(&self, number: f64) -> Option<f64> {
        let (low, high) = self.input;
        let size = high - low;
        let number = match self.outside {
            Outside::Scale => number,
            Outside::Clamp => number.max(low).min(high),
            Outside::Roll => ((number - low) % size + size) % size + low,
            Outside::Drop if number < low || number > high => return None,
            Outside::Drop => number,
        };
        let mapped = (number - low) / size * (self.output.1 - self.output.0) + self.output.0;
        // JavaScript rounds halves up.
        Some(if self.round { (mapped + 0.5).floor() } else { mapped })
    }
}

impl Node for Range {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let Some(property) = &self.property else { return Handled::Done };
        let value = match property.read(&msg) {
            Ok(Some(value)) => value,
            // The property is missing: the message passes.
            Ok(None) => return Handled::Send(0, msg),
            Err(error) => return Handled::Failed(error.into()),
        };
        let number = javascript::number(Some(&value));
        if number.is_nan() {
            cx.info_log(format_args!("Not a number: {}", javascript::text(Some(&value))));
            return Handled::Done;
        }
        let Some(mapped) = self.map(number) else { return Handled::Done };
        match property.set(&mut msg, mapped.into()) {
            Ok(()) => Handled::Send(0, msg),
            Err(error) => Handled::Failed(error.into()),
        }
    }
}

ferrowire::register!(
    NodeType::shared::<Range>("range")
        .summary("maps a number from one range to another")
        .category("function")
        .editor(Editor::NodeRed("function/16-range"))
);

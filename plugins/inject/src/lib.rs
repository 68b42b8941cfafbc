//! The node `inject`: starts flows by a button, at start-up, at intervals, or at set times.

mod clock;
mod editor;
mod props;
mod timer;
mod turn;

use ferrowire::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType, Value,
    async_trait,
};

use props::Props;
use timer::Timer;

/// The property of a message that overrides the configured properties, sent by the editor's "inject
/// now".
const USER_PROPS: &str = "__user_inject_props__";

/// Node-RED's `inject`. A message to it is a press of its button.
#[derive(Debug)]
pub struct Inject {
    props: Props,
    timer: Timer,
}

impl FromConfig for Inject {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Inject { props: Props::from_config(config), timer: Timer::from_config(config) }
    }
}

#[async_trait]
impl Node for Inject {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if !self.timer.is_idle() {
            let (timer, props, task_cx) = (self.timer.clone(), self.props.clone(), cx.clone());
            cx.spawn(async move { timer.run(&props, &task_cx).await });
        }
        Ok(())
    }

    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let filled = match msg.remove(USER_PROPS) {
            Some(Value::Array(list)) => Props::from_message(&list).fill(&mut msg, cx),
            _ => self.props.fill(&mut msg, cx),
        };
        match filled {
            Ok(()) => Handled::Send(0, msg),
            Err(error) => Handled::Failed(error),
        }
    }
}

ferrowire::register!(
    NodeType::shared::<Inject>("inject")
        .summary("starts flows by a button, at start-up, at intervals, or at set times")
        .category("common")
        .editor(editor::EDITOR)
);

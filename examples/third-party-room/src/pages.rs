//! The page with the members of a room.

use std::sync::Arc;

use ferrowire::port::http::Method;
use ferrowire::port::{Answer, Incoming, Response, full};
use ferrowire::{Value, async_trait};

use crate::members::Members;

/// Returns the numbers of the members as JSON.
pub(crate) struct MembersPage {
    pub(crate) path: String,
    pub(crate) members: Arc<Members>,
}

#[async_trait]
impl Answer for MembersPage {
    fn answers(&self, method: &Method, path: &str) -> bool {
        *method == Method::GET && path == self.path
    }

    async fn answer(&self, _: Incoming) -> Response {
        let numbers: Vec<Value> = self.members.numbers().into_iter().map(Value::from).collect();
        full("application/json", Value::from(numbers).to_json())
    }
}

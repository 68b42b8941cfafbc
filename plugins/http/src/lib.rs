//! The nodes `http in` and `http response`: flows that serve pages and APIs.

mod answer;
mod body;
mod client;
mod cookie;
mod file;
mod fresh;
mod http_in;
mod http_response;
mod limits;
mod open;
mod path;
mod query;
mod reply;
mod request;

pub use http_in::HttpIn;
pub use http_response::HttpResponse;

use ferrowire::{Editor, Links, NodeType};

// Its regular expressions.
#[cfg(test)]
use ferrowire_testkit as _;

ferrowire::register!(
    NodeType::shared::<HttpIn>("http in")
        .summary("receives HTTP requests at a path of the runtime's port")
        .category("network")
        .links(Links::Answers)
        .editor(Editor::NodeRed("network/21-httpin")),
    NodeType::shared::<HttpResponse>("http response")
        .summary("answers HTTP requests")
        .category("network")
        .editor(Editor::NodeRed("network/21-httpin")),
);

//! `NodePackages`: packages whose nodes another process runs, as the editor and its API see them.

use std::fmt;

use ferrowire_core::{Map, Value, async_trait};
use hyper::StatusCode;

use crate::{Admin, Reply};

/// Packages whose nodes another process runs.
#[async_trait]
pub trait NodePackages: fmt::Debug + Send + Sync {
    /// Asks Node-RED's runtime, which is started if need be.
    ///
    /// # Errors
    /// If it refuses, or does not run.
    async fn ask(&self, question: &'static str, args: Map) -> Result<Value, NoAnswer>;

    /// Whether there are any packages, disabled ones included.
    fn are_there(&self) -> bool;

    /// Whether they are loaded, so that a question starts nothing.
    fn are_loaded(&self) -> bool;

    /// Whether packages may be installed, removed, enabled and disabled.
    fn can_change(&self) -> bool;

    /// The packages, and the process that runs their nodes, for the report of the runtime.
    fn describe(&self) -> Map;

    /// The properties of a type that are not stored in flow files, if they are known: for each its
    /// `type`, `text` or `password`.
    fn credentials_of(&self, node_type: &str) -> Option<Value>;

    /// Learns the types of the packages that there are now, and deploys flows that wait for them.
    async fn changed(&self);
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct NoAnswer {
    /// What is wrong.
    pub text: String,
    /// The status of the response, if it was refused for a reason that has one.
    pub status: Option<u16>,
}

impl NoAnswer {
    /// The response in the form of Node-RED's API.
    pub(crate) fn into_reply(self) -> Reply {
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.unwrap_or(StatusCode::BAD_REQUEST);
        let code = if status == StatusCode::NOT_FOUND { "not_found" } else { "unexpected_error" };
        Reply::error(status, code, &self.text)
    }
}

impl Admin {
    /// Asks for a file of a package if packages are loaded. Requests for files need no permission, so
    /// they are not to start anything.
    pub(crate) async fn ask_loaded_packages<const N: usize>(
        &self,
        question: &'static str,
        args: [(&'static str, &str); N],
    ) -> Option<Value> {
        match self.packages().is_some_and(|packages| packages.are_loaded()) {
            true => self.ask_packages(question, args).await,
            false => None,
        }
    }

    /// Asks about packages, if there are any. A failure is logged, and leaves the editor with the native
    /// nodes.
    pub(crate) async fn ask_packages<const N: usize>(
        &self,
        question: &'static str,
        args: [(&'static str, &str); N],
    ) -> Option<Value> {
        let packages = self.packages().filter(|packages| packages.are_there())?;
        let answer = packages.ask(question, Map::from_iter(args)).await;
        if let Err(error) = &answer {
            tracing::warn!("the editor lacks what packages provide (`{question}`): {error}");
        }
        answer.ok().filter(|answer| *answer != Value::Null)
    }
}

//! `/flows`: all flows, and whether they run.

use std::sync::Arc;

use ferrowire_core::{Map, Value};
use ferrowire_engine::DeployType;
use futures_util::future::BoxFuture;
use hyper::StatusCode;
use hyper::header::HeaderName;

use crate::call::Call;
use crate::flows_state::FlowsState;
use crate::save_and_run::{Wanted, deploy};
use crate::shared_flows::Replaces;
use crate::user_dir::Secrets;
use crate::{Admin, Reply};

const VERSION: HeaderName = HeaderName::from_static("node-red-api-version");
const DEPLOYMENT: HeaderName = HeaderName::from_static("node-red-deployment-type");

/// The format of requests and responses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// The list of nodes alone.
    One,
    /// An object with the list and its revision.
    Two,
}

fn version(call: &Call) -> Result<Version, Reply> {
    match call.header(VERSION) {
        "" | "v1" => Ok(Version::One),
        "v2" => Ok(Version::Two),
        _ => {
            let text = "Invalid API Version requested";
            Err(Reply::error(StatusCode::BAD_REQUEST, "invalid_api_version", text))
        }
    }
}

/// The flows, without credentials.
pub(crate) fn get(call: &Call) -> Reply {
    let version = match version(call) {
        Ok(version) => version,
        Err(refusal) => return refusal,
    };
    let flows = nodes_of(&call.admin);
    match version {
        Version::One => Reply::json(flows),
        Version::Two => {
            let rev = Value::from(&*call.admin.engine().rev());
            Reply::json([("flows", flows.into()), ("rev", rev)].into_iter().collect::<Map>())
        }
    }
}

/// The deployed nodes.
pub(crate) fn nodes_of(admin: &Admin) -> Vec<Value> {
    admin.engine().flows().nodes().iter().cloned().map(Value::Object).collect()
}

/// Deploys flows.
pub(crate) fn post(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move { try_post(call).await.unwrap_or_else(|refusal| refusal) })
}

async fn try_post(call: Call) -> Result<Reply, Reply> {
    let version = version(&call)?;
    let how = match call.header(DEPLOYMENT) {
        "nodes" => DeployType::Nodes,
        "flows" => DeployType::Flows,
        "reload" => DeployType::Reload,
        _ => DeployType::Full,
    };
    let rev = if how == DeployType::Reload {
        let deployed = call.admin.reload(how).await;
        deployed.map_err(|error| Reply::unexpected(&error.to_string()))?.rev
    } else {
        let body = call.json();
        deploy(&call.admin, how, move |admin| wanted(admin, version, body)).await?
    };
    Ok(match version {
        Version::One => Reply::no_content(),
        Version::Two => Reply::json([("rev", &*rev)].into_iter().collect::<Map>()),
    })
}

fn wanted(admin: &Admin, version: Version, body: Value) -> Result<Wanted, Reply> {
    let not_a_list = |where_| Reply::unexpected(&format!("expected an array of nodes {where_}"));
    match (version, body) {
        (Version::One, Value::Array(nodes)) => {
            let nodes = Arc::unwrap_or_clone(nodes);
            Ok(Wanted { nodes, secrets: None, replaces: Replaces::Anything })
        }
        (Version::One, _) => Err(not_a_list("as the body")),
        (Version::Two, body) => {
            let Some(Value::Array(nodes)) = body.get("flows") else {
                return Err(not_a_list("in `flows`"));
            };
            let known = admin.engine().rev();
            let given = body.get("rev").filter(|rev| rev.is_truthy());
            if given.is_some_and(|rev| rev.as_str() != Some(&known)) {
                let status = StatusCode::CONFLICT;
                return Err(Reply::error(status, "version_mismatch", "Error"));
            }
            let secrets = body.get("credentials").map(|given| given_secrets(admin, given));
            let replaces = if given.is_some() { Replaces::Own } else { Replaces::Anything };
            Ok(Wanted { nodes: nodes.to_vec(), secrets: secrets.transpose()?, replaces })
        }
    }
}

/// The credentials of all nodes, which a deploy may contain, encrypted or not.
fn given_secrets(admin: &Admin, given: &Value) -> Result<Secrets, Reply> {
    let Some(map) = given.as_object() else {
        return Err(Reply::unexpected("expected an object in `credentials`"));
    };
    match admin.storage().open(map) {
        Ok(Some(credentials)) => {
            let mut secrets = Secrets::default();
            secrets.add(&credentials);
            Ok(secrets)
        }
        Ok(None) => Err(Reply::unexpected(
            "the credentials are encrypted with another secret than `credential-secret`",
        )),
        Err(error) => Err(Reply::unexpected(&error.to_string())),
    }
}

/// Whether the flows run.
pub(crate) fn state(call: &Call) -> Reply {
    state_reply(call.admin.state.get())
}

fn state_reply(state: FlowsState) -> Reply {
    Reply::json([("state", state.name())].into_iter().collect::<Map>())
}

/// Starts or stops the flows.
pub(crate) fn set_state(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        if !call.admin.settings().runtime_state {
            return Reply::nothing_here(&call.parts.method, call.parts.uri.path());
        }
        let state = match call.json().get("state").and_then(Value::as_str) {
            Some("start") => FlowsState::Started,
            Some("stop") => FlowsState::Stopped,
            other => {
                let text = format!(
                    "Cannot change flows runtime state to '{}'",
                    other.unwrap_or("undefined")
                );
                return Reply::error(StatusCode::BAD_REQUEST, "invalid_run_state", &text);
            }
        };
        match call.admin.set_state(state).await {
            Ok(()) => state_reply(state),
            Err(error) => Reply::unexpected(&error.to_string()),
        }
    })
}

//! How a client says who it is: with the node's credentials, which are in no flow file and no log.

use ferrowire_core::{NodeConfig, Text};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::client::dial::Plan;
use crate::frame::Payload;

/// The property `auth` with what it needs. Without a token, or a user and a password, nothing is
/// sent.
#[derive(Default)]
pub(crate) enum Auth {
    #[default]
    None,
    /// A header, `Authorization` or another.
    Header(HeaderName, HeaderValue),
    /// A parameter of the query, encoded.
    Query(String),
    /// The first message.
    Message(Text),
}

impl std::fmt::Debug for Auth {
    /// Without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Auth::None => "None",
            Auth::Header(..) => "Header",
            Auth::Query(_) => "Query",
            Auth::Message(_) => "Message",
        })
    }
}

impl Auth {
    /// Reads `auth` (`bearer`, `basic`, `header`, `query` or `message`), `authName` (the name of the
    /// header or parameter) and the credentials `token`, `user` and `password`.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let credential = |config: &NodeConfig<'_>, name: &str| {
            let all = config.raw("credentials");
            all.and_then(|all| all.get(name)?.as_str()).unwrap_or_default().to_owned()
        };
        let token = credential(config, "token");
        let name = config.text("authName");
        let read = match config.text("auth").as_str() {
            "" => return Auth::None,
            "bearer" => secret(&format!("Bearer {token}")).map(|v| Auth::Header(AUTHORIZATION, v)),
            "basic" => {
                let login = (credential(config, "user"), credential(config, "password"));
                return basic(&login.0, &login.1);
            }
            "header" => header(&name, &token),
            "query" => query(&name, &token),
            "message" => Ok(Auth::Message(token.as_str().into())),
            other => Err(format!(
                "expected `bearer`, `basic`, `header`, `query` or `message`, found `{other}`"
            )),
        };
        match read {
            Ok(_) if token.is_empty() => {
                config.problem("auth", "the token is missing among the credentials");
                Auth::None
            }
            Ok(auth) => auth,
            Err(text) => {
                config.problem("auth", text);
                Auth::None
            }
        }
    }

    /// Adds what the handshake carries.
    pub(crate) fn apply(&self, plan: &mut Plan) {
        match self {
            Auth::None | Auth::Message(_) => {}
            // Also in place of a user and a password in the URL.
            Auth::Header(name, value) => plan.headers.push((name.clone(), value.clone())),
            Auth::Query(parameter) => plan.url.add_parameter(parameter),
        }
    }

    /// What is sent before everything else.
    pub(crate) fn first_message(&self) -> Option<Payload> {
        match self {
            Auth::Message(token) => Some(Payload::Text(token.clone())),
            _ => None,
        }
    }
}

fn secret(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| "the token has characters that a header cannot carry".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn basic(user: &str, password: &str) -> Auth {
    let login = data_encoding::BASE64.encode(format!("{user}:{password}").as_bytes());
    match secret(&format!("Basic {login}")) {
        Ok(value) => Auth::Header(AUTHORIZATION, value),
        Err(_) => Auth::None,
    }
}

fn header(name: &str, token: &str) -> Result<Auth, String> {
    let parsed = name.parse().map_err(|_| match name {
        "" => "expected the name of the header in `authName`".to_owned(),
        name => format!("invalid header name `{name}` in `authName`"),
    })?;
    Ok(Auth::Header(parsed, secret(token)?))
}

fn query(name: &str, token: &str) -> Result<Auth, String> {
    let name = if name.is_empty() { "token" } else { name };
    let pair =
        url::form_urlencoded::Serializer::new(String::new()).append_pair(name, token).finish();
    Ok(Auth::Query(pair))
}

//! The table of all paths, with their handlers and permissions.

use futures_util::future::BoxFuture;
use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::api::{
    actions, context, credentials, diagnostics, flow, flows, library, nodes, settings,
};
use crate::auth::login;
use crate::call::Call;
use crate::editor::{icons, locales, page, resources, statics};
use crate::reply::Reply;

/// What handles a request.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// A function that returns at once.
    Now(fn(&Call) -> Reply),
    /// A function that reads or writes files, or decompresses the editor's.
    Blocking(fn(&Call) -> Reply),
    /// A future.
    Later(fn(Call) -> BoxFuture<'static, Reply>),
}

/// A path and its handler.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: Verb,
    /// `:` stands for one segment of the path, `*` at the end for any number.
    pub(crate) pattern: &'static str,
    /// The permission that a request needs; empty if it needs none.
    pub(crate) permission: &'static str,
    pub(crate) handler: Handler,
    /// Whether it belongs to the editor rather than to the API.
    pub(crate) editor: bool,
    /// Whether a node may have the same route, which then comes first.
    pub(crate) is_last: bool,
}

/// The methods of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    /// The verb of a method: HEAD is handled as GET.
    pub(crate) fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD => Some(Get),
            Method::POST => Some(Post),
            Method::PUT => Some(Put),
            Method::DELETE => Some(Delete),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Get => "GET,HEAD",
            Post => "POST",
            Put => "PUT",
            Delete => "DELETE",
        }
    }
}

const fn api(
    method: Verb,
    pattern: &'static str,
    permission: &'static str,
    handler: Handler,
) -> Route {
    Route { method, pattern, permission, handler, editor: false, is_last: false }
}

const fn open(pattern: &'static str, handler: Handler) -> Route {
    Route { method: Get, pattern, permission: "", handler, editor: true, is_last: false }
}

const fn last(pattern: &'static str, permission: &'static str, handler: Handler) -> Route {
    Route { is_last: true, ..api(Get, pattern, permission, handler) }
}

use Handler::{Blocking, Later, Now};
use Verb::{Delete, Get, Post, Put};

/// All routes. The first that matches handles the request.
#[rustfmt::skip]
const ROUTES: &[Route] = &[
    open("/", Blocking(page::index)),
    open("/theme", Now(page::theme)),
    open("/theme/:/:", Now(page::theme_file)),
    open("/red/about", Blocking(page::about)),
    open("/locales/*", Blocking(locales::get)),
    open("/icons/:/:", Later(icons::get)),
    open("/icons/:/:/:", Later(icons::get)),
    open("/resources/*", Later(resources::get)),
    open("/debug/view/:", Now(statics::debug_view)),
    api(Get, "/auth/login", "", Now(login::prompts)),
    api(Post, "/auth/token", "", Later(login::log_in)),
    api(Post, "/auth/revoke", "", Later(login::log_out)),
    api(Get, "/icons", "nodes.read", Later(icons::list)),
    api(Get, "/settings", "settings.read", Later(settings::get)),
    api(Get, "/settings/user", "settings.read", Blocking(settings::get_user)),
    api(Post, "/settings/user", "settings.write", Blocking(settings::set_user)),
    api(Get, "/plugins", "plugins.read", Later(nodes::plugins)),
    api(Get, "/plugins/messages", "plugins.read", Later(nodes::plugin_messages)),
    api(Get, "/nodes", "nodes.read", Later(nodes::list)),
    api(Post, "/nodes", "nodes.write", Later(nodes::install)),
    api(Get, "/nodes/messages", "nodes.read", Later(nodes::messages)),
    api(Get, "/nodes/*", "nodes.read", Later(nodes::get)),
    api(Put, "/nodes/*", "nodes.write", Later(nodes::change)),
    api(Delete, "/nodes/*", "nodes.write", Later(nodes::remove)),
    api(Get, "/flows", "flows.read", Now(flows::get)),
    api(Post, "/flows", "flows.write", Later(flows::post)),
    api(Get, "/flows/state", "flows.read", Now(flows::state)),
    api(Post, "/flows/state", "flows.write", Later(flows::set_state)),
    api(Post, "/flow", "flows.write", Later(flow::add)),
    api(Get, "/flow/:", "flows.read", Now(flow::get)),
    api(Put, "/flow/:", "flows.write", Later(flow::update)),
    api(Delete, "/flow/:", "flows.write", Later(flow::remove)),
    api(Get, "/credentials/:/:", "credentials.read", Now(credentials::get)),
    api(Get, "/context/:/*", "context.read", Now(context::get)),
    api(Delete, "/context/:/*", "context.write", Now(context::remove)),
    api(Get, "/library/:/:/*", "library.read", Blocking(library::get)),
    api(Post, "/library/:/:/*", "library.write", Blocking(library::save)),
    api(Get, "/diagnostics", "diagnostics.read", Blocking(diagnostics::get)),
    api(Post, "/inject/:", "inject.write", Now(actions::inject)),
    api(Post, "/debug/:", "debug.write", Now(actions::switch_several)),
    api(Post, "/debug/:/:", "debug.write", Now(actions::switch)),
    last("/udp-ports/:", "udp-ports.read", Now(nodes::no_ports)),
];

/// The result of looking a path up.
pub(crate) enum Found {
    Route(Route, Vec<String>),
    /// A request for the methods of the path.
    Allowed(String),
    Nothing,
    /// The path is not valid percent-encoding.
    Malformed,
}

/// Looks up the route for `method` and `path`, which begins with a slash.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let mut parts: Vec<&str> = path.split('/').skip(1).collect();
    let slash = parts.last() == Some(&"") && parts.len() > 1;
    if slash || parts == [""] {
        parts.pop();
    }
    let fitting = ROUTES.iter().filter_map(|route| Some((route, fit(route, &parts, slash)?)));
    let mut allowed: Vec<&str> = Vec::new();
    for (route, params) in fitting {
        if Verb::of(method) == Some(route.method) {
            let Some(params) = params.into_iter().map(|part| decode(&part)).collect() else {
                return Found::Malformed;
            };
            return Found::Route(*route, params);
        }
        if !allowed.contains(&route.method.name()) {
            allowed.push(route.method.name());
        }
    }
    match method {
        &Method::OPTIONS if !allowed.is_empty() => Found::Allowed(allowed.join(",")),
        _ => Found::Nothing,
    }
}

/// The variable segments of the path, if it matches. Fixed segments match in any case.
fn fit(route: &Route, parts: &[&str], slash: bool) -> Option<Vec<String>> {
    let mut params = Vec::new();
    let mut parts = parts.iter();
    for wanted in route.pattern.split('/').skip(1).filter(|wanted| !wanted.is_empty()) {
        if wanted == "*" {
            let mut rest = parts.copied().collect::<Vec<_>>().join("/");
            if slash {
                rest.push('/');
            }
            params.push(rest);
            return Some(params);
        }
        let part = parts.next()?;
        match wanted {
            ":" => params.push((*part).to_owned()),
            _ if part.eq_ignore_ascii_case(wanted) => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(params)
}

fn decode(part: &str) -> Option<String> {
    // The decoder would leave a percent sign without two digits as it is.
    let bytes = part.as_bytes();
    let valid = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    valid.then(|| percent_decode_str(part).decode_utf8().ok()).flatten().map(Into::into)
}

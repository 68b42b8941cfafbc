//! In place of `npm_nodes` in a program without them: there is never one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ferrowire_admin::{Admin, Auth, Comms, NoAnswer, NodePackages};
use ferrowire_core::{ContextStores, Map, Registry, Value, async_trait};
use ferrowire_engine::Companion;
use ferrowire_http::{Page, Registration, Routes};

use crate::flows::Places;
use crate::settings::Settings;

/// The nodes of npm packages, which this program does not have.
#[derive(Debug)]
pub(crate) struct NpmNodes(Infallible);

/// What passes requests on to them.
pub(crate) type Proxy = Infallible;

impl NpmNodes {
    /// `None`.
    pub(crate) fn prepare(
        _: &Settings,
        _: &Places,
        _: &mut Registry,
        _: &Arc<ContextStores>,
        _: SocketAddr,
    ) -> Option<Arc<Self>> {
        None
    }

    pub(crate) fn connect(&self, _: &Admin, _: &Comms) {
        match self.0 {}
    }

    pub(crate) fn proxy(&self, _: &Arc<Auth>, _: &Settings) -> Proxy {
        self.0
    }

    pub(crate) fn serve(_: &Routes, proxy: &Proxy) -> [Registration; 2] {
        match *proxy {}
    }

    pub(crate) fn companion(&self) -> Arc<dyn Companion> {
        match self.0 {}
    }
}

#[async_trait]
impl NodePackages for NpmNodes {
    async fn ask(&self, _: &'static str, _: Map) -> Result<Value, NoAnswer> {
        match self.0 {}
    }

    fn are_there(&self) -> bool {
        match self.0 {}
    }

    fn are_loaded(&self) -> bool {
        match self.0 {}
    }

    fn can_change(&self) -> bool {
        match self.0 {}
    }

    fn describe(&self) -> Map {
        match self.0 {}
    }

    fn credentials_of(&self, _: &str) -> Option<Value> {
        match self.0 {}
    }

    async fn changed(&self) {
        match self.0 {}
    }
}

/// `None`: no type of a package is known.
pub(crate) fn add_types(_: &Settings, _: &Path, _: &mut Registry) -> Option<String> {
    None
}

pub(crate) fn page(proxy: &Proxy) -> Page {
    match *proxy {}
}

//! `Exporter`: all metrics of the process in a text format, for Prometheus and what reads its formats.

mod family;
mod flows;
mod process;
mod registered;
mod text;

use std::fmt;

use ferrowire_engine::Engine;

use family::{Family, Kind};
use registered::Registered;

pub(crate) use text::Format;

ferrowire::metrics!(
    crate::drain::DRAINING,
    ferrowire_core::bus::DROPPED_AT_NODES,
    ferrowire_core::bus::DROPPED_IN_LOOPS,
    ferrowire_engine::metrics::DEPLOYED,
    ferrowire_engine::metrics::DEPLOYED_STOPPED,
    ferrowire_engine::metrics::DEPLOY_DURATION,
    ferrowire_http::metrics::REFUSED,
    ferrowire_http::metrics::responses::INFORMATIONAL,
    ferrowire_http::metrics::responses::SUCCESSFUL,
    ferrowire_http::metrics::responses::REDIRECTION,
    ferrowire_http::metrics::responses::CLIENT_ERROR,
    ferrowire_http::metrics::responses::SERVER_ERROR,
);

/// Reads the metrics of the process. Between two reads it does nothing.
pub(crate) struct Exporter {
    engine: Engine,
    registered: Registered,
}

impl Exporter {
    /// The metrics of `engine`, and all that its plugins and the runtime declare.
    pub(crate) fn new(engine: Engine) -> Self {
        let registered = Registered::new(engine.registry().metrics(), &own(&engine));
        Exporter { engine, registered }
    }

    /// The metrics as text. Reads files of the system.
    pub(crate) fn text(&self, format: Format) -> String {
        let mut families = own(&self.engine);
        families.extend(self.registered.families());
        format.write(&families)
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

/// The families that are no statics.
fn own(engine: &Engine) -> Vec<Family> {
    let mut families = vec![build()];
    families.extend(process::families());
    families.extend(flows::families(engine));
    families
}

fn build() -> Family {
    let abi = format!("{}.{}", ferrowire_loader::ABI.0, ferrowire_loader::ABI.1);
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("abi", &abi)];
    Family::new(Kind::Info, "ferrowire_build", "the program").with(&labels, true)
}

//! The workload `palette`: nodes that read and write formats, files, programs and sockets.

use anyhow::Result;

use crate::broker::Broker;
use crate::flow::Flow;
use crate::load::Target;
use crate::plan::exchange;
use crate::rounds::Bench;
use crate::server::{Running, Server};

impl Bench<'_> {
    /// The same flows in Ferrowire and Node-RED.
    pub(crate) fn palette(&mut self) -> Result<()> {
        for (flow, connections, in_flight, size) in Flow::PALETTE {
            let running = self.start_all(self.runtimes(true), flow)?;
            self.compare(&[exchange(flow, connections, in_flight, size)], &running)?;
        }
        match Broker::start(&self.options.out)? {
            Some(broker) => self.mqtt(&broker),
            None => {
                println!("skipping MQTT: expected `mosquitto`; install the package of that name");
                Ok(())
            }
        }
    }

    /// Messages through a broker, whose own CPU time does not count. One server at a time is subscribed.
    fn mqtt(&mut self, broker: &Broker) -> Result<()> {
        for server in self.runtimes(true) {
            let server = server.with_broker(broker.addr());
            let running = server.start(self.workload.flow(), &self.options.out, None)?;
            self.mqtt_of(&server, &running, broker)?;
        }
        Ok(())
    }

    fn mqtt_of(&mut self, server: &Server, running: &Running, broker: &Broker) -> Result<()> {
        let target = Target { addr: broker.addr(), pid: running.target().pid };
        for case in self.workload.cases(self.options.quick) {
            let sample = self.put_load(&case, server, target)?;
            self.report.add(&case.to_string(), server.name, sample);
        }
        Ok(())
    }
}

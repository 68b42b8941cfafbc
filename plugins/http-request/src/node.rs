//! `http request`: sends a request for each message, many concurrently.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use ferrowire::trace::{Carrier, Follow, SpanKind};
use ferrowire::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, Sending, Status,
    StopReason, async_trait,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::call::Call;
use crate::exchange::Client;
use crate::failure::Failure;
use crate::options::Options;
use crate::outcome;
use crate::prepare::{NotSent, prepare};

/// The maximum number of concurrent requests of a node, each with a connection; further senders
/// wait.
const MOST: usize = 256;

/// Node-RED's `http request`. Messages are sent in the order of the responses, which may differ
/// from the order of the requests.
#[derive(Debug)]
pub struct HttpRequest {
    options: Arc<Options>,
    running: OnceLock<Arc<Running>>,
}

#[derive(Debug)]
struct Running {
    cx: NodeContext,
    options: Arc<Options>,
    /// One with the configured options, and one that trusts every server.
    client: Client,
    trusting: Client,
    places: Arc<Semaphore>,
    open: AtomicUsize,
}

impl FromConfig for HttpRequest {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        HttpRequest { options: Arc::new(Options::from_config(config)), running: OnceLock::new() }
    }
}

#[async_trait]
impl Node for HttpRequest {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        self.running.get_or_init(|| Arc::new(Running::new(&self.options, cx)));
        Ok(())
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let running = self.running.get_or_init(|| Arc::new(Running::new(&self.options, cx)));
        let running = Arc::clone(running);
        match Arc::clone(&running.places).try_acquire_owned() {
            Ok(place) => {
                running.begin(msg, place);
                Handled::Kept(Sending::done())
            }
            Err(_) => Handled::Kept(Sending::later(Box::pin(async move {
                if let Ok(place) = Arc::clone(&running.places).acquire_owned().await {
                    running.begin(msg, place);
                }
            }))),
        }
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        cx.status(Status::default());
    }
}

impl Running {
    fn new(options: &Arc<Options>, cx: &NodeContext) -> Self {
        let client = |tls| Client::new(options, tls, cx.clone());
        Running {
            cx: cx.clone(),
            options: Arc::clone(options),
            client: client(options.tls.clone()),
            trusting: client(options.tls.clone().verifying(false)),
            places: Arc::new(Semaphore::new(MOST)),
            open: AtomicUsize::new(0),
        }
    }

    fn begin(self: Arc<Self>, msg: Message, place: OwnedSemaphorePermit) {
        let (cx, follow) = (self.cx.clone(), Follow::of(&msg));
        cx.spawn(follow.run(async move {
            self.open.fetch_add(1, Ordering::Relaxed);
            self.handle(msg, place).await;
        }));
    }

    async fn handle(&self, mut msg: Message, place: OwnedSemaphorePermit) {
        let cx = &self.cx;
        cx.status(Status::new("blue", "dot", "httpin.status.requesting"));
        let (mut call, url) = match prepare(&self.options, &mut msg, cx) {
            Ok(prepared) => prepared,
            Err(NotSent::Failed(error)) => {
                if self.is_last() {
                    cx.status(Status::default());
                }
                return cx.fail_with(error, msg).await;
            }
            Err(NotSent::OtherTransport) => {
                self.is_last();
                cx.warn("non-http transport requested");
                cx.status(Status::new("red", "ring", "httpin.errors.invalid-transport"));
                return cx.complete(msg).await;
            }
        };
        self.pass_on_trace(&msg, &mut call);
        match self.exchange(call).await {
            Ok(got) => {
                if let Some(trace) = msg.trace() {
                    trace.describe("http.response.status_code", f64::from(got.status.as_u16()));
                }
                outcome::succeeded(&mut msg, got, self.options.result, cx);
                if self.is_last() {
                    cx.status(Status::default());
                }
                cx.send(0, msg.clone()).await;
                cx.complete(msg).await;
            }
            Err(failure) => {
                self.is_last();
                // Others may go on while catch nodes, which may send to this node, are waited for.
                drop(place);
                self.report(msg, &failure, &url).await;
            }
        }
    }

    /// Adds the headers of the message's trace, unless the flow sets them.
    fn pass_on_trace(&self, msg: &Message, call: &mut Call) {
        let Some(trace) = msg.trace() else { return };
        trace.set_kind(SpanKind::Client);
        trace.describe("http.request.method", call.method.as_str());
        trace.describe("server.address", call.url.host_str().unwrap_or_default());
        if !self.cx.traces_over(Carrier::Http) || call.headers.get("traceparent").is_some() {
            return;
        }
        call.headers.set_text("traceparent", trace.traceparent());
        match trace.tracestate() {
            Some(state) => call.headers.set_text("tracestate", state),
            None => _ = call.headers.remove("tracestate"),
        }
    }

    async fn exchange(&self, call: Call) -> Result<crate::call::Got, Failure> {
        let client = if call.verify { &self.client } else { &self.trusting };
        let timeout = call.timeout;
        let sent = tokio::time::timeout(timeout, client.send(call)).await;
        sent.unwrap_or_else(|_| Err(Failure::timed_out()))
    }

    /// Marks a request as finished; true if no other one is in progress.
    fn is_last(&self) -> bool {
        self.open.fetch_sub(1, Ordering::Relaxed) == 1
    }

    async fn report(&self, mut msg: Message, failure: &Failure, url: &str) {
        let cx = &self.cx;
        let shown = match failure.code {
            "ETIMEDOUT" => "common.notification.errors.no-response",
            code => code,
        };
        cx.status(Status::new("red", "ring", shown));
        let error = NodeError::new(failure.to_string()).with("code", failure.code);
        if self.options.errors_only {
            return cx.fail_with(error, msg).await;
        }
        // As in Node-RED, catch nodes come before the output.
        cx.fail_first(error, msg.clone()).await;
        outcome::failed(&mut msg, failure, url);
        cx.send(0, msg).await;
    }
}

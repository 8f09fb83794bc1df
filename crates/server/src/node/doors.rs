//! The ports of a node, from their bind to the end of its drain: pages all the time, calls while
//! the node serves.

use super::error::StartError;
use super::{credentials, operations::NodeOperations, report::Reporter};
use crate::config::NodeConfig;
use crate::data_dir::DataDir;
use crate::health::Health;
use crate::listeners::{self, Bound};
use crate::pages::{Pages, Render};
use anabranch_aws_api::{AwsDoor, DoorOptions, TlsIdentity};
use anabranch_gateway::Gateway;
use anabranch_grpc_api::{GrpcDoor, GrpcOptions};
use anabranch_runtime::{Env, MemoryBudget, OnFailure, TaskGroup};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long those who read a page at the very end may take.
const LAST_PAGES_PATIENCE: Duration = Duration::from_secs(1);
/// Of the drain time, the most that is kept back from open requests for the parts behind the door.
const DRAIN_RESERVE_MAX: Duration = Duration::from_secs(5);

/// The ports of a node, bound before anything else so that a taken one is told at once.
pub struct Listeners {
    plain: TcpListener,
    tls: Option<TcpListener>,
    pub(super) peer: Option<TcpListener>,
}

impl Listeners {
    /// Binds the configured ports.
    ///
    /// # Errors
    /// [`listeners::ListenError`] names the port.
    pub async fn bind(config: &NodeConfig) -> Result<Self, listeners::ListenError> {
        let plain = listeners::listen(config.listen).await?;
        let tls = match config.tls_listen {
            Some(address) => Some(listeners::listen(address).await?),
            None => None,
        };
        let peer = match config.peer_listen {
            Some(address) => Some(listeners::listen(address).await?),
            None => None,
        };
        Ok(Listeners { plain, tls, peer })
    }

    /// Where they are, with the ports that were free.
    pub(crate) fn bound(&self) -> std::io::Result<Bound> {
        let tls = self.tls.as_ref().map(TcpListener::local_addr).transpose()?;
        let peer = self.peer.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok(Bound { plain: self.plain.local_addr()?, tls, peer })
    }

    /// Another handle to the listener for nodes, whose queue of connections both share.
    pub(crate) fn peer_twin(&mut self) -> std::io::Result<Option<TcpListener>> {
        let Some(listener) = self.peer.take() else { return Ok(None) };
        let listener = listener.into_std()?;
        let twin = TcpListener::from_std(listener.try_clone()?)?;
        self.peer = Some(TcpListener::from_std(listener)?);
        Ok(Some(twin))
    }
}

/// The doors on their ports.
pub(super) struct Doors {
    env: Env,
    door: Arc<AwsDoor<Gateway>>,
    pages: Pages,
}

impl Doors {
    /// Accepts on all ports: from now on pages are answered and calls are told to come back.
    pub(super) fn open(
        config: &NodeConfig,
        directory: &DataDir,
        env: Env,
        (listeners, bound, memory): (Listeners, Bound, MemoryBudget),
        health: &Health,
        render_metrics: Render,
    ) -> Result<Self, StartError> {
        let pages = Pages::new(health.clone(), render_metrics, Arc::clone(&env.clock));
        let aws_options = door_options(config, &pages, memory);
        let grpc = GrpcDoor::new(grpc_options(config, aws_options.timeouts.drain), env.clone());
        let door = Arc::new(AwsDoor::closed(aws_options, env.clone()).beside(Arc::new(grpc)));
        let identity = match (&listeners.tls, &config.tls) {
            (None, _) => None,
            (Some(_), Some(files)) => Some(match &files.client_authority {
                None => TlsIdentity::from_files(&files.certificate, &files.key)?,
                Some(authority) => TlsIdentity::with_client_authority(&files.certificate, &files.key, authority)?,
            }),
            (Some(_), None) => Some(TlsIdentity::self_signed(&directory.path().join("tls"), &tls_names(config))?),
        };
        env.tasks.spawn("aws", OnFailure::ShutDown, Arc::clone(&door).serve(listeners.plain, None));
        if let Some(listener) = listeners.tls {
            env.tasks.spawn("aws_tls", OnFailure::ShutDown, Arc::clone(&door).serve(listener, identity));
        }
        tracing::info!(address = %bound.plain, "answering pages; calls are refused until the node has started");
        Ok(Doors { env, door, pages })
    }

    /// Lets operators in.
    pub(super) fn take_operations(&self, operations: NodeOperations) {
        self.pages.take_operations(Arc::new(operations));
    }

    /// Lets calls in, and tells the status.
    pub(super) fn serve_calls(&self, gateway: Gateway, reporter: Reporter) {
        self.pages.show_status(Arc::new(move || reporter.status().to_json()));
        self.door.open(gateway);
    }

    /// The tasks that serve calls; the first to stop.
    pub(super) fn calls(&self) -> TaskGroup {
        self.door.calls()
    }

    /// Stops accepting, the last thing of all.
    pub(super) async fn close(self) {
        if let Err(stragglers) = self.env.tasks.shutdown(LAST_PAGES_PATIENCE).await {
            tracing::debug!(%stragglers, "connections for pages were cut off");
        }
    }
}

fn door_options(config: &NodeConfig, pages: &Pages, memory: MemoryBudget) -> DoorOptions {
    let mut options = DoorOptions::new(config.account, credentials::verification(&config.access));
    options.pages = pages.local();
    options.local_calls = pages.calls();
    options.memory = memory;
    options.timeouts.drain = config.drain_timeout - DRAIN_RESERVE_MAX.min(config.drain_timeout / 4);
    options
}

/// Streams may use half of the time that open requests get; what they do not answer by then is not
/// known to their clients.
fn grpc_options(config: &NodeConfig, drain: Duration) -> GrpcOptions {
    let mut options = GrpcOptions::new(config.account, credentials::verification(&config.access));
    options.timeouts.produce_drain = options.timeouts.produce_drain.min(drain / 2);
    options
}

/// Who the self-signed certificate is for.
fn tls_names(config: &NodeConfig) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let Some(address) = config.tls_listen.filter(|address| !address.ip().is_unspecified()) {
        let name = address.ip().to_string();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;
    use anabranch_types::Timestamp;
    use std::path::Path;

    /// How long open requests may take when the whole drain may take `drain_timeout`.
    fn requests_get(drain_timeout: Duration) -> Duration {
        let example = NodeConfig::from_toml(Path::new("node.toml"), EXAMPLE).expect("the example");
        let pages = Pages::new(Health::new(), Arc::new(String::new), Env::simulated(Timestamp::EPOCH, 1).clock);
        door_options(&NodeConfig { drain_timeout, ..example }, &pages, MemoryBudget::unbounded()).timeouts.drain
    }

    #[tokio::test]
    async fn open_requests_get_most_of_the_drain_time() {
        let seconds = Duration::from_secs;
        assert_eq!((requests_get(seconds(30)), requests_get(seconds(300))), (seconds(25), seconds(295)));
        assert_eq!(requests_get(seconds(1)), Duration::from_millis(750));
    }
}

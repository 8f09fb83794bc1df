//! One of the connections to another node: made when needed, made again when it breaks.

use super::Common;
use super::connection::{Connection, open};
use anabranch_runtime::{Backoff, OnFailure};
use anabranch_types::NodeId;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// There is no connection and none can be made now: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoLink(pub String);

pub(super) struct Lane {
    /// For logs.
    name: &'static str,
    pub node: NodeId,
    pub common: Arc<Common>,
    state: watch::Sender<State>,
    backoff: Mutex<Backoff>,
}

enum State {
    Idle,
    /// Attempts are numbered: one that was given up must not speak for the next.
    Connecting {
        attempt: u64,
        address: String,
    },
    Ready {
        attempt: u64,
        connection: Connection,
    },
    /// No attempt before `until`, in time since node start, unless the address changes.
    Waiting {
        attempt: u64,
        address: String,
        until: Duration,
        reason: String,
    },
}

enum Step {
    Use(Connection),
    Fail(String),
    Wait,
    /// Start this attempt, then wait.
    Connect(u64),
}

impl State {
    fn attempt(&self) -> u64 {
        match self {
            State::Idle => 0,
            State::Connecting { attempt, .. } | State::Ready { attempt, .. } | State::Waiting { attempt, .. } => {
                *attempt
            }
        }
    }

    fn step(&self, address: &str, now: Duration) -> Step {
        match self {
            State::Ready { connection, .. } if connection.leads_to(address) => Step::Use(connection.clone()),
            State::Connecting { address: connecting, .. } if connecting == address => Step::Wait,
            State::Waiting { address: failed, until, reason, .. } if failed == address && now < *until => {
                Step::Fail(reason.clone())
            }
            State::Idle | State::Ready { .. } | State::Connecting { .. } | State::Waiting { .. } => {
                Step::Connect(self.attempt() + 1)
            }
        }
    }
}

impl Lane {
    pub fn new(name: &'static str, node: NodeId, common: Arc<Common>) -> Self {
        let backoff = Mutex::new(Backoff::new(common.options.reconnect));
        Lane { name, node, common, state: watch::Sender::new(State::Idle), backoff }
    }

    /// The connection, as soon as there is one. Cancel-safe: one that is being made goes on being made.
    ///
    /// # Errors
    /// [`NoLink`] when the node is not known, or when the last attempt failed a moment ago.
    pub async fn connection(self: &Arc<Self>) -> Result<Connection, NoLink> {
        let mut changes = self.state.subscribe();
        loop {
            let peer = self.common.peers.reach(self.node);
            let peer = peer.ok_or_else(|| NoLink(format!("no node {} is known", self.node)))?;
            if peer.address.is_empty() {
                return Err(NoLink(format!("node {} has no listener for nodes", self.node)));
            }
            match self.step(&peer.address) {
                Step::Use(connection) => return Ok(connection.to(peer.incarnation)),
                Step::Fail(reason) => return Err(NoLink(reason)),
                Step::Connect(attempt) => {
                    let lane = Arc::clone(self);
                    let connecting = async move { lane.keep(attempt, peer.address).await };
                    self.common.env.tasks.spawn("peer_link", OnFailure::Log, connecting);
                }
                Step::Wait => {}
            }
            if changes.changed().await.is_err() {
                return Err(NoLink("the link has ended".to_owned()));
            }
        }
    }

    /// What to do now; an attempt that is to be started is noted.
    fn step(&self, address: &str) -> Step {
        let now = self.common.env.clock.monotonic();
        let mut step = Step::Wait;
        self.state.send_if_modified(|state| {
            step = state.step(address, now);
            let Step::Connect(attempt) = step else { return false };
            *state = State::Connecting { attempt, address: address.to_owned() };
            false
        });
        step
    }

    /// Connects and holds the connection until it ends.
    async fn keep(&self, attempt: u64, address: String) {
        let stopping = self.common.env.tasks.stopping();
        let connect_max = self.common.options.connect_max;
        let opened = tokio::select! {
            () = stopping.cancelled() => return,
            opened = tokio::time::timeout(connect_max, open(self, &address)) => opened,
        };
        let reason = match opened {
            Ok(Ok((connection, driver))) => {
                let since = self.common.env.clock.monotonic();
                self.become_if_current(attempt, || State::Ready { attempt, connection });
                tracing::info!(node = %self.node, lane = self.name, "connected");
                let ended = tokio::select! {
                    () = stopping.cancelled() => return,
                    ended = driver => ended,
                };
                if self.common.env.clock.monotonic() - since > self.common.options.reconnect.longest {
                    self.backoff.lock().reset();
                }
                let reason = ended.err().map_or_else(|| "it was closed".to_owned(), |error| error.to_string());
                tracing::info!(node = %self.node, lane = self.name, reason, "connection lost");
                reason
            }
            Ok(Err(NoLink(reason))) => reason,
            Err(_) => format!("no connection within {connect_max:?}"),
        };
        tracing::debug!(node = %self.node, lane = self.name, reason, "no connection");
        let wait = self.backoff.lock().next_wait(&*self.common.env.random).unwrap_or_default();
        let until = self.common.env.clock.monotonic() + wait;
        self.become_if_current(attempt, || State::Waiting { attempt, address, until, reason });
    }

    fn become_if_current(&self, attempt: u64, next: impl FnOnce() -> State) {
        self.state.send_if_modified(|state| {
            let is_current = state.attempt() == attempt;
            if is_current {
                *state = next();
            }
            is_current
        });
    }
}

//! The life of the parent: start what is down, say where everything is, wait, drain.

use super::child::{Child, Event};
use super::error::ClusterError;
use super::found;
use super::node::{NodePlan, Ready};
use super::plan::ClusterPlan;
use super::replicated;
use crate::listeners::{ListenError, announce, listen};
use crate::run::{RunError, Signals, StopSignal};
use anabranch_runtime::Env;
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::sync::mpsc;

/// Events that are not looked at yet: a few per node.
const EVENTS_MAX: usize = 64;
/// How often it is said who is waited for.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// How long the groups of a new cluster may take to get their replicas.
const REPLICATED_PATIENCE: Duration = Duration::from_secs(60);
/// How long the ports of a process that has just ended may stay taken, and how often they are tried.
const PORT_PATIENCE: Duration = Duration::from_secs(2);
const PORT_TRY_EVERY: Duration = Duration::from_millis(100);

/// The nodes of a cluster and what has become of them.
pub(super) struct Watching {
    plan: ClusterPlan,
    env: Env,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    /// Those that were started here and have not ended.
    children: BTreeMap<u8, Child>,
    /// Those that have said that they are ready, and their processes.
    ready: BTreeMap<u8, (u32, Ready)>,
    /// Whether the streams of the command line are some node's to create.
    streams_given: bool,
    /// Whether any node was started here.
    has_started: bool,
}

/// What came first.
enum Next {
    Event(Event),
    Signal(StopSignal),
    Progress,
}

impl Watching {
    /// The nodes of `plan`, of which none was started here.
    pub(super) fn new(plan: ClusterPlan, env: Env) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let (children, ready) = (BTreeMap::new(), BTreeMap::new());
        Watching { plan, env, sender, events, children, ready, streams_given: false, has_started: false }
    }

    /// Starts the nodes, says where they are, and waits until it is told to stop.
    ///
    /// # Errors
    /// What kept them from starting, that all have ended, or that not all have drained.
    pub(super) async fn run(mut self, mut signals: Signals) -> anyhow::Result<()> {
        let stopped = match self.start_all(&mut signals).await {
            Ok(Some(signal)) => Ok(signal),
            Ok(None) => {
                self.tell_of_streams();
                self.announce();
                self.watch(&mut signals).await
            }
            Err(error) => Err(error),
        };
        match stopped {
            Ok(signal) => {
                tracing::info!(%signal, "the nodes are told to stop");
                self.drain(&mut signals).await
            }
            Err(error) => {
                // The reason is what counts, not how the others end.
                let _drained = self.drain(&mut signals).await;
                Err(error.into())
            }
        }
    }

    /// Starts what is down; the signal that came before all were ready.
    async fn start_all(&mut self, signals: &mut Signals) -> Result<Option<StopSignal>, ClusterError> {
        let mut waves: Vec<Vec<u8>> = vec![self.plan.nodes.keys().copied().collect()];
        let first_alone = self.plan.first_makes_the_cluster();
        if first_alone {
            // One after the other, so that the ids follow the directories.
            waves = self.plan.nodes.keys().map(|number| vec![*number]).collect();
        }
        for wave in waves {
            for number in &wave {
                if self.plan.directory.is_node_running(*number)? {
                    tracing::info!(node = number, "the node runs already, it is left as it is");
                    found::watch(&self.plan.nodes[number], &self.sender, &self.env);
                } else {
                    self.start(*number, first_alone && *number == 1).await?;
                }
            }
            let signal = self.wait_until_ready(&wave.into_iter().collect(), first_alone, signals).await?;
            if signal.is_some() {
                return Ok(signal);
            }
        }
        if first_alone { self.wait_until_replicated(signals).await } else { Ok(None) }
    }

    /// Waits until the groups of a new cluster have their replicas; the signal that came before. A
    /// cluster that does not get there serves all the same.
    async fn wait_until_replicated(&mut self, signals: &mut Signals) -> Result<Option<StopSignal>, ClusterError> {
        let Some(first) = self.plan.nodes.get(&1) else { return Ok(None) };
        replicated::watch(first, self.plan.nodes.len(), &self.sender, &self.env);
        let ends_at = self.env.clock.monotonic() + REPLICATED_PATIENCE;
        loop {
            match self.next(signals).await {
                Next::Signal(signal) => return Ok(Some(signal)),
                Next::Event(Event::Replicated) => return Ok(None),
                Next::Event(Event::Ended { number, status }) => {
                    self.children.remove(&number);
                    let start = self.plan.start_command(number).to_string();
                    return Err(ClusterError::EndedEarly { number, status, start });
                }
                Next::Progress if self.env.clock.monotonic() > ends_at => {
                    tracing::warn!("some groups still lack replicas; the nodes serve without waiting for them");
                    return Ok(None);
                }
                Next::Progress => tracing::info!("waiting until every group has its replicas"),
                Next::Event(Event::Ready { .. } | Event::Left { .. } | Event::Mute { .. }) => {}
            }
        }
    }

    async fn start(&mut self, number: u8, makes_the_cluster: bool) -> Result<(), ClusterError> {
        self.wait_for_ports(number).await?;
        let creates_streams = !std::mem::replace(&mut self.streams_given, true);
        let command = self.plan.command_of_now(number, makes_the_cluster, creates_streams);
        let spawned = Child::spawn(number, &command, &self.sender, &self.env.tasks);
        let start = command.to_string();
        let child = spawned.map_err(|source| ClusterError::Spawn { number, start, source })?;
        tracing::info!(node = number, pid = child.pid, "the node is started");
        self.children.insert(number, child);
        self.has_started = true;
        Ok(())
    }

    /// Says which port is taken before the node has to.
    async fn wait_for_ports(&self, number: u8) -> Result<(), ClusterError> {
        let NodePlan { api, tls, peer, .. } = self.plan.nodes[&number];
        for address in [api, tls, peer] {
            self.wait_for_port(address).await.map_err(|source| ClusterError::Port {
                number,
                remembered: self.plan.remembers_ports,
                source,
            })?;
        }
        Ok(())
    }

    async fn wait_for_port(&self, address: SocketAddr) -> Result<(), ListenError> {
        let ends_at = self.env.clock.monotonic() + PORT_PATIENCE;
        loop {
            match listen(address).await {
                Err(ListenError::PortTaken { .. }) if self.env.clock.monotonic() < ends_at => {
                    self.env.sleep(PORT_TRY_EVERY).await;
                }
                listened => return listened.map(drop),
            }
        }
    }

    /// Waits until all of `wave` are ready; the signal that came before.
    async fn wait_until_ready(
        &mut self,
        wave: &BTreeSet<u8>,
        first_alone: bool,
        signals: &mut Signals,
    ) -> Result<Option<StopSignal>, ClusterError> {
        loop {
            let awaited: Vec<_> = wave.iter().filter(|number| !self.ready.contains_key(number)).collect();
            if awaited.is_empty() {
                return Ok(None);
            }
            match self.next(signals).await {
                Next::Signal(signal) => return Ok(Some(signal)),
                Next::Progress => tracing::info!(nodes = listed(&awaited), "waiting until they are ready"),
                Next::Event(Event::Ended { number, status }) => {
                    self.children.remove(&number);
                    let start = self.plan.start_command(number).to_string();
                    return Err(ClusterError::EndedEarly { number, status, start });
                }
                Next::Event(Event::Left { number }) => self.start(number, first_alone && number == 1).await?,
                Next::Event(Event::Mute { number }) => {
                    let endpoint = format!("http://{}", self.plan.nodes[&number].api_from_here());
                    return Err(ClusterError::Mute { number, endpoint });
                }
                Next::Event(Event::Ready { number, pid, ready }) => {
                    self.ready.insert(number, (pid, ready));
                }
                Next::Event(Event::Replicated) => {}
            }
        }
    }

    /// Streams are made by the first node that is started, which none was.
    fn tell_of_streams(&self) {
        let streams = self.plan.streams();
        if !self.streams_given && !streams.is_empty() {
            tracing::warn!(%streams, "no stream is created, for every node runs already; CreateStream does it");
        }
    }

    /// Prints a line per node in the order of their ids, then the first node's ready line: all that
    /// the parent ever prints on stdout.
    fn announce(&self) {
        let mut nodes: Vec<_> = self.ready.iter().collect();
        nodes.sort_by_key(|(_, (_, ready))| ready.id);
        for (number, (pid, ready)) in &nodes {
            announce(&ready.node_line(*pid, &self.plan.nodes[number], &self.plan.start_command(**number)));
        }
        if let Some((number, (_, first))) = nodes.first() {
            announce(&first.ready_line(&self.plan.nodes[number]));
        }
    }

    /// Waits for a signal. A node that ends is told of and stays down.
    async fn watch(&mut self, signals: &mut Signals) -> Result<StopSignal, ClusterError> {
        loop {
            match self.next(signals).await {
                Next::Signal(signal) => return Ok(signal),
                Next::Event(Event::Ended { number, status }) => self.tell_of_end(number, status),
                Next::Progress
                | Next::Event(Event::Ready { .. } | Event::Left { .. } | Event::Mute { .. } | Event::Replicated) => {}
            }
            if self.has_started && self.children.is_empty() {
                return Err(ClusterError::AllEnded);
            }
        }
    }

    fn tell_of_end(&mut self, number: u8, status: ExitStatus) {
        let Some(child) = self.children.remove(&number) else { return };
        let id = self.ready.get(&number).map_or(0, |(_, ready)| ready.id.0);
        let start = self.plan.start_command(number);
        tracing::warn!(node = number, id, pid = child.pid, %status, %start, "the node has ended; it is not started again");
    }

    /// Drains the children; a second signal ends them at once.
    async fn drain(&mut self, signals: &mut Signals) -> anyhow::Result<()> {
        let mut undrained = Vec::new();
        let mut hurried = None;
        self.children.values().for_each(Child::drain);
        while !self.children.is_empty() {
            match self.next(signals).await {
                Next::Signal(signal) => {
                    hurried = Some(signal);
                    self.children.values().for_each(Child::end);
                }
                Next::Progress => {
                    tracing::info!(nodes = listed(&self.children.keys().collect::<Vec<_>>()), "waiting until they end");
                }
                Next::Event(Event::Ended { number, status }) => {
                    self.children.remove(&number);
                    if !status.success() && !self.ended_while_it_started(number, status) {
                        undrained.push(format!("node {number} ended with {status}"));
                    }
                }
                Next::Event(Event::Ready { .. } | Event::Left { .. } | Event::Mute { .. } | Event::Replicated) => {}
            }
        }
        match (hurried, undrained.is_empty()) {
            (Some(signal), _) => Err(RunError::StoppedTwice(signal).into()),
            (None, false) => Err(ClusterError::NotDrained(undrained).into()),
            (None, true) => {
                tracing::info!("the nodes have drained");
                Ok(())
            }
        }
    }

    /// Whether the node did not yet know what SIGTERM asks for, and had begun nothing.
    fn ended_while_it_started(&self, number: u8, status: ExitStatus) -> bool {
        !self.ready.contains_key(&number) && status.signal() == Some(Signal::TERM.as_raw())
    }

    async fn next(&mut self, signals: &mut Signals) -> Next {
        tokio::select! {
            signal = signals.next() => Next::Signal(signal),
            event = self.events.recv() => Next::Event(event.expect("a sender is kept here")),
            () = self.env.sleep(PROGRESS_EVERY) => Next::Progress,
        }
    }
}

/// `node 1, node 3`.
fn listed(numbers: &[&u8]) -> String {
    numbers.iter().map(|number| format!("node {number}")).collect::<Vec<_>>().join(", ")
}

//! The simulated cluster: its hosts, its network, and what is done to them.

use crate::client::World;
use crate::disk::{End, SimulatedDisk};
use crate::door::Door;
use crate::faults::{Fault, Kind};
use crate::history::History;
use crate::look::{self, Watched};
use crate::network::{CLIENTS, host};
use crate::node::SimulatedNode;
use crate::operator::Wishes;
use crate::parts::Directory;
use crate::phases::{Phase, Progress, play};
use crate::plan::{Plan, START};
use crate::trace::Trace;
use anabranch_catalog::NodeState;
use anyhow::{anyhow, ensure};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use turmoil::Sim;

/// A node that is to end during a change of its disk ends anyway when it changes nothing for so long.
const END_WAITS: Duration = Duration::from_millis(100);

/// The same for one whose next sync is to fail: an idle log syncs a witness now and then.
const SYNC_WAITS: Duration = Duration::from_secs(1);
/// An operator has given a node an empty directory after this.
const REPLACED_AFTER: Duration = Duration::from_secs(1);
/// How often replicas are compared and what clients saw is judged.
const WATCHED_EVERY: Duration = Duration::from_millis(200);

/// A cluster and its clients.
pub struct Cluster {
    sim: Sim<'static>,
    plan: Arc<Plan>,
    pub(crate) nodes: Vec<SimulatedNode>,
    history: History,
    phase: watch::Sender<Phase>,
    progress: Arc<Mutex<Progress>>,
    trace: Trace,
    mortality: BTreeMap<usize, Mortality>,
    watched: Watched,
    /// Nodes that run, or did: the first so many.
    begun: usize,
    /// Those of them that are to leave.
    leaving: BTreeSet<usize>,
    wishes: Wishes,
    /// Faults that have not begun, the next one last.
    to_come: Vec<Fault>,
    /// Those that have.
    open: Vec<Fault>,
}

/// A node that ends, and comes back at a time since the beginning of the run.
#[derive(Debug, Clone, Copy)]
enum Mortality {
    Doomed {
        at_the_latest: Duration,
        back_at: Duration,
        then: Disk,
    },
    Down {
        back_at: Duration,
    },
    /// It left the cluster.
    Gone,
}

/// What becomes of a disk when its node has ended.
#[derive(Debug, Clone, Copy)]
enum Disk {
    Stays,
    IsLost,
    /// Of what the log wrote, some is changed.
    IsDamaged,
}

impl Cluster {
    /// Nodes that have not begun to run.
    pub fn new(plan: &Arc<Plan>, trace: Trace, history: Option<Box<dyn Write + Send>>) -> Self {
        let mut sim = simulation(plan);
        let nodes: Vec<SimulatedNode> = (1..=plan.nodes + plan.joiners).map(|number| node(number, plan)).collect();
        nodes[..plan.nodes].iter().for_each(|node| run_on(&mut sim, node));
        let (phase, phases) = watch::channel(Phase::Growing);
        let (history, progress) = (History::new(history), Arc::<Mutex<Progress>>::default());
        let doors = nodes.iter().map(|node| node.door.clone()).collect();
        let world = World { plan: Arc::clone(plan), doors, history: history.clone() };
        let wishes = Wishes::default();
        let play = play(world, Arc::clone(&wishes), phases, Arc::clone(&progress));
        sim.client(CLIENTS, async move {
            play.await;
            Ok(())
        });
        let to_come = plan.faults.iter().rev().cloned().collect();
        let (plan, mortality, watched) = (Arc::clone(plan), BTreeMap::new(), Watched::default());
        Cluster {
            sim,
            begun: plan.nodes,
            plan,
            nodes,
            history,
            phase,
            progress,
            trace,
            mortality,
            watched,
            leaving: BTreeSet::new(),
            wishes,
            to_come,
            open: Vec::new(),
        }
    }

    /// The nodes that are to be in the cluster in the end.
    pub fn staying(&self) -> impl Iterator<Item = &SimulatedNode> {
        self.nodes[..self.begun].iter().filter(|node| !self.leaving.contains(&node.number))
    }

    /// Simulated time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.sim.elapsed()
    }

    /// What clients saw.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// How far they are.
    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock()
    }

    /// Tells the clients how far the run is.
    pub fn enter(&mut self, phase: Phase) {
        tracing::info!(?phase, "the run goes on");
        self.phase.send_replace(phase);
    }

    /// Lets everybody run for a tick, and looks at the promises now and then.
    ///
    /// # Errors
    /// A node stopped by itself, or a promise is broken.
    pub fn step(&mut self) -> anyhow::Result<()> {
        self.sim.step().map_err(|error| anyhow!("a node stopped by itself: {error}"))?;
        self.trace.at(self.sim.elapsed());
        self.replace_damaged();
        self.let_nodes_end_and_come_back();
        if self.elapsed() - self.watched.at >= WATCHED_EVERY {
            self.watched.at = self.elapsed();
            self.stop_those_that_left();
            let mut findings = look::watch(&self.nodes, &mut self.watched, &self.history);
            findings.extend(self.history.findings());
            ensure!(findings.is_empty(), "{}", findings.join("\n"));
        }
        Ok(())
    }

    /// What the plan says of this moment; its times count from `begun`.
    pub fn begin_and_end_faults(&mut self, begun: Duration) {
        let now = self.elapsed() - begun;
        while let Some(fault) = self.to_come.pop_if(|fault| fault.from <= now) {
            tracing::info!(?fault, "begins");
            self.begin(&fault.kind, begun + fault.to);
            self.open.push(fault);
        }
        let (over, open) = std::mem::take(&mut self.open).into_iter().partition(|fault| fault.to <= now);
        self.open = open;
        let over: Vec<Fault> = over;
        for fault in over {
            tracing::info!(?fault, "is over");
            self.end(&fault.kind);
        }
    }

    /// Whether links break now and then.
    pub fn let_links_break(&mut self, so: bool) {
        let rate = if so { f64::from(self.plan.broken_per_million) / 1e6 } else { 0.0 };
        self.sim.set_fail_rate(rate);
    }

    /// Nothing is wrong from now on; nodes that are down come back.
    pub fn heal(&mut self) {
        self.let_links_break(false);
        for fault in std::mem::take(&mut self.open) {
            self.end(&fault.kind);
        }
        self.to_come.clear();
        for one in 1..=self.begun {
            self.between(&[one], |sim, one, other| sim.repair(one, other));
            self.sim.repair(host(one), CLIENTS);
        }
        for mortality in self.mortality.values_mut() {
            if let Mortality::Down { back_at } = mortality {
                *back_at = Duration::ZERO;
            }
        }
    }

    fn begin(&mut self, kind: &Kind, until: Duration) {
        match kind {
            Kind::Crash { node, end, calls } => self.doom(*node, *end, *calls, until),
            Kind::CrashAll { end } => (1..=self.begun).for_each(|node| self.doom(node, *end, 0, until)),
            Kind::Partition { apart } => self.between(apart, |sim, one, other| sim.partition(one, other)),
            Kind::FailedSync { node } => {
                if self.is_down(*node) {
                    return;
                }
                self.nodes[*node - 1].directory.disk.fail_next_sync();
                let at_the_latest = self.elapsed() + SYNC_WAITS;
                let doomed = Mortality::Doomed { at_the_latest, back_at: until, then: Disk::Stays };
                self.mortality.insert(*node, doomed);
            }
            Kind::LostDisk { node } => self.fail_disk(*node, Disk::IsLost, until),
            Kind::DamagedLog { node } => self.fail_disk(*node, Disk::IsDamaged, until),
            Kind::Bridge { sides } => self.across(sides, |sim, one, other| sim.partition(one, other)),
            Kind::SlowDisk { node, latency } => self.nodes[*node - 1].trouble.lock().disk_latency = *latency,
            Kind::FullDisk { node } => self.nodes[*node - 1].directory.disk.set_full(true),
            Kind::ClockJump { node, by_ms } => self.nodes[*node - 1].trouble.lock().wall_ms += *by_ms,
            Kind::Join { node } => {
                self.begun = *node;
                run_on(&mut self.sim, &self.nodes[*node - 1]);
            }
            Kind::Decommission { node } => {
                self.leaving.insert(*node);
                self.nodes[*node - 1].trouble.lock().leaves = true;
                self.wishes.lock().insert(*node, NodeState::Decommissioning);
            }
            Kind::Drain { node } => drop(self.wishes.lock().insert(*node, NodeState::Draining)),
            Kind::OneWay { from, to } => self.sim.partition_oneway(host(*from), host(*to)),
            Kind::Pause { node } => {
                self.nodes[*node - 1].trouble.lock().is_paused = true;
                self.between(&[*node], |sim, one, other| sim.hold(one, other));
                self.sim.hold(host(*node), CLIENTS);
            }
            Kind::CutOff { node, only_answers: true } => self.sim.partition_oneway(host(*node), CLIENTS),
            Kind::CutOff { node, only_answers: false } => self.sim.partition(host(*node), CLIENTS),
            Kind::Slow { one, other, latency } => self.sim.set_link_latency(host(*one), host(*other), *latency),
        }
    }

    fn end(&mut self, kind: &Kind) {
        match kind {
            Kind::Crash { .. } | Kind::CrashAll { .. } | Kind::FailedSync { .. } | Kind::ClockJump { .. } => {}
            Kind::LostDisk { .. } | Kind::DamagedLog { .. } | Kind::Join { .. } | Kind::Decommission { .. } => {}
            Kind::Drain { node } => drop(self.wishes.lock().insert(*node, NodeState::Active)),
            Kind::SlowDisk { node, .. } => self.nodes[*node - 1].trouble.lock().disk_latency = Duration::ZERO,
            Kind::FullDisk { node } => self.nodes[*node - 1].directory.disk.set_full(false),
            Kind::Bridge { sides } => self.across(sides, |sim, one, other| sim.repair(one, other)),
            Kind::Partition { apart } => self.between(apart, |sim, one, other| sim.repair(one, other)),
            Kind::OneWay { from, to } => self.sim.repair_oneway(host(*from), host(*to)),
            Kind::Pause { node } => {
                self.nodes[*node - 1].trouble.lock().is_paused = false;
                self.between(&[*node], |sim, one, other| sim.release(one, other));
                self.sim.release(host(*node), CLIENTS);
            }
            Kind::CutOff { node, .. } => self.sim.repair(host(*node), CLIENTS),
            Kind::Slow { one, other, .. } => {
                let usual = self.plan.latency_max;
                self.sim.set_link_latency(host(*one), host(*other), Duration::from_millis(1));
                self.sim.set_link_max_message_latency(host(*one), host(*other), usual);
            }
        }
    }

    /// Does something to every link between `these` nodes and the others.
    fn between(&self, these: &[usize], act: impl Fn(&Sim<'static>, String, String)) {
        for one in these {
            for other in (1..=self.begun).filter(|other| !these.contains(other)) {
                act(&self.sim, host(*one), host(other));
            }
        }
    }

    /// Does something to every link between two sides.
    fn across(&self, [these, those]: &[Vec<usize>; 2], act: impl Fn(&Sim<'static>, String, String)) {
        for one in these {
            those.iter().for_each(|other| act(&self.sim, host(*one), host(*other)));
        }
    }

    /// The node is to end soon, within a call to its disk where there is one.
    fn doom(&mut self, number: usize, end: End, calls: u32, back_at: Duration) {
        if self.is_down(number) {
            return;
        }
        self.nodes[number - 1].directory.disk.end_after(end, calls);
        let at_the_latest = self.elapsed() + END_WAITS;
        self.mortality.insert(number, Mortality::Doomed { at_the_latest, back_at, then: Disk::Stays });
    }

    /// The node ends, and this becomes of its disk.
    fn fail_disk(&mut self, number: usize, what: Disk, back_at: Duration) {
        self.doom(number, End::PowerCut, 0, back_at);
        if let Some(Mortality::Doomed { then, .. }) = self.mortality.get_mut(&number) {
            *then = what;
        }
    }

    /// Whether the node does not run, or is about to end.
    fn is_down(&self, number: usize) -> bool {
        number > self.begun || self.mortality.contains_key(&number)
    }

    /// Nodes that the cluster has let go end for good.
    fn stop_those_that_left(&mut self) {
        for number in self.leaving.clone() {
            let is_gone = matches!(self.mortality.get(&number), Some(Mortality::Gone));
            if !is_gone && self.has_let_go(number) {
                tracing::info!(node = number, "has left the cluster");
                let node = &self.nodes[number - 1];
                *node.serving.lock() = None;
                self.sim.crash(host(number));
                self.mortality.insert(number, Mortality::Gone);
            }
        }
    }

    /// Nodes that find their log damaged get empty directories.
    fn replace_damaged(&mut self) {
        let back_at = self.elapsed() + REPLACED_AFTER;
        for node in self.nodes.iter().filter(|node| std::mem::take(&mut node.trouble.lock().refuses)) {
            tracing::info!(node = node.number, "is given an empty directory");
            self.sim.crash(host(node.number));
            node.directory.lose();
            self.mortality.insert(node.number, Mortality::Down { back_at });
        }
    }

    fn let_nodes_end_and_come_back(&mut self) {
        let now = self.elapsed();
        for (number, mortality) in self.mortality.clone() {
            let node = &self.nodes[number - 1];
            match mortality {
                Mortality::Doomed { at_the_latest, back_at, then } => {
                    let in_call = node.directory.disk.is_lost_to_its_node();
                    if in_call || at_the_latest <= now {
                        tracing::info!(node = number, in_call, disk = ?then, "ends");
                        *node.serving.lock() = None;
                        self.sim.crash(host(number));
                        match then {
                            Disk::Stays => {}
                            Disk::IsLost => node.directory.lose(),
                            Disk::IsDamaged => node.directory.disk.damage_log(),
                        }
                        self.mortality.insert(number, Mortality::Down { back_at });
                    }
                }
                Mortality::Down { back_at } if back_at <= now => {
                    self.mortality.remove(&number);
                    node.set_far_clock_right();
                    self.sim.bounce(host(number));
                }
                Mortality::Down { .. } | Mortality::Gone => {}
            }
        }
    }
}

fn simulation(plan: &Plan) -> Sim<'static> {
    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(plan.seed_for("turmoil"))
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_millis(START.as_millis()))
        .simulation_duration(Duration::from_secs(24 * 3600))
        .tick_duration(plan.tick)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(plan.latency_max)
        .repair_rate(0.5)
        .tcp_capacity(4096)
        .enable_random_order();
    builder.fs().sync_probability(0.0).block_size(512);
    builder.build()
}

/// Lets a node begin to run.
fn run_on(sim: &mut Sim<'static>, node: &SimulatedNode) {
    let of_host = node.clone();
    sim.host(host(node.number), move || {
        let node = of_host.clone();
        async move { node.live().await.map_err(|error| format!("{error:#}").into()) }
    });
}

fn node(number: usize, plan: &Arc<Plan>) -> SimulatedNode {
    let disk = SimulatedDisk::new(plan.seed_for(&format!("disk of node {number}")));
    SimulatedNode {
        number,
        plan: Arc::clone(plan),
        directory: Directory::new(disk),
        door: Door::new(number),
        serving: Arc::default(),
        trouble: Arc::default(),
    }
}

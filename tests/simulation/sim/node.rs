//! One life of a node: its roles put together as the server does, on a simulated world.
//!
//! No protocols: clients call the gateway. No configuration, no pages, no watch over a disk that fills up.

use crate::door::Door;
use crate::network::{CLIENT_PORT, PEER_PORT, SimulatedListener, SimulatedNetwork, host, peer_address};
use crate::parts::{Directory, Identity, NodeFiles};
use crate::plan::{Plan, START};
use anabranch_catalog::{FEATURE_LEVEL, NodeAddresses, UpdateNode, Zone};
use anabranch_cluster::{
    Acquaintances, ClusterView, JoinNode, JoinReply, JoinRequest, MetadataNode, MetadataRouter, NodeIdentity,
    PeerLinks, PeerOptions, PeerServer, Peers, Router, Served, SharedSecret, StorageNode, ViewWatch, Writable, join,
    keep_members,
};
use anabranch_consensus::{Group, GroupOptions, InFlight, SnapshotOptions, Snapshots};
use anabranch_gateway::{Gateway, GatewayOptions};
use anabranch_metadata::{CatalogMachine, FirstNode, Joining, Metadata, announce};
use anabranch_runtime::planted::{Bug, is_planted};
use anabranch_runtime::{Env, OnFailure, SeededRandom, SimulatedClock};
use anabranch_storage::{Hosting, Storage, StorageOptions};
use anabranch_types::{ClusterId, GroupId, NodeId, ReplicaId, Timestamp};
use anabranch_walog::{Driver, OnPoison, Options, Step, Walog};
use anyhow::bail;
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use turmoil::net::TcpListener;

/// Data groups that the first node makes; more come with the nodes.
const FIRST_GROUPS: u32 = 1;
const SEGMENT_BYTES: u64 = 256 << 10;
const JOIN_PATIENCE: Duration = Duration::from_secs(10);
const READY_PATIENCE: Duration = Duration::from_secs(60);
/// How long records are kept.
const RETENTION: Duration = Duration::from_secs(24 * 3600);
/// A wall clock that jumps is noticed within this.
const CLOCK_LOOKED_AT_EVERY: Duration = Duration::from_millis(20);
/// What the broker says of a node that is no member.
const NOT_A_MEMBER: &str = "the cluster does not take this node";
/// A disk that has had nothing to do for so long is given what waits for that.
const DISK_IDLE_AFTER: Duration = Duration::from_millis(50);

/// A node over all its lives. Clones are the same node.
#[derive(Clone)]
pub struct SimulatedNode {
    /// Counts from 1. The catalog numbers nodes in the order in which they join.
    pub number: usize,
    pub plan: Arc<Plan>,
    pub directory: Directory,
    pub door: Door,
    /// What the present life serves with.
    pub serving: Arc<Mutex<Option<Arc<Serving>>>>,
    pub trouble: Arc<Mutex<Trouble>>,
}

/// What befalls a node beside its end.
#[derive(Debug, Default)]
pub struct Trouble {
    /// The disk stands still.
    pub is_paused: bool,
    /// Each write takes so much longer.
    pub disk_latency: Duration,
    /// The node has found its log damaged and does not start.
    pub refuses: bool,
    /// The node is to leave the cluster.
    pub leaves: bool,
    /// How far the wall clock is from where it began, in milliseconds.
    pub wall_ms: i64,
}

/// A node that serves.
pub struct Serving {
    pub env: Env,
    pub node: NodeId,
    pub gateway: Gateway,
    pub metadata: Metadata,
    /// The catalog, wherever it is led.
    pub catalog: MetadataRouter,
    pub storage: Arc<Storage>,
}

impl SimulatedNode {
    /// Runs until the process ends: by a failure of its own, or cut short by the simulation.
    ///
    /// # Errors
    /// Why it cannot go on. A disk that has failed is no reason: the simulation ends the life.
    pub async fn live(self) -> anyhow::Result<()> {
        let life = self.directory.begin_life();
        tracing::info!(node = self.number, life, "a process begins");
        let (env, clock) = self.world(life);
        self.keep_time(clock, &env);
        let ended = tokio::select! {
            started = self.start(&env) => match started {
                Ok((listener, serving)) => self.door.clone().serve(listener, serving).await.map_err(Into::into),
                Err(error) => Err(error),
            },
            failure = env.tasks.failure() => Err(failure.into()),
        };
        // One that comes back after the cluster has let it go is told so.
        let is_let_go = |error: &anyhow::Error| self.trouble.lock().leaves && error.to_string().contains(NOT_A_MEMBER);
        let is_expected = ended.as_ref().is_err_and(is_let_go) || self.trouble.lock().refuses;
        if self.directory.disk.is_lost_to_its_node() || is_expected {
            std::future::pending::<()>().await;
        }
        ended
    }

    fn world(&self, life: u64) -> (Env, Arc<SimulatedClock>) {
        let seed = self.plan.seed_for(&format!("node {} life {life}", self.number));
        let random = Arc::new(SeededRandom::new(seed));
        let clock = Arc::new(SimulatedClock::starting_at(self.wall()));
        let env = Env { random, clock: Arc::clone(&clock) as _, ..Env::simulated(START, seed) };
        (env.with_fs(Arc::new(self.directory.disk.clone())), clock)
    }

    /// What the wall clock shows, of which a process knows no more than this.
    fn wall(&self) -> Timestamp {
        let ahead = self.plan.wall_ahead[self.number - 1];
        let steady = START.plus(turmoil::sim_elapsed().unwrap_or_default() + ahead);
        Timestamp::from_millis(steady.as_millis().saturating_add_signed(self.trouble.lock().wall_ms))
    }

    /// A node cannot tell that its clock was off before it began, and expires by it: one that is off by more
    /// than any record is kept is set right while the node is down.
    pub fn set_far_clock_right(&self) {
        let mut trouble = self.trouble.lock();
        if trouble.wall_ms.unsigned_abs() > RETENTION.as_millis() as u64 / 2 {
            trouble.wall_ms = 0;
        }
    }

    /// Lets the wall clock jump when it is to.
    fn keep_time(&self, clock: Arc<SimulatedClock>, env: &Env) {
        let (node, of_task, mut known_ms) = (self.clone(), env.clone(), self.trouble.lock().wall_ms);
        env.tasks.spawn("wall clock", OnFailure::ShutDown, async move {
            while !of_task.tasks.stopping().is_cancelled() {
                of_task.sleep(CLOCK_LOOKED_AT_EVERY).await;
                let wall_ms = node.trouble.lock().wall_ms;
                if wall_ms != known_ms {
                    known_ms = wall_ms;
                    clock.set_wall(node.wall());
                }
            }
        });
    }

    async fn start(&self, env: &Env) -> anyhow::Result<(TcpListener, Arc<Serving>)> {
        let work = env.in_group("work");
        let identity = self.enter(env).await?;
        let log = self.open_log(env)?;
        let (store, home) = self.directory.store(GroupId::METADATA);
        let machine = CatalogMachine::open(store, Some(home))?;
        let view = machine.view();
        let (links, served) = self.talk(&identity, view.clone(), env).await?;
        let options = self.group_options(&links, &work);

        let group = start_metadata_group(&identity, machine, &log, &options).await?;
        served.replicas.insert(Arc::new(group.clone()));
        let writable = Writable::new();
        let metadata = Metadata::new(group, view.clone(), writable.clone(), work.clone());
        self.bootstrap(&identity, &metadata).await?;
        self.wait_for_catalog(&identity, &view, env).await?;

        let storage = Arc::new(Storage::new(work.clone(), self.storage_options(), options));
        let local: Arc<dyn StorageNode> = Arc::clone(&storage) as _;
        let router = Router::of_cluster(identity.node, Arc::clone(&local), links.clone(), view.clone(), work.clone());
        let service = metadata.service(router.clone());
        let own: Arc<dyn MetadataNode> = Arc::new(service.clone());
        let leaders = MetadataRouter::of_cluster(identity.node, Arc::clone(&own), links, view.clone(), work.clone());
        served.storage.started(local);
        served.metadata.started(own);
        let catalog: Arc<dyn MetadataNode> = Arc::new(leaders.clone());
        served.joining.started(joining(&identity, &catalog, &view, &work));
        let members = keep_members(metadata.group().clone(), view.clone(), Arc::clone(&catalog), work.clone());
        work.tasks.spawn("membership", OnFailure::ShutDown, members);
        let router_of_catalog = leaders.clone();
        self.announce(&identity, &metadata, leaders, &work).await?;
        let files = Arc::new(NodeFiles { directory: self.directory.clone(), log, writable });
        let hosting = Hosting {
            node: identity.node,
            storage: Arc::clone(&storage),
            replicas: served.replicas.clone(),
            view: view.clone(),
            metadata: Arc::clone(&catalog),
            files,
            env: work.clone(),
        };
        hosting.start_all().await?;
        work.tasks.spawn("hosting", OnFailure::ShutDown, hosting.follow());
        metadata.start_controllers(&service).await;
        let gateway = Gateway::new(view, router, catalog, work.clone(), GatewayOptions::default());
        let (env, node, catalog) = (env.clone(), identity.node, router_of_catalog);
        let serving = Serving { env, node, gateway, metadata, catalog, storage };
        let serving = Arc::new(serving);
        *self.serving.lock() = Some(Arc::clone(&serving));
        let listener = TcpListener::bind(("0.0.0.0", CLIENT_PORT)).await?;
        tracing::info!(node = self.number, "serves");
        Ok((listener, serving))
    }

    /// Who the node is: the first one founds the cluster, the others ask to join.
    async fn enter(&self, env: &Env) -> anyhow::Result<Identity> {
        if let Some(identity) = self.directory.identity() {
            return Ok(identity);
        }
        let incarnation = self.directory.incarnation(|| env.random.u128());
        let identity = if self.is_founder() {
            let cluster = ClusterId(env.random.u128());
            Identity { cluster, node: NodeId(1), incarnation, metadata_replica: ReplicaId(1) }
        } else {
            let request = JoinRequest { incarnation, addresses: self.addresses()?, feature_level: FEATURE_LEVEL };
            let others = (1..=self.plan.nodes).filter(|other| *other != self.number);
            let mut others = others.cycle();
            loop {
                let member = peer_address(others.next().expect("a cluster of several"));
                match join(&member, &request, self.peer_options()?, env, JOIN_PATIENCE).await {
                    Ok(JoinReply::Welcome(welcome)) => {
                        let (cluster, node, metadata_replica) =
                            (welcome.cluster, welcome.node, welcome.metadata_replica);
                        break Identity { cluster, node, incarnation, metadata_replica };
                    }
                    Ok(JoinReply::Refused { reason }) => bail!("refused: {reason}"),
                    Ok(JoinReply::NoCluster) => {}
                    Err(error) => tracing::info!(%error, "no answer yet from a member of the cluster"),
                }
                env.sleep(Duration::from_secs(1)).await;
            }
        };
        self.directory.become_of(identity);
        Ok(identity)
    }

    /// Whether it makes the cluster: the first node, on its first disk.
    fn is_founder(&self) -> bool {
        self.number == 1 && self.directory.number() == 0
    }

    fn addresses(&self) -> anyhow::Result<NodeAddresses> {
        Ok(NodeAddresses::new(&peer_address(self.number), &format!("{}:{CLIENT_PORT}", host(self.number)))?)
    }

    fn peer_options(&self) -> anyhow::Result<PeerOptions> {
        let secret = Some(SharedSecret::new(b"known to every simulated node")?);
        let listens_at = peer_address(self.number);
        Ok(PeerOptions { secret, listens_at, network: Arc::new(SimulatedNetwork), ..PeerOptions::default() })
    }

    /// Of the disk that it has now.
    fn dir(&self) -> PathBuf {
        PathBuf::from(format!("/disk-{}", self.directory.number()))
    }

    fn open_log(&self, env: &Env) -> anyhow::Result<Walog> {
        let options = Options {
            segment_bytes: SEGMENT_BYTES,
            entry_bytes_max: SEGMENT_BYTES / 2,
            batch_bytes_max: SEGMENT_BYTES / 4,
            quota_bytes: 1 << 30,
            salt: env.random.u64(),
            planted: planted_in_log(),
            on_poison: Some(OnPoison::new(|reason| tracing::info!(reason, "the log failed"))),
            ..Options::default()
        };
        // No log opens on a full disk: whoever starts a node has made room.
        self.directory.disk.set_full(false);
        let dir = self.dir().join("log");
        let is_damaged = self.directory.disk.is_damaged(&dir)?;
        let opened = Walog::open_driven(Arc::clone(&env.fs), &dir, options).map_err(anyhow::Error::from);
        let opened = opened.and_then(|(log, driver)| match log.quarantined().first() {
            Some(quarantine) => bail!("the log is damaged: {quarantine}"),
            None => Ok((log, driver)),
        });
        self.trouble.lock().refuses = is_damaged && opened.is_err();
        let (log, driver) = opened?;
        let (node, of_task) = (self.clone(), env.clone());
        env.tasks.spawn("log", OnFailure::ShutDown, async move { node.drive_log(driver, &of_task).await });
        Ok(log)
    }

    /// Writes what waits, now and then, as a disk that takes its time would let it.
    async fn drive_log(self, mut driver: Driver, env: &Env) -> io::Result<()> {
        let latency_max_ms = self.plan.disk_latency_max.as_millis() as u64;
        let mut worked_at = env.clock.monotonic();
        loop {
            let latency = self.trouble.lock().disk_latency;
            env.sleep(latency + Duration::from_millis(1 + env.random.u64() % latency_max_ms)).await;
            if self.trouble.lock().is_paused {
                continue;
            }
            let now = env.clock.monotonic();
            let is_idle = now.saturating_sub(worked_at) >= DISK_IDLE_AFTER;
            let step = if is_idle { driver.idle() } else { driver.step() };
            if is_idle || step == Step::Wrote {
                worked_at = now;
            }
            if step == Step::Stopped {
                return Err(io::Error::other("the log is poisoned"));
            }
        }
    }

    /// Listens for the other nodes, and makes the ways to them.
    async fn talk(&self, identity: &Identity, view: ViewWatch, env: &Env) -> anyhow::Result<(PeerLinks, Served)> {
        let env = env.in_group("peers");
        let Identity { cluster, node, incarnation, .. } = *identity;
        let this = NodeIdentity { cluster, node, incarnation };
        let peers: Arc<dyn Peers> = Arc::new(Acquaintances::new(view));
        let served = Served::default();
        let options = self.peer_options()?;
        let listener = SimulatedListener(TcpListener::bind(("0.0.0.0", PEER_PORT)).await?);
        let server = PeerServer::new(this, served.clone(), Arc::clone(&peers), options.clone(), env.clone());
        env.tasks.spawn("peer_listener", OnFailure::ShutDown, Arc::new(server).serve(listener));
        Ok((PeerLinks::new(this, peers, options, env), served))
    }

    fn group_options(&self, links: &PeerLinks, env: &Env) -> GroupOptions {
        let heartbeat = self.plan.heartbeat;
        // Real files, below the directory of the run: copies are not lost with the power.
        let snapshots = PathBuf::from(format!("{}-{}", host(self.number), self.directory.number())).join("groups");
        let snapshots = SnapshotOptions::in_dir(snapshots);
        GroupOptions {
            heartbeat,
            election_min: heartbeat * 5,
            election_max: heartbeat * 8,
            transport: Arc::new(links.clone()),
            kept_entries: self.plan.kept_entries,
            in_flight: InFlight::new(InFlight::bytes_for_segments(SEGMENT_BYTES)),
            snapshots: Some(Snapshots::new(snapshots, env.clone())),
            ..GroupOptions::default()
        }
    }

    fn storage_options(&self) -> StorageOptions {
        let (flush_after_bytes, flush_every) = (self.plan.flush_after_bytes, self.plan.flush_every);
        StorageOptions { limits: None, flush_after_bytes, flush_every, ..StorageOptions::default() }
    }

    async fn bootstrap(&self, identity: &Identity, metadata: &Metadata) -> anyhow::Result<()> {
        if !self.is_founder() || !metadata.group().is_alone().await {
            return Ok(());
        }
        let Identity { cluster, node, incarnation, .. } = *identity;
        let addresses = self.addresses()?;
        let (feature_level, data_groups) = (FEATURE_LEVEL, FIRST_GROUPS);
        Ok(metadata.bootstrap(FirstNode { cluster, node, incarnation, addresses, feature_level, data_groups }).await?)
    }

    /// Waits until the node is in its own view of the catalog: the catalog's leader brings it.
    async fn wait_for_catalog(&self, identity: &Identity, view: &ViewWatch, env: &Env) -> anyhow::Result<()> {
        let own = identity.node;
        let is_there = |view: &ClusterView| view.map.node(own).is_some();
        let waited = env.clock.monotonic();
        view.wait(is_there).await;
        tracing::info!(node = self.number, waited = ?(env.clock.monotonic() - waited), "has the catalog");
        Ok(())
    }

    /// Tells the catalog that the node is there.
    async fn announce(
        &self,
        identity: &Identity,
        metadata: &Metadata,
        leader: MetadataRouter,
        env: &Env,
    ) -> anyhow::Result<()> {
        let Identity { node, incarnation, .. } = *identity;
        let update = UpdateNode { node, incarnation, addresses: self.addresses()?, feature_level: FEATURE_LEVEL };
        let (zone, of_task) = (Zone::new("")?, env.clone());
        let announcing = async move { announce(&leader, update, zone, &of_task).await };
        if metadata.group().is_alone().await {
            return Ok(announcing.await?);
        }
        env.tasks.spawn("announce", OnFailure::ShutDown, announcing);
        Ok(())
    }
}

fn planted_in_log() -> Option<anabranch_walog::Bug> {
    let pairs = [
        (Bug::StopsAtDamage, anabranch_walog::Bug::StopAtCorruption),
        (Bug::DistrustsTornTail, anabranch_walog::Bug::DistrustTornTail),
    ];
    pairs.into_iter().find_map(|(bug, in_log)| is_planted(bug).then_some(in_log))
}

async fn start_metadata_group(
    identity: &Identity,
    machine: CatalogMachine,
    log: &Walog,
    options: &GroupOptions,
) -> anyhow::Result<Group<CatalogMachine>> {
    let (id, replica) = (GroupId::METADATA, identity.metadata_replica);
    let group = Group::start(id, replica, log.group(id), machine, options).await?;
    if identity.node == NodeId(1) {
        group.bootstrap(&[(replica, identity.node)]).await?;
    }
    if group.is_alone().await {
        group.wait_ready(READY_PATIENCE).await?;
    }
    Ok(group)
}

fn joining(identity: &Identity, catalog: &Arc<dyn MetadataNode>, view: &ViewWatch, env: &Env) -> Arc<dyn JoinNode> {
    Arc::new(Joining { cluster: identity.cluster, metadata: Arc::clone(catalog), view: view.clone(), env: env.clone() })
}

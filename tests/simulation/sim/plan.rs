//! What a seed draws: the cluster, its clients and what befalls it.

use crate::faults::{Fault, Kind};
use anabranch_consensus::GroupOptions;
use anabranch_types::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// The wall clock's time when a run begins.
pub const START: Timestamp = Timestamp::from_millis(1_742_000_000_000);

/// One run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All else follows from it.
    pub seed: u64,
    /// Nodes that make the cluster.
    pub nodes: usize,
    /// Nodes that join later, numbered after them.
    pub joiners: usize,
    /// How far the wall clock of each node is ahead.
    pub wall_ahead: Vec<Duration>,
    /// How long hosts run without hearing of each other.
    pub tick: Duration,
    /// How long a message takes at the most, when nothing is wrong.
    pub latency_max: Duration,
    /// How often a leader shows that it lives; elections follow from it.
    pub heartbeat: Duration,
    /// How long the log's writer gathers what it writes, at the most.
    pub disk_latency_max: Duration,
    /// When state is flushed: unflushed bytes.
    pub flush_after_bytes: u64,
    /// When state is flushed: time since the last flush.
    pub flush_every: Duration,
    /// Flushed entries that the log keeps for followers that lag; those that lag more get a snapshot.
    pub kept_entries: u64,
    /// Shards of the stream.
    pub shards: u32,
    /// Whether shards are split and merged.
    pub reshards: bool,
    /// How long it takes until the next one is, at the most.
    pub reshards_within: Duration,
    /// Clients that write.
    pub producers: usize,
    /// Partition keys of each.
    pub keys: usize,
    /// Records of one call at the most.
    pub records_max: usize,
    /// Bytes of a record at the most.
    pub record_bytes_max: usize,
    /// How long a producer rests between two calls, at the most.
    pub rest_max: Duration,
    /// How long faults may come.
    pub safety: Duration,
    /// How long the healed cluster may take for everything.
    pub liveness: Duration,
    /// How many messages out of a million break their link for a while, before the cluster is healed.
    pub broken_per_million: u32,
    /// In the order of their beginnings.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// What `seed` draws.
    pub fn draw(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let millis =
            |rng: &mut StdRng, range: std::ops::RangeInclusive<u64>| Duration::from_millis(rng.random_range(range));
        let nodes = match rng.random_range(0..20) {
            0 => 7,
            1..=4 => 5,
            _ => 3,
        };
        let safety = millis(&mut rng, 10_000..=30_000);
        let faults = Fault::draw_all(&mut rng, nodes, safety);
        let joiners = faults.iter().filter(|fault| matches!(fault.kind, Kind::Join { .. })).count();
        let broken_per_million = if rng.random_bool(0.3) { rng.random_range(10..=300) } else { 0 };
        Plan {
            seed,
            nodes,
            joiners,
            wall_ahead: (0..nodes + joiners).map(|_| millis(&mut rng, 0..=1_500)).collect(),
            tick: millis(&mut rng, 1..=3),
            latency_max: millis(&mut rng, 2..=15),
            heartbeat: millis(&mut rng, 50..=100),
            disk_latency_max: millis(&mut rng, 1..=12),
            flush_after_bytes: 1 << rng.random_range(10..=18),
            flush_every: millis(&mut rng, 500..=20_000),
            kept_entries: if rng.random_bool(0.5) { rng.random_range(3..=100) } else { GroupOptions::KEPT_ENTRIES },
            shards: rng.random_range(1..=6),
            reshards: seed.is_multiple_of(2),
            reshards_within: Duration::from_millis(500 + seed / 2 % 16 * 250),
            producers: rng.random_range(1..=4),
            keys: rng.random_range(1..=4),
            records_max: rng.random_range(1..=10),
            record_bytes_max: rng.random_range(40..=2_000),
            rest_max: millis(&mut rng, 5..=200),
            safety,
            liveness: Duration::from_secs(90),
            broken_per_million,
            faults,
        }
    }

    /// The same, in which nothing is wrong.
    pub fn without_faults(self) -> Self {
        Plan { faults: Vec::new(), broken_per_million: 0, ..self }
    }

    /// A generator for one purpose, so that what one part draws does not move another's.
    pub fn random_for(&self, purpose: &str) -> StdRng {
        StdRng::seed_from_u64(self.seed_for(purpose))
    }

    /// The seed of that generator.
    pub fn seed_for(&self, purpose: &str) -> u64 {
        // FNV-1a.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        purpose.bytes().chain(self.seed.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, mix)
    }
}

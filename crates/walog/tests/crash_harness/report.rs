//! What a seed did and saw.

use super::problem::{Kind, Problem};
use super::sim_fs::FaultCounts;

/// Entries that a seed makes durable, at least.
pub const APPENDS_MIN: u64 = 200;

#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    pub faults: FaultCounts,
    /// Entries that were answered as durable.
    pub appends: u64,
    /// Groups that took part, and those of them to which an entry was durably appended.
    pub groups: usize,
    pub groups_appended: usize,
    /// Durable purges that removed something.
    pub purges: u64,
    pub segments_begun: u64,
    pub segments_recycled: u64,
    pub refused_full: u64,
    pub quarantined: u64,
    pub flips_lost_last_batch: u64,
    /// A digest of everything that was read back, to compare two runs of a seed.
    pub digest: u32,
}

impl FaultCounts {
    /// Each kind of fault by its name: every one has to strike often enough.
    pub fn named(&self) -> [(&'static str, u64); 9] {
        [
            ("power cuts", self.power_cuts),
            ("process deaths", self.process_deaths),
            ("torn writes", self.torn_writes),
            ("failed syncs", self.failed_syncs),
            ("forgotten pages read", self.forgotten_pages_read),
            ("failed writes", self.failed_writes),
            ("full disk", self.full_disk),
            ("flips in proven batches", self.flips_in_proven_batches),
            ("flips in the last batch", self.flips_in_last_batch),
        ]
    }

    fn add(&mut self, other: &Self) {
        self.power_cuts += other.power_cuts;
        self.process_deaths += other.process_deaths;
        self.torn_writes += other.torn_writes;
        self.failed_syncs += other.failed_syncs;
        self.forgotten_pages_read += other.forgotten_pages_read;
        self.failed_writes += other.failed_writes;
        self.full_disk += other.full_disk;
        self.flips_in_proven_batches += other.flips_in_proven_batches;
        self.flips_in_last_batch += other.flips_in_last_batch;
    }
}

impl Report {
    pub fn add(&mut self, other: &Self) {
        self.faults.add(&other.faults);
        self.appends += other.appends;
        self.groups += other.groups;
        self.groups_appended += other.groups_appended;
        self.purges += other.purges;
        self.segments_begun += other.segments_begun;
        self.segments_recycled += other.segments_recycled;
        self.refused_full += other.refused_full;
        self.quarantined += other.quarantined;
        self.flips_lost_last_batch += other.flips_lost_last_batch;
        self.digest = self.digest.rotate_left(1) ^ other.digest;
    }

    /// Whether enough happened for the seed to count.
    pub fn judged(self) -> Result<Self, Problem> {
        let groups = self.groups >= 4 && self.groups_appended == self.groups;
        let requests = self.appends >= APPENDS_MIN && self.purges > 0 && self.segments_begun > 1;
        let crashes = self.faults.power_cuts + self.faults.process_deaths >= 2;
        if groups && requests && crashes {
            Ok(self)
        } else {
            Err(Problem::new(Kind::ProvesLittle, format!("{self:?}")))
        }
    }
}

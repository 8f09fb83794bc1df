//! What the parts of a node may occupy: shares of one budget (D16).
//!
//! Memtables and the log have fixed shares, because what they hold cannot be refused any more when
//! memory gets short. The rest is for clients: bodies of their requests, the commands made of them,
//! records on their way back, calls of other nodes; when it is used up, they are told to come back.
//! A part is left for what nobody counts, so that the node as a whole stays within its budget.

use crate::config::NodeConfig;
use anabranch_consensus::InFlight;
use anabranch_runtime::{Env, MemoryBudget, OnFailure};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use std::time::Duration;

/// The log's cache of entries for followers that lag is one part in so many of the budget.
const CACHE_PART: u64 = 8;
/// So are the commands that are on their way to disk.
const IN_FLIGHT_PART: u64 = 16;
/// And so is what nobody counts: buffers of connections, blocks that scans look at, what the allocator keeps.
const UNCOUNTED_PART: u64 = 8;
/// A command on its way to disk is held as it was proposed, in the batch that is written, and in memory that the disk
/// reads from.
const COPIES_IN_FLIGHT: u64 = 3;
/// How often the gauges are set.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The shares, in bytes. Together with what nobody counts they are the budget.
#[derive(Debug, Clone)]
pub(super) struct MemoryShares {
    /// State that is not flushed.
    pub memtable_bytes: u64,
    /// Entries that the log keeps in memory.
    pub log_cache_bytes: u64,
    /// Commands on their way to disk.
    pub in_flight: InFlight,
    /// Requests and answers.
    pub requests: MemoryBudget,
}

impl MemoryShares {
    /// Divides the budget of `config`.
    pub fn of(config: &NodeConfig) -> Self {
        let (budget, memtable_bytes) = (config.memory.budget_bytes, config.memory.memtable_bytes);
        let log_cache_bytes = budget / CACHE_PART;
        let fits_log = InFlight::bytes_for_segments(config.log.segment_bytes);
        let in_flight_bytes = fits_log.min(u32::try_from(budget / IN_FLIGHT_PART).unwrap_or(u32::MAX));
        let in_flight_copies = COPIES_IN_FLIGHT * u64::from(in_flight_bytes);
        let fixed = memtable_bytes + log_cache_bytes + in_flight_copies + budget / UNCOUNTED_PART;
        let requests = usize::try_from(budget.saturating_sub(fixed)).unwrap_or(usize::MAX);
        MemoryShares {
            memtable_bytes,
            log_cache_bytes,
            in_flight: InFlight::new(in_flight_bytes),
            requests: MemoryBudget::new(requests),
        }
    }

    /// Bytes of records that puts to a group may hold while it does not answer: half of what requests
    /// have. A record is held three and a third times: in its request, decoded, in its command.
    pub fn silent_group_bytes_max(&self) -> usize {
        usize::try_from(self.requests.usage().bytes_max / 2 * 3 / 10).unwrap_or(usize::MAX)
    }

    /// Tells, as metrics, what requests and answers occupy. Ends with `env`.
    pub fn tell(&self, env: &Env) {
        describe_gauge!("anabranch_memory_requests_bytes", Unit::Bytes, "memory that requests and answers hold");
        describe_gauge!("anabranch_memory_requests_bytes_max", Unit::Bytes, "their share of the node's budget");
        describe_counter!("anabranch_memory_refused_total", Unit::Count, "times that their share was used up");
        describe_counter!(
            "anabranch_memory_claimed_back_total",
            Unit::Count,
            "slow clients that lost theirs because others needed it"
        );
        let (requests, sleeping) = (self.requests.clone(), env.clone());
        env.tasks.spawn("memory_metrics", OnFailure::Log, async move {
            let stopping = sleeping.tasks.stopping();
            while !stopping.is_cancelled() {
                let usage = requests.usage();
                gauge!("anabranch_memory_requests_bytes").set(usage.taken_bytes as f64);
                gauge!("anabranch_memory_requests_bytes_max").set(usage.bytes_max as f64);
                counter!("anabranch_memory_refused_total").absolute(usage.refused);
                counter!("anabranch_memory_claimed_back_total").absolute(usage.claimed_back);
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = sleeping.sleep(TOLD_EVERY) => {}
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EXAMPLE, MemoryConfig};
    use std::path::Path;

    /// The most that a request costs: a body of 16 MiB, two and a half times (`aws-api`).
    const LARGEST_REQUEST_BYTES: usize = 40 << 20;

    fn shares(memory: MemoryConfig) -> MemoryShares {
        let example = NodeConfig::from_toml(Path::new("node.toml"), EXAMPLE).expect("the example");
        let config = NodeConfig { memory, ..example };
        MemoryShares::of(&config.validated().expect("a good configuration"))
    }

    #[test]
    fn the_shares_are_the_budget_and_the_largest_request_fits_the_least_one() {
        let MemoryConfig { budget_bytes, .. } = MemoryConfig::default();
        let usual = shares(MemoryConfig::default());
        let counted =
            usual.memtable_bytes + usual.log_cache_bytes + 3 * u64::from(InFlight::bytes_for_segments(64 << 20));
        assert_eq!(counted + usual.requests.free_bytes() as u64, budget_bytes / 8 * 7);
        assert_eq!(usual.requests.free_bytes() >> 20, 128);
        let least = MemoryConfig { budget_bytes: 160 << 20, memtable_bytes: 40 << 20, ..MemoryConfig::default() };
        assert!(shares(least).requests.free_bytes() > LARGEST_REQUEST_BYTES);
    }
}

//! What shards cost that nobody writes or reads.

use crate::bench::Setting;
use crate::bench::contestant::Contestant;
use crate::bench::server::Server;
use crate::bench::target::{self, Target};
use std::time::Duration;

/// How long a node is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// The same in a trial.
const WATCHED_IN_TRIAL: Duration = Duration::from_secs(2);

/// One node and an idle stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Idle {
    /// Of the stream.
    pub shards: u32,
    /// Of the process.
    pub resident_bytes: u64,
    /// Share of one core.
    pub cores: f64,
}

/// Starts a node with one stream, lets it come to rest and watches it.
///
/// # Errors
/// When it does not start.
pub fn measure(setting: &Setting, shards: u32) -> anyhow::Result<Idle> {
    let server = Server::start(setting, Contestant::Anabranch, shards)?;
    target::rest(&server)?;
    let watched = if setting.options.trial { WATCHED_IN_TRIAL } else { WATCHED };
    let before = server.usage()?;
    std::thread::sleep(watched);
    let used = server.usage()? - before;
    let idle =
        Idle { shards, resident_bytes: server.resident_bytes()?, cores: used.cpu_seconds / watched.as_secs_f64() };
    eprintln!("   {shards} idle shards: {} MiB, {:.1} % of a core", idle.resident_bytes >> 20, idle.cores * 100.0);
    Ok(idle)
}

impl Idle {
    /// Memory and share of a core of each shard beyond those of `fewer`; none when there are no more.
    pub fn per_shard_beyond(&self, fewer: &Idle) -> Option<(f64, f64)> {
        let more = self.shards.checked_sub(fewer.shards).filter(|more| *more > 0)?;
        let bytes = self.resident_bytes as f64 - fewer.resident_bytes as f64;
        Some((bytes / f64::from(more), (self.cores - fewer.cores) / f64::from(more)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_costs_what_more_shards_cost_more() {
        let one = Idle { shards: 1, resident_bytes: 1_000, cores: 0.01 };
        let many = Idle { shards: 1_001, resident_bytes: 11_000, cores: 0.03 };
        let (bytes, cores) = many.per_shard_beyond(&one).expect("a thousand more");
        assert!((bytes - 10.0).abs() < 1e-9 && (cores - 0.00002).abs() < 1e-12);
        assert_eq!(one.per_shard_beyond(&many), None);
    }
}

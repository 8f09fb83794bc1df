//! Three nodes on this machine: how fast by each wire, and how soon a put is durable at half of that.

use super::Setting;
use super::cell::{self, Load, RECORD_BYTES, Sample};
use super::cluster::{self, Cluster};
use super::contestant::Contestant;
use super::samples::Samples;
use super::sync_probe::SyncProbe;
use super::target::{self, Target};
use anyhow::Context;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;

/// The loads by each wire, of the same shape in pairs.
pub const LOADS: [(Load, Load); 2] = [
    (Load::Put { records: 500, connections: 8 }, Load::Produce { records: 500, connections: 8 }),
    (Load::Put { records: 100, connections: 16 }, Load::Produce { records: 100, connections: 16 }),
];
/// Those that are repeated at half of their speed.
pub const AT_HALF: [Load; 2] =
    [Load::Put { records: 100, connections: 16 }, Load::Produce { records: 100, connections: 16 }];

/// All that the repeats gave.
#[derive(Debug, Default)]
pub struct ThreeNodes {
    /// How the cluster was started.
    pub command_line: String,
    /// As fast as it goes, under [`Contestant::Anabranch`].
    pub closed: Samples,
    /// At half of the speed that the same repeat had reached.
    pub half: Vec<AtHalf>,
    /// What each repeat cost from the stream's creation to its end.
    pub costs: Vec<Cost>,
}

/// An open loop.
#[derive(Debug, Clone, PartialEq)]
pub struct AtHalf {
    /// Which.
    pub load: Load,
    /// Records that were due per second.
    pub offered: f64,
    /// What was seen; its latencies count from when a request was due.
    pub sample: Sample,
    /// Median time of a 4 KiB append with fdatasync on the same disk meanwhile.
    pub sync_p50_ms: f64,
}

/// Of the processes of all nodes together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// CPU time per GiB of acknowledged record data.
    pub cpu_seconds_per_gib: f64,
    /// Bytes written to disk per byte of it.
    pub disk_bytes_per_byte: f64,
}

impl ThreeNodes {
    /// One repeat, on a cluster of its own.
    ///
    /// # Errors
    /// When the cluster or the client fails.
    pub fn repeat(&mut self, setting: &Setting, repeat: usize, raw: &mut File) -> anyhow::Result<()> {
        let cluster = Cluster::start(setting, cluster::NODES, cluster::SHARDS).context("three nodes")?;
        self.command_line.clone_from(&cluster.command_line);
        let before = cluster.usage()?;
        // The first writes of a cluster open connections and files: they count for its costs only.
        let mut records = all_records(&cell::run(setting, &cluster, LOADS[0].0).context("warm-up")?);
        let mut loads: Vec<Load> = LOADS.into_iter().flat_map(|(put, produce)| [put, produce]).collect();
        if repeat % 2 == 1 {
            // Each wire goes first once, as a cluster is not the same after gigabytes.
            loads.reverse();
        }
        for load in loads {
            let sample = cell::run(setting, &cluster, load).with_context(|| format!("three nodes: {}", load.name()))?;
            records += all_records(&sample);
            tell(raw, repeat, load, None, &sample)?;
            if AT_HALF.contains(&load) {
                let half = at_half(setting, &cluster, load, sample.records_per_second)?;
                records += all_records(&half.sample);
                tell(raw, repeat, load, Some(half.offered), &half.sample)?;
                self.half.push(half);
            }
            self.closed.add(load, Contestant::Anabranch, sample);
        }
        let used = cluster.usage()? - before;
        let bytes = (records * f64::from(RECORD_BYTES)).max(1.0);
        self.costs.push(Cost {
            cpu_seconds_per_gib: used.cpu_seconds / bytes * (1u64 << 30) as f64,
            disk_bytes_per_byte: used.disk_bytes as f64 / bytes,
        });
        cluster.stop()
    }

    /// The median rate of a load.
    pub fn rate(&self, load: Load) -> Option<f64> {
        self.closed.rate(load, Contestant::Anabranch)
    }

    /// The repeats of a load at half of its speed.
    pub fn at_half(&self, load: Load) -> impl Iterator<Item = &AtHalf> {
        self.half.iter().filter(move |half| half.load == load)
    }
}

fn at_half(setting: &Setting, cluster: &Cluster, load: Load, most: f64) -> anyhow::Result<AtHalf> {
    let offered = most / 2.0;
    target::rest(cluster)?;
    let probe = SyncProbe::start(&setting.folder)?;
    let sample = cell::run_at(setting, cluster, load, offered);
    let sync_p50_ms = probe.stop()?;
    let sample = sample.with_context(|| format!("three nodes, at half: {}", load.name()))?;
    Ok(AtHalf { load, offered, sample, sync_p50_ms })
}

/// Acknowledged records, with those of the warm-up.
fn all_records(sample: &Sample) -> f64 {
    sample.raw.get("all_records").and_then(Value::as_f64).unwrap_or(0.0)
}

fn tell(raw: &mut File, repeat: usize, load: Load, offered: Option<f64>, sample: &Sample) -> anyhow::Result<()> {
    let at = offered.map_or(String::new(), |offered| format!(", {offered:.0}/s due"));
    eprintln!("   {} three nodes: {}{at}: {:.0}/s", repeat + 1, load.name(), sample.records_per_second);
    let line = json!({
        "contestant": "anabranch, three nodes", "load": load.name(), "repeat": repeat, "offered": offered,
        "client": sample.raw,
    });
    Ok(writeln!(raw, "{line}")?)
}

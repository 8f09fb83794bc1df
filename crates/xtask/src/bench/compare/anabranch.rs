//! Our part of three replicas: three nodes, by gRPC and by AWS JSON.

use super::super::Setting;
use super::super::cell::{self, Load, RECORD_BYTES};
use super::super::cluster::{self, Cluster};
use super::super::target;
use super::replicated::{MOST, OPEN, OPEN_RECORDS_PER_SECOND, READ, Replicated};
use super::results::{Label, Results};
use anyhow::Context;

/// Closed loops.
const LOADS: [Load; 4] = [
    Load::Produce { records: 100, connections: 16 },
    Load::Produce { records: 500, connections: 8 },
    Load::Put { records: 100, connections: 16 },
    Load::Put { records: 500, connections: 8 },
];
/// The open loop: each record is due alone, as those of the others are.
const OPEN_LOAD: Load = Load::Produce { records: 1, connections: 16 };
/// Readers of the catch-up.
const READERS: &str = "8";

/// One repeat, on a cluster of its own.
///
/// # Errors
/// When the cluster or the client fails.
pub fn measure(setting: &Setting, results: &mut Results) -> anyhow::Result<()> {
    let cluster = Cluster::start(setting, cluster::NODES, cluster::SHARDS)?;
    let me = Replicated::Anabranch;
    results.started(&me.name(), &cluster.command_line);
    let label = |title, way: String| Label { title, contestant: me.name(), way, durability: me.durability() };
    let due = f64::from(OPEN_RECORDS_PER_SECOND);
    let open = cell::run_at(setting, &cluster, OPEN_LOAD, due).context("the open loop")?;
    results.add(&label(OPEN, "gRPC Produce, 16 streams".to_owned()), open);
    for load in LOADS {
        let sample = cell::run(setting, &cluster, load).with_context(|| load.name())?;
        results.add(&label(MOST, load.name()), sample);
    }
    target::rest(&cluster)?;
    let follow = ["follow", "--from", "trim_horizon", "--connections", READERS].map(str::to_owned).to_vec();
    let sample = cell::measure(setting, &cluster, follow, RECORD_BYTES).context("gRPC Follow")?;
    results.add(&label(READ, format!("gRPC Follow, {READERS} connections")), sample);
    let read = cell::run(setting, &cluster, Load::Read { connections: 8 }).context("GetRecords")?;
    results.add(&label(READ, format!("GetRecords, {READERS} connections")), read);
    cluster.stop()
}

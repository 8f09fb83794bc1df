//! One cell: one load on one contestant, and what both sides counted.

use super::Setting;
use super::server::STREAM;
use super::target::Target;
use crate::house;
use anyhow::Context;
use serde_json::Value;
use std::process::Command;
use std::time::Instant;

/// Bytes of one record's data in every load.
pub const RECORD_BYTES: u32 = 1024;
/// How long a cell is measured, and how long it runs before that.
const SECONDS: &str = "3";
const WARM_UP_SECONDS: &str = "0.5";

/// One load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Load {
    /// PutRecords.
    Put {
        /// Records of each request.
        records: u32,
        /// Connections, each with one request at a time.
        connections: u32,
    },
    /// gRPC produce streams, in batches.
    Produce {
        /// Records of each batch.
        records: u32,
        /// Connections, each with one stream.
        connections: u32,
    },
    /// GetRecords from the oldest record on.
    Read {
        /// Connections, each with one request at a time.
        connections: u32,
    },
}

impl Load {
    /// What the table calls it.
    pub fn name(self) -> String {
        match self {
            Load::Put { records, connections } => format!("PutRecords {records} × 1 KiB, {connections} connections"),
            Load::Produce { records, connections } => format!("gRPC Produce {records} × 1 KiB, {connections} streams"),
            Load::Read { connections } => format!("GetRecords catch-up, {connections} connections"),
        }
    }

    fn arguments(self) -> Vec<String> {
        let (command, connections) = match self {
            Load::Put { connections, .. } => ("put", connections),
            Load::Produce { connections, .. } => ("produce", connections),
            Load::Read { connections } => ("read", connections),
        };
        let mut arguments = vec![command.to_owned(), "--connections".to_owned(), connections.to_string()];
        if let Load::Put { records, .. } | Load::Produce { records, .. } = self {
            arguments.extend(["--records".to_owned(), records.to_string()]);
        }
        arguments
    }
}

/// What one cell gave. Rates hold for the measured time, costs for the whole cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Acknowledged or read records.
    pub records_per_second: f64,
    /// Median time of a request; of a record of a produce stream.
    pub latency_p50_ms: f64,
    /// 99th percentile of it.
    pub latency_p99_ms: f64,
    /// Server's CPU time per GiB of record data; none where nothing was acknowledged.
    pub cpu_seconds_per_gib: Option<f64>,
    /// Bytes that the server wrote to disk per byte of record data; what it still holds in memory
    /// comes on top.
    pub disk_bytes_per_byte: Option<f64>,
    /// Share of one core that the load generator took.
    pub client_cpu_share: f64,
    /// Syncs of the log per second; none where nobody counts.
    pub syncs_per_second: Option<f64>,
    /// Records refused, and requests failed or, in an open loop, not answered in time.
    pub refused: u64,
    /// What the client printed.
    pub raw: Value,
}

/// Puts `load` on `target` for the time of one cell, as fast as it goes.
///
/// # Errors
/// When the client fails.
pub fn run(setting: &Setting, target: &dyn Target, load: Load) -> anyhow::Result<Sample> {
    measure(setting, target, load.arguments())
}

/// The same in an open loop, with requests due at this rate.
///
/// # Errors
/// When the client fails.
pub fn run_at(setting: &Setting, target: &dyn Target, load: Load, records_per_second: f64) -> anyhow::Result<Sample> {
    let mut arguments = load.arguments();
    arguments.extend(["--records-per-second".to_owned(), records_per_second.to_string()]);
    measure(setting, target, arguments)
}

fn measure(setting: &Setting, target: &dyn Target, mut arguments: Vec<String>) -> anyhow::Result<Sample> {
    let more = ["--seconds", SECONDS, "--warm-up-seconds", WARM_UP_SECONDS];
    arguments.extend(more.map(str::to_owned));
    let (started, before, syncs_before) = (Instant::now(), target.usage()?, target.syncs()?);
    let raw = client(setting, target, &arguments)?;
    let (elapsed, used, syncs) = (started.elapsed().as_secs_f64(), target.usage()? - before, target.syncs()?);
    let number = |name: &str| raw.get(name).and_then(Value::as_f64).with_context(|| format!("no {name} in {raw}"));
    let gib = number("all_records")? * f64::from(RECORD_BYTES) / (1u64 << 30) as f64;
    Ok(Sample {
        records_per_second: number("records_per_second")?,
        latency_p50_ms: number("latency_p50_ms")?,
        latency_p99_ms: number("latency_p99_ms")?,
        cpu_seconds_per_gib: (gib > 0.0).then(|| used.cpu_seconds / gib),
        disk_bytes_per_byte: (gib > 0.0).then(|| used.disk_bytes as f64 / (gib * (1u64 << 30) as f64)),
        client_cpu_share: number("client_cpu_seconds")? / elapsed,
        syncs_per_second: syncs.zip(syncs_before).map(|(after, before)| after.saturating_sub(before) as f64 / elapsed),
        refused: (number("refused")? + number("errors")? + number("missed")?) as u64,
        raw,
    })
}

/// Runs the load generator and reads the line that it prints.
///
/// # Errors
/// When it fails.
pub fn client(setting: &Setting, target: &dyn Target, arguments: &[String]) -> anyhow::Result<Value> {
    let mut client = Command::new(&setting.client);
    client.args(arguments).args(["--stream", STREAM, "--shards", &target.shards().to_string()]);
    client.args(["--record-bytes", &RECORD_BYTES.to_string(), "--address", &target.addresses()]);
    let line = house::stdout_of(&mut client)?;
    serde_json::from_str(line.trim()).with_context(|| format!("the client printed {line:?}"))
}

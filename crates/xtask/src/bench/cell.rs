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

    /// What the load generator is told of it.
    pub fn arguments(self) -> Vec<String> {
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
    /// Memory of the server when it was over.
    pub resident_bytes: u64,
    /// Records refused, and requests failed or, in an open loop, not answered in time.
    pub refused: u64,
    /// What the client printed.
    pub raw: Value,
}

impl Sample {
    /// The times that half, 95, 99 and 99.9 % of the requests were faster than, in milliseconds.
    pub fn percentiles_ms(&self) -> [Option<f64>; 4] {
        ["latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "latency_p999_ms"]
            .map(|name| self.raw.get(name)?.as_f64())
    }
}

/// Puts `load` on `target` for the time of one cell, as fast as it goes.
///
/// # Errors
/// When the client fails.
pub fn run(setting: &Setting, target: &dyn Target, load: Load) -> anyhow::Result<Sample> {
    measure(setting, target, load.arguments(), RECORD_BYTES)
}

/// The same in an open loop, with requests due at this rate.
///
/// # Errors
/// When the client fails.
pub fn run_at(setting: &Setting, target: &dyn Target, load: Load, records_per_second: f64) -> anyhow::Result<Sample> {
    let mut arguments = load.arguments();
    arguments.extend(["--records-per-second".to_owned(), records_per_second.to_string()]);
    measure(setting, target, arguments, RECORD_BYTES)
}

/// Runs the load generator with these arguments, and those that say which stream, for how long and
/// with records of which size.
///
/// # Errors
/// When the client fails.
pub fn measure(
    setting: &Setting,
    target: &dyn Target,
    mut arguments: Vec<String>,
    record_bytes: u32,
) -> anyhow::Result<Sample> {
    let (seconds, warm_up) = (setting.options.seconds().to_string(), setting.options.warm_up_seconds().to_string());
    let more = ["--seconds", &seconds, "--warm-up-seconds", &warm_up, "--record-bytes", &record_bytes.to_string()];
    arguments.extend(more.map(str::to_owned));
    let (started, before, syncs_before) = (Instant::now(), target.usage()?, target.syncs()?);
    let raw = client(setting, target, &arguments)?;
    let (elapsed, used, syncs) = (started.elapsed().as_secs_f64(), target.usage()? - before, target.syncs()?);
    let number = |name: &str| raw.get(name).and_then(Value::as_f64).with_context(|| format!("no {name} in {raw}"));
    let gib = number("all_records")? * f64::from(record_bytes) / (1u64 << 30) as f64;
    Ok(Sample {
        records_per_second: number("records_per_second")?,
        latency_p50_ms: number("latency_p50_ms")?,
        latency_p99_ms: number("latency_p99_ms")?,
        cpu_seconds_per_gib: (gib > 0.0).then(|| used.cpu_seconds / gib),
        disk_bytes_per_byte: (gib > 0.0).then(|| used.disk_bytes as f64 / (gib * (1u64 << 30) as f64)),
        client_cpu_share: number("client_cpu_seconds")? / elapsed,
        syncs_per_second: syncs.zip(syncs_before).map(|(after, before)| after.saturating_sub(before) as f64 / elapsed),
        resident_bytes: target.resident_bytes()?,
        refused: (number("refused")? + number("errors")? + number("missed")?) as u64,
        raw,
    })
}

/// Runs the load generator and reads the line that it prints.
///
/// # Errors
/// When it fails.
pub fn client(setting: &Setting, target: &dyn Target, arguments: &[String]) -> anyhow::Result<Value> {
    let mut client = client_command(setting, target, arguments);
    let line = house::stdout_of(&mut client)?;
    serde_json::from_str(line.trim()).with_context(|| format!("the client printed {line:?}"))
}

/// The load generator, with what it has to be told of the target.
pub fn client_command(setting: &Setting, target: &dyn Target, arguments: &[String]) -> Command {
    let mut client = Command::new(&setting.client);
    client.args(arguments).args(["--stream", STREAM, "--shards", &target.shards().to_string()]);
    client.args(["--address", &target.addresses()]);
    client
}

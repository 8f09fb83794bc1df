//! Bytes to disk per byte of record data, over a run long enough for flushes, merges and
//! recycled log segments, until the server has stopped.

use super::Setting;
use super::cell::{self, RECORD_BYTES};
use super::contestant::Contestant;
use super::server::{self, Server};
use super::target::Target;
use super::usage;
use anyhow::Context;
use serde_json::Value;

/// Record bytes that are written.
const TOTAL_BYTES: u64 = 4 << 30;

/// The same in a trial.
const TRIAL_BYTES: u64 = 64 << 20;

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Amplification {
    /// Bytes of acknowledged record data.
    pub record_bytes: u64,
    /// `write_bytes` of the process.
    pub process_bytes: u64,
    /// Bytes handed to write calls, less those of the answers.
    pub call_bytes: u64,
    /// What the whole disk wrote meanwhile, whoever wrote it.
    pub disk_bytes: u64,
    /// CPU time of the server, start and stop included, in seconds.
    pub cpu_seconds: f64,
    /// How long the load ran.
    pub seconds: f64,
    /// Syncs of the log.
    pub syncs: u64,
}

impl Amplification {
    /// By the kernel's count for the process.
    pub fn of_process(&self) -> f64 {
        self.per_record_byte(self.process_bytes)
    }

    /// `bytes` per byte of record data.
    pub fn per_record_byte(&self, bytes: u64) -> f64 {
        bytes as f64 / self.record_bytes.max(1) as f64
    }
}

/// Writes 4 GiB to us, stops the server in order and counts.
///
/// # Errors
/// When the server or the client fails.
pub fn measure(setting: &Setting) -> anyhow::Result<Amplification> {
    let disk_before = usage::disk_written_bytes(&setting.folder).unwrap_or(0);
    let server = Server::start(setting, Contestant::Anabranch, server::SHARDS)?;
    let total = if setting.options.trial { TRIAL_BYTES } else { TOTAL_BYTES };
    let (total, record) = (total.to_string(), RECORD_BYTES.to_string());
    let arguments =
        ["put", "--records", "500", "--connections", "8", "--total-bytes", &total, "--record-bytes", &record];
    let raw = cell::client(setting, &server, &arguments.map(str::to_owned))?;
    let number = |name: &str| raw.get(name).and_then(Value::as_f64).with_context(|| format!("no {name} in {raw}"));
    let syncs = server.syncs()?.unwrap_or(0);
    let used = server.stop()?;
    let disk_after = usage::disk_written_bytes(&setting.folder).unwrap_or(0);
    Ok(Amplification {
        record_bytes: number("all_records")? as u64 * u64::from(RECORD_BYTES),
        process_bytes: used.disk_bytes,
        call_bytes: used.call_bytes.saturating_sub(number("answer_bytes")? as u64),
        disk_bytes: disk_after.saturating_sub(disk_before),
        cpu_seconds: used.cpu_seconds,
        seconds: number("seconds")?,
        syncs,
    })
}

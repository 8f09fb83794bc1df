//! The cells: for each number of replicas and shards a server of its own, and on it every size of a
//! record by each wire, as fast as it goes and at shares of that.

use super::Measured;
use crate::bench::Setting;
use crate::bench::cell::{self, Load, RECORD_BYTES, Sample};
use crate::bench::cluster::Cluster;
use crate::bench::options::Options;
use crate::bench::target::{self, Target};
use anyhow::Context;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Connections, or streams, of every load. A node refuses a stream whose credits it has no room for, which
/// sixteen of them on one node would meet.
const CONNECTIONS: u32 = 8;
/// Shards that are followed at the most, each on a connection of its own.
const TAILS: u32 = 16;
const READERS: u32 = 8;
/// What starting, resting and preparing take beside the measured time, in seconds.
const BESIDE_CELL: f64 = 2.0;
const BESIDE_SHAPE: f64 = 20.0;
const BESIDE_IDLE: f64 = 30.0;

/// What is measured.
pub struct Plan {
    /// Of the stream.
    pub shards: Vec<u32>,
    /// 1 or 3.
    pub replicas: Vec<u32>,
    /// Sizes of a record, that of the catch-up first.
    pub records: Vec<Record>,
    /// Of the most, in open loops.
    pub shares: Vec<f64>,
    /// Of a stream that nobody uses.
    pub idle_shards: Vec<u32>,
}

/// A size, and how many go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Bytes of its data.
    pub bytes: u32,
    /// Records of a request or batch: some 50 KiB to 1 MiB.
    pub batch: u32,
}

/// A server and its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// 1 or 3.
    pub replicas: u32,
    /// Of the stream.
    pub shards: u32,
}

/// How clients talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// PutRecords and GetRecords.
    AwsJson,
    /// Produce and Follow.
    Grpc,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Writing as fast as it goes.
    Most,
    /// Writing what is due: this share of the most.
    Share(f64),
    /// Following the tip meanwhile.
    Tail,
    /// Reading from the oldest record on.
    CatchUp,
}

/// One measured cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// On what.
    pub shape: Shape,
    /// With what.
    pub record: Record,
    /// By which wire.
    pub wire: Wire,
    /// What.
    pub kind: Kind,
    /// What was seen.
    pub sample: Sample,
}

impl Plan {
    /// All of it, or what a trial looks at.
    pub fn of(options: Options) -> Plan {
        let record = |bytes, batch| Record { bytes, batch };
        let records = vec![record(RECORD_BYTES, 100), record(100, 500), record(64 << 10, 16)];
        if options.trial {
            let (shards, idle_shards) = (vec![1, 16], vec![1, 1_000]);
            return Plan { shards, replicas: vec![1, 3], records, shares: vec![0.5], idle_shards };
        }
        let (shards, idle_shards) = (vec![1, 16, 100, 1_000], vec![1, 1_000, 10_000]);
        Plan { shards, replicas: vec![1, 3], records, shares: vec![0.25, 0.5, 0.75], idle_shards }
    }

    /// One after the other.
    pub fn shapes(&self) -> Vec<Shape> {
        let all = self.replicas.iter().flat_map(|replicas| self.shards.iter().map(move |shards| (*replicas, *shards)));
        all.map(|(replicas, shards)| Shape { replicas, shards }).collect()
    }

    /// Loads that run one after the other: tails run beside others.
    pub fn cells(&self) -> usize {
        let catch_ups = 2;
        self.shapes().len() * (self.records.len() * 2 * (1 + self.shares.len()) + catch_ups)
    }

    /// How long it will take.
    pub fn estimate(&self, options: Options) -> Duration {
        let cell = options.seconds() + options.warm_up_seconds() + BESIDE_CELL;
        let beside = BESIDE_SHAPE * self.shapes().len() as f64 + BESIDE_IDLE * self.idle_shards.len() as f64;
        Duration::from_secs_f64(cell * self.cells() as f64 + beside)
    }
}

/// One of a thing, or several.
pub fn counted(number: u32, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

impl Shape {
    /// What progress calls it.
    pub fn name(self) -> String {
        format!("{}, {}", counted(self.replicas, "replica"), counted(self.shards, "shard"))
    }

    fn start(self, setting: &Setting) -> anyhow::Result<Cluster> {
        Cluster::start(setting, self.replicas as usize, self.shards)
    }
}

impl Record {
    /// Short, with its unit.
    pub fn name(self) -> String {
        if self.bytes < 1024 { format!("{} B", self.bytes) } else { format!("{} KiB", self.bytes / 1024) }
    }
}

impl Wire {
    /// Both.
    pub const ALL: [Wire; 2] = [Wire::AwsJson, Wire::Grpc];

    /// What the tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Wire::AwsJson => "AWS JSON",
            Wire::Grpc => "gRPC",
        }
    }

    fn load(self, record: Record) -> Load {
        let (records, connections) = (record.batch, CONNECTIONS);
        match self {
            Wire::AwsJson => Load::Put { records, connections },
            Wire::Grpc => Load::Produce { records, connections },
        }
    }
}

impl Cell {
    /// Bytes of record data per second, in MiB.
    pub fn mib_per_second(&self) -> f64 {
        self.sample.records_per_second * f64::from(self.record.bytes) / f64::from(1 << 20)
    }

    /// All that is known of it.
    pub fn raw(&self) -> Value {
        let (shape, record) = (self.shape, self.record);
        json!({
            "replicas": shape.replicas, "shards": shape.shards, "record_bytes": record.bytes, "batch": record.batch,
            "wire": self.wire.name(), "kind": format!("{:?}", self.kind), "client": self.sample.raw,
        })
    }
}

/// All cells of a shape. One that fails is told, and the others are measured all the same.
///
/// # Errors
/// When the server does not start.
pub fn measure(setting: &Setting, plan: &Plan, shape: Shape, measured: &mut Measured) -> anyhow::Result<()> {
    let cluster = shape.start(setting)?;
    for (index, record) in plan.records.iter().copied().enumerate() {
        for wire in Wire::ALL {
            if let Err(error) = write(setting, plan, &cluster, (shape, record, wire), measured) {
                measured.fail(&format!("{}, {} records by {}", shape.name(), record.name(), wire.name()), &error);
            }
        }
        if index > 0 {
            continue;
        }
        if let Err(error) = catch_up(setting, &cluster, shape, record, measured) {
            measured.fail(&format!("{}, catch-up", shape.name()), &error);
        }
    }
    Ok(())
}

/// As fast as it goes, and at each share of that.
fn write(
    setting: &Setting,
    plan: &Plan,
    target: &dyn Target,
    (shape, record, wire): (Shape, Record, Wire),
    measured: &mut Measured,
) -> anyhow::Result<()> {
    let add = |kind, sample| Cell { shape, record, wire, kind, sample };
    let load = wire.load(record);
    let most = cell::measure(setting, target, load.arguments(), record.bytes).context("as fast as it goes")?;
    let rate = most.records_per_second;
    eprintln!("   {}, {} records by {}: {rate:.0}/s", shape.name(), record.name(), wire.name());
    measured.cells.push(add(Kind::Most, most));
    for share in plan.shares.iter().copied() {
        target::rest(target)?;
        // Half of the most is a load that a server is given in earnest: its readers are watched.
        let tail = (wire == Wire::Grpc && share == 0.5).then(|| Tail::start(setting, target)).transpose()?;
        let mut arguments = load.arguments();
        arguments.extend(["--records-per-second".to_owned(), (rate * share).to_string()]);
        let sample = cell::measure(setting, target, arguments, record.bytes).context("an open loop")?;
        if let Some(tail) = tail {
            measured.cells.push(add(Kind::Tail, tail.stop(&sample)?));
        }
        measured.cells.push(add(Kind::Share(share), sample));
    }
    Ok(())
}

/// While all that is stored has one size.
fn catch_up(
    setting: &Setting,
    target: &dyn Target,
    shape: Shape,
    record: Record,
    measured: &mut Measured,
) -> anyhow::Result<()> {
    target::rest(target)?;
    let connections = READERS.to_string();
    let follow = ["follow", "--from", "trim_horizon", "--connections", &connections].map(str::to_owned).to_vec();
    let read = Load::Read { connections: READERS }.arguments();
    for (wire, arguments) in [(Wire::AwsJson, read), (Wire::Grpc, follow)] {
        let sample = cell::measure(setting, target, arguments, record.bytes).context("catch-up")?;
        measured.cells.push(Cell { shape, record, wire, kind: Kind::CatchUp, sample });
    }
    Ok(())
}

/// Readers at the tip, in a process of their own. Dropped, they end.
struct Tail(Child);

impl Tail {
    fn start(setting: &Setting, target: &dyn Target) -> anyhow::Result<Tail> {
        let options = setting.options;
        let connections = target.shards().min(TAILS).to_string();
        // As long as the writers prepare and write.
        let (seconds, warm_up) = (options.seconds() + 1.0, options.warm_up_seconds());
        let arguments = ["follow", "--from", "latest", "--connections", &connections];
        let mut client: Command = cell::client_command(setting, target, &arguments.map(str::to_owned));
        client.args(["--seconds", &seconds.to_string(), "--warm-up-seconds", &warm_up.to_string()]);
        Ok(Tail(client.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("start the readers")?))
    }

    /// Waits until they have ended; `writers` tells the costs of both together.
    fn stop(mut self, writers: &Sample) -> anyhow::Result<Sample> {
        let output = self.0.stdout.take().context("their output")?;
        let said = std::io::read_to_string(output)?;
        let status = self.0.wait()?;
        anyhow::ensure!(status.success(), "the readers ended with {status}");
        let raw: Value = serde_json::from_str(said.trim()).with_context(|| format!("the readers printed {said:?}"))?;
        let number = |name: &str| raw.get(name).and_then(Value::as_f64).with_context(|| format!("no {name} in {raw}"));
        let (records_per_second, latency_p50_ms) = (number("records_per_second")?, number("latency_p50_ms")?);
        let latency_p99_ms = number("latency_p99_ms")?;
        Ok(Sample { records_per_second, latency_p50_ms, latency_p99_ms, raw, ..writers.clone() })
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // It may have ended already: nothing more is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_knows_how_many_cells_it_has_and_how_long_they_take() {
        let (whole, trial) = (Options::default(), Options { trial: true, ..Options::default() });
        assert_eq!(Plan::of(whole).cells(), 2 * 4 * (3 * 2 * 4 + 2));
        let minutes = |options| Plan::of(options).estimate(options).as_secs() / 60;
        assert!((20..60).contains(&minutes(whole)), "{}", minutes(whole));
        assert!(minutes(trial) < 10, "{}", minutes(trial));
    }

    #[test]
    fn one_is_not_several() {
        let names = [(1, 16), (3, 1)].map(|(replicas, shards)| Shape { replicas, shards }.name());
        assert_eq!(names, ["1 replica, 16 shards", "3 replicas, 1 shard"]);
    }

    #[test]
    fn no_batch_is_beyond_what_a_request_or_a_stream_may_have() {
        for record in Plan::of(Options::default()).records {
            assert!(record.batch <= 500 && record.batch * record.bytes <= 1 << 20, "{record:?}");
        }
    }

    #[test]
    fn catch_up_reads_records_of_one_kibibyte() {
        assert_eq!(Plan::of(Options::default()).records[0].bytes, RECORD_BYTES);
    }
}

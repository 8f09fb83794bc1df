//! Three brokers of Kafka in combined mode, measured with Kafka's own tools.

mod brokers;
mod performance;

use super::super::Setting;
use super::super::cell::{RECORD_BYTES, Sample};
use super::super::usage::Usage;
use super::super::{target::Target, usage};
use super::replicated::{MOST, OPEN, OPEN_RECORDS_PER_SECOND, READ, Replicated};
use super::results::{Label, Results};
use anyhow::Context;
use brokers::{Brokers, TOPIC};
use performance::{Consumed, Produced};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Keys of the records; the payload is random letters, which nobody compresses here.
const KEYS: &str = "100000";
/// Records of the first run, which shows how fast it is at all: so many are sent in the next that it
/// lasts its time.
const FIRST_RECORDS: u64 = 2_000;
/// Runs that make the brokers warm before any of them counts.
const ROUNDS: usize = 4;
/// The first records of each run do not count: each is a Java that has yet to become fast.
const WARM_UP_SECONDS: f64 = 2.0;
/// As much may wait in the producer as 16 of our streams have on their way.
const CLOSED: [&str; 3] = ["batch.size=65536", "linger.ms=5", "buffer.memory=67108864"];
/// Nothing waits for company when it is the time of a record that counts.
const OPEN_LOOP: [&str; 3] = ["batch.size=65536", "linger.ms=0", "buffer.memory=67108864"];
/// Records that are read at the most.
const READ_MOST: u64 = 2_000_000;
const LOOK_EVERY: Duration = Duration::from_millis(10);
const GIB: f64 = (1u64 << 30) as f64;

/// One repeat, on a cluster of its own.
///
/// # Errors
/// When the cluster or one of Kafka's tools fails.
pub fn measure(setting: &Setting, flush: bool, results: &mut Results) -> anyhow::Result<()> {
    let brokers = Brokers::start(setting, flush)?;
    let me = Replicated::Kafka { flush };
    results.started(&me.name(), &brokers.command_line());
    let label =
        |title, way: &str| Label { title, contestant: me.name(), way: way.to_owned(), durability: me.durability() };
    let options = setting.options;
    let warm_up = |records_per_second: f64| (WARM_UP_SECONDS * records_per_second) as u64;
    let run = |records_per_second: f64| (options.seconds() * records_per_second) as u64 + warm_up(records_per_second);

    let (mut records, mut sent, mut rate) = (FIRST_RECORDS, 0, 0.0);
    for _ in 0..ROUNDS {
        let seen = produce(&brokers, &CLOSED, None, records, records / 3).context("warm-up")?.records_per_second;
        sent += records;
        rate = seen.max(rate);
        records = run(rate);
    }
    let due = f64::from(OPEN_RECORDS_PER_SECOND);
    let open = produce(&brokers, &OPEN_LOOP, Some(due), run(due), warm_up(due)).context("the open loop")?;
    results.add(&label(OPEN, "ProducerPerformance, throughput 5,000, linger 0"), open);
    let most = produce(&brokers, &CLOSED, None, run(rate), warm_up(rate)).context("as fast as it goes")?;
    sent += run(due) + run(rate);
    results.add(&label(MOST, "ProducerPerformance, 1 producer, batches of 64 KiB, linger 5 ms"), most);
    let read = consume(&brokers, sent.min(READ_MOST)).context("catch-up")?;
    results.add(&label(READ, "ConsumerPerformance, 1 consumer"), read);
    Ok(())
}

/// Sends so many records, of which the first `warm_up` do not count.
fn produce(
    brokers: &Brokers,
    properties: &[&str],
    due: Option<f64>,
    records: u64,
    warm_up: u64,
) -> anyhow::Result<Sample> {
    let mut command = brokers.tool("org.apache.kafka.tools.ProducerPerformance");
    command.args(["--topic", TOPIC, "--record-size", &RECORD_BYTES.to_string()]);
    command.args(["--num-records", &records.to_string(), "--warmup-records", &warm_up.to_string()]);
    command.args(["--throughput", &due.map_or("-1".to_owned(), |due| format!("{due:.0}"))]);
    command.args(["--key-distribution", "random", "--record-key-range", KEYS]);
    command.args(["--bootstrap-server", &brokers.addresses(), "--command-property", "acks=all"]).args(properties);
    let ran = run(brokers, command)?;
    let produced = Produced::parse(&ran.said)?;
    let mut sample = ran.sample(records as f64, produced.raw());
    sample.records_per_second = produced.records_per_second;
    (sample.latency_p50_ms, sample.latency_p99_ms) = (produced.p50_ms, produced.p99_ms);
    Ok(sample)
}

fn consume(brokers: &Brokers, records: u64) -> anyhow::Result<Sample> {
    let mut command = brokers.tool("org.apache.kafka.tools.ConsumerPerformance");
    command.args(["--topic", TOPIC, "--bootstrap-server", &brokers.addresses(), "--hide-header"]);
    command.args(["--num-records", &records.to_string(), "--timeout", "20000"]);
    let ran = run(brokers, command)?;
    let consumed = Consumed::parse(&ran.said)?;
    let mut sample = ran.sample(consumed.records, consumed.raw());
    sample.records_per_second = consumed.records_per_second;
    Ok(sample)
}

/// A tool's run, and what the brokers used meanwhile.
struct Ran {
    said: String,
    brokers: Usage,
    tool: Usage,
    resident_bytes: u64,
    elapsed: f64,
}

fn run(brokers: &Brokers, mut command: Command) -> anyhow::Result<Ran> {
    let (started, before) = (Instant::now(), brokers.usage()?);
    let mut tool = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("start java")?;
    let said = read_all(&mut tool);
    // What it used is known until it is waited for.
    while !usage::has_ended(tool.id())? {
        std::thread::sleep(LOOK_EVERY);
    }
    let used = Usage::of(tool.id())?;
    let status = tool.wait()?;
    anyhow::ensure!(status.success(), "{} ended with {status}", crate::house::spelled(&command));
    Ok(Ran {
        said: said?,
        brokers: brokers.usage()? - before,
        tool: used,
        resident_bytes: brokers.resident_bytes()?,
        elapsed: started.elapsed().as_secs_f64(),
    })
}

fn read_all(tool: &mut Child) -> anyhow::Result<String> {
    let output = tool.stdout.take().context("its output")?;
    Ok(std::io::read_to_string(output)?)
}

impl Ran {
    /// With the costs of all `records`, and no rate or times yet.
    fn sample(&self, records: f64, raw: serde_json::Value) -> Sample {
        let gib = records * f64::from(RECORD_BYTES) / GIB;
        Sample {
            records_per_second: 0.0,
            latency_p50_ms: 0.0,
            latency_p99_ms: 0.0,
            cpu_seconds_per_gib: Some(self.brokers.cpu_seconds / gib),
            disk_bytes_per_byte: Some(self.brokers.disk_bytes as f64 / (gib * GIB)),
            client_cpu_share: self.tool.cpu_seconds / self.elapsed,
            syncs_per_second: None,
            resident_bytes: self.resident_bytes,
            refused: 0,
            raw,
        }
    }
}

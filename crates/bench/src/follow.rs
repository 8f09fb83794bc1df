//! gRPC Follow: at the tip of shards, where the time from a record's arrival to its reading is
//! measured, or in a closed loop from the oldest record to the tip, again and again.

use crate::args::Args;
use crate::link::{Hears, frame};
use crate::report::{Counts, Report, gather};
use crate::window::Window;
use anabranch_proto::v1::starting_position::{Here, Start};
use anabranch_proto::v1::{FollowRequest, StartingPosition, StreamRef, stream_ref};
use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::LocalSet;
use tokio::time::{timeout, timeout_at};

const PATH: &str = "/anabranch.v1.Records/Follow";
/// A shard that sends nothing for so long has nothing to catch up with.
const EMPTY_AFTER: Duration = Duration::from_secs(1);

/// Runs it and prints the report. With `--from latest` each connection follows one shard for the
/// whole time; with `--from trim_horizon` it reads its share of the shards.
///
/// # Errors
/// When an argument is missing, a call ends before its time or there was nothing to read.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let addresses = args.addresses()?;
    let shards: usize = args.value("shards")?;
    let connections = args.value::<usize>("connections")?.min(shards);
    let is_tail = match args.text("from")? {
        "latest" => true,
        "trim_horizon" => false,
        other => bail!("--from {other:?}: latest or trim_horizon"),
    };
    let window = Window::open(args)?;
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    for (index, address) in addresses.iter().copied().cycle().take(connections).enumerate() {
        let own = if is_tail { vec![index] } else { (index..shards).step_by(connections).collect() };
        let reader = Reader { address, stream: args.text("stream")?.to_owned(), is_tail, window: window.clone() };
        tasks.push(local.spawn_local(reader.read(own)));
    }
    let counts = gather(local, tasks).await?;
    ensure!(counts.iter().any(|counts| counts.all_records > 0), "nothing was read");
    Report::new(window.measured(), counts).print()
}

struct Reader {
    address: SocketAddr,
    stream: String,
    is_tail: bool,
    window: Window,
}

/// Of a `FollowResponse`, without keys and data. Field numbers are those of
/// `anabranch/v1/records.proto`, which never change.
#[derive(Clone, PartialEq, prost::Message)]
struct Followed {
    #[prost(message, repeated, tag = "1")]
    records: Vec<Arrived>,
    #[prost(uint64, tag = "2")]
    millis_behind_latest: u64,
}

/// Of a `Record`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Arrived {
    #[prost(message, optional, tag = "2")]
    arrival: Option<Moment>,
}

/// A `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Moment {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Reader {
    async fn read(self, shards: Vec<usize>) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        // A tail that is given nothing more waits until the end and no longer.
        let ends_at = self.window.ends_at().into();
        match timeout_at(ends_at, self.read_all(&shards, &mut counts)).await {
            Ok(read) => read.map(|()| counts),
            Err(_over) => Ok(counts),
        }
    }

    async fn read_all(&self, shards: &[usize], counts: &mut Counts) -> anyhow::Result<()> {
        for shard in shards.iter().cycle() {
            self.read_shard(*shard, counts).await?;
        }
        Ok(())
    }

    async fn read_shard(&self, shard: usize, counts: &mut Counts) -> anyhow::Result<()> {
        let mut hears = Hears::of_one_message(self.address, PATH, self.request(shard)).await?;
        let mut is_first = true;
        loop {
            let answer = match timeout(EMPTY_AFTER, hears.message()).await {
                Ok(answer) => answer?,
                Err(_silent) if self.is_tail => continue,
                Err(_silent) => return Ok(()),
            };
            let followed: Followed = answer.context("the shard was closed while it was followed")?;
            let read = followed.records.len() as u64;
            counts.all_records += read;
            if self.window.counts() {
                counts.requests += 1;
                counts.records += read;
                if self.is_tail {
                    let now = now_us();
                    counts.latencies_us.extend(followed.records.iter().map(|record| now.saturating_sub(record.us())));
                }
            }
            // The first message may be an empty one that only says that the call has begun.
            if !self.is_tail && followed.millis_behind_latest == 0 && (read > 0 || !is_first) {
                return Ok(());
            }
            is_first = false;
        }
    }

    fn request(&self, shard: usize) -> Bytes {
        let start = if self.is_tail { Start::Latest(Here {}) } else { Start::TrimHorizon(Here {}) };
        frame(&FollowRequest {
            stream: Some(StreamRef { by: Some(stream_ref::By::Name(self.stream.clone())) }),
            shard_id: format!("shardId-{shard:012}"),
            position: Some(StartingPosition { start: Some(start) }),
        })
    }
}

impl Arrived {
    /// Microseconds since 1970; 0 when the server did not say.
    fn us(self) -> u64 {
        let moment = self.arrival.unwrap_or_default();
        u64::try_from(moment.seconds * 1_000_000 + i64::from(moment.nanos) / 1000).unwrap_or(0)
    }
}

fn now_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_proto::v1;
    use prost::Message;

    #[test]
    fn it_reads_what_the_server_says() {
        let record = v1::Record {
            arrival: Some(prost_types::Timestamp { seconds: 7, nanos: 5_000_000 }),
            partition_key: "key".to_owned(),
            data: "data".into(),
            ..v1::Record::default()
        };
        let said = v1::FollowResponse { records: vec![record], millis_behind_latest: 9, child_shards: Vec::new() };
        let heard = Followed::decode(&*said.encode_to_vec()).expect("the same fields");
        assert_eq!((heard.records[0].us(), heard.millis_behind_latest), (7_005_000, 9));
    }
}

//! gRPC produce streams: one on each connection, each with as much on its way as its credits allow,
//! or in an open loop as much as is due.
//!
//! It speaks HTTP/2 and frames its messages itself, and reads of the answers only what it counts, so
//! that it costs about as little as the client of the AWS wire. It never sends a record again.

mod answer;
mod batches;
mod credits;
mod in_flight;
mod session;

use crate::args::Args;
use crate::link::{Link, frame};
use crate::pace::Pace;
use crate::put::PREPARED_BYTES;
use crate::report::{Report, gather};
use crate::requests::Batch;
use crate::window::Window;
use anabranch_proto::v1::produce_request::Step;
use anabranch_proto::v1::{ProduceOpen, ProduceRequest, StreamRef, stream_ref};
use batches::Batches;
use session::Session;
use tokio::task::LocalSet;

const PATH: &str = "/anabranch.v1.Records/Produce";

/// Runs it and prints the report.
///
/// # Errors
/// When an argument is missing, or a stream ends before its time.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let addresses = args.addresses()?;
    let connections: usize = args.value("connections")?;
    let batch = Batch { records: args.value("records")?, record_bytes: args.value("record-bytes")? };
    let per_stream = (PREPARED_BYTES / (connections * batch.records * batch.record_bytes).max(1)).max(2);
    let stream = StreamRef { by: Some(stream_ref::By::Name(args.text("stream")?.to_owned())) };
    let open = ProduceOpen { stream: Some(stream), record_timeout: None };
    let open = frame(&ProduceRequest { step: Some(Step::Open(open)) });
    let mut prepared = Vec::new();
    for address in addresses.iter().copied().cycle().take(connections) {
        let batches = Batches::prepare(batch, per_stream);
        prepared.push((Link::open(address, PATH, open.clone()).await?, batches));
    }
    let window = Window::open(args)?;
    let pace = Pace::open(args, &window, batch.records)?;
    let local = LocalSet::new();
    let tasks: Vec<_> = prepared
        .into_iter()
        .map(|(link, batches)| {
            let session = Session::new(batch, batches, window.clone(), pace.clone());
            local.spawn_local(session.run(link))
        })
        .collect();
    let mut counts = gather(local, tasks).await?;
    counts.push(pace.missed(&counts, batch.records));
    Report::new(window.measured(), counts).print()
}

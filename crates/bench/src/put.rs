//! PutRecords: each connection sends its next request when the last is answered, or in an open loop
//! the one that is due, one request at a time.

use crate::args::Args;
use crate::http::Connection;
use crate::pace::Pace;
use crate::report::{Counts, Report, gather};
use crate::requests::{Batch, PutRequests};
use crate::sigv4::Signer;
use crate::window::Window;
use memchr::memmem;
use tokio::task::LocalSet;
use tokio::time::timeout_at;

/// Record bytes of the different requests that are prepared for all connections together.
pub const PREPARED_BYTES: usize = 32 * 1024 * 1024;

/// Runs it and prints the report.
///
/// # Errors
/// When an argument is missing or a connection breaks.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let addresses = args.addresses()?;
    let connections: usize = args.value("connections")?;
    let batch = Batch { records: args.value("records")?, record_bytes: args.value("record-bytes")? };
    let per_connection = (PREPARED_BYTES / (connections * batch.records * batch.record_bytes).max(1)).max(2);
    let stream = args.text("stream")?;
    let mut prepared = Vec::new();
    for address in addresses.iter().copied().cycle().take(connections) {
        let requests = PutRequests::prepare(Signer::new(address), stream, batch, per_connection);
        prepared.push((Connection::open(address).await?, requests));
    }
    let window = Window::open(args)?;
    let pace = Pace::open(args, &window, batch.records)?;
    let local = LocalSet::new();
    let tasks: Vec<_> = prepared
        .into_iter()
        .map(|(connection, requests)| {
            local.spawn_local(send(connection, requests, batch, window.clone(), pace.clone()))
        })
        .collect();
    let mut counts = gather(local, tasks).await?;
    counts.push(pace.missed(&counts, 1));
    Report::new(window.measured(), counts).print()
}

async fn send(
    mut connection: Connection,
    mut requests: PutRequests,
    batch: Batch,
    window: Window,
    pace: Pace,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    while let Some(due) = pace.next().await {
        let exchange = connection.exchange(requests.next());
        let Ok(answer) = timeout_at(window.gives_up_at(), exchange).await else { break };
        let (status, body) = answer?;
        let refused = if status == 200 { refused(body).min(batch.records as u64) } else { batch.records as u64 };
        let stored = batch.records as u64 - refused;
        counts.all_records += stored;
        window.add_bytes(stored * batch.record_bytes as u64);
        if !pace.counts(due) {
            continue;
        }
        if status == 200 {
            counts.requests += 1;
            counts.records += stored;
            counts.refused += refused;
            counts.answer_bytes += body.len() as u64;
            counts.latencies_us.push(u64::try_from(due.elapsed().as_micros())?);
        } else {
            counts.errors += 1;
            counts.first_error.get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
        }
    }
    Ok(counts)
}

/// `FailedRecordCount` of an answer; everything when it is not there. The count stands before
/// or behind the long list of records, so both ends are looked at first.
fn refused(body: &[u8]) -> u64 {
    const NAME: &[u8] = b"\"FailedRecordCount\":";
    const NEAR: usize = 80;
    let tail = body.len().saturating_sub(NEAR);
    let at = memmem::find(&body[..body.len().min(NEAR)], NAME)
        .or_else(|| memmem::rfind(&body[tail..], NAME).map(|at| at + tail))
        .or_else(|| memmem::find(body, NAME));
    let Some(at) = at else { return u64::MAX };
    let digits = body[at + NAME.len()..].iter().skip_while(|byte| **byte == b' ').take_while(|b| b.is_ascii_digit());
    digits.fold(0_u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_records_are_found_at_either_end() {
        let long = "x".repeat(300);
        assert_eq!(refused(format!("{{\"FailedRecordCount\":12,\"Records\":[{long}]}}").as_bytes()), 12);
        assert_eq!(refused(format!("{{\"Records\":[{long}],\"FailedRecordCount\": 7}}").as_bytes()), 7);
        let middle = format!("{{\"A\":\"{long}\",\"FailedRecordCount\":3,\"Records\":[{long}]}}");
        assert_eq!(refused(middle.as_bytes()), 3);
    }

    #[test]
    fn an_answer_without_a_count_is_all_refused() {
        assert_eq!(refused(b"{}"), u64::MAX);
    }
}

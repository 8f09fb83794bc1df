//! Closed loop of GetRecords from the oldest record on: each connection reads its share of the
//! shards to their ends, then from the start again.

use crate::args::Args;
use crate::http::Connection;
use crate::report::{Counts, Report, gather};
use crate::sigv4::Signer;
use crate::window::Window;
use anyhow::{Context, ensure};
use memchr::memmem;
use std::time::Instant;
use tokio::task::LocalSet;
use tokio::time::timeout_at;

/// Records that one GetRecords asks for. Source: AWS GetRecords API reference, the most allowed.
const RECORDS_MAX: u32 = 10_000;

/// Runs it and prints the report.
///
/// # Errors
/// When an argument is missing, a connection breaks or an answer is an error.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let addresses = args.addresses()?;
    let connections: usize = args.value("connections")?;
    let shards: usize = args.value("shards")?;
    let window = Window::open(args)?;
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    for (index, address) in addresses.iter().copied().cycle().take(connections).enumerate() {
        let reader = Reader {
            connection: Connection::open(address).await?,
            signer: Signer::new(address),
            stream: args.text("stream")?.to_owned(),
            shards: (index..shards).step_by(connections).collect(),
            window: window.clone(),
            request: Vec::new(),
        };
        tasks.push(local.spawn_local(reader.read()));
    }
    let counts = gather(local, tasks).await?;
    Report::new(window.measured(), counts).print()
}

struct Reader {
    connection: Connection,
    signer: Signer,
    stream: String,
    shards: Vec<usize>,
    window: Window,
    request: Vec<u8>,
}

impl Reader {
    async fn read(mut self) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        let gives_up_at = self.window.gives_up_at();
        match timeout_at(gives_up_at, self.read_all(&mut counts)).await {
            Ok(result) => result.map(|()| counts),
            Err(_late) => Ok(counts),
        }
    }

    async fn read_all(&mut self, counts: &mut Counts) -> anyhow::Result<()> {
        for shard in self.shards.clone().into_iter().cycle() {
            if !self.window.is_open() {
                break;
            }
            self.read_shard(shard, counts).await?;
        }
        Ok(())
    }

    async fn read_shard(&mut self, shard: usize, counts: &mut Counts) -> anyhow::Result<()> {
        let iterator = format!(
            "{{\"ShardId\":\"shardId-{shard:012}\",\"ShardIteratorType\":\"TRIM_HORIZON\",\"StreamName\":\"{}\"}}",
            self.stream
        );
        let mut token = text_field(self.call("GetShardIterator", &iterator).await?, b"\"ShardIterator\"");
        while let Some(iterator) = token.take() {
            if !self.window.is_open() {
                break;
            }
            let sent_at = Instant::now();
            let body = format!("{{\"Limit\":{RECORDS_MAX},\"ShardIterator\":\"{iterator}\"}}");
            let answer = self.call("GetRecords", &body).await?;
            let records = memmem::find_iter(answer, b"\"SequenceNumber\"").count() as u64;
            let is_at_tip = number_is_zero(answer, b"\"MillisBehindLatest\"");
            token = text_field(answer, b"\"NextShardIterator\"").filter(|_| !is_at_tip && records > 0);
            let answer_bytes = answer.len() as u64;
            counts.all_records += records;
            if self.window.counts() {
                counts.requests += 1;
                counts.records += records;
                counts.answer_bytes += answer_bytes;
                counts.latencies_us.push(u64::try_from(sent_at.elapsed().as_micros())?);
            }
        }
        Ok(())
    }

    async fn call(&mut self, operation: &str, body: &str) -> anyhow::Result<&[u8]> {
        self.signer.renew();
        self.signer.sign(operation, body.as_bytes(), &mut self.request);
        let (status, answer) = self.connection.exchange(&self.request).await.context("read")?;
        ensure!(status == 200, "{operation} was answered with {status}: {}", String::from_utf8_lossy(answer));
        Ok(answer)
    }
}

/// What stands behind a field's name, without the colon and spaces.
fn behind<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = &body[memmem::rfind(body, name)? + name.len()..];
    let start = rest.iter().position(|byte| !matches!(byte, b':' | b' '))?;
    Some(&rest[start..])
}

/// The text of a field that holds no escapes; none when it is missing or null.
fn text_field(body: &[u8], name: &[u8]) -> Option<String> {
    let text = behind(body, name)?.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', text)?;
    String::from_utf8(text[..end].to_vec()).ok()
}

fn number_is_zero(body: &[u8], name: &[u8]) -> bool {
    behind(body, name).is_some_and(|rest| rest.first() == Some(&b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_without_parsing_the_records() {
        let body = br#"{"MillisBehindLatest": 0,"NextShardIterator":"AAE=","Records":[]}"#;
        assert_eq!(text_field(body, b"\"NextShardIterator\""), Some("AAE=".to_owned()));
        assert!(number_is_zero(body, b"\"MillisBehindLatest\""));
        assert_eq!(text_field(br#"{"NextShardIterator":null}"#, b"\"NextShardIterator\""), None);
        assert!(!number_is_zero(br#"{"MillisBehindLatest":12}"#, b"\"MillisBehindLatest\""));
    }
}

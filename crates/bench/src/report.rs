//! What one run of the client prints: one line of JSON.

use serde::Serialize;
use std::time::Duration;
use tokio::task::{JoinHandle, LocalSet};

/// What one connection counted after the warm-up.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests that were answered with 200.
    pub requests: u64,
    /// Records that were acknowledged, or read.
    pub records: u64,
    /// Records that were acknowledged, or read, with those of the warm-up.
    pub all_records: u64,
    /// Records that the server refused inside of an answer with 200.
    pub refused: u64,
    /// Requests that were answered with anything else.
    pub errors: u64,
    /// The first such answer.
    pub first_error: Option<String>,
    /// Requests of an open loop that were due and had no answer in time.
    pub missed: u64,
    /// Bytes of all answers' bodies.
    pub answer_bytes: u64,
    /// Time of each request, or of each record of a produce stream, in microseconds.
    pub latencies_us: Vec<u64>,
}

/// Runs all connections to their end, on this thread, and returns what each counted.
///
/// # Errors
/// What the first one failed with.
pub async fn gather(
    local: LocalSet,
    connections: Vec<JoinHandle<anyhow::Result<Counts>>>,
) -> anyhow::Result<Vec<Counts>> {
    let all = async {
        let mut counts = Vec::new();
        for connection in connections {
            counts.push(connection.await??);
        }
        Ok(counts)
    };
    local.run_until(all).await
}

/// The line.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Length of the measured time.
    pub seconds: f64,
    /// Sum over connections, as in [`Counts`].
    pub requests: u64,
    /// Likewise.
    pub records: u64,
    /// Likewise.
    pub all_records: u64,
    /// Likewise.
    pub refused: u64,
    /// Likewise.
    pub errors: u64,
    /// Likewise.
    pub missed: u64,
    /// One of the answers that were errors.
    pub first_error: Option<String>,
    /// Likewise.
    pub answer_bytes: u64,
    /// What was acknowledged or read: in a closed loop the most that goes.
    pub records_per_second: f64,
    /// Median time of a request, or of a record of a produce stream; from when it was due in an open
    /// loop.
    pub latency_p50_ms: f64,
    /// 95th percentile of it.
    pub latency_p95_ms: f64,
    /// 99th percentile of it.
    pub latency_p99_ms: f64,
    /// What one of a thousand is slower than.
    pub latency_p999_ms: f64,
    /// CPU time that this client took from its start, in seconds.
    pub client_cpu_seconds: f64,
}

impl Report {
    /// Adds up what the connections counted in `elapsed`.
    pub fn new(elapsed: Duration, connections: Vec<Counts>) -> Report {
        let sum = |of: fn(&Counts) -> u64| connections.iter().map(of).sum::<u64>();
        let records = sum(|counts| counts.records);
        let mut latencies: Vec<u64> = connections.iter().flat_map(|counts| counts.latencies_us.clone()).collect();
        latencies.sort_unstable();
        Report {
            seconds: elapsed.as_secs_f64(),
            requests: sum(|counts| counts.requests),
            records,
            all_records: sum(|counts| counts.all_records),
            refused: sum(|counts| counts.refused),
            errors: sum(|counts| counts.errors),
            missed: sum(|counts| counts.missed),
            answer_bytes: sum(|counts| counts.answer_bytes),
            records_per_second: records as f64 / elapsed.as_secs_f64(),
            latency_p50_ms: percentile_ms(&latencies, 500),
            latency_p95_ms: percentile_ms(&latencies, 950),
            latency_p99_ms: percentile_ms(&latencies, 990),
            latency_p999_ms: percentile_ms(&latencies, 999),
            client_cpu_seconds: own_cpu_seconds(),
            first_error: connections.into_iter().find_map(|counts| counts.first_error),
        }
    }

    /// Prints it.
    ///
    /// # Errors
    /// When a number is none.
    pub fn print(&self) -> anyhow::Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

fn percentile_ms(sorted_us: &[u64], per_mille: usize) -> f64 {
    let last = sorted_us.len().saturating_sub(1);
    sorted_us.get(sorted_us.len() * per_mille / 1000).or(sorted_us.get(last)).map_or(0.0, |us| *us as f64 / 1000.0)
}

/// Source: proc(5), stat, fields 14 and 15, in ticks of 10 ms.
fn own_cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok());
    ticks.sum::<u64>() as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_added_up() {
        let counts = |records, latency| Counts { records, latencies_us: vec![latency], ..Counts::default() };
        let report = Report::new(Duration::from_secs(2), vec![counts(10, 3000), counts(30, 1000)]);
        assert_eq!((report.records, report.records_per_second), (40, 20.0));
        assert_eq!((report.latency_p50_ms, report.latency_p99_ms), (3.0, 3.0));
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let latencies_us = (1..=2000).rev().map(|ms| ms * 1000).collect();
        let report = Report::new(Duration::from_secs(1), vec![Counts { latencies_us, ..Counts::default() }]);
        let seen = [report.latency_p50_ms, report.latency_p95_ms, report.latency_p99_ms, report.latency_p999_ms];
        assert_eq!(seen, [1001.0, 1901.0, 1981.0, 1999.0]);
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(percentile_ms(&[], 500), 0.0);
    }
}

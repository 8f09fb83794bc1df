//! What Kafka's own tools print.

use anyhow::Context;
use serde_json::{Value, json};

/// The last line of ProducerPerformance: that of the records behind the warm-up, where there was one.
#[derive(Debug, PartialEq)]
pub struct Produced {
    /// Acknowledged records.
    pub records_per_second: f64,
    /// Half of the records took less from being handed over to being acknowledged, in milliseconds.
    pub p50_ms: f64,
    p95_ms: f64,
    /// Of a hundred, one took more.
    pub p99_ms: f64,
    p999_ms: f64,
    said: String,
}

impl Produced {
    /// Reads it.
    ///
    /// # Errors
    /// When there is no such line.
    pub fn parse(said: &str) -> anyhow::Result<Produced> {
        let line = said.lines().rev().find(|line| line.contains(" ms 99.9th"));
        let line = line.with_context(|| format!("no summary in {said:?}"))?;
        let before = |unit: &str| {
            let (head, _) = line.split_once(unit).with_context(|| format!("no {unit:?} in {line:?}"))?;
            let number = head.rsplit([' ', '(']).next().unwrap_or_default();
            number.parse::<f64>().with_context(|| format!("{number:?} before {unit:?}"))
        };
        Ok(Produced {
            records_per_second: before(" records/sec")?,
            p50_ms: before(" ms 50th")?,
            p95_ms: before(" ms 95th")?,
            p99_ms: before(" ms 99th")?,
            p999_ms: before(" ms 99.9th")?,
            said: line.to_owned(),
        })
    }

    /// With the names that our own client uses.
    pub fn raw(&self) -> Value {
        json!({
            "latency_p50_ms": self.p50_ms, "latency_p95_ms": self.p95_ms, "latency_p99_ms": self.p99_ms,
            "latency_p999_ms": self.p999_ms, "records_per_second": self.records_per_second, "said": self.said,
        })
    }
}

/// The line of ConsumerPerformance.
#[derive(Debug, PartialEq)]
pub struct Consumed {
    /// Records that were read.
    pub records: f64,
    /// While it was fetching: the time in which it joined its group does not count.
    pub records_per_second: f64,
    said: String,
}

impl Consumed {
    /// Reads it: start and end, MB, MB/s, records, records/s, milliseconds until it had joined,
    /// milliseconds of fetching, MB/s and records/s of these.
    ///
    /// # Errors
    /// When there is no such line.
    pub fn parse(said: &str) -> anyhow::Result<Consumed> {
        let fields = |line: &str| line.split(',').map(|field| field.trim().to_owned()).collect::<Vec<_>>();
        let line = said.lines().rev().find(|line| fields(line).len() == 10);
        let line = line.with_context(|| format!("no summary in {said:?}"))?;
        let fields = fields(line);
        Ok(Consumed {
            records: fields[4].parse().with_context(|| format!("records in {line:?}"))?,
            records_per_second: fields[9].parse().with_context(|| format!("records per second in {line:?}"))?,
            said: line.to_owned(),
        })
    }

    /// As it was said.
    pub fn raw(&self) -> Value {
        json!({ "records": self.records, "records_per_second": self.records_per_second, "said": self.said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCED: &str = "\
Warmup first 1000 records. Steady state results will print after the complete test summary.
6000 records sent, 1805.054152 records/sec (1.76 MB/sec), 1241.77 ms avg latency, 1744.00 ms max latency, 1237 ms 50th, 1708 ms 95th, 1724 ms 99th, 1742 ms 99.9th.
5000 steady state records sent, 2187.226597 records/sec (2.14 MB/sec), 1315.80 ms avg latency, 1744.00 ms max latency, 1293 ms 50th, 1710 ms 95th, 1725 ms 99th, 1743 ms 99.9th.
";

    #[test]
    fn records_of_the_warm_up_do_not_count() {
        let produced = Produced::parse(PRODUCED).expect("a summary");
        assert_eq!(produced.records_per_second, 2187.226597);
        assert_eq!(
            (produced.p50_ms, produced.p95_ms, produced.p99_ms, produced.p999_ms),
            (1293.0, 1710.0, 1725.0, 1743.0)
        );
        assert_eq!(produced.raw()["latency_p999_ms"], 1743.0);
    }

    #[test]
    fn reading_counts_from_the_first_fetch() {
        let line = "2026-11-26 22:34:00:696, 2026-11-26 22:34:02:063, 5.8874, 4.3068, 6000, 4389.1734, 992, 375, 15.6997, 16000.0000\n";
        let consumed = Consumed::parse(line).expect("a summary");
        assert_eq!((consumed.records, consumed.records_per_second), (6000.0, 16000.0));
    }

    #[test]
    fn what_is_no_summary_is_an_error() {
        assert!(Produced::parse("Exception in thread main\n").is_err());
        assert!(Consumed::parse("WARNING: Exiting before consuming\n").is_err());
    }
}

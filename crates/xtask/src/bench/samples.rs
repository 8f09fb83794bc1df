//! All samples of one run, by cell and contestant.

use super::cell::{Load, Sample};
use super::contestant::Contestant;
use super::numbers::Spread;
use std::collections::BTreeMap;

/// Samples in the order they were taken.
#[derive(Debug, Default)]
pub struct Samples(BTreeMap<(Load, Contestant), Vec<Sample>>);

impl Samples {
    /// One more.
    pub fn add(&mut self, load: Load, contestant: Contestant, sample: Sample) {
        self.0.entry((load, contestant)).or_default().push(sample);
    }

    /// Repeats of one cell; empty where the contestant did not take part.
    pub fn of(&self, load: Load, contestant: Contestant) -> &[Sample] {
        self.0.get(&(load, contestant)).map_or(&[], Vec::as_slice)
    }

    /// Median and spread of one number of a cell.
    pub fn spread(&self, load: Load, contestant: Contestant, number: fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.of(load, contestant).iter().map(number))
    }

    /// The median rate of a cell.
    pub fn rate(&self, load: Load, contestant: Contestant) -> Option<f64> {
        Some(self.spread(load, contestant, |sample| sample.records_per_second)?.median)
    }

    /// How many times the median rate of `contestant` that of `other` fits into.
    pub fn ratio(&self, load: Load, contestant: Contestant, other: Contestant) -> Option<f64> {
        Some(self.rate(load, contestant)? / self.rate(load, other)?)
    }
}

#[cfg(test)]
pub fn sample(records_per_second: f64) -> Sample {
    Sample {
        records_per_second,
        latency_p50_ms: 1.0,
        latency_p99_ms: 2.0,
        cpu_seconds_per_gib: Some(3.0),
        disk_bytes_per_byte: Some(2.5),
        client_cpu_share: 0.1,
        syncs_per_second: None,
        resident_bytes: 0,
        refused: 0,
        raw: serde_json::Value::Null,
    }
}

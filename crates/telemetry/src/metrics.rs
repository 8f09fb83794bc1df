//! Metrics: kept in memory, rendered as Prometheus text on demand.
//!
//! Rooms observe through the `metrics` facade in their own `metrics.rs`; this file only knows
//! how histograms are divided.

use crate::process;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::fmt;

/// Upper bounds of histograms whose name ends in `_seconds`.
pub const SECONDS_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of histograms whose name ends in `_bytes`: 256 B to 16 MiB.
pub const BYTES_BUCKETS: [f64; 9] =
    [256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];
/// Upper bounds of all other histograms: counts of things.
pub const COUNT_BUCKETS: [f64; 13] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];

/// The metrics of the process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Makes a recorder and gives it to the whole process; none when it has one already.
    pub(crate) fn install() -> Option<Self> {
        let recorder = recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok().map(|()| Metrics { handle })
    }

    /// All metrics, and those of the process as the kernel counts them, in Prometheus text
    /// format 0.0.4.
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        text.push_str(&process::render());
        text
    }

    /// Folds what histograms have gathered into their buckets. To be called every few seconds:
    /// where nobody scrapes, memory would grow with each observation.
    pub fn fold(&self) {
        self.handle.run_upkeep();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn recorder() -> PrometheusRecorder {
    let with_buckets = PrometheusBuilder::new()
        .set_buckets(&COUNT_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES_BUCKETS));
    with_buckets.expect("no list of buckets is empty").build_recorder()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is rendered after `observe` ran.
    fn rendered(observe: impl FnOnce()) -> String {
        let recorder = recorder();
        let metrics = Metrics { handle: recorder.handle() };
        metrics::with_local_recorder(&recorder, observe);
        metrics.render()
    }

    #[test]
    fn seconds_fall_into_buckets_from_half_a_millisecond_to_ten_seconds() {
        let text = rendered(|| metrics::histogram!("anabranch_put_seconds").record(0.0007));
        assert!(text.contains("anabranch_put_seconds_bucket{le=\"0.0005\"} 0\n"), "{text}");
        assert!(text.contains("anabranch_put_seconds_bucket{le=\"0.001\"} 1\n"), "{text}");
        assert!(text.contains("anabranch_put_seconds_bucket{le=\"10\"} 1\n"), "{text}");
    }

    #[test]
    fn bytes_and_counts_have_buckets_of_their_own() {
        let text = rendered(|| {
            metrics::histogram!("anabranch_batch_bytes").record(300.0);
            metrics::histogram!("anabranch_batch_records").record(500.0);
        });
        assert!(text.contains("anabranch_batch_bytes_bucket{le=\"1024\"} 1\n"), "{text}");
        assert!(text.contains("anabranch_batch_records_bucket{le=\"500\"} 1\n"), "{text}");
    }

    #[test]
    fn folding_loses_no_observation() {
        let recorder = recorder();
        let metrics = Metrics { handle: recorder.handle() };
        for _ in 0..3 {
            metrics::with_local_recorder(&recorder, || metrics::histogram!("anabranch_get_seconds").record(1.0));
            metrics.fold();
        }
        assert!(metrics.render().contains("anabranch_get_seconds_count 3\n"));
    }
}

//! What a run must reach.

use super::amplification::Amplification;
use super::cell::Load;
use super::contestant::Contestant;
use super::numbers::Spread;
use super::samples::Samples;
use super::three_nodes::{self, AtHalf, ThreeNodes};

/// Times the median rate of ferrokinesis in memory, for writes and for reads.
const FERROKINESIS_MIN: f64 = 1.0;
/// Times the median rate of kinesalite, for writes.
const KINESALITE_MIN: f64 = 5.0;
/// Three nodes by AWS JSON, times the median rate of kinesalite.
const THREE_NODES_KINESALITE_MIN: f64 = 2.0;
/// Three nodes by gRPC, times their own median rate by AWS JSON.
const THREE_NODES_GRPC_MIN: f64 = 1.5;
/// The median time of a put at half of the speed, in median fdatasyncs of the same disk meanwhile.
const PUT_SYNCS_MAX: f64 = 2.0;
/// What it may take on top of them, in milliseconds.
const PUT_MORE_MS_MAX: f64 = 2.0;
/// Bytes written to disk per byte of record data, flushes included.
const AMPLIFICATION_MAX: f64 = 3.2;

/// One line for each floor: whether it holds, and both numbers.
pub fn judge(loads: &[Load], samples: &Samples, amplification: &Amplification) -> Vec<(bool, String)> {
    let mut verdicts = Vec::new();
    for load in loads {
        let rivals: &[(Contestant, f64)] = match load {
            Load::Put { .. } => {
                &[(Contestant::FerrokinesisMemory, FERROKINESIS_MIN), (Contestant::Kinesalite, KINESALITE_MIN)]
            }
            Load::Produce { .. } => &[],
            Load::Read { .. } => &[(Contestant::FerrokinesisMemory, FERROKINESIS_MIN)],
        };
        for (rival, least) in rivals {
            let ratio = samples.ratio(*load, Contestant::Anabranch, *rival);
            verdicts.push(at_least(&load.name(), ratio, rival.name(), *least));
        }
    }
    let seen = amplification.of_process();
    let line = format!("write amplification {seen:.2} (at most {AMPLIFICATION_MAX})");
    verdicts.push((seen <= AMPLIFICATION_MAX, line));
    verdicts
}

/// The same for three nodes; `samples` has the rivals of the same run.
pub fn judge_three_nodes(three: &ThreeNodes, samples: &Samples) -> Vec<(bool, String)> {
    let ratio = |rate: Option<f64>, of: Option<f64>| Some(rate? / of?);
    let mut verdicts = Vec::new();
    for (put, produce) in three_nodes::LOADS {
        let kinesalite = samples.rate(put, Contestant::Kinesalite);
        let (by_json, by_grpc) = (ratio(three.rate(put), kinesalite), ratio(three.rate(produce), three.rate(put)));
        let name = |load: Load| format!("three nodes, {}", load.name());
        verdicts.push(at_least(&name(put), by_json, Contestant::Kinesalite.name(), THREE_NODES_KINESALITE_MIN));
        verdicts.push(at_least(&name(produce), by_grpc, "their own PutRecords", THREE_NODES_GRPC_MIN));
    }
    verdicts.extend(three_nodes::AT_HALF.map(|load| put_time(load, three)));
    verdicts
}

/// What the median time of a put may be.
pub fn put_ms_max(half: &AtHalf) -> f64 {
    PUT_SYNCS_MAX * half.sync_p50_ms + PUT_MORE_MS_MAX
}

fn put_time(load: Load, three: &ThreeNodes) -> (bool, String) {
    let median = |number: fn(&AtHalf) -> f64| Some(Spread::of(three.at_half(load).map(number))?.median);
    let name = format!("three nodes, {} at half of that, p50", load.name());
    match median(|half| half.sample.latency_p50_ms).zip(median(put_ms_max)) {
        Some((seen, most)) => (
            seen <= most,
            format!("{name}: {seen:.1} ms (at most {most:.1}: {PUT_SYNCS_MAX} fdatasync and {PUT_MORE_MS_MAX} ms)"),
        ),
        None => (false, format!("{name}: not measured")),
    }
}

fn at_least(load: &str, ratio: Option<f64>, rival: &str, least: f64) -> (bool, String) {
    let seen = ratio.map_or("not measured".to_owned(), |ratio| format!("{ratio:.2}"));
    (ratio.is_some_and(|ratio| ratio >= least), format!("{load}: {seen} × {rival} (at least {least})"))
}

#[cfg(test)]
mod tests {
    use super::super::samples::sample;
    use super::*;

    #[test]
    fn a_floor_that_was_not_measured_does_not_hold() {
        let load = Load::Put { records: 500, connections: 8 };
        let mut samples = Samples::default();
        samples.add(load, Contestant::Anabranch, sample(60.0));
        samples.add(load, Contestant::FerrokinesisMemory, sample(50.0));
        let verdicts = judge(&[load], &samples, &Amplification::default());
        let holds: Vec<bool> = verdicts.iter().map(|(holds, _)| *holds).collect();
        assert_eq!(holds, [true, false, true]);
        assert!(verdicts[0].1.contains("1.20 × ferrokinesis"), "{}", verdicts[0].1);
    }

    #[test]
    fn three_nodes_are_judged_beside_the_rivals_of_the_run_and_the_disk() {
        let (mut three, mut samples) = (ThreeNodes::default(), Samples::default());
        for (put, produce) in three_nodes::LOADS {
            samples.add(put, Contestant::Kinesalite, sample(10.0));
            three.closed.add(put, Contestant::Anabranch, sample(20.0));
            three.closed.add(produce, Contestant::Anabranch, sample(29.0));
        }
        let half = |load, latency_p50_ms, sync_p50_ms| {
            let sample = crate::bench::cell::Sample { latency_p50_ms, ..sample(10.0) };
            AtHalf { load, offered: 10.0, sample, sync_p50_ms }
        };
        three.half = vec![half(three_nodes::AT_HALF[0], 6.0, 2.0), half(three_nodes::AT_HALF[1], 6.1, 2.0)];
        let verdicts = judge_three_nodes(&three, &samples);
        let holds: Vec<bool> = verdicts.iter().map(|(holds, _)| *holds).collect();
        assert_eq!(holds, [true, false, true, false, true, false], "{verdicts:?}");
        assert!(verdicts[1].1.contains("1.45 × their own PutRecords"), "{}", verdicts[1].1);
        let nothing = judge_three_nodes(&ThreeNodes::default(), &samples);
        assert!(nothing.iter().all(|(holds, line)| !holds && line.contains("not measured")), "{nothing:?}");
    }
}

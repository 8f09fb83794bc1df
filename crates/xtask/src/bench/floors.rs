//! What a run must reach.

use super::amplification::Amplification;
use super::cell::Load;
use super::contestant::Contestant;
use super::samples::Samples;

/// Times the median rate of ferrokinesis in memory, for writes and for reads.
const FERROKINESIS_MIN: f64 = 1.0;
/// Times the median rate of kinesalite, for writes.
const KINESALITE_MIN: f64 = 5.0;
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
            Load::Read { .. } => &[(Contestant::FerrokinesisMemory, FERROKINESIS_MIN)],
        };
        for (rival, least) in rivals {
            let ratio = samples.ratio(*load, Contestant::Anabranch, *rival);
            let seen = ratio.map_or("not measured".to_owned(), |ratio| format!("{ratio:.2}"));
            let line = format!("{}: {seen} × {} (at least {least})", load.name(), rival.name());
            verdicts.push((ratio.is_some_and(|ratio| ratio >= *least), line));
        }
    }
    let seen = amplification.of_process();
    let line = format!("write amplification {seen:.2} (at most {AMPLIFICATION_MAX})");
    verdicts.push((seen <= AMPLIFICATION_MAX, line));
    verdicts
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
}

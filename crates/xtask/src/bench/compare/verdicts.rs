//! What `compare` must reach.

use super::super::cell::{Load, RECORD_BYTES};
use super::super::contestant::Contestant;
use super::super::numbers::{Spread, thousands};
use super::Measured;
use super::replicated::{MOST, Replicated};
use super::results::Row;
use super::single;

/// Three replicas by gRPC, times the best of JetStream.
const JETSTREAM_MIN: f64 = 2.0;
/// One durable node, times each emulator.
const EMULATORS_MIN: [(Contestant, f64); 3] =
    [(Contestant::FerrokinesisMemory, 2.0), (Contestant::Kinesalite, 10.0), (Contestant::FerrokinesisDisk, 50.0)];
/// What is enough of what the disk lets through, where that is less.
const DISK_SHARE_MIN: f64 = 0.8;

/// One line for each floor: whether it holds, and the numbers.
pub fn judge(measured: &Measured) -> Vec<(bool, String)> {
    let mut verdicts = vec![jetstream(measured)];
    let disk = disk_records_per_second(measured);
    for (title, load) in single::LOADS {
        if matches!(load, Load::Put { .. }) {
            verdicts.extend(EMULATORS_MIN.map(|(rival, times)| emulator(measured, title, rival, times, disk)));
        }
    }
    verdicts
}

/// Records of 1 KiB per second that the disk takes at our write amplification.
pub fn disk_records_per_second(measured: &Measured) -> Option<f64> {
    let disk = Spread::of(measured.disk.iter().copied())?.median;
    let written = measured.amplification.of_process() * f64::from(RECORD_BYTES);
    (written > 0.0).then(|| disk / written)
}

/// Our three replicas by gRPC, times the others' best, whoever is ahead; none of those not measured.
pub fn place(measured: &Measured, other: Replicated) -> Option<f64> {
    let ours = measured.replicated.best(MOST, is_grpc)?;
    let name = other.name();
    Some(ours / measured.replicated.best(MOST, |row| row.contestant == name)?)
}

fn is_grpc(row: &Row) -> bool {
    row.is_ours() && row.way.starts_with("gRPC")
}

fn jetstream(measured: &Measured) -> (bool, String) {
    let places = [1, 8].map(|streams| place(measured, Replicated::JetStream { streams }));
    let least = places.iter().flatten().copied().min_by(f64::total_cmp);
    let seen = least.map_or("not measured".to_owned(), |seen| format!("{seen:.2}"));
    let line = format!("three replicas, fsync, gRPC: {seen} × the best of JetStream (at least {JETSTREAM_MIN})");
    // Both of its forms have to be there, or its best is not known.
    (places.iter().all(Option::is_some) && least.is_some_and(|seen| seen >= JETSTREAM_MIN), line)
}

fn emulator(measured: &Measured, title: &str, rival: Contestant, times: f64, disk: Option<f64>) -> (bool, String) {
    let rate = |contestant: Contestant| measured.single.best(title, |row| row.contestant == contestant.name());
    let (Some(ours), Some(theirs)) = (rate(Contestant::Anabranch), rate(rival)) else {
        return (false, format!("one durable node, {title}: {} was not measured", rival.name()));
    };
    let enough = disk.map(|disk| disk * DISK_SHARE_MIN).filter(|enough| *enough < times * theirs);
    let line = format!("one durable node, {title}: {:.2} × {} (at least {times})", ours / theirs, rival.name());
    match enough {
        Some(enough) => (
            ours >= enough,
            format!(
                "{line}, or {} records/s, {:.0} % of what the disk lets through: {}",
                thousands(enough),
                DISK_SHARE_MIN * 100.0,
                thousands(ours)
            ),
        ),
        None => (ours >= times * theirs, line),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples::sample;
    use super::super::results::label;
    use super::*;

    fn measured(ours: f64, jetstream: &[(u32, f64)]) -> Measured {
        let mut measured = Measured::default();
        measured.replicated.add(&label(MOST, "anabranch", "gRPC Produce"), sample(ours));
        measured.replicated.add(&label(MOST, "anabranch", "PutRecords"), sample(ours * 10.0));
        for (streams, rate) in jetstream {
            let name = Replicated::JetStream { streams: *streams }.name();
            measured.replicated.add(&label(MOST, &name, "window"), sample(*rate));
        }
        measured
    }

    #[test]
    fn the_better_form_of_jetstream_counts_and_our_rate_by_grpc() {
        let (holds, line) = jetstream(&measured(50.0, &[(1, 10.0), (8, 20.0)]));
        assert!(holds && line.contains("2.50 ×"), "{line}");
        assert!(!jetstream(&measured(39.0, &[(1, 20.0), (8, 10.0)])).0);
    }

    #[test]
    fn a_floor_whose_rival_is_missing_is_missed() {
        assert!(!jetstream(&measured(50.0, &[(1, 10.0)])).0);
        let (_, line) = jetstream(&measured(50.0, &[]));
        assert!(line.contains("not measured"), "{line}");
        let verdicts = judge(&Measured::default());
        assert!(verdicts.len() == 7 && verdicts.iter().all(|(holds, _)| !holds), "{verdicts:?}");
    }

    #[test]
    fn the_disk_is_an_excuse_only_where_it_is_the_lower_bar() {
        let title = single::LOADS[0].0;
        let verdict = |ours: f64, theirs: f64, disk: f64| {
            let mut measured = Measured::default();
            measured.single.add(&label(title, Contestant::Anabranch.name(), "x"), sample(ours));
            measured.single.add(&label(title, Contestant::FerrokinesisDisk.name(), "x"), sample(theirs));
            emulator(&measured, title, Contestant::FerrokinesisDisk, 50.0, Some(disk))
        };
        assert!(verdict(500.0, 10.0, 10_000.0).0);
        assert!(!verdict(499.0, 10.0, 10_000.0).0);
        assert!(verdict(400.0, 10.0, 500.0).0);
        let (holds, line) = verdict(399.0, 10.0, 500.0);
        assert!(!holds && line.contains("80 % of what the disk lets through"), "{line}");
    }
}

//! The tables of three nodes, as Markdown.

use super::cell::{Load, Sample};
use super::contestant::Contestant;
use super::floors;
use super::numbers::{Spread, thousands};
use super::samples::Samples;
use super::three_nodes::{self, AtHalf, Cost, ThreeNodes};
use std::fmt::Write;

/// All of them; `samples` has the rivals and the single node of the same run.
pub fn page(three: &ThreeNodes, samples: &Samples) -> String {
    let mut text = format!(
        "\n## Three nodes\n\n{}: three processes on this machine and disk, 8 shards in 6 groups of three replicas; \
         an acknowledgement means: fdatasync'ed by two of three replicas, form of the signature checked\n\n\
         | as fast as it goes | records/s, median (least to most) | × kinesalite | × one node | × own PutRecords \
         | p50 ms | p99 ms | CPU-s/GiB | written per record byte | log syncs/s | client, of a core | refused |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
        three.command_line
    );
    for (put, produce) in three_nodes::LOADS {
        text += &fastest(put, put, three, samples).unwrap_or_default();
        text += &fastest(produce, put, three, samples).unwrap_or_default();
    }
    text += "\n| at half of that, open loop | due records/s | answered/s | p50 ms | p99 ms | fdatasync of 4 KiB meanwhile, \
             p50 ms | p50 may be, ms | CPU-s/GiB | written per record byte | refused or missed |\n\
             |---|---|---|---|---|---|---|---|---|---|\n";
    for load in three_nodes::AT_HALF {
        text += &at_half(load, three).unwrap_or_default();
    }
    text += &costs(three).unwrap_or_default();
    text
}

/// A row; `put` is the PutRecords load of the same shape.
fn fastest(load: Load, put: Load, three: &ThreeNodes, samples: &Samples) -> Option<String> {
    let spread = |number: fn(&Sample) -> f64| three.closed.spread(load, Contestant::Anabranch, number);
    let of = three.closed.of(load, Contestant::Anabranch);
    let rate = spread(|sample| sample.records_per_second)?;
    let times = |other: Option<f64>| other.map_or(String::new(), |other| format!("{:.2}", rate.median / other));
    let mut row = format!("| {} ", load.name());
    write!(row, "| **{}** ({} to {}) ", thousands(rate.median), thousands(rate.least), thousands(rate.most)).ok()?;
    write!(row, "| {} ", times(samples.rate(put, Contestant::Kinesalite))).ok()?;
    write!(row, "| {} ", times(samples.rate(put, Contestant::Anabranch))).ok()?;
    write!(row, "| {} ", times(three.rate(put))).ok()?;
    write!(row, "| {:.1} | {:.1} ", spread(|s| s.latency_p50_ms)?.median, spread(|s| s.latency_p99_ms)?.median).ok()?;
    write!(row, "| {} | {} ", known(of, |s| s.cpu_seconds_per_gib, 1), known(of, |s| s.disk_bytes_per_byte, 2)).ok()?;
    write!(row, "| {} ", known(of, |s| s.syncs_per_second, 0)).ok()?;
    let refused: u64 = of.iter().map(|sample| sample.refused).sum();
    writeln!(row, "| {:.0} % | {refused} |", spread(|s| s.client_cpu_share)?.median * 100.0).ok()?;
    Some(row)
}

fn at_half(load: Load, three: &ThreeNodes) -> Option<String> {
    let median = |number: fn(&AtHalf) -> f64| Some(Spread::of(three.at_half(load).map(number))?.median);
    let samples: Vec<Sample> = three.at_half(load).map(|half| half.sample.clone()).collect();
    let refused: u64 = samples.iter().map(|sample| sample.refused).sum();
    Some(format!(
        "| {} | {} | {} | **{:.1}** | {:.1} | {:.2} | {:.1} | {} | {} | {refused} |\n",
        load.name(),
        thousands(median(|half| half.offered)?),
        thousands(median(|half| half.sample.records_per_second)?),
        median(|half| half.sample.latency_p50_ms)?,
        median(|half| half.sample.latency_p99_ms)?,
        median(|half| half.sync_p50_ms)?,
        median(floors::put_ms_max)?,
        known(&samples, |sample| sample.cpu_seconds_per_gib, 1),
        known(&samples, |sample| sample.disk_bytes_per_byte, 2),
    ))
}

fn costs(three: &ThreeNodes) -> Option<String> {
    let median = |number: fn(&Cost) -> f64| Some(Spread::of(three.costs.iter().map(number))?.median);
    Some(format!(
        "\nAll loads of a repeat together, warm-ups included, per GiB of acknowledged record data: {:.1} CPU-seconds \
         and {:.2} GiB written, of all three nodes\n",
        median(|cost| cost.cpu_seconds_per_gib)?,
        median(|cost| cost.disk_bytes_per_byte)?
    ))
}

/// The median of what is known.
fn known(samples: &[Sample], number: fn(&Sample) -> Option<f64>, digits: usize) -> String {
    let spread = Spread::of(samples.iter().filter_map(number));
    spread.map_or(String::new(), |spread| format!("{:.digits$}", spread.median))
}

#[cfg(test)]
mod tests {
    use super::super::samples::sample;
    use super::*;

    #[test]
    fn a_row_tells_what_it_is_of_the_others() {
        let (mut three, mut samples) = (ThreeNodes::default(), Samples::default());
        let (put, produce) = three_nodes::LOADS[1];
        samples.add(put, Contestant::Kinesalite, sample(5_000.0));
        samples.add(put, Contestant::Anabranch, sample(40_000.0));
        three.closed.add(put, Contestant::Anabranch, sample(10_000.0));
        three.closed.add(produce, Contestant::Anabranch, sample(20_000.0));
        three.half.push(AtHalf { load: put, offered: 5_000.0, sample: sample(5_000.0), sync_p50_ms: 0.5 });
        three.costs.push(Cost { cpu_seconds_per_gib: 30.0, disk_bytes_per_byte: 6.5 });
        let text = page(&three, &samples);
        let row = "| gRPC Produce 100 × 1 KiB, 16 streams | **20.0k** (20.0k to 20.0k) | 4.00 | 0.50 | 2.00 \
                   | 1.0 | 2.0 | 3.0 | 2.50 |  | 10 % | 0 |";
        assert!(text.contains(row), "{text}");
        let half =
            "| PutRecords 100 × 1 KiB, 16 connections | 5.0k | 5.0k | **1.0** | 2.0 | 0.50 | 3.0 | 3.0 | 2.50 | 0 |";
        assert!(text.contains(half), "{text}");
        assert!(text.contains("30.0 CPU-seconds and 6.50 GiB written"), "{text}");
        assert!(!text.contains("500 ×"), "{text}");
    }
}

//! The tables, as Markdown.

use super::amplification::Amplification;
use super::cell::{Load, Sample};
use super::contestant::Contestant;
use super::numbers::{Spread, thousands};
use super::samples::Samples;
use std::fmt::Write;

const GIB: f64 = (1u64 << 30) as f64;

/// One table for each load; `contestants` in this order.
pub fn cells(loads: &[Load], contestants: &[Contestant], samples: &Samples) -> String {
    let mut text = String::new();
    for load in loads {
        text += &format!(
            "\n{}\n\n| | records/s, median (least to most) | of null pipeline | p50 ms | p99 ms | CPU-s/GiB | log syncs/s \
             | client, of a core | refused |\n|---|---|---|---|---|---|---|---|---|\n",
            load.name()
        );
        for contestant in contestants {
            text += &row(*load, *contestant, samples).unwrap_or_default();
        }
    }
    text
}

fn row(load: Load, contestant: Contestant, samples: &Samples) -> Option<String> {
    let spread = |number: fn(&Sample) -> f64| samples.spread(load, contestant, number);
    let rate = spread(|sample| sample.records_per_second)?;
    let share = samples.ratio(load, contestant, Contestant::NullPipeline);
    let known = |number: fn(&Sample) -> Option<f64>, digits: usize| {
        let spread = Spread::of(samples.of(load, contestant).iter().filter_map(number));
        spread.map_or(String::new(), |spread| format!("{:.digits$}", spread.median))
    };
    let (cpu, syncs) = (known(|sample| sample.cpu_seconds_per_gib, 1), known(|sample| sample.syncs_per_second, 0));
    let refused: u64 = samples.of(load, contestant).iter().map(|sample| sample.refused).sum();
    let mut row = format!("| {} ", contestant.name());
    write!(row, "| **{}** ({} to {}) ", thousands(rate.median), thousands(rate.least), thousands(rate.most)).ok()?;
    write!(row, "| {} ", share.map_or(String::new(), |share| format!("{:.0} %", share * 100.0))).ok()?;
    write!(row, "| {:.1} | {:.1} ", spread(|s| s.latency_p50_ms)?.median, spread(|s| s.latency_p99_ms)?.median).ok()?;
    writeln!(row, "| {cpu} | {syncs} | {:.0} % | {refused} |", spread(|s| s.client_cpu_share)?.median * 100.0).ok()?;
    Some(row)
}

/// What an acknowledgement of each promises, and how each was started.
pub fn classes(started: &[(Contestant, String)]) -> String {
    let mut text = "\n| | durability class | command line |\n|---|---|---|\n".to_owned();
    for (contestant, command_line) in started {
        text += &format!("| {} | {} | {command_line} |\n", contestant.name(), contestant.durability());
    }
    text
}

/// What 4 GiB cost us.
pub fn costs(cost: &Amplification) -> String {
    let gib = cost.record_bytes as f64 / GIB;
    format!(
        "\nanabranch, {gib:.2} GiB in by PutRecords 500 × 1 KiB, 8 connections, until it has stopped:\n\n\
         | write amplification | by |\n|---|---|\n\
         | **{:.2}** | write_bytes of the process (a page counts again whenever it becomes dirty) |\n\
         | {:.2} | bytes handed to write calls, answers taken off |\n\
         | {:.2} | sectors the whole disk wrote meanwhile, other processes included |\n\n\
         {:.1} CPU-seconds per GiB; {:.1} MiB/s; {:.0} log syncs, {:.0} KiB of record data per sync\n",
        cost.of_process(),
        cost.per_record_byte(cost.call_bytes),
        cost.per_record_byte(cost.disk_bytes),
        cost.cpu_seconds / gib,
        gib * 1024.0 / cost.seconds,
        cost.syncs,
        cost.record_bytes as f64 / 1024.0 / cost.syncs.max(1) as f64,
    )
}

#[cfg(test)]
mod tests {
    use super::super::samples::sample;
    use super::*;

    #[test]
    fn a_row_tells_the_median_its_spread_and_the_share_of_the_null_pipeline() {
        let load = Load::Put { records: 100, connections: 16 };
        let mut samples = Samples::default();
        for rate in [10_000.0, 30_000.0, 20_000.0] {
            samples.add(load, Contestant::Anabranch, sample(rate));
        }
        samples.add(load, Contestant::NullPipeline, sample(40_000.0));
        let text = cells(&[load], &Contestant::ALL, &samples);
        assert!(
            text.contains("| anabranch | **20.0k** (10.0k to 30.0k) | 50 % | 1.0 | 2.0 | 3.0 |  | 10 % | 0 |"),
            "{text}"
        );
        assert!(!text.contains("kinesalite"), "{text}");
    }
}

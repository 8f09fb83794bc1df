//! The page of `compare`, and its plots.

use super::super::cell::Sample;
use super::super::numbers::{Spread, thousands};
use super::super::plot::{Bar, Bars, Line, Lines};
use super::super::table;
use super::Measured;
use super::replicated::{MOST, OPEN, READ, Replicated};
use super::results::{Results, Row, Table};
use super::verdicts;
use std::fmt::Write;

const MIB: f64 = (1u64 << 20) as f64;
/// How the notes of Kafka's tools are to be read.
const NOTES: &str = "\
Records of 1 KiB that nothing compresses, of many keys. Three processes of each stand on this machine and share its \
disk and cores with the client. Kafka is measured with its own tools, one process of Java: its times count from the \
moment a record is handed over, not from when it was due, and its CPU time and bytes include the warm-up. JetStream is \
measured with `async-nats`: a record is a message, of 1,000 subjects for each stream. Our time of a record counts from \
when it was due in an open loop, and else from handing its batch to the connection.\n";

/// All below the head.
pub fn body(measured: &Measured, verdicts: &[(bool, String)]) -> String {
    let mut text = "## Floors\n\n".to_owned();
    for (holds, line) in verdicts {
        let _ = writeln!(text, "- {} {line}", if *holds { "reached" } else { "**MISSED**" });
    }
    text += "\n## Three replicas\n\n![acknowledged records](compare-replicas.svg)\n\n![time of a record](compare-times.svg)\n\n";
    text += NOTES;
    text += &tables(&measured.replicated, &[MOST, OPEN, READ]);
    text += &places(measured);
    text += "\n## One durable node, AWS JSON\n\n![records per second](compare-single.svg)\n\n64 shards, limits off.\n";
    let titles: Vec<&str> = measured.single.tables.iter().map(|table| table.title).collect();
    text += &tables(&measured.single, &titles);
    text += &disk(measured);
    text += &table::costs(&measured.amplification);
    text += &missing(measured);
    text += &command_lines(measured);
    text
}

fn tables(results: &Results, titles: &[&str]) -> String {
    titles.iter().filter_map(|title| results.table(title)).map(one_table).collect()
}

fn one_table(table: &Table) -> String {
    let mut text = format!(
        "\n### {}\n\n| | how | an acknowledgement means | records/s, median (least to most) | p50 ms | p95 ms | p99 ms \
         | p99.9 ms | CPU-s/GiB | written per record byte | memory, MiB | client, of a core | refused or missed |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        table.title
    );
    for row in &table.rows {
        text += &one_row(row).unwrap_or_default();
    }
    text
}

fn one_row(row: &Row) -> Option<String> {
    let rate = row.spread(|sample| sample.records_per_second)?;
    let known = |number: fn(&Sample) -> Option<f64>, digits: usize| {
        row.known(number).map_or(String::new(), |spread| format!("{:.digits$}", spread.median))
    };
    let times: Vec<String> = percentiles(row)
        .into_iter()
        .map(|time| time.filter(|time| *time > 0.0).map_or(String::new(), |time| format!("{time:.1}")))
        .collect();
    let refused: u64 = row.samples.iter().map(|sample| sample.refused).sum();
    Some(format!(
        "| {} | {} | {} | **{}** ({} to {}) | {} | {} | {} | {:.0} | {:.0} % | {refused} |\n",
        row.contestant,
        row.way,
        row.durability,
        thousands(rate.median),
        thousands(rate.least),
        thousands(rate.most),
        times.join(" | "),
        known(|sample| sample.cpu_seconds_per_gib, 1),
        known(|sample| sample.disk_bytes_per_byte, 2),
        row.spread(|sample| sample.resident_bytes as f64)?.median / MIB,
        row.spread(|sample| sample.client_cpu_share)?.median * 100.0,
    ))
}

/// The median of the repeats, of each percentile.
fn percentiles(row: &Row) -> [Option<f64>; 4] {
    [0, 1, 2, 3].map(|index| {
        let values = row.samples.iter().filter_map(|sample| sample.percentiles_ms()[index]);
        Spread::of(values).map(|spread| spread.median)
    })
}

/// Where we stand, whichever way it comes out.
fn places(measured: &Measured) -> String {
    let mut text = "\nOurs by gRPC, times the best of each, as fast as it goes:\n\n| | × | an acknowledgement there means |\n|---|---|---|\n".to_owned();
    let others = [
        Replicated::JetStream { streams: 1 },
        Replicated::JetStream { streams: 8 },
        Replicated::Kafka { flush: true },
        Replicated::Kafka { flush: false },
    ];
    for other in others {
        let seen = verdicts::place(measured, other).map_or("not measured".to_owned(), |seen| format!("{seen:.2}"));
        let _ = writeln!(text, "| {} | {seen} | {} |", other.name(), other.durability());
    }
    text
}

fn disk(measured: &Measured) -> String {
    let Some(disk) = Spread::of(measured.disk.iter().copied()) else { return String::new() };
    let enough = verdicts::disk_records_per_second(measured).map_or("unknown".to_owned(), thousands);
    format!(
        "\nThe disk takes {:.0} MiB/s ({:.0} to {:.0}) in order, each MiB synced: {enough} records/s of 1 KiB at our write \
         amplification.\n",
        disk.median / MIB,
        disk.least / MIB,
        disk.most / MIB
    )
}

fn missing(measured: &Measured) -> String {
    let failures: Vec<&String> = measured.replicated.failures.iter().chain(&measured.single.failures).collect();
    if failures.is_empty() {
        return String::new();
    }
    let mut text = "\n## Missing\n\n".to_owned();
    for failure in failures {
        let _ = writeln!(text, "- {failure}");
    }
    text
}

fn command_lines(measured: &Measured) -> String {
    let mut text = "\n## How each was started\n\n| | command line |\n|---|---|\n".to_owned();
    for (contestant, command_line) in measured.replicated.command_lines.iter().chain(&measured.single.command_lines) {
        let _ = writeln!(text, "| {contestant} | {command_line} |");
    }
    text
}

/// File names and pictures.
pub fn plots(measured: &Measured) -> Vec<(String, String)> {
    let single = measured.single.tables.first();
    vec![
        (
            "compare-replicas.svg".to_owned(),
            bars(
                measured.replicated.table(MOST),
                "Three replicas: acknowledged records of 1 KiB per second",
                "Median, and least to most of the repeats. Hollow: acknowledged before any disk has it.",
                |durability| durability.contains("memory"),
            ),
        ),
        ("compare-times.svg".to_owned(), times(measured.replicated.table(OPEN))),
        (
            "compare-single.svg".to_owned(),
            bars(
                single,
                "One node, AWS JSON: acknowledged records of 1 KiB per second",
                "PutRecords of 500, 8 connections. Hollow: acknowledged before any disk has it.",
                |durability| durability.contains("memory"),
            ),
        ),
    ]
}

/// The best way of each contestant, the fastest first; of ours each wire.
fn bars(table: Option<&Table>, title: &str, note: &str, is_hollow: fn(&str) -> bool) -> String {
    let mut bars: Vec<Bar> = Vec::new();
    for row in table.map_or(&[][..], |table| &table.rows) {
        let Some(spread) = row.spread(|sample| sample.records_per_second) else { continue };
        let wire = row.way.split(' ').next().unwrap_or_default().replace("PutRecords", "AWS JSON");
        let name = match row.is_ours() && wire == "gRPC" {
            true => format!("{}, gRPC", row.contestant),
            false if row.is_ours() => format!("{}, AWS JSON", row.contestant),
            false => row.contestant.clone(),
        };
        match bars.iter_mut().find(|bar| bar.name == name) {
            Some(bar) if bar.spread.median < spread.median => bar.spread = spread,
            Some(_) => {}
            None => bars.push(Bar { name, spread, is_ours: row.is_ours(), is_hollow: is_hollow(row.durability) }),
        }
    }
    bars.sort_by(|one, other| other.spread.median.total_cmp(&one.spread.median));
    Bars { title: title.to_owned(), note: note.to_owned(), bars }.svg()
}

fn times(table: Option<&Table>) -> String {
    let rows = table.map_or(&[][..], |table| &table.rows);
    let mut lines: Vec<Line> =
        rows.iter().map(|row| Line { name: row.contestant.clone(), values: percentiles(row).into() }).collect();
    lines.sort_by_key(|line| (!line.name.starts_with("anabranch"), line.name.clone()));
    Lines {
        title: "Three replicas: time of a record at 5,000 records/s due".to_owned(),
        unit: "milliseconds".to_owned(),
        places: ["p50", "p95", "p99", "p99.9"].map(str::to_owned).into(),
        lines,
    }
    .svg()
}

#[cfg(test)]
mod tests {
    use super::super::super::samples::sample;
    use super::super::results::label;
    use super::*;

    fn measured() -> Measured {
        let mut measured = Measured::default();
        let kafka = Replicated::Kafka { flush: false }.name();
        for (contestant, way, rate) in [
            ("anabranch", "gRPC Produce 1", 2000.0),
            ("anabranch", "gRPC Produce 2", 3000.0),
            (&kafka, "1 producer", 6000.0),
        ] {
            measured.replicated.add(&label(MOST, contestant, way), sample(rate));
        }
        measured.replicated.fail("JetStream is missing", &anyhow::anyhow!("no go"));
        measured
    }

    #[test]
    fn the_page_tells_who_is_ahead_and_who_is_missing() {
        let text = body(&measured(), &[(false, "a floor".to_owned())]);
        assert!(text.contains("- **MISSED** a floor"), "{text}");
        assert!(text.contains("| 0.50 | 3 replicas, in the memory of all in sync"), "{text}");
        assert!(text.contains("| not measured | 3 replicas, fsync'ed by 2"), "{text}");
        assert!(text.contains("- JetStream is missing: no go"), "{text}");
        assert!(text.contains("| anabranch | gRPC Produce 2 | promise | **3.0k** (3.0k to 3.0k) |"), "{text}");
    }

    #[test]
    fn a_bar_is_the_best_way_of_its_contestant() {
        let plots = plots(&measured());
        let (_, bars) = plots.iter().find(|(name, _)| name == "compare-replicas.svg").expect("it is there");
        assert_eq!(bars.matches("<rect").count(), 2, "{bars}");
        assert!(bars.contains("anabranch, gRPC") && bars.contains(">3.0k<"), "{bars}");
    }
}

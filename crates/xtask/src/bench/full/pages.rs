//! The page of `full`, and its plots.

use super::Measured;
use super::matrix::{Cell, Kind, Plan, Record, Shape, Wire, counted};
use crate::bench::numbers::thousands;
use crate::bench::plot::{Line, Lines};
use std::fmt::Write;

const MIB: f64 = (1u64 << 20) as f64;
/// What the tables leave to be known.
const NOTES: &str = "\
Each cell was measured once, on `dev --nodes 1` and `dev --nodes 3` with 6 groups, which check the form of signatures only. \
An acknowledgement means: fdatasync'ed by the only replica, or by two of three. All nodes and the client share this \
machine's cores and its disk. Limits are off. Loads have 8 connections or streams, and requests or batches of 500 × 100 B, \
100 × 1 KiB or 16 × 64 KiB. Times count from when a request (AWS JSON) or a record (gRPC) was due.\n";

/// All below the head.
pub fn body(plan: &Plan, measured: &Measured) -> String {
    let mut text = NOTES.to_owned();
    for replicas in plan.replicas.iter().copied() {
        let _ = write!(text, "\n## {}\n\n![MiB/s by shards](full-{replicas}.svg)\n", counted(replicas, "replica"));
        text += &most(plan, replicas, measured);
        text += &shares(plan, replicas, measured);
        text += &tails(plan, replicas, measured);
        text += &catch_ups(plan, replicas, measured);
        text += &costs(plan, replicas, measured);
    }
    text += "\n![time at shares of the most](full-times.svg)\n";
    text += &idle(measured);
    if !measured.failures.is_empty() {
        text += "\n## Missing\n\n";
        for failure in &measured.failures {
            let _ = writeln!(text, "- {failure}");
        }
    }
    text
}

fn find(measured: &Measured, shape: Shape, record: Record, wire: Wire, kind: Kind) -> Option<&Cell> {
    let is_it = |cell: &&Cell| cell.shape == shape && cell.record == record && cell.wire == wire && cell.kind == kind;
    measured.cells.iter().find(is_it)
}

/// Every wire and record, in the order of the tables.
fn loads(plan: &Plan) -> Vec<(Wire, Record)> {
    Wire::ALL.into_iter().flat_map(|wire| plan.records.iter().map(move |record| (wire, *record))).collect()
}

fn shard_heads(plan: &Plan) -> (String, String) {
    let heads: Vec<String> = plan.shards.iter().map(|shards| counted(*shards, "shard")).collect();
    (heads.join(" | "), "---|".repeat(plan.shards.len()))
}

fn most(plan: &Plan, replicas: u32, measured: &Measured) -> String {
    let (heads, rules) = shard_heads(plan);
    let mut text = format!(
        "\n### As fast as it goes\n\nRecords/s, and MiB/s of record data.\n\n| | record | {heads} |\n|---|---|{rules}\n"
    );
    for (wire, record) in loads(plan) {
        let cells = plan.shards.iter().map(|shards| {
            let cell = find(measured, Shape { replicas, shards: *shards }, record, wire, Kind::Most);
            let said =
                |cell: &Cell| format!("{} ({:.0})", thousands(cell.sample.records_per_second), cell.mib_per_second());
            cell.map_or("not measured".to_owned(), said)
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "| {} | {} | {} |", wire.name(), record.name(), cells.join(" | "));
    }
    text
}

fn shares(plan: &Plan, replicas: u32, measured: &Measured) -> String {
    let heads: Vec<String> = plan.shares.iter().map(|share| format!("at {:.0} %", share * 100.0)).collect();
    let mut text = format!(
        "\n### Times at shares of that\n\np50 / p99 / p99.9 in ms; behind them what was refused or had no answer in time.\n\n\
         | | record | shards | {} |\n|---|---|---|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for (wire, record) in loads(plan) {
        for shards in plan.shards.iter().copied() {
            let cells = plan.shares.iter().map(|share| {
                find(measured, Shape { replicas, shards }, record, wire, Kind::Share(*share))
                    .map_or(String::new(), times)
            });
            let cells: Vec<String> = cells.collect();
            let _ = writeln!(text, "| {} | {} | {shards} | {} |", wire.name(), record.name(), cells.join(" | "));
        }
    }
    text
}

fn times(cell: &Cell) -> String {
    let [p50, _, p99, p999] = cell.sample.percentiles_ms();
    let refused = cell.sample.refused;
    let refused = if refused == 0 { String::new() } else { format!(" ({refused})") };
    match (p50, p99, p999) {
        (Some(p50), Some(p99), Some(p999)) => format!("{p50:.1} / {p99:.1} / {p999:.1}{refused}"),
        _ => "not measured".to_owned(),
    }
}

fn tails(plan: &Plan, replicas: u32, measured: &Measured) -> String {
    let (heads, rules) = shard_heads(plan);
    let mut text = format!(
        "\n### Readers at the tip\n\nFrom a record's arrival at its shard to its reading by gRPC Follow, while half of the most \
         is written; p50 / p99 / p99.9 in ms, of up to 16 shards.\n\n| record | {heads} |\n|---|{rules}\n"
    );
    for record in &plan.records {
        let cells = plan.shards.iter().map(|shards| {
            let shape = Shape { replicas, shards: *shards };
            find(measured, shape, *record, Wire::Grpc, Kind::Tail).map_or("not measured".to_owned(), times)
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "| {} | {} |", record.name(), cells.join(" | "));
    }
    text
}

fn catch_ups(plan: &Plan, replicas: u32, measured: &Measured) -> String {
    let (heads, rules) = shard_heads(plan);
    let mut text = format!("\n### Catch-up\n\nRecords/s of 1 KiB, 8 readers.\n\n| | {heads} |\n|---|{rules}\n");
    for wire in Wire::ALL {
        let cells = plan.shards.iter().map(|shards| {
            let shape = Shape { replicas, shards: *shards };
            let cell = plan.records.first().and_then(|record| find(measured, shape, *record, wire, Kind::CatchUp));
            cell.map_or("not measured".to_owned(), |cell| thousands(cell.sample.records_per_second))
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "| {} | {} |", wire.name(), cells.join(" | "));
    }
    text
}

fn costs(plan: &Plan, replicas: u32, measured: &Measured) -> String {
    let mut text =
        "\n### Cost as fast as it goes\n\n| | record | shards | CPU-s/GiB in | memory, MiB | written per record byte \
                    | log syncs/s | client, of a core | refused |\n|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (wire, record) in loads(plan) {
        for shards in plan.shards.iter().copied() {
            let Some(cell) = find(measured, Shape { replicas, shards }, record, wire, Kind::Most) else { continue };
            let sample = &cell.sample;
            let known = |number: Option<f64>, digits: usize| number.map_or(String::new(), |n| format!("{n:.digits$}"));
            let _ = writeln!(
                text,
                "| {} | {} | {shards} | {} | {:.0} | {} | {} | {:.0} % | {} |",
                wire.name(),
                record.name(),
                known(sample.cpu_seconds_per_gib, 1),
                sample.resident_bytes as f64 / MIB,
                known(sample.disk_bytes_per_byte, 2),
                known(sample.syncs_per_second, 0),
                sample.client_cpu_share * 100.0,
                sample.refused
            );
        }
    }
    text
}

fn idle(measured: &Measured) -> String {
    let mut text = "\n## Idle shards\n\nOne node, one stream that nobody uses.\n\n| shards | memory, MiB | of a core \
                    | memory of a shard, KiB | of a core, by a thousand shards |\n|---|---|---|---|---|\n"
        .to_owned();
    let first = measured.idle.first();
    for idle in &measured.idle {
        let each = first.and_then(|first| idle.per_shard_beyond(first));
        let each = each.map_or(" | ".to_owned(), |(bytes, cores)| {
            format!("{:.1} | {:.2} %", bytes / 1024.0, cores * 1000.0 * 100.0)
        });
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.1} % | {each} |",
            idle.shards,
            idle.resident_bytes as f64 / MIB,
            idle.cores * 100.0
        );
    }
    text
}

/// File names and pictures.
pub fn plots(plan: &Plan, measured: &Measured) -> Vec<(String, String)> {
    let mut plots: Vec<(String, String)> = plan
        .replicas
        .iter()
        .map(|replicas| (format!("full-{replicas}.svg"), rates(plan, *replicas, measured)))
        .collect();
    plots.push(("full-times.svg".to_owned(), times_by_share(plan, measured)));
    plots
}

fn rates(plan: &Plan, replicas: u32, measured: &Measured) -> String {
    let lines = loads(plan).into_iter().rev().map(|(wire, record)| {
        let values = plan.shards.iter().map(|shards| {
            Some(find(measured, Shape { replicas, shards: *shards }, record, wire, Kind::Most)?.mib_per_second())
        });
        Line { name: format!("{}, {}", wire.name(), record.name()), values: values.collect() }
    });
    Lines {
        title: format!("{}, as fast as it goes", counted(replicas, "replica")),
        unit: "MiB/s of record data".to_owned(),
        places: plan.shards.iter().map(|shards| counted(*shards, "shard")).collect(),
        lines: lines.collect(),
    }
    .svg()
}

/// Of records of 1 KiB on a stream of a middling number of shards.
fn times_by_share(plan: &Plan, measured: &Measured) -> String {
    let shards = plan.shards.get(1).copied().unwrap_or(1);
    let all = plan.replicas.iter().flat_map(|replicas| Wire::ALL.map(|wire| (*replicas, wire)));
    let lines = all.map(|(replicas, wire)| {
        let values = plan.shares.iter().map(|share| {
            let record = *plan.records.first()?;
            let cell = find(measured, Shape { replicas, shards }, record, wire, Kind::Share(*share))?;
            cell.sample.percentiles_ms()[2]
        });
        Line { name: format!("{}, {}", counted(replicas, "replica"), wire.name()), values: values.collect() }
    });
    Lines {
        title: format!("99 of 100 are faster: 1 KiB, {shards} shards"),
        unit: "milliseconds, by share of the most".to_owned(),
        places: plan.shares.iter().map(|share| format!("{:.0} %", share * 100.0)).collect(),
        lines: lines.collect(),
    }
    .svg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::cell::Sample;
    use crate::bench::options::Options;
    use crate::bench::samples::sample;
    use serde_json::json;

    #[test]
    fn a_cell_stands_in_its_tables_and_what_is_missing_is_told() {
        let plan = Plan::of(Options::default());
        let (shape, record) = (Shape { replicas: 3, shards: 16 }, plan.records[0]);
        let raw = json!({
            "latency_p50_ms": 1.0, "latency_p95_ms": 2.0, "latency_p99_ms": 3.0, "latency_p999_ms": 4.0,
        });
        let with = |kind| {
            let sample = Sample { raw: raw.clone(), refused: 7, ..sample(10_240.0) };
            Cell { shape, record, wire: Wire::Grpc, kind, sample }
        };
        let mut measured = Measured { cells: vec![with(Kind::Most), with(Kind::Share(0.5))], ..Measured::default() };
        measured.fail("1 replicas, 1 shards", &anyhow::anyhow!("no disk"));
        let text = body(&plan, &measured);
        assert!(text.contains("| gRPC | 1 KiB | not measured | 10.2k (10) | not measured |"), "{text}");
        assert!(text.contains("| gRPC | 1 KiB | 16 |  | 1.0 / 3.0 / 4.0 (7) |  |"), "{text}");
        assert!(text.contains("- 1 replicas, 1 shards: no disk"), "{text}");
        let plots = plots(&plan, &measured);
        let names: Vec<&str> = plots.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["full-1.svg", "full-3.svg", "full-times.svg"]);
        assert_eq!(plots.iter().map(|(_, svg)| svg.matches("<circle").count()).collect::<Vec<_>>(), [0, 1, 1]);
    }
}

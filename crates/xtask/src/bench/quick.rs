//! `cargo xtask bench quick`: every contestant, every load, three times, in turn.

use super::Setting;
use super::cell::{self, Load};
use super::contestant::Contestant;
use super::samples::Samples;
use super::server::{self, Server};
use super::three_nodes::ThreeNodes;
use super::{amplification, floors, published, table, three_nodes_table};
use crate::probe;
use anyhow::{Context, bail};
use serde_json::json;
use std::fs::{self, File};
use std::io::Write;
use std::time::Instant;

const LOADS: [Load; 5] = [
    Load::Put { records: 500, connections: 8 },
    Load::Put { records: 500, connections: 16 },
    Load::Put { records: 100, connections: 8 },
    Load::Put { records: 100, connections: 16 },
    Load::Read { connections: 8 },
];

/// Measures, prints the tables and keeps them under the target directory.
///
/// # Errors
/// When something cannot be built or started, or a floor is missed.
pub fn quick(setting: &Setting) -> anyhow::Result<()> {
    let contestants: Vec<Contestant> =
        Contestant::ALL.into_iter().filter(|contestant| takes_part(*contestant, setting)).collect();
    let started = Instant::now();
    probe::print(&setting.folder)?;
    let mut raw = File::create(setting.folder.join("quick.jsonl"))?;
    let (samples, three, command_lines) = measure(setting, &contestants, &mut raw)?;
    eprintln!("   write amplification");
    let cost = amplification::measure(setting).context("write amplification")?;
    probe::print(&setting.folder)?;

    let mut rows = contestants.clone();
    rows.push(Contestant::Sink);
    let mut verdicts = floors::judge(&LOADS, &samples, &cost);
    verdicts.extend(floors::judge_three_nodes(&three, &samples));
    let mut page = format!(
        "commit {}{}, release profile, 64 shards (three nodes: 8), limits off, {} repeats in turn, {:.0} s in all\n",
        published::commit(setting.house)?,
        if setting.options.as_built { " (binaries as an earlier build left them)" } else { "" },
        setting.options.repeats(),
        started.elapsed().as_secs_f64()
    );
    page += &table::classes(&command_lines);
    page += &table::cells(&LOADS, &rows, &samples);
    page += &table::costs(&cost);
    page += &three_nodes_table::page(&three, &samples);
    page += "\nFloors:\n\n";
    for (holds, line) in &verdicts {
        page += &format!("- {} {line}\n", if *holds { "reached" } else { "MISSED" });
    }
    let path = setting.folder.join("quick.md");
    fs::write(&path, &page)?;
    println!("{page}\nkept as {}", path.display());
    let missed = verdicts.iter().filter(|(holds, _)| !holds).count();
    if missed > 0 {
        bail!("{missed} of {} floors missed", verdicts.len());
    }
    Ok(())
}

fn takes_part(contestant: Contestant, setting: &Setting) -> bool {
    contestant.install(setting).inspect_err(|error| eprintln!("   without {}: {error:#}", contestant.name())).is_ok()
}

type Started = Vec<(Contestant, String)>;

/// Every repeat starts each contestant afresh, another one first, and three nodes behind them.
fn measure(
    setting: &Setting,
    contestants: &[Contestant],
    raw: &mut File,
) -> anyhow::Result<(Samples, ThreeNodes, Started)> {
    let (mut samples, mut three) = (Samples::default(), ThreeNodes::default());
    let mut command_lines = Started::new();
    let repeats = setting.options.repeats();
    for repeat in 0..repeats {
        let mut order = contestants.to_vec();
        order.rotate_left(repeat % contestants.len());
        if repeat == 0 {
            order.push(Contestant::Sink);
        }
        for contestant in order {
            let server = Server::start(setting, contestant, server::SHARDS)?;
            if repeat == 0 {
                command_lines.push((contestant, server.command_line.clone()));
            }
            for load in LOADS {
                if matches!(load, Load::Read { .. }) && !contestant.has_streams() {
                    continue;
                }
                let name = contestant.name();
                let sample = cell::run(setting, &server, load).with_context(|| format!("{name}: {}", load.name()))?;
                eprintln!("   {}/{repeats} {name}: {}: {:.0}/s", repeat + 1, load.name(), sample.records_per_second);
                writeln!(
                    raw,
                    "{}",
                    json!({ "contestant": name, "load": load.name(), "repeat": repeat, "client": sample.raw })
                )?;
                samples.add(load, contestant, sample);
            }
            // Its data is dropped with it: an orderly stop is measured once, by the amplification.
            drop(server);
        }
        three.repeat(setting, repeat, raw)?;
    }
    Ok((samples, three, command_lines))
}

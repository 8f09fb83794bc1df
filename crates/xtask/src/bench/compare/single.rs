//! One durable node of ours and the emulators, by AWS JSON.

use super::super::Setting;
use super::super::cell::{self, Load};
use super::super::contestant::Contestant;
use super::super::server::{self, Server};
use super::results::{Label, Results};
use anyhow::Context;

/// What is put on each; `compare` sets a floor for the writes.
pub const LOADS: [(&str, Load); 3] = [
    ("PutRecords 500 × 1 KiB, 8 connections", Load::Put { records: 500, connections: 8 }),
    ("PutRecords 100 × 1 KiB, 16 connections", Load::Put { records: 100, connections: 16 }),
    ("GetRecords catch-up, 8 connections", Load::Read { connections: 8 }),
];

/// Those that can take part; the page tells of the others.
pub fn installed(setting: &Setting, results: &mut Results) -> Vec<Contestant> {
    let takes_part = |one: &Contestant| match one.install(setting) {
        Ok(()) => true,
        Err(error) => {
            results.fail(&format!("{} is missing", one.name()), &error);
            false
        }
    };
    Contestant::EMULATORS.into_iter().filter(takes_part).collect()
}

/// Each of them once, another one first.
///
/// # Errors
/// When we fail; a rival that fails is told in the page.
pub fn repeat(
    setting: &Setting,
    contestants: &[Contestant],
    repeat: usize,
    results: &mut Results,
) -> anyhow::Result<()> {
    let mut order = contestants.to_vec();
    order.rotate_left(repeat % contestants.len().max(1));
    for one in order {
        match measure(setting, one, results) {
            Ok(()) => {}
            Err(error) if one == Contestant::Anabranch => return Err(error).context("one node of ours"),
            Err(error) => results.fail(&format!("{} failed", one.name()), &error),
        }
    }
    Ok(())
}

fn measure(setting: &Setting, contestant: Contestant, results: &mut Results) -> anyhow::Result<()> {
    let server = Server::start(setting, contestant, server::SHARDS)?;
    results.started(contestant.name(), &server.command_line);
    for (title, load) in LOADS {
        let sample = cell::run(setting, &server, load).context(title)?;
        let label = Label {
            title,
            contestant: contestant.name().to_owned(),
            way: "AWS JSON".to_owned(),
            durability: contestant.durability(),
        };
        results.add(&label, sample);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_the_names_of_their_loads() {
        for (title, load) in LOADS {
            assert_eq!(title, load.name());
        }
    }
}

//! One durable node of ours and the emulators, by AWS JSON.

use super::super::Setting;
use super::super::cell::{self, Load};
use super::super::contestant::Contestant;
use super::super::server::{self, Server};
use super::results::{Label, Results};
use super::turns::TakesPart;
use anyhow::Context;

/// What is put on each; `compare` sets a floor for the writes.
pub const LOADS: [(&str, Load); 3] = [
    ("PutRecords 500 × 1 KiB, 8 connections", Load::Put { records: 500, connections: 8 }),
    ("PutRecords 100 × 1 KiB, 16 connections", Load::Put { records: 100, connections: 16 }),
    ("GetRecords catch-up, 8 connections", Load::Read { connections: 8 }),
];

impl TakesPart for Contestant {
    fn title(self) -> String {
        self.name().to_owned()
    }

    fn is_ours(self) -> bool {
        self == Contestant::Anabranch
    }

    fn prepare(self, setting: &Setting) -> anyhow::Result<()> {
        self.install(setting)
    }

    fn measure(self, setting: &Setting, results: &mut Results) -> anyhow::Result<()> {
        let server = Server::start(setting, self, server::SHARDS)?;
        results.started(self.name(), &server.command_line);
        for (title, load) in LOADS {
            let sample = cell::run(setting, &server, load).context(title)?;
            let label =
                Label { title, contestant: self.title(), way: "AWS JSON".to_owned(), durability: self.durability() };
            results.add(&label, sample);
        }
        Ok(())
    }
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

//! Who takes part, with which promise, and how each is started.

use super::{Setting, rivals};
use anyhow::bail;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The credential of every request; the client's `sigv4.rs` signs with the same.
const CREDENTIAL: &str = "access_key = \"benchaccesskey\"\nsecret_key = \"bench-secret-key\"";

/// One who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contestant {
    /// Us.
    Anabranch,
    /// ferrokinesis without a state directory.
    FerrokinesisMemory,
    /// ferrokinesis with one.
    FerrokinesisDisk,
    /// kinesalite.
    Kinesalite,
    /// kinesis-mock.
    KinesisMock,
    /// moto.
    Moto,
    /// Parse, append, fdatasync and nothing else.
    NullPipeline,
    /// Reads the request and answers: the load generator's own limit.
    Sink,
}

impl Contestant {
    /// Those that `compare` sets beside one durable node of ours, which is the first.
    pub const EMULATORS: [Contestant; 6] = [
        Contestant::Anabranch,
        Contestant::FerrokinesisMemory,
        Contestant::FerrokinesisDisk,
        Contestant::Kinesalite,
        Contestant::KinesisMock,
        Contestant::Moto,
    ];

    /// All that `quick` compares, in the order of the table.
    pub const ALL: [Contestant; 5] = [
        Contestant::Anabranch,
        Contestant::FerrokinesisMemory,
        Contestant::FerrokinesisDisk,
        Contestant::Kinesalite,
        Contestant::NullPipeline,
    ];

    /// Its name and version in the table.
    pub fn name(self) -> &'static str {
        match self {
            Contestant::Anabranch => "anabranch",
            Contestant::FerrokinesisMemory => "ferrokinesis 0.7.0, memory",
            Contestant::FerrokinesisDisk => "ferrokinesis 0.7.0, state dir",
            Contestant::Kinesalite => "kinesalite 3.3.3",
            Contestant::KinesisMock => "kinesis-mock 0.6.2",
            Contestant::Moto => "moto 5.2.5",
            Contestant::NullPipeline => "null pipeline",
            Contestant::Sink => "sink (client's limit)",
        }
    }

    /// What an acknowledgement of it promises.
    pub fn durability(self) -> &'static str {
        match self {
            Contestant::Anabranch => "1 node, fdatasync before every ack, signature verified",
            Contestant::FerrokinesisMemory | Contestant::Kinesalite | Contestant::KinesisMock | Contestant::Moto => {
                "memory of one process, signature not verified"
            }
            Contestant::FerrokinesisDisk => "1 node, its own log, signature not verified",
            Contestant::NullPipeline => "1 node, fdatasync before every ack, signature not verified, cannot be read",
            Contestant::Sink => "none",
        }
    }

    /// Whether it has streams that can be read.
    pub fn has_streams(self) -> bool {
        !matches!(self, Contestant::NullPipeline | Contestant::Sink)
    }

    /// Whether it says at `/metrics` how often it synced.
    pub fn counts_syncs(self) -> bool {
        matches!(self, Contestant::Anabranch | Contestant::NullPipeline)
    }

    /// What is missing on this machine, if anything.
    ///
    /// # Errors
    /// Says why a rival could not be installed.
    pub fn install(self, setting: &Setting) -> anyhow::Result<()> {
        match self {
            Contestant::FerrokinesisMemory | Contestant::FerrokinesisDisk => rivals::ferrokinesis(setting).map(drop),
            Contestant::Kinesalite => rivals::kinesalite(setting).map(drop),
            Contestant::KinesisMock => rivals::kinesis_mock(setting).map(drop),
            Contestant::Moto => rivals::moto(setting).map(drop),
            Contestant::Anabranch | Contestant::NullPipeline | Contestant::Sink => Ok(()),
        }
    }

    /// The command that serves on `port` with its data in `data`.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn command(self, setting: &Setting, data: &Path, port: u16) -> anyhow::Result<Command> {
        let port = port.to_string();
        let address = format!("127.0.0.1:{port}");
        let mut command = match self {
            Contestant::Anabranch => Command::new(&setting.server),
            Contestant::FerrokinesisMemory | Contestant::FerrokinesisDisk => {
                Command::new(rivals::ferrokinesis(setting)?)
            }
            Contestant::Kinesalite => Command::new(rivals::kinesalite(setting)?),
            Contestant::KinesisMock => Command::new("node"),
            Contestant::Moto => Command::new(rivals::moto(setting)?),
            Contestant::NullPipeline | Contestant::Sink => Command::new(&setting.client),
        };
        match self {
            Contestant::Anabranch => {
                let config = data.join("node.toml");
                fs::write(&config, node_config(data, &address)?)?;
                command.args(["server", "--config"]).arg(config)
            }
            Contestant::FerrokinesisMemory => command.args(ferrokinesis(&port)),
            Contestant::FerrokinesisDisk => {
                command.args(ferrokinesis(&port)).arg("--state-dir").arg(data.join("state"))
            }
            Contestant::Kinesalite => command.args(["--port", &port, "--createStreamMs", "5", "--shardLimit", "1000"]),
            // It finds its own files beside where it is started, and serves TLS on another port.
            Contestant::KinesisMock => command
                .arg("main.js")
                .current_dir(rivals::kinesis_mock(setting)?)
                .envs([("KINESIS_MOCK_PLAIN_PORT", port.as_str()), ("KINESIS_MOCK_TLS_PORT", "0")])
                .envs([("SHARD_LIMIT", "1000"), ("CREATE_STREAM_DURATION", "5ms"), ("LOG_LEVEL", "ERROR")]),
            Contestant::Moto => command.args(["-p", &port]),
            Contestant::NullPipeline => {
                command.args(["null", "--address", &address, "--file"]).arg(data.join("null.log"))
            }
            Contestant::Sink => command.args(["sink", "--address", &address]),
        };
        Ok(command)
    }
}

fn ferrokinesis(port: &str) -> [&str; 6] {
    ["--port", port, "--create-stream-ms", "1", "--shard-limit", "1000"]
}

/// Everything is as in `anabranch config example`, but for the limits and the quieter log.
fn node_config(data: &Path, address: &str) -> anyhow::Result<String> {
    let Some(data) = data.join("data").to_str().map(str::to_owned) else {
        bail!("{} is no UTF-8", data.display());
    };
    Ok(format!(
        "data_dir = {data:?}\nlisten = \"{address}\"\nlimits = \"off\"\n\n\
         [[credentials]]\n{CREDENTIAL}\n\n[cluster]\nbootstrap = true\n\n[telemetry]\nlog_filter = \"warn\"\n"
    ))
}

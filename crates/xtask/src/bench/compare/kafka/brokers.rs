//! The brokers, and the topic of eight partitions that three of them hold.

use crate::bench::Setting;
use crate::bench::processes::{self, Processes};
use crate::bench::rivals;
use crate::bench::target::Target;
use crate::house;
use anyhow::{Context, bail};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The topic's name.
pub const TOPIC: &str = "bench";
const BROKERS: usize = 3;
/// As many as our stream has shards.
const PARTITIONS: &str = "8";
/// The id of the cluster: any 16 bytes in base64.
const CLUSTER_ID: &str = "MkU3OEVBNTcwNTJENDM2Qg";
/// Of each broker. Source: `kafka-server-start.sh` and `kafka-run-class.sh` of Kafka 4.
const BROKER: [&str; 6] =
    ["-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"];
/// Of each tool. Source: `kafka-producer-perf-test.sh`.
const TOOL: [&str; 1] = ["-Xmx512M"];
/// How long the brokers may take to find each other.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running cluster.
pub struct Brokers {
    processes: Processes,
    jars: PathBuf,
}

impl Brokers {
    /// Starts it with empty logs and creates the topic.
    ///
    /// # Errors
    /// When it does not come so far.
    pub fn start(setting: &Setting, flush: bool) -> anyhow::Result<Brokers> {
        let jars = rivals::kafka(setting)?;
        let data = processes::fresh_folder(setting, "kafka")?;
        let addresses = processes::free_addresses(2 * BROKERS)?;
        let (brokers, controllers) = addresses.split_at(BROKERS);
        let mut commands = Vec::new();
        for (index, broker) in brokers.iter().enumerate() {
            let config = data.join(format!("{}.properties", index + 1));
            fs::write(&config, config_text(index, *broker, controllers, &data))?;
            let mut format = java(&jars, &TOOL, "kafka.tools.StorageTool");
            format.args(["format", "--cluster-id", CLUSTER_ID, "--config"]).arg(&config);
            house::stdout_of(&mut format).context("format a broker's log")?;
            let mut command = java(&jars, &BROKER, "kafka.Kafka");
            command.arg(&config);
            commands.push(command);
        }
        let processes = Processes::start(setting, "kafka", data, commands, brokers.to_vec())?;
        let brokers = Brokers { processes, jars };
        brokers.create_topic(flush)?;
        Ok(brokers)
    }

    fn create_topic(&self, flush: bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut create = self.tool("org.apache.kafka.tools.TopicCommand");
        create.args(["--create", "--if-not-exists", "--topic", TOPIC, "--partitions", PARTITIONS]);
        create.args(["--replication-factor", &BROKERS.to_string(), "--config", "min.insync.replicas=2"]);
        if flush {
            create.args(["--config", "flush.messages=1"]);
        }
        create.args(["--bootstrap-server", &self.addresses()]);
        // Refused until all brokers have registered.
        while !house::works(&mut create) {
            if Instant::now() > deadline {
                bail!("{} did not work within {PATIENCE:?}", house::spelled(&create));
            }
        }
        Ok(())
    }

    /// How the first broker was started.
    pub fn command_line(&self) -> String {
        self.processes.command_lines[0].clone()
    }

    /// One of Kafka's own tools.
    pub fn tool(&self, class: &str) -> Command {
        java(&self.jars, &TOOL, class)
    }
}

impl Target for Brokers {
    fn addresses(&self) -> String {
        self.processes.joined_addresses()
    }

    fn shards(&self) -> u32 {
        PARTITIONS.parse().unwrap_or(0)
    }

    fn pids(&self) -> Vec<u32> {
        self.processes.pids()
    }

    fn syncs(&self) -> anyhow::Result<Option<u64>> {
        Ok(None)
    }
}

fn java(jars: &Path, options: &[&str], class: &str) -> Command {
    let mut command = Command::new("java");
    command.args(options).arg("-cp").arg(format!("{}/*", jars.display())).arg(class);
    command
}

fn config_text(index: usize, broker: SocketAddr, controllers: &[SocketAddr], data: &Path) -> String {
    let voters = controllers.iter().enumerate().map(|(index, address)| format!("{}@{address}", index + 1));
    let voters: Vec<String> = voters.collect();
    format!(
        "process.roles=broker,controller\nnode.id={id}\ncontroller.quorum.voters={voters}\n\
         listeners=PLAINTEXT://{broker},CONTROLLER://{controller}\nadvertised.listeners=PLAINTEXT://{broker}\n\
         controller.listener.names=CONTROLLER\nlistener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         log.dirs={logs}\nauto.create.topics.enable=false\nmin.insync.replicas=2\noffsets.topic.replication.factor=3\n\
         offsets.topic.num.partitions=1\ngroup.initial.rebalance.delay.ms=0\n",
        id = index + 1,
        voters = voters.join(","),
        controller = controllers[index],
        logs = data.join(format!("broker-{}", index + 1)).display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_broker_is_a_voter_and_needs_two_replicas_in_sync() {
        let controllers = ["127.0.0.1:4", "127.0.0.1:5", "127.0.0.1:6"].map(|one| one.parse().expect("an address"));
        let text = config_text(2, "127.0.0.1:3".parse().expect("an address"), &controllers, Path::new("/d"));
        for line in [
            "node.id=3",
            "controller.quorum.voters=1@127.0.0.1:4,2@127.0.0.1:5,3@127.0.0.1:6",
            "listeners=PLAINTEXT://127.0.0.1:3,CONTROLLER://127.0.0.1:6",
            "log.dirs=/d/broker-3",
            "min.insync.replicas=2",
        ] {
            assert!(text.lines().any(|seen| seen == line), "{line} in {text}");
        }
    }
}

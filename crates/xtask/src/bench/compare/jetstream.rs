//! Three servers of NATS with JetStream, each record fsync'ed before its acknowledgement.

use super::super::Setting;
use super::super::cell::{self, RECORD_BYTES, Sample};
use super::super::processes::{self, Processes};
use super::super::rivals;
use super::super::server::STREAM;
use super::super::target::Target;
use super::replicated::{MOST, OPEN, OPEN_RECORDS_PER_SECOND, READ, Replicated};
use super::results::{Label, Results};
use crate::house;
use anyhow::Context;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

const SERVERS: usize = 3;
/// Records that a connection may have on their way in a closed loop, and how many connections: the
/// larger product stays below the 10,000 that a server lets wait for a stream.
const WINDOWS: [(&str, &str); 2] = [("16", "16"), ("256", "16")];
/// Of the open loop: more than are on their way at that rate.
const OPEN_WINDOW: (&str, &str) = ("256", "16");
const READERS: &str = "8";

/// A running cluster.
struct JetStream {
    processes: Processes,
    streams: u32,
}

impl Target for JetStream {
    fn addresses(&self) -> String {
        self.processes.joined_addresses()
    }

    fn shards(&self) -> u32 {
        self.streams
    }

    fn pids(&self) -> Vec<u32> {
        self.processes.pids()
    }

    fn syncs(&self) -> anyhow::Result<Option<u64>> {
        Ok(None)
    }
}

/// One repeat, on a cluster of its own.
///
/// # Errors
/// When the cluster or the client fails.
pub fn measure(setting: &Setting, streams: u32, results: &mut Results) -> anyhow::Result<()> {
    let cluster = start(setting, streams)?;
    let me = Replicated::JetStream { streams };
    results.started(&me.name(), &cluster.processes.command_lines[0]);
    let label = |title, way: String| Label { title, contestant: me.name(), way, durability: me.durability() };
    let (window, connections) = OPEN_WINDOW;
    let rate = OPEN_RECORDS_PER_SECOND.to_string();
    let sample = publish(setting, &cluster, OPEN_WINDOW, &["--records-per-second", &rate]).context("the open loop")?;
    results.add(&label(OPEN, format!("{connections} connections, {window} in flight each")), sample);
    for (window, connections) in WINDOWS {
        let sample = publish(setting, &cluster, (window, connections), &[])?;
        results.add(&label(MOST, format!("{connections} connections, {window} in flight each")), sample);
    }
    let read = ["jetstream-read", "--streams", &streams.to_string(), "--connections", READERS].map(str::to_owned);
    let sample = cell::measure(setting, &cluster, read.to_vec(), RECORD_BYTES).context("pull consumers")?;
    results.add(&label(READ, format!("{READERS} pull consumers")), sample);
    Ok(())
}

fn publish(
    setting: &Setting,
    cluster: &JetStream,
    (window, connections): (&str, &str),
    more: &[&str],
) -> anyhow::Result<Sample> {
    let streams = cluster.streams.to_string();
    let mut arguments = vec!["jetstream-publish", "--streams", &streams];
    arguments.extend(["--in-flight", window, "--connections", connections]);
    arguments.extend(more);
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    cell::measure(setting, cluster, arguments, RECORD_BYTES).context("publish")
}

fn start(setting: &Setting, streams: u32) -> anyhow::Result<JetStream> {
    let binary = rivals::nats_server(setting)?;
    let data = processes::fresh_folder(setting, "jetstream")?;
    let addresses = processes::free_addresses(2 * SERVERS)?;
    let (clients, routes) = addresses.split_at(SERVERS);
    let mut commands = Vec::new();
    for (index, client) in clients.iter().enumerate() {
        let config = data.join(format!("{}.conf", index + 1));
        fs::write(&config, config_text(index, *client, routes, &data))?;
        let mut command = Command::new(&binary);
        command.arg("--config").arg(config);
        commands.push(command);
    }
    let processes = Processes::start(setting, "jetstream", data, commands, clients.to_vec())?;
    let cluster = JetStream { processes, streams };
    let mut create = Command::new(&setting.client);
    create.args(["jetstream-create", "--stream", STREAM, "--streams", &streams.to_string()]);
    create.args(["--replicas", &SERVERS.to_string(), "--address", &cluster.addresses()]);
    house::run(&mut create).context("create the streams")?;
    Ok(cluster)
}

fn config_text(index: usize, client: SocketAddr, routes: &[SocketAddr], data: &Path) -> String {
    let all: Vec<String> = routes.iter().map(|route| format!("\"nats-route://{route}\"")).collect();
    format!(
        "server_name: n{number}\nlisten: \"{client}\"\n\
         jetstream {{ store_dir: {store:?}, sync_interval: always }}\n\
         cluster {{ name: bench, listen: \"{own}\", routes: [{all}] }}\n",
        number = index + 1,
        store = data.join(format!("n{}", index + 1)).to_string_lossy(),
        own = routes[index],
        all = all.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_syncs_always_and_knows_the_others() {
        let routes = ["127.0.0.1:4", "127.0.0.1:5", "127.0.0.1:6"].map(|route| route.parse().expect("an address"));
        let text = config_text(1, "127.0.0.1:2".parse().expect("an address"), &routes, Path::new("/d"));
        let expected = "server_name: n2\nlisten: \"127.0.0.1:2\"\n\
             jetstream { store_dir: \"/d/n2\", sync_interval: always }\n\
             cluster { name: bench, listen: \"127.0.0.1:5\", routes: [\"nats-route://127.0.0.1:4\", \
             \"nats-route://127.0.0.1:5\", \"nats-route://127.0.0.1:6\"] }\n";
        assert_eq!(text, expected);
    }
}

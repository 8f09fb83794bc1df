//! What is to run where, decided before anything is started.

use super::directory::ClusterDir;
use super::error::ClusterError;
use super::node::{NodePlan, peer_ip};
use super::ports::PortPlan;
use super::remembered;
use super::start_command::{PassedOn, StartCommand};
use crate::cli::DevArgs;
use crate::config::StreamSpec;
use anabranch_runtime::Random;
use std::collections::{BTreeMap, BTreeSet};

/// The nodes of a cluster on this machine, in its locked directory.
#[derive(Debug)]
pub(super) struct ClusterPlan {
    /// By the numbers of their directories, from 1 without a gap.
    pub(super) nodes: BTreeMap<u8, NodePlan>,
    /// Their directory.
    pub(super) directory: ClusterDir,
    /// Whether any port was free and is remembered.
    pub(super) remembers_ports: bool,
    /// Streams that are created where they do not exist.
    streams: Vec<StreamSpec>,
    program: String,
    variables: Vec<String>,
    passed_on: PassedOn,
}

impl ClusterPlan {
    /// The cluster that `args` mean, of `nodes` nodes. Its ports are remembered where they were free
    /// ones.
    ///
    /// # Errors
    /// [`ClusterError`]; nothing was started then.
    pub(super) fn new(args: &DevArgs, nodes: u8, random: &dyn Random) -> Result<Self, ClusterError> {
        let ports = PortPlan::new(args.listen, args.tls_listen, nodes)?;
        let passed_on = PassedOn::of(args)?;
        let program = std::env::current_exe().map_err(ClusterError::Program)?;
        let program = super::start_command::absolute("program", &program)?;
        let directory = match args.ephemeral {
            true => ClusterDir::ephemeral(nodes, random)?,
            false => ClusterDir::open(&args.data_dir, nodes)?,
        };
        Ok(ClusterPlan {
            nodes: plan_nodes(args, nodes, &ports, &directory, random)?,
            directory,
            remembers_ports: ports.has_free(),
            streams: args.streams.clone(),
            program,
            variables: own_variables(),
            passed_on,
        })
    }

    /// Whether the first node goes first, alone: it makes the cluster when nobody else has one.
    pub(super) fn first_makes_the_cluster(&self) -> bool {
        self.nodes.keys().all(|number| *number == 1 || !self.directory.has_node(*number))
    }

    /// What starts node `number` at any time. It names the others, so that a node whose directory
    /// is gone joins them and does not make a cluster of its own.
    pub(super) fn start_command(&self, number: u8) -> StartCommand {
        let others = self.nodes.values().filter(|node| node.number != number);
        let others: Vec<_> = others.map(|node| node.peer.to_string()).collect();
        match others.is_empty() {
            true => self.command(number),
            false => self.command(number).with("--join", others.join(",")),
        }
    }

    /// The same for the node that makes the cluster, and with the streams to be made.
    pub(super) fn command_of_now(&self, number: u8, makes_the_cluster: bool, creates_streams: bool) -> StartCommand {
        let command = if makes_the_cluster { self.command(number) } else { self.start_command(number) };
        let streams = self.streams();
        match creates_streams && !streams.is_empty() {
            true => command.with("--stream", streams),
            false => command,
        }
    }

    /// The streams to be made, as options say them; empty where there are none.
    pub(super) fn streams(&self) -> String {
        self.streams.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    fn command(&self, number: u8) -> StartCommand {
        StartCommand::new(&self.program, &self.variables, &self.nodes[&number], &self.passed_on)
    }
}

fn plan_nodes(
    args: &DevArgs,
    nodes: u8,
    ports: &PortPlan,
    directory: &ClusterDir,
    random: &dyn Random,
) -> Result<BTreeMap<u8, NodePlan>, ClusterError> {
    let mut known = if ports.has_free() { remembered::read(directory.path())? } else { BTreeMap::new() };
    let before = known.clone();
    let mut taken: BTreeSet<u16> = known.values().flat_map(|ports| [ports.api, ports.tls, ports.peer]).collect();
    let tls_ip = args.tls_listen.unwrap_or(args.listen).ip();
    let mut planned = BTreeMap::new();
    for number in 1..=nodes {
        let ports = ports.ports(number, known.get(&number).copied(), &mut taken, peer_ip(args.listen.ip()), random)?;
        known.insert(number, ports);
        planned.insert(number, NodePlan::new(number, directory.node(number), ports, args.listen.ip(), tls_ip));
    }
    if ports.has_free() && known != before {
        remembered::write(directory.path(), &known)?;
    }
    Ok(planned)
}

/// Variables that tell this process something which its nodes are told by their options.
fn own_variables() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with("ANABRANCH_")).collect()
}

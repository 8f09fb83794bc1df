//! `anabranch dev --nodes N`: full nodes as processes on this machine, and their parent.
//!
//! The parent starts what is down, says where everything is, and ends the nodes that it has started
//! when it ends. It never starts one again, and it knows nothing of what the nodes do among
//! themselves: the first node makes a cluster, the others join it.

mod child;
mod directory;
mod error;
mod found;
mod node;
mod plan;
mod ports;
mod remembered;
mod replicated;
mod start_command;
mod watching;

use crate::cli::DevArgs;
use crate::run::Signals;
use anabranch_runtime::Env;
use anabranch_telemetry::TelemetryOptions;
use plan::ClusterPlan;
use std::net::SocketAddr;
use std::time::Duration;
use watching::Watching;

/// How long the last lines of the nodes may take to be passed on.
const LAST_LINES_PATIENCE: Duration = Duration::from_secs(1);

/// Runs `nodes` nodes until the parent is told to stop, or all of them have ended.
///
/// # Errors
/// Whatever kept them from starting, or that not all have drained.
pub fn run(args: &DevArgs, nodes: u8) -> anyhow::Result<()> {
    // What no node would take is told once, before anything is made. Ports are the plan's.
    let any_port = Some(SocketAddr::new(args.listen.ip(), 0));
    let config = DevArgs { tls_listen: any_port, ..args.clone() }.config()?;
    // On this very thread, which starts the children: it ends last.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let env = Env::system();
    let result = runtime.block_on(async {
        let telemetry = anabranch_telemetry::init(&TelemetryOptions {
            otlp_endpoint: None,
            node: "parent".to_owned(),
            ..config.telemetry.options(None)
        })?;
        let result = run_in(args, nodes, &env).await;
        // Tasks that still read are those of nodes that have said all.
        let _stragglers = env.tasks.shutdown(LAST_LINES_PATIENCE).await;
        drop(telemetry);
        result
    });
    runtime.shutdown_timeout(LAST_LINES_PATIENCE);
    result
}

async fn run_in(args: &DevArgs, nodes: u8, env: &Env) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let plan = ClusterPlan::new(args, nodes, &*env.random)?;
    Watching::new(plan, env.clone()).run(signals).await
}

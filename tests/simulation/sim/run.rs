//! A run from its beginning to its verdict: the cluster grows, is written to and read while things go
//! wrong, is healed, and then has to serve again within a bounded time.

use crate::cluster::Cluster;
use crate::phases::Phase;
use crate::plan::Plan;
use crate::trace::Trace;
use anabranch_runtime::BlockingInPlace;
use anyhow::{bail, ensure};
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// How long a cluster may take to grow to its size.
const GROWTH_MAX: Duration = Duration::from_secs(120);
/// What is asked of a cluster is asked again after so long.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Records that were acknowledged.
    pub stored: u64,
    /// Records that readers were answered.
    pub read: u64,
    /// Simulated time.
    pub elapsed: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { stored, read, elapsed } = self;
        write!(f, "{stored} records acknowledged, {read} read, {} s", elapsed.as_secs())
    }
}

/// Runs `plan`; what clients see goes to `history` as well. The entropy of the process must be closed, and
/// this be its first run.
///
/// # Errors
/// A promise was broken, a node stopped by itself, or the cluster did not come to where it should be in time.
pub fn run(plan: Plan, trace: &Trace, history: Option<Box<dyn Write + Send>>) -> anyhow::Result<Report> {
    let _in_place = BlockingInPlace::on_this_thread();
    tracing::info!(?plan, "begins");
    let plan = Arc::new(plan);
    let mut cluster = Cluster::new(&plan, trace.clone(), history);
    let lived = live(&mut cluster, &plan);
    let report = cluster.history().finish();
    lived?;
    let findings: Vec<String> = report.findings.violations.iter().map(ToString::to_string).collect();
    ensure!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(Report { stored: report.stored, read: report.read, elapsed: cluster.elapsed() })
}

fn live(cluster: &mut Cluster, plan: &Plan) -> anyhow::Result<()> {
    until(cluster, "the cluster has grown", GROWTH_MAX, Cluster::is_whole)?;
    cluster.enter(Phase::Safety);
    until(cluster, "the stream is made", GROWTH_MAX, |cluster| cluster.progress().serves)?;
    let begun = cluster.elapsed();
    cluster.let_links_break(true);
    while cluster.elapsed() - begun < plan.safety {
        cluster.begin_and_end_faults(begun);
        cluster.step()?;
    }
    cluster.heal();
    cluster.enter(Phase::Healed);
    until(cluster, "the nodes that stay have all replicas, led and alike", plan.liveness, |cluster| {
        cluster.progress().is_quiet && cluster.is_whole()
    })?;
    cluster.enter(Phase::Converged);
    let all = "every shard is written to and read, and replicas are alike";
    until(cluster, all, plan.liveness, |cluster| cluster.progress().is_done)
}

/// Lets time pass until it is `reached`, at most `within`.
fn until(
    cluster: &mut Cluster,
    what: &str,
    within: Duration,
    reached: impl Fn(&mut Cluster) -> bool,
) -> anyhow::Result<()> {
    let begun = cluster.elapsed();
    let mut looked_at = begun;
    while cluster.elapsed() - begun <= within {
        cluster.step()?;
        if cluster.elapsed() - looked_at >= LOOK_EVERY {
            looked_at = cluster.elapsed();
            if reached(cluster) {
                tracing::info!(what, "reached");
                return Ok(());
            }
        }
    }
    bail!("liveness: not within {within:?}: {what}\n{}", cluster.state())
}

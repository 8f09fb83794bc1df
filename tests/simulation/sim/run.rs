//! A run from its beginning to its verdict: the cluster grows, is written to and read while things go
//! wrong, is healed, and then has to serve again within a bounded time.

use crate::cluster::Cluster;
use crate::phases::Phase;
use crate::plan::Plan;
use crate::trace::Trace;
use crate::verdict::{judge, judge_on_the_way};
use anabranch_runtime::BlockingInPlace;
use anyhow::bail;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a cluster may take to grow to its size.
const GROWTH_MAX: Duration = Duration::from_secs(120);
/// What is asked of a cluster is asked again after so long.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Records that clients wanted to write.
    pub sent: usize,
    /// Of those, the acknowledged ones.
    pub acknowledged: usize,
    /// Records that readers saw while the run went on.
    pub read: usize,
    /// Simulated time.
    pub elapsed: Duration,
    /// Promises that were broken.
    pub findings: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { sent, acknowledged, read, elapsed, findings } = self;
        let seconds = elapsed.as_secs();
        write!(f, "{sent} records sent, {acknowledged} acknowledged, {read} read on the way, {seconds} s")?;
        findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))
    }
}

/// Runs `plan`. The entropy of the process must be closed, and this be its first run.
///
/// # Errors
/// A node stopped by itself, or the cluster did not come to where it should be in time.
pub fn run(plan: Plan, trace: &Trace) -> anyhow::Result<Report> {
    let _in_place = BlockingInPlace::on_this_thread();
    tracing::info!(?plan, "begins");
    let plan = Arc::new(plan);
    let mut cluster = Cluster::new(&plan, trace.clone());
    match live(&mut cluster, &plan) {
        Ok(()) => Ok(report(&cluster)),
        Err(error) => {
            let broken = judge_on_the_way(&cluster.history().events());
            bail!("{error:#}\n{}", broken.join("\n"))
        }
    }
}

fn live(cluster: &mut Cluster, plan: &Plan) -> anyhow::Result<()> {
    until(cluster, "the cluster has grown", GROWTH_MAX, Cluster::has_grown)?;
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
    until(cluster, "every group is led and every replica has caught up", plan.liveness, |cluster| {
        cluster.progress().is_quiet && cluster.has_converged()
    })?;
    cluster.enter(Phase::Converged);
    until(cluster, "every shard is written to and read", plan.liveness, |cluster| cluster.progress().shards.is_some())?;
    Ok(())
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

fn report(cluster: &Cluster) -> Report {
    let (events, progress) = (cluster.history().events(), cluster.progress());
    let mut findings = judge(&events, progress.shards.as_ref().expect("the run is over"));
    findings.extend(progress.differing.iter().cloned());
    Report {
        sent: events.puts.len(),
        acknowledged: events.puts.iter().filter(|put| put.is_acknowledged()).count(),
        read: events.reads.iter().map(|read| read.records.len()).sum(),
        elapsed: cluster.elapsed(),
        findings,
    }
}

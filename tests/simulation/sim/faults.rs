//! What goes wrong, and when.

use crate::disk::End;
use rand::Rng;
use rand::rngs::StdRng;
use std::time::Duration;

/// Nothing goes wrong before this: what has just been made may be looked at for a while.
const QUIET_FIRST: Duration = Duration::from_millis(500);

/// One thing that goes wrong. Times count from the beginning of the faults.
#[derive(Debug, Clone)]
pub struct Fault {
    /// When it begins.
    pub from: Duration,
    /// When it is over.
    pub to: Duration,
    /// What it is.
    pub kind: Kind,
}

/// What can go wrong. Nodes count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A node ends, at the latest after so many changes of its disk, and comes back.
    Crash { node: usize, end: End, calls: u32 },
    /// All nodes end at once, and come back.
    CrashAll { end: End },
    /// A node's next sync fails, for which it ends itself, and comes back.
    FailedSync { node: usize },
    /// A node ends and its disk is gone: what comes back joins as a new node.
    LostDisk { node: usize },
    /// A node ends and bits of its log change: what comes back refuses to open it, and joins as a new node
    /// once it is given an empty directory.
    DamagedLog { node: usize },
    /// These nodes hear nothing of the others, nor these of them.
    Partition { apart: Vec<usize> },
    /// The nodes of two sides hear nothing of each other; one in the middle hears both.
    Bridge { sides: [Vec<usize>; 2] },
    /// What the first node says does not reach the second one.
    OneWay { from: usize, to: usize },
    /// Nothing of a node moves: its disk and its messages stand still, and go on where they were.
    Pause { node: usize },
    /// Clients and a node hear nothing of each other, or only the clients do not hear the node.
    CutOff { node: usize, only_answers: bool },
    /// Messages between two nodes take so much longer.
    Slow { one: usize, other: usize, latency: Duration },
    /// Each write of a node takes so much longer.
    SlowDisk { node: usize, latency: Duration },
    /// No file of a node grows.
    FullDisk { node: usize },
    /// A node's wall clock jumps, and stays where it is.
    ClockJump { node: usize, by_ms: i64 },
    /// A new node joins, and stays.
    Join { node: usize },
    /// An operator decommissions a node, which is stopped when the cluster has let it go.
    Decommission { node: usize },
    /// An operator drains a node, and takes it back.
    Drain { node: usize },
}

impl Fault {
    /// What goes wrong within `span`: a row of ends, beside it one of the network's faults, and one of what
    /// befalls single nodes.
    pub fn draw_all(rng: &mut StdRng, nodes: usize, span: Duration) -> Vec<Fault> {
        let mut all = Fault::draw_row(rng, span, |rng| of_process(rng, nodes));
        // Not both: a group that is made when a node joins has a single copy for a moment.
        match rng.random_range(0..10) {
            0..4 => fail_a_disk(rng, nodes, &mut all),
            4..8 => all.extend(of_membership(rng, nodes, span)),
            _ => {}
        }
        all.extend(Fault::draw_row(rng, span, |rng| of_network(rng, nodes)));
        if rng.random_bool(0.5) {
            all.extend(Fault::draw_row(rng, span, |rng| of_node(rng, nodes)));
        }
        all.sort_by_key(|fault| fault.from);
        all
    }

    /// Faults of which one is over before the next begins.
    fn draw_row(rng: &mut StdRng, span: Duration, draw: impl Fn(&mut StdRng) -> Kind) -> Vec<Fault> {
        let mut row = Vec::new();
        let pause_max = rng.random_range(1_000..=10_000);
        let mut at = QUIET_FIRST;
        loop {
            let from = at + Duration::from_millis(rng.random_range(0..=pause_max));
            let to = from + Duration::from_millis(rng.random_range(100..=4_000));
            if to > span {
                return row;
            }
            row.push(Fault { from, to, kind: draw(rng) });
            at = to;
        }
    }
}

fn end(rng: &mut StdRng) -> End {
    if rng.random_bool(0.5) { End::ProcessDeath } else { End::PowerCut }
}

fn of_process(rng: &mut StdRng, nodes: usize) -> Kind {
    let node = rng.random_range(1..=nodes);
    match rng.random_range(0..7) {
        0 => Kind::CrashAll { end: end(rng) },
        1 => Kind::FailedSync { node },
        _ => Kind::Crash { node, end: end(rng), calls: rng.random_range(0..30) },
    }
}

/// One of the ends becomes that of a disk, one in a run: what is acknowledged is on two disks of three.
fn fail_a_disk(rng: &mut StdRng, nodes: usize, ends: &mut [Fault]) {
    if !ends.is_empty() {
        let nth = rng.random_range(0..ends.len());
        let node = rng.random_range(1..=nodes);
        ends[nth].kind = if rng.random_bool(0.5) { Kind::LostDisk { node } } else { Kind::DamagedLog { node } };
    }
}

/// One or two nodes join, as many may leave, and one may be drained for a while, whatever else goes on.
fn of_membership(rng: &mut StdRng, nodes: usize, span: Duration) -> Vec<Fault> {
    let mut row = Vec::new();
    let moment = |rng: &mut StdRng| QUIET_FIRST + span.mul_f64(rng.random_range(0.0..0.9));
    let joiners = rng.random_range(1..=2);
    let mut joins: Vec<Duration> = (0..joiners).map(|_| moment(rng)).collect();
    joins.sort();
    let join = |(nth, at)| Fault { from: at, to: at, kind: Kind::Join { node: nodes + 1 + nth } };
    row.extend(joins.into_iter().enumerate().map(join));
    let first = rng.random_range(0..nodes);
    let mut others = (0..nodes).map(|step| (first + step) % nodes + 1);
    for node in others.by_ref().take(rng.random_range(0..=joiners)) {
        let at = moment(rng);
        row.push(Fault { from: at, to: at, kind: Kind::Decommission { node } });
    }
    if let Some(node) = others.next().filter(|_| rng.random_bool(0.5)) {
        let from = moment(rng);
        let to = from + Duration::from_millis(rng.random_range(1_000..=8_000));
        row.push(Fault { from, to, kind: Kind::Drain { node } });
    }
    row
}

fn of_network(rng: &mut StdRng, nodes: usize) -> Kind {
    let one = rng.random_range(1..=nodes);
    let other = (one + rng.random_range(1..nodes) - 1) % nodes + 1;
    match rng.random_range(0..6) {
        0 => {
            let mut apart = vec![one];
            if nodes > 3 && rng.random_bool(0.5) {
                apart.push(other);
            }
            Kind::Partition { apart }
        }
        1 => Kind::OneWay { from: one, to: other },
        2 => Kind::Pause { node: one },
        4 => Kind::CutOff { node: one, only_answers: rng.random_bool(0.5) },
        3 => {
            // In a circle, the one in the middle left out.
            let others: Vec<usize> = (0..nodes - 1).map(|step| (one + step) % nodes + 1).collect();
            let (left, right) = others.split_at(rng.random_range(1..others.len()));
            Kind::Bridge { sides: [left.to_vec(), right.to_vec()] }
        }
        _ => Kind::Slow { one, other, latency: Duration::from_millis(rng.random_range(50..=600)) },
    }
}

fn of_node(rng: &mut StdRng, nodes: usize) -> Kind {
    let node = rng.random_range(1..=nodes);
    match rng.random_range(0..3) {
        0 => Kind::SlowDisk { node, latency: Duration::from_millis(rng.random_range(20..=400)) },
        1 => Kind::FullDisk { node },
        _ => {
            // Now and then further than any record is kept.
            let span_ms = if rng.random_bool(0.2) { 30 * 3_600_000 } else { 7_200_000 };
            Kind::ClockJump { node, by_ms: rng.random_range(-span_ms / 10..=span_ms) }
        }
    }
}

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
    /// These nodes hear nothing of the others, nor these of them.
    Partition { apart: Vec<usize> },
    /// What the first node says does not reach the second one.
    OneWay { from: usize, to: usize },
    /// Nothing of a node moves: its disk and its messages stand still, and go on where they were.
    Pause { node: usize },
    /// Messages between two nodes take so much longer.
    Slow { one: usize, other: usize, latency: Duration },
}

impl Kind {
    /// Whether it is one of the network's, of which there is one at a time.
    fn is_of_network(&self) -> bool {
        match self {
            Kind::Crash { .. } | Kind::CrashAll { .. } => false,
            Kind::Partition { .. } | Kind::OneWay { .. } | Kind::Pause { .. } | Kind::Slow { .. } => true,
        }
    }
}

impl Fault {
    /// What goes wrong within `span`: crashes, and beside them the network's.
    pub fn draw_all(rng: &mut StdRng, nodes: usize, span: Duration) -> Vec<Fault> {
        let mut all = Fault::draw_row(rng, span, |rng| crash(rng, nodes));
        all.extend(Fault::draw_row(rng, span, |rng| of_network(rng, nodes)));
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
            let kind = draw(rng);
            debug_assert!(row.iter().all(|known: &Fault| known.kind.is_of_network() == kind.is_of_network()));
            row.push(Fault { from, to, kind });
            at = to;
        }
    }
}

fn end(rng: &mut StdRng) -> End {
    if rng.random_bool(0.5) { End::ProcessDeath } else { End::PowerCut }
}

fn crash(rng: &mut StdRng, nodes: usize) -> Kind {
    match rng.random_range(0..6) {
        0 => Kind::CrashAll { end: end(rng) },
        _ => Kind::Crash { node: rng.random_range(1..=nodes), end: end(rng), calls: rng.random_range(0..30) },
    }
}

fn of_network(rng: &mut StdRng, nodes: usize) -> Kind {
    let one = rng.random_range(1..=nodes);
    let other = (one + rng.random_range(1..nodes) - 1) % nodes + 1;
    match rng.random_range(0..4) {
        0 => {
            let mut apart = vec![one];
            if nodes > 3 && rng.random_bool(0.5) {
                apart.push(other);
            }
            Kind::Partition { apart }
        }
        1 => Kind::OneWay { from: one, to: other },
        2 => Kind::Pause { node: one },
        _ => Kind::Slow { one, other, latency: Duration::from_millis(rng.random_range(50..=600)) },
    }
}

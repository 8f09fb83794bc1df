//! All directions between nodes.

use crate::command::Ways;
use crate::link::Link;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a dialler is called whom nobody knows.
pub const UNKNOWN: &str = "unknown";

type ByEnds = BTreeMap<(String, String), Arc<Link>>;

/// The directions by who speaks and who hears.
#[derive(Debug, Default)]
pub struct Links {
    by_ends: Mutex<ByEnds>,
}

impl Links {
    /// The directions from and to each of `nodes`, and those whom nobody knows, are there from now on.
    pub fn join(&self, nodes: &[String]) {
        let all: Vec<&str> = nodes.iter().map(String::as_str).chain([UNKNOWN]).collect();
        let mut by_ends = self.locked();
        for from in &all {
            for to in all.iter().filter(|to| *to != from) {
                by_ends.entry(((*from).to_owned(), (*to).to_owned())).or_default();
            }
        }
    }

    /// One direction; a node that calls itself has one too.
    pub fn between(&self, from: &str, to: &str) -> Arc<Link> {
        self.locked().entry((from.to_owned(), to.to_owned())).or_default().clone()
    }

    /// Those that are meant.
    pub fn meant(&self, ways: &Ways) -> Vec<Arc<Link>> {
        let fits = |wanted: &Option<String>, end: &str| wanted.as_deref().is_none_or(|wanted| wanted == end);
        let by_ends = self.locked();
        let meant = by_ends.iter().filter(|((from, to), _)| fits(&ways.from, from) && fits(&ways.to, to));
        meant.map(|(_, link)| link.clone()).collect()
    }

    /// Each direction that has carried something, as `FROM>TO connections=N bytes=N`.
    pub fn told(&self) -> String {
        let by_ends = self.locked();
        let told = by_ends.iter().filter_map(|((from, to), link)| {
            let (connections, bytes) = link.carried();
            (connections > 0).then(|| format!("{from}>{to} connections={connections} bytes={bytes}"))
        });
        told.collect::<Vec<_>>().join(", ")
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, ByEnds> {
        // A map of counters is whole whatever its last user died of.
        self.by_ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

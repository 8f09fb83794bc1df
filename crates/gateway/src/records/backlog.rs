//! What puts to one group may hold while it does not answer (D16): a group without a majority must not
//! use up what puts to the others need.

use anabranch_cluster::NodeError;
use anabranch_types::GroupId;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// A group that leaves a put waiting for so long does not answer: many times what a put takes, more
/// than a new leader takes.
const SILENT_AFTER: Duration = Duration::from_secs(1);

/// The puts on their way, by group.
#[derive(Debug)]
pub(crate) struct Backlogs {
    bytes_max: usize,
    groups: Mutex<HashMap<GroupId, Backlog>>,
}

#[derive(Debug, Default)]
struct Backlog {
    bytes: usize,
    /// When each began, in time since node start.
    begun: BTreeMap<u64, Duration>,
    next: u64,
}

/// A put on its way, until it is dropped.
pub(crate) struct OnItsWay<'a> {
    backlogs: &'a Backlogs,
    group: GroupId,
    place: u64,
    bytes: usize,
}

impl Backlogs {
    /// Of groups that may hold so many bytes each while they do not answer.
    pub fn new(bytes_max: usize) -> Self {
        Backlogs { bytes_max, groups: Mutex::default() }
    }

    /// Counts in a put of `bytes` that begins `now`.
    ///
    /// # Errors
    /// `Unavailable`, nothing done, when the group does not answer and enough waits for it.
    pub fn enter(&self, group: GroupId, bytes: usize, now: Duration) -> Result<OnItsWay<'_>, NodeError> {
        let mut groups = self.groups.lock();
        let backlog = groups.entry(group).or_default();
        let is_silent = backlog.begun.values().next().is_some_and(|oldest| now >= *oldest + SILENT_AFTER);
        if is_silent && backlog.bytes + bytes > self.bytes_max {
            let reason = format!("group {group} does not answer, and {} bytes wait for it", backlog.bytes);
            return Err(NodeError::Unavailable { reason });
        }
        let place = backlog.next;
        backlog.next += 1;
        backlog.bytes += bytes;
        backlog.begun.insert(place, now);
        Ok(OnItsWay { backlogs: self, group, place, bytes })
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        let mut groups = self.backlogs.groups.lock();
        let Some(backlog) = groups.get_mut(&self.group) else { return };
        backlog.bytes -= self.bytes;
        backlog.begun.remove(&self.place);
        if backlog.begun.is_empty() {
            groups.remove(&self.group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_answers_holds_what_it_needs_and_a_silent_one_its_share() {
        let (backlogs, one, other) = (Backlogs::new(100), GroupId(1), GroupId(2));
        let first = backlogs.enter(one, 90, Duration::ZERO).expect("the first");
        let second = backlogs.enter(one, 90, Duration::from_millis(999)).expect("it may still answer");
        let refused = backlogs.enter(one, 90, Duration::from_secs(1)).err();
        assert!(matches!(refused, Some(NodeError::Unavailable { .. })), "{refused:?}");
        assert!(backlogs.enter(other, 90, Duration::from_secs(1)).is_ok(), "another group answers");
        drop(first);
        assert!(backlogs.enter(one, 90, Duration::from_secs(1)).is_ok(), "it has answered");
        assert!(backlogs.enter(one, 10, Duration::from_secs(2)).is_ok(), "its share is not used up");
        drop(second);
        assert!(backlogs.groups.lock().is_empty());
    }
}

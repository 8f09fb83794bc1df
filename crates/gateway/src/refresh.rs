//! Asks the metadata service before a client is told that something does not exist.
//!
//! This node's view of the catalog follows the leader's by a moment. A stream that was created
//! through another node may be missing here; one question to the leader makes sure.

use anabranch_cluster::{MetadataNode, NodeError};
use anabranch_runtime::Clock;
use futures::lock::Mutex;
use std::time::Duration;

/// When the last question began whose answer this node's view shows by now, in time since node start.
#[derive(Default)]
pub(crate) struct Refresh(Mutex<Option<Duration>>);

impl Refresh {
    /// Returns once this node's view shows everything acknowledged before this call. Those who ask at
    /// the same time share one question.
    ///
    /// # Errors
    /// [`NodeError`] when the metadata service does not answer.
    pub async fn refresh(&self, metadata: &dyn MetadataNode, clock: &dyn Clock) -> Result<(), NodeError> {
        let called = clock.monotonic();
        let mut answered = self.0.lock().await;
        if answered.is_some_and(|begun| begun > called) {
            return Ok(());
        }
        let begun = clock.monotonic();
        metadata.version().await?;
        *answered = Some(begun);
        Ok(())
    }
}

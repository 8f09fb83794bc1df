//! Asks the metadata service before a client is told that something does not exist.
//!
//! This node's view of the catalog follows the leader's by a moment. A stream that was created
//! through another node may be missing here; one question to the leader makes sure.

use anabranch_cluster::{MetadataNode, NodeError};
use anabranch_runtime::Clock;
use futures::lock::Mutex;
use std::time::Duration;

/// The last question: when it began, in time since node start, and what came of it.
#[derive(Default)]
pub(crate) struct Refresh(Mutex<Option<(Duration, Result<(), NodeError>)>>);

impl Refresh {
    /// Returns once this node's view shows everything acknowledged before this call. Those who ask at
    /// the same time share one question.
    ///
    /// # Errors
    /// [`NodeError`] when the metadata service does not answer.
    pub async fn refresh(&self, metadata: &dyn MetadataNode, clock: &dyn Clock) -> Result<(), NodeError> {
        let called = clock.monotonic();
        let mut asked = self.0.lock().await;
        if let Some((begun, answer)) = &*asked
            && *begun > called
        {
            // A leader that is not there is waited for once, not by each caller after the other.
            return answer.clone();
        }
        let begun = clock.monotonic();
        let answer = metadata.version().await.map(drop);
        *asked = Some((begun, answer.clone()));
        answer
    }
}

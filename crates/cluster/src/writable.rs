//! Whether this node takes writes now: not while its disk is full, not while it drains.

use crate::error::NodeError;
use arc_swap::ArcSwapOption;
use std::sync::Arc;

/// A cell that the node's disk watch fills and every put reads. Clones share it.
#[derive(Clone, Default)]
pub struct Writable(Arc<ArcSwapOption<String>>);

impl Writable {
    /// Takes writes.
    pub fn new() -> Self {
        Writable::default()
    }

    /// Refuses writes from now on. True when they were taken before.
    pub fn refuse(&self, reason: String) -> bool {
        self.0.swap(Some(Arc::new(reason))).is_none()
    }

    /// Takes writes again. True when they were refused before.
    pub fn allow(&self) -> bool {
        self.0.swap(None).is_some()
    }

    /// # Errors
    /// [`NodeError::Unavailable`] with the reason while writes are refused.
    pub fn check(&self) -> Result<(), NodeError> {
        match &*self.0.load() {
            None => Ok(()),
            Some(reason) => Err(NodeError::Unavailable { reason: reason.to_string() }),
        }
    }
}

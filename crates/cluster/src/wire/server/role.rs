//! A role of this node that others may call before it has started.

use std::sync::{Arc, OnceLock};
use tonic::Status;

/// Empty until the role has started; calls are then answered with "not served here", which is
/// certainly not done. Clones share it.
pub struct Role<T: ?Sized>(Arc<OnceLock<Arc<T>>>);

impl<T: ?Sized> Role<T> {
    /// A role that has started.
    pub fn of(role: Arc<T>) -> Self {
        Role(Arc::new(OnceLock::from(role)))
    }

    /// The role has started. A second one is not taken.
    pub fn started(&self, role: Arc<T>) {
        if self.0.set(role).is_err() {
            tracing::error!("a role was started twice");
        }
    }

    /// # Errors
    /// While it has not started.
    pub(super) fn get(&self) -> Result<&Arc<T>, Status> {
        self.0.get().ok_or_else(|| Status::unimplemented("this node has no such role, or it has not started"))
    }
}

impl<T: ?Sized> Clone for Role<T> {
    fn clone(&self) -> Self {
        Role(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Default for Role<T> {
    fn default() -> Self {
        Role(Arc::default())
    }
}

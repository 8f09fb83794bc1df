//! What nodes send each other.

mod answers;
mod calls;
mod world;

pub use answers::answers;
pub use calls::calls;

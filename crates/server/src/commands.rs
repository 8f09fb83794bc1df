//! What the command line can ask for, one file per command.

mod client;
pub mod dev_cluster;
pub mod group;
pub mod node;
pub mod serve;
pub mod status;
mod waiting;

pub use client::CallError;

/// One JSON document that ends with a line break.
fn json(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("answers are numbers and texts");
    text.push('\n');
    text
}

/// What a command that waits runs on.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()
}

//! What a load is put on: one contestant, or a cluster of ours.

use super::usage::Usage;

/// A running server, or several that are one.
pub trait Target {
    /// Where it takes requests: one address, or several with commas between them.
    fn addresses(&self) -> String;

    /// Shards of its stream.
    fn shards(&self) -> u32;

    /// What all of its processes have used so far.
    ///
    /// # Errors
    /// When one of them ended.
    fn usage(&self) -> anyhow::Result<Usage>;

    /// How often its logs were synced; none where nobody counts.
    ///
    /// # Errors
    /// When it does not answer.
    fn syncs(&self) -> anyhow::Result<Option<u64>>;
}

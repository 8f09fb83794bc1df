//! Opens the shared log of the data directory.

use super::error::StartError;
use super::groups::Stores;
use super::memory::MemoryShares;
use crate::config::NodeConfig;
use crate::data_dir::DataDir;
use anabranch_runtime::Env;
use anabranch_walog::{OnPoison, Options, Walog};
use std::sync::Arc;

/// Opens the log and recovers what it holds. Its writer's first failed write or sync ends the
/// process: what is on disk is then known only after reading it again (D3).
pub(super) async fn open(
    config: &NodeConfig,
    directory: &DataDir,
    memory: &MemoryShares,
    env: &Env,
) -> Result<Walog, StartError> {
    let dir = directory.path().join("log");
    let options = Options {
        segment_bytes: config.log.segment_bytes,
        cache_bytes: memory.log_cache_bytes,
        keep_free_bytes: Stores::flush_room_bytes(config),
        salt: env.random.u64(),
        on_poison: Some(OnPoison::new(|reason| {
            tracing::error!(reason, "the log failed; the process ends, restart it once the disk is well");
            std::process::exit(1);
        })),
        ..Options::default()
    };
    let (path, fs) = (dir.clone(), Arc::clone(&env.fs));
    let log = tokio::task::spawn_blocking(move || Walog::open(fs, &path, options)).await??;
    if let Some(quarantine) = log.quarantined().first() {
        return Err(StartError::Quarantined { reason: quarantine.to_string(), dir });
    }
    Ok(log)
}

//! Opens the shared log of the data directory.

use super::error::StartError;
use crate::config::NodeConfig;
use crate::data_dir::DataDir;
use anabranch_runtime::Random;
use anabranch_runtime::fs::StdFs;
use anabranch_walog::{OnPoison, Options, Walog};
use std::sync::Arc;

/// Opens the log and recovers what it holds. Its writer's first failed write or sync ends the
/// process: what is on disk is then known only after reading it again (D3).
pub(super) async fn open(
    config: &NodeConfig,
    directory: &DataDir,
    random: &dyn Random,
) -> Result<Walog, StartError> {
    let dir = directory.path().join("log");
    let options = Options {
        segment_bytes: config.log.segment_bytes,
        salt: random.u64(),
        on_poison: Some(OnPoison::new(|reason| {
            tracing::error!(reason, "the log failed; the process ends, restart it once the disk is well");
            std::process::exit(1);
        })),
        ..Options::default()
    };
    let path = dir.clone();
    let log = tokio::task::spawn_blocking(move || Walog::open(Arc::new(StdFs), &path, options)).await??;
    if let Some(quarantine) = log.quarantined().first() {
        let (group, reason) = (quarantine.group, quarantine.to_string());
        return Err(StartError::Quarantined { group, reason, dir });
    }
    Ok(log)
}

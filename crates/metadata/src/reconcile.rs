//! Goes on with what the catalog says is unfinished.

use crate::create_stream::finish_create;
use crate::delete_stream::finish_delete;
use crate::metadata::MetadataService;
use anabranch_catalog::StreamStatus;
use anabranch_cluster::NodeError;

/// Finishes streams that were being created or deleted when the last leader stopped.
pub(crate) async fn finish_streams(service: &MetadataService) -> Result<(), NodeError> {
    let view = service.metadata.view.load();
    for map in view.map.streams() {
        match map.stream.status {
            StreamStatus::Creating => finish_create(service, map).await?,
            StreamStatus::Deleting => finish_delete(service, map.stream.uid, &map.groups()).await?,
            StreamStatus::Active | StreamStatus::Updating => {}
        }
    }
    Ok(())
}

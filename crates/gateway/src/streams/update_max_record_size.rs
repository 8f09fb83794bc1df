//! UpdateMaxRecordSize.

use crate::convert;
use crate::gateway::Gateway;
use crate::resolve::{self, node_failed};
use anabranch_api::{ApiError, RequestContext, UpdateMaxRecordSize, messages};
use anabranch_catalog::{UpdateMaxRecordSize as Command, UpdateMaxRecordSizeRefused};
use anabranch_cluster::propose;

pub(crate) async fn update_max_record_size(
    gateway: &Gateway,
    context: &RequestContext,
    request: UpdateMaxRecordSize,
) -> Result<(), ApiError> {
    // A stream that was created again since this node looked is another one.
    gateway.refresh().await?;
    let map = resolve::stream(gateway, context, &request.stream).await?;
    let max_record_bytes = u64::from(request.max_record_kib) << 10;
    let command = Command { uid: map.stream.uid, max_record_bytes, request: context.request_id };
    let outcome = propose(&*gateway.metadata, &command).await.map_err(|error| node_failed(&error))?;
    let (stream, account) = (&map.stream.name, context.account);
    outcome.map_err(|refused| match refused {
        UpdateMaxRecordSizeRefused::NoStream { .. } => messages::stream_not_found(stream, account),
        UpdateMaxRecordSizeRefused::Status { status } => {
            messages::stream_not_active(stream, account, convert::status(status).as_str())
        }
        UpdateMaxRecordSizeRefused::Bounds { least, most } => {
            messages::record_size_out_of_bounds(request.max_record_kib, least >> 10, most >> 10)
        }
        UpdateMaxRecordSizeRefused::NotBootstrapped | UpdateMaxRecordSizeRefused::FeatureLevel { .. } => {
            messages::not_yet(refused)
        }
    })?;
    // The next put through this node goes by it.
    gateway.refresh().await
}

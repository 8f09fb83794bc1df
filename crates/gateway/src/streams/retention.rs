//! What IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod have in common.

use crate::convert;
use crate::gateway::Gateway;
use crate::resolve::{self, node_failed};
use anabranch_api::{ApiError, RequestContext, StreamSelector, messages};
use anabranch_catalog::{RetentionMove, SetRetention, SetRetentionRefused};
use anabranch_cluster::{ClusterView, propose};
use anabranch_types::limits::{RETENTION_DEFAULT, RETENTION_MAX};
use anabranch_types::{MapVersion, StreamName, StreamUid};
use futures::future::{Either, select};
use std::pin::pin;
use std::time::Duration;

/// How long a recorded change is waited for, so that a call returns when every group knows it. Beyond
/// it the stream is `UPDATING` when the call returns, as with AWS.
const PATIENCE: Duration = Duration::from_secs(5);

const HOUR_SECONDS: u64 = 3_600;

/// Records the change and waits a while until it is carried out.
pub(super) async fn change(
    gateway: &Gateway,
    context: &RequestContext,
    selector: &StreamSelector,
    direction: RetentionMove,
    hours: i64,
) -> Result<(), ApiError> {
    let retention = asked(hours)?;
    // A stream that was created again since this node looked is another one.
    gateway.refresh().await?;
    let map = resolve::stream(gateway, context, selector).await?;
    let (uid, request) = (map.stream.uid, context.request_id);
    let command = SetRetention { uid, retention, direction, request };
    let outcome = propose(&*gateway.metadata, &command).await.map_err(|error| node_failed(&error))?;
    let recorded = outcome.map_err(|refused| explained(context, &map.stream.name, hours, &refused))?;
    finished(gateway, context, uid, recorded.version).await;
    Ok(())
}

/// What no stream may have is refused before the stream is looked for. Source: kinesalite.
fn asked(hours: i64) -> Result<Duration, ApiError> {
    let (least, most) = (in_hours(RETENTION_DEFAULT), in_hours(RETENTION_MAX));
    match u64::try_from(hours) {
        Ok(hours) if hours > most => Err(messages::retention_too_long(hours, most)),
        Ok(hours) if hours >= least => Ok(Duration::from_secs(hours * HOUR_SECONDS)),
        Ok(_) | Err(_) => Err(messages::retention_too_short(hours, least)),
    }
}

fn in_hours(retention: Duration) -> u64 {
    retention.as_secs() / HOUR_SECONDS
}

fn explained(context: &RequestContext, stream: &StreamName, hours: i64, refused: &SetRetentionRefused) -> ApiError {
    match refused {
        SetRetentionRefused::NoStream { .. } => messages::stream_not_found(stream, context.account),
        SetRetentionRefused::Status { status } => {
            messages::stream_not_active(stream, context.account, convert::status(*status).as_str())
        }
        SetRetentionRefused::BelowCurrent { current } => {
            messages::retention_below_existing(hours, stream, in_hours(*current))
        }
        SetRetentionRefused::AboveCurrent { current } => {
            messages::retention_above_existing(hours, stream, in_hours(*current))
        }
        SetRetentionRefused::Bounds { least, .. } => messages::retention_too_short(hours, in_hours(*least)),
        SetRetentionRefused::NotBootstrapped | SetRetentionRefused::FeatureLevel { .. } => messages::not_yet(refused),
    }
}

/// Returns when this node sees that every group knows what `recorded` has, or [`PATIENCE`] is over.
async fn finished(gateway: &Gateway, context: &RequestContext, uid: StreamUid, recorded: MapVersion) {
    let wait = gateway.deadline(context, PATIENCE).saturating_sub(gateway.env.clock.monotonic());
    let is_told = |view: &ClusterView| {
        let stream = view.map.stream(uid);
        view.map.version() >= recorded && stream.is_none_or(|map| map.stream.retention_changes.pending.is_none())
    };
    let (told, patience) = (pin!(gateway.view.wait(is_told)), pin!(gateway.env.sleep(wait)));
    if let Either::Right(_) = select(told, patience).await {
        tracing::info!(stream_uid = %uid, "retention is recorded, some group does not know it yet");
    }
}

//! How the tags of a stream are changed: one command to the catalog, seen here when it is answered.

use super::rules;
use crate::gateway::Gateway;
use crate::resolve::{self, node_failed};
use anabranch_api::{ApiError, ErrorCode, RequestContext, StreamSelector, StreamStatus, messages};
use anabranch_catalog::{Command, Recorded, TagStream, TagStreamRefused, UntagStream, UntagStreamRefused};
use anabranch_types::limits::TAGS_PER_STREAM_MAX;
use anabranch_types::{StreamName, TagKey, Tags};
use futures::future::{Either, select};
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

/// How long a call waits for this node to see what it has done; the node sees it a moment later in
/// any case.
const VIEW_PATIENCE: Duration = Duration::from_secs(5);

/// What is to become of a stream's tags.
pub(super) enum Change {
    /// It gets these.
    Add(Tags),
    /// It loses those of these keys.
    Remove(BTreeSet<TagKey>),
}

/// Changes the tags of the stream that `selector` means, and returns once this node shows it.
///
/// The catalog's leader is asked first which stream has the name now: the command names it by its
/// uid, so that a call which is repeated never meets another one of the name (I12).
///
/// # Errors
/// Those of [`resolve::stream`]; `InvalidArgument` for tags that cannot be or that are too many;
/// `ResourceInUse` while the stream is being deleted.
pub(super) async fn change(
    gateway: &Gateway,
    context: &RequestContext,
    selector: &StreamSelector,
    change: Change,
) -> Result<(), ApiError> {
    gateway.refresh().await?;
    let map = resolve::stream(gateway, context, selector).await?;
    let (uid, name, request) = (map.stream.uid, &map.stream.name, context.request_id);
    match change {
        Change::Add(tags) => {
            check(context, name, &tags)?;
            let tagged = propose(gateway, &TagStream { uid, tags, request }).await?;
            tagged.map_err(|refused| add_refused(context, name, &refused))
        }
        Change::Remove(keys) => {
            let untagged = propose(gateway, &UntagStream { uid, keys, request }).await?;
            untagged.map_err(|refused| remove_refused(context, name, &refused))
        }
    }
}

/// What can be said of tags without asking the catalog. More than any stream can have are not sent
/// to it: they would be refused there in any case.
pub(super) fn check(context: &RequestContext, stream: &StreamName, tags: &Tags) -> Result<(), ApiError> {
    rules::check(tags, stream, context.account)?;
    if tags.len() > TAGS_PER_STREAM_MAX {
        return Err(messages::too_many_tags(stream, context.account, TAGS_PER_STREAM_MAX));
    }
    Ok(())
}

/// Proposes `command`, and returns once this node shows what it has done.
pub(super) async fn propose<C: Command<Done = Recorded>>(
    gateway: &Gateway,
    command: &C,
) -> Result<Result<(), C::Refused>, ApiError> {
    let answer = anabranch_cluster::propose(&*gateway.metadata, command).await.map_err(|error| node_failed(&error))?;
    let version = match answer {
        Ok(Recorded { version }) => version,
        Err(refused) => return Ok(Err(refused)),
    };
    let seen = pin!(gateway.view.wait(|view| view.map.version() >= version));
    let patience = pin!(gateway.env.sleep(VIEW_PATIENCE));
    if let Either::Right(_) = select(seen, patience).await {
        tracing::warn!("this node's view of the catalog lags behind the leader's");
    }
    Ok(Ok(()))
}

/// What the refusal of tags for `stream` means to the client.
pub(super) fn add_refused(context: &RequestContext, stream: &StreamName, refused: &TagStreamRefused) -> ApiError {
    match refused {
        TagStreamRefused::NoStream { .. } => messages::stream_not_found(stream, context.account),
        TagStreamRefused::Deleting { .. } => deleting(context, stream),
        TagStreamRefused::TagLimit { .. } => messages::too_many_tags(stream, context.account, TAGS_PER_STREAM_MAX),
        TagStreamRefused::NotBootstrapped | TagStreamRefused::FeatureLevel { .. } => not_yet(&refused.to_string()),
    }
}

fn remove_refused(context: &RequestContext, stream: &StreamName, refused: &UntagStreamRefused) -> ApiError {
    match refused {
        UntagStreamRefused::NoStream { .. } => messages::stream_not_found(stream, context.account),
        UntagStreamRefused::Deleting { .. } => deleting(context, stream),
        UntagStreamRefused::NotBootstrapped | UntagStreamRefused::FeatureLevel { .. } => not_yet(&refused.to_string()),
    }
}

fn deleting(context: &RequestContext, stream: &StreamName) -> ApiError {
    messages::stream_not_active(stream, context.account, StreamStatus::Deleting.as_str())
}

/// Some node does not know tags yet (D15).
pub(super) fn not_yet(reason: &str) -> ApiError {
    ApiError::new(ErrorCode::ServiceUnavailable, format!("Service temporarily unavailable: {reason}. Retry."))
}

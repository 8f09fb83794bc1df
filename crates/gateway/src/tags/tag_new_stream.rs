//! The tags that CreateStream gives.
//!
//! They are a command of their own, proposed as soon as the stream is there: CreateStream's layout is
//! that of feature level 1 and has no room for them, and a stream without tags must go on to be
//! created by the command that every node knows. So what can be refused is refused before the stream is
//! made, and each half is safe to repeat: the call's request id finds the stream that it made, and that
//! only, whatever was made under the name in between, and the catalog knows it again when it changes
//! the tags (I12). Only a node that dies, or a catalog that cannot be reached, between the two halves
//! leaves a stream without its tags; its client gets no answer or an error, and AddTagsToStream
//! completes it.

use super::change;
use crate::gateway::Gateway;
use anabranch_api::{ApiError, RequestContext};
use anabranch_catalog::{CommandKind, TagStream, TagStreamRefused};
use anabranch_types::{StreamName, StreamUid, Tags};

/// Judges the tags of a stream that is to be made.
///
/// # Errors
/// `InvalidArgument` for tags that cannot be or that are too many; `ServiceUnavailable` while some
/// node does not know tags.
pub(crate) async fn check(
    gateway: &Gateway,
    context: &RequestContext,
    name: &StreamName,
    tags: &Tags,
) -> Result<(), ApiError> {
    if tags.is_empty() {
        return Ok(());
    }
    change::check(context, name, tags)?;
    let needed = CommandKind::TagStream.level();
    if gateway.view.load().feature_level >= needed {
        return Ok(());
    }
    gateway.refresh().await?;
    let cluster = gateway.view.load().feature_level;
    if cluster >= needed {
        return Ok(());
    }
    Err(change::not_yet(&TagStreamRefused::FeatureLevel { cluster, needed }.to_string()))
}

/// Writes `tags` on the stream that this call has made. One that was deleted meanwhile needs none.
///
/// # Errors
/// As the catalog fails; `InvalidArgument` when other calls have given it so many tags that these
/// are too many.
pub(crate) async fn tag(
    gateway: &Gateway,
    context: &RequestContext,
    name: &StreamName,
    tags: Tags,
) -> Result<(), ApiError> {
    if tags.is_empty() {
        return Ok(());
    }
    let mut made = made_by(gateway, context, name);
    if made.is_none() {
        gateway.refresh().await?;
        made = made_by(gateway, context, name);
    }
    let Some(uid) = made else { return Ok(()) };
    match change::propose(gateway, &TagStream { uid, tags, request: context.request_id }).await? {
        Ok(()) | Err(TagStreamRefused::NoStream { .. } | TagStreamRefused::Deleting { .. }) => Ok(()),
        Err(refused) => Err(change::add_refused(context, name, &refused)),
    }
}

/// The stream that this call has made, as far as this node knows.
fn made_by(gateway: &Gateway, context: &RequestContext, name: &StreamName) -> Option<StreamUid> {
    let view = gateway.view.load();
    let stream = &view.map.stream_named(context.account, name)?.stream;
    (stream.request == context.request_id).then_some(stream.uid)
}

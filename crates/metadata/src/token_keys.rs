//! Rotates the keys that seal tokens.

use crate::metadata::Metadata;
use crate::propose::propose;
use anabranch_catalog::{RotateTokenKey, TokenSecret};
use std::time::Duration;

/// A key's age at which the next one takes over. Tokens live for minutes, so any longer span
/// would do; a day keeps few tokens per key.
const ROTATE_AFTER: Duration = Duration::from_secs(24 * 3600);
/// How often the age is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// A secret from the node's random source.
pub(crate) fn new_secret(metadata: &Metadata) -> TokenSecret {
    let mut bytes = [0; 32];
    metadata.env.random.fill(&mut bytes);
    TokenSecret::new(bytes)
}

/// Rotates once a day, until the node stops.
pub(crate) async fn rotate_daily(metadata: &Metadata) {
    let stopping = metadata.env.tasks.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = metadata.env.sleep(LOOK_EVERY) => {}
        }
        let now = metadata.env.clock.wall();
        let aged = metadata.view.load().keys.as_ref().is_some_and(|keys| now > keys.current.made.plus(ROTATE_AFTER));
        if aged && metadata.group.is_leader() {
            let command = RotateTokenKey { secret: new_secret(metadata), now };
            match propose(&metadata.group, &command).await {
                Ok(Ok(rotated)) => tracing::info!(key = rotated.id, "token key rotated"),
                Ok(Err(refused)) => tracing::warn!(%refused, "token key not rotated"),
                Err(error) => tracing::warn!(%error, "token key not rotated"),
            }
        }
    }
}

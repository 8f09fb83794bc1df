//! Whose signatures the doors accept.

use crate::config::Access;
use anabranch_aws_api::{Credentials, SecretKey, Verification};
use std::collections::HashMap;
use std::sync::Arc;

/// Credentials from the configuration.
struct Configured(HashMap<String, SecretKey>);

impl Credentials for Configured {
    fn secret(&self, access_key: &str) -> Option<SecretKey> {
        self.0.get(access_key).cloned()
    }
}

/// `dev` takes any credentials in good form, `server` those it was given.
pub(super) fn verification(access: &Access) -> Verification {
    match access {
        Access::Anyone => Verification::FormOnly,
        Access::Credentials(list) => {
            let known = list.iter().map(|one| (one.access_key.clone(), SecretKey::new(one.secret_key.expose())));
            Verification::Full(Arc::new(Configured(known.collect())))
        }
    }
}

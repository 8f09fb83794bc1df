//! What the API model has and this server does not serve: refused by name, never ignored.

use super::Operation;
use crate::model::{Document, Fields};
use anabranch_api::{ApiError, messages};

struct Unsupported {
    /// A member at the top of a request; it means the same in every operation that has it, but for
    /// [`is_served`].
    member: &'static str,
    /// Whether this value of it asks for what is not served.
    refused: fn(&Document) -> bool,
    text: &'static str,
}

const TABLE: &[Unsupported] = &[
    Unsupported {
        member: "StreamId",
        refused: always,
        text: "StreamId is not supported; name the stream with StreamName or StreamARN.",
    },
    Unsupported {
        member: "DryRun",
        refused: |value| *value == Document::Boolean(true),
        text: "DryRun is not supported.",
    },
    Unsupported {
        member: "StreamModeDetails",
        refused: is_on_demand,
        text: "StreamModeDetails: StreamMode ON_DEMAND is not supported; use PROVISIONED.",
    },
    Unsupported { member: "WarmThroughputMiBps", refused: always, text: "WarmThroughputMiBps is not supported." },
    Unsupported {
        member: "MaxRecordSizeInKiB",
        refused: |value| *value != Document::Integer(1024),
        text: "MaxRecordSizeInKiB other than 1024 is not supported; use UpdateMaxRecordSize.",
    },
    Unsupported {
        member: "RecordDistributionStrategy",
        refused: |value| *value == Document::Text("AUTO".to_owned()),
        text: "RecordDistributionStrategy AUTO is not supported; use USER_PARTITION_KEY.",
    },
];

fn always(_: &Document) -> bool {
    true
}

fn is_on_demand(details: &Document) -> bool {
    let Document::Structure(details) = details else { return false };
    details.get("StreamMode") == Some(&Document::Text("ON_DEMAND".to_owned()))
}

/// What one operation is for, though another does not serve it.
fn is_served(operation: Operation, member: &str) -> bool {
    operation == Operation::UpdateMaxRecordSize && member == "MaxRecordSizeInKiB"
}

/// Looks for members that ask for what is not served.
///
/// # Errors
/// InvalidArgumentException that names the member.
pub(super) fn check(operation: Operation, fields: &Fields) -> Result<(), ApiError> {
    let asked = TABLE
        .iter()
        .filter(|row| !is_served(operation, row.member))
        .find(|row| fields.get(row.member).is_some_and(row.refused));
    match asked {
        Some(row) => Err(messages::not_supported(row.text)),
        None => Ok(()),
    }
}

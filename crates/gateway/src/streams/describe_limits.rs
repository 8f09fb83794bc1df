//! DescribeLimits.

use crate::gateway::Gateway;
use anabranch_api::{AccountLimits, RequestContext};
use anabranch_types::limits::{ON_DEMAND_STREAMS_PER_ACCOUNT_MAX, SHARDS_PER_ACCOUNT_MAX};

/// Streams here have shards of a fixed number: none is on demand.
pub(crate) fn describe_limits(gateway: &Gateway, context: &RequestContext) -> AccountLimits {
    AccountLimits {
        open_shards: gateway.view.load().map.open_shard_count(context.account),
        shard_limit: SHARDS_PER_ACCOUNT_MAX,
        on_demand_streams: 0,
        on_demand_stream_limit: ON_DEMAND_STREAMS_PER_ACCOUNT_MAX,
    }
}

//! `anabranch.v1.Streams`.

use crate::call::{Call, answered};
use crate::errors::CallError;
use crate::wire;
use anabranch_api::{
    CreateStream, DeleteStream, DescribeStream, DescribeStreamSummary, Kinesis, ListShards, ListStreams, MergeShards,
    ShardPage, SplitShard, UpdateShardCount,
};
use anabranch_proto::v1::streams_server::Streams;
use anabranch_proto::v1::{
    CreateStreamRequest, CreateStreamResponse, DeleteStreamRequest, DeleteStreamResponse, DescribeStreamRequest,
    DescribeStreamResponse, DescribeStreamSummaryRequest, DescribeStreamSummaryResponse, ListShardsRequest,
    ListShardsResponse, ListStreamsRequest, ListStreamsResponse, MergeShardsRequest, MergeShardsResponse,
    SplitShardRequest, SplitShardResponse, UpdateShardCountRequest, UpdateShardCountResponse,
};
use anabranch_types::{HashKey, ShardId, Tags};
use std::num::NonZeroU32;
use tonic::{Request, Response, Status};

impl<S: Kinesis> Call<S> {
    async fn create(&self, request: CreateStreamRequest) -> Result<CreateStreamResponse, CallError> {
        let name = wire::name_in(&request.name, "name")?;
        let shard_count = NonZeroU32::new(request.shard_count);
        let shard_count = shard_count.ok_or_else(|| CallError::field("shard_count", "must be at least 1"))?;
        self.service.create_stream(&self.context(), CreateStream { name, shard_count, tags: Tags::new() }).await?;
        Ok(CreateStreamResponse {})
    }

    async fn delete(&self, request: DeleteStreamRequest) -> Result<DeleteStreamResponse, CallError> {
        let (stream, enforce_consumer_deletion) = (wire::stream_in(request.stream)?, request.enforce_consumer_deletion);
        self.service.delete_stream(&self.context(), DeleteStream { stream, enforce_consumer_deletion }).await?;
        Ok(DeleteStreamResponse {})
    }

    async fn describe(&self, request: DescribeStreamRequest) -> Result<DescribeStreamResponse, CallError> {
        let stream = wire::stream_in(request.stream)?;
        let limit = wire::limit_in(request.limit, "limit")?;
        let refused = |_| CallError::field("exclusive_start_shard_id", "must be a shard id");
        let after =
            request.exclusive_start_shard_id.map(|shard| ShardId::parse(&shard).map_err(refused)).transpose()?;
        let found = self.service.describe_stream(&self.context(), DescribeStream { stream, limit, after }).await?;
        Ok(DescribeStreamResponse {
            name: found.arn.name.to_string(),
            arn: found.arn.to_string(),
            status: wire::status_out(found.status),
            shards: found.shards.into_iter().map(wire::shard_out).collect(),
            has_more_shards: found.has_more_shards,
            retention: wire::span_out(found.retention),
            created: wire::time_out(found.created),
        })
    }

    async fn summarize(
        &self,
        request: DescribeStreamSummaryRequest,
    ) -> Result<DescribeStreamSummaryResponse, CallError> {
        let stream = wire::stream_in(request.stream)?;
        let found = self.service.describe_stream_summary(&self.context(), DescribeStreamSummary { stream }).await?;
        Ok(DescribeStreamSummaryResponse {
            name: found.arn.name.to_string(),
            arn: found.arn.to_string(),
            status: wire::status_out(found.status),
            retention: wire::span_out(found.retention),
            created: wire::time_out(found.created),
            open_shard_count: found.open_shard_count,
            max_record_bytes: u64::from(found.max_record_kib) << 10,
        })
    }

    async fn list(&self, request: ListStreamsRequest) -> Result<ListStreamsResponse, CallError> {
        let limit = wire::limit_in(request.limit, "limit")?;
        let after =
            request.exclusive_start_name.map(|name| wire::name_in(&name, "exclusive_start_name")).transpose()?;
        let asked = ListStreams { limit, after, next_token: request.next_token };
        let page = self.service.list_streams(&self.context(), asked).await?;
        let streams = page.streams.into_iter().map(wire::summary_out).collect();
        Ok(ListStreamsResponse { streams, next_token: page.next_token })
    }

    async fn shards(&self, request: ListShardsRequest) -> Result<ListShardsResponse, CallError> {
        let max_results = wire::limit_in(request.max_results, "max_results")?;
        let page = match request.next_token {
            Some(token) => {
                let decided = [("stream", request.stream.is_some()), ("filter", request.filter.is_some())];
                if let Some((field, _)) = decided.into_iter().find(|(_, given)| *given) {
                    return Err(CallError::field(field, "must not come with next_token, which decides it"));
                }
                ShardPage::Next { token, stream_arn: None }
            }
            None => ShardPage::First {
                stream: wire::stream_in(request.stream)?,
                after: None,
                filter: wire::filter_in(request.filter)?,
                created: None,
            },
        };
        let page = self.service.list_shards(&self.context(), ListShards { page, max_results }).await?;
        let shards = page.shards.into_iter().map(wire::shard_out).collect();
        Ok(ListShardsResponse { shards, next_token: page.next_token })
    }

    async fn split(&self, request: SplitShardRequest) -> Result<SplitShardResponse, CallError> {
        let stream = wire::stream_in(request.stream)?;
        if HashKey::parse(&request.new_starting_hash_key).is_err() {
            return Err(CallError::field("new_starting_hash_key", "must be a decimal number below 2^128"));
        }
        let request = SplitShard { stream, shard: request.shard_id, at: request.new_starting_hash_key };
        self.service.split_shard(&self.context(), request).await?;
        Ok(SplitShardResponse {})
    }

    async fn merge(&self, request: MergeShardsRequest) -> Result<MergeShardsResponse, CallError> {
        let stream = wire::stream_in(request.stream)?;
        let request = MergeShards { stream, shard: request.shard_id, adjacent: request.adjacent_shard_id };
        self.service.merge_shards(&self.context(), request).await?;
        Ok(MergeShardsResponse {})
    }

    async fn scale(&self, request: UpdateShardCountRequest) -> Result<UpdateShardCountResponse, CallError> {
        let stream = wire::stream_in(request.stream)?;
        let target = NonZeroU32::new(request.target_shard_count);
        let target = target.ok_or_else(|| CallError::field("target_shard_count", "must be at least 1"))?;
        let begun = self.service.update_shard_count(&self.context(), UpdateShardCount { stream, target }).await?;
        Ok(UpdateShardCountResponse { current_shard_count: begun.current, target_shard_count: begun.target })
    }
}

#[tonic::async_trait]
impl<S: Kinesis> Streams for Call<S> {
    async fn create_stream(
        &self,
        request: Request<CreateStreamRequest>,
    ) -> Result<Response<CreateStreamResponse>, Status> {
        answered(self.create(request.into_inner()).await)
    }

    async fn delete_stream(
        &self,
        request: Request<DeleteStreamRequest>,
    ) -> Result<Response<DeleteStreamResponse>, Status> {
        answered(self.delete(request.into_inner()).await)
    }

    async fn describe_stream(
        &self,
        request: Request<DescribeStreamRequest>,
    ) -> Result<Response<DescribeStreamResponse>, Status> {
        answered(self.describe(request.into_inner()).await)
    }

    async fn describe_stream_summary(
        &self,
        request: Request<DescribeStreamSummaryRequest>,
    ) -> Result<Response<DescribeStreamSummaryResponse>, Status> {
        answered(self.summarize(request.into_inner()).await)
    }

    async fn list_streams(
        &self,
        request: Request<ListStreamsRequest>,
    ) -> Result<Response<ListStreamsResponse>, Status> {
        answered(self.list(request.into_inner()).await)
    }

    async fn list_shards(&self, request: Request<ListShardsRequest>) -> Result<Response<ListShardsResponse>, Status> {
        answered(self.shards(request.into_inner()).await)
    }

    async fn split_shard(&self, request: Request<SplitShardRequest>) -> Result<Response<SplitShardResponse>, Status> {
        answered(self.split(request.into_inner()).await)
    }

    async fn merge_shards(
        &self,
        request: Request<MergeShardsRequest>,
    ) -> Result<Response<MergeShardsResponse>, Status> {
        answered(self.merge(request.into_inner()).await)
    }

    async fn update_shard_count(
        &self,
        request: Request<UpdateShardCountRequest>,
    ) -> Result<Response<UpdateShardCountResponse>, Status> {
        answered(self.scale(request.into_inner()).await)
    }
}

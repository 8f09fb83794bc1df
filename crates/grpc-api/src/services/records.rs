//! `anabranch.v1.Records`.

use crate::call::{Call, answered};
use crate::errors::{CallError, error_message};
use crate::follow;
use crate::long_stream;
use crate::produce;
use crate::wire;
use anabranch_api::{GetRecords, GetShardIterator, Kinesis, PutRecord, PutRecords, ShardIterator};
use anabranch_proto::v1::put_result::Result as Fate;
use anabranch_proto::v1::records_server::Records;
use anabranch_proto::v1::{
    FollowRequest, FollowResponse, GetRecordsRequest, GetRecordsResponse, GetShardIteratorRequest,
    GetShardIteratorResponse, ProduceRequest, ProduceResponse, PutRecordRequest, PutRecordResponse, PutRecordsRequest,
    PutRecordsResponse, PutResult,
};
use anabranch_types::{SequenceNumber, limits};
use std::time::Duration;
use tonic::{Request, Response, Status, Streaming};

impl<S: Kinesis> Call<S> {
    async fn put_one(&self, request: PutRecordRequest) -> Result<PutRecordResponse, CallError> {
        let stream = wire::stream_in(request.stream)?;
        let entry = request.entry.ok_or_else(|| CallError::field("entry", "must be given"))?;
        let entry = wire::entry_in(Some(entry)).map_err(|error| error.within("entry"))?;
        let refused = |_| CallError::field("sequence_number_for_ordering", "must be a sequence number of this server");
        let above = request.sequence_number_for_ordering;
        let above = above.map(|text| SequenceNumber::parse(&text).map_err(refused)).transpose()?;
        let stored = self.service.put_record(&self.context(), PutRecord { stream, entry, above }).await?;
        Ok(wire::stored_out(stored))
    }

    async fn put_many(&self, request: PutRecordsRequest) -> Result<PutRecordsResponse, CallError> {
        let stream = wire::stream_in(request.stream)?;
        if !(1..=limits::PUT_RECORDS_COUNT_MAX).contains(&request.entries.len()) {
            return Err(CallError::field("entries", "must have 1 to 500 entries"));
        }
        let entry = |(at, entry)| wire::entry_in(Some(entry)).map_err(|error| error.within(&format!("entries[{at}]")));
        let entries = request.entries.into_iter().enumerate().map(entry).collect::<Result<_, _>>()?;
        let fates = self.service.put_records(&self.context(), PutRecords { stream, entries }).await?;
        let failed = fates.results.iter().filter(|result| result.is_err()).count();
        let results = fates.results.into_iter().map(|result| PutResult {
            result: Some(match result {
                Ok(stored) => Fate::Stored(wire::stored_out(stored)),
                Err(error) => Fate::Error(error_message(&error, "")),
            }),
        });
        let failed_count = u32::try_from(failed).expect("a call has at most 500 records");
        Ok(PutRecordsResponse { results: results.collect(), failed_count })
    }

    async fn iterator(&self, request: GetShardIteratorRequest) -> Result<GetShardIteratorResponse, CallError> {
        let stream = wire::stream_in(request.stream)?;
        let start = wire::position_in(request.position)?;
        let asked = GetShardIterator { stream, shard: request.shard_id, start };
        let iterator = self.service.get_shard_iterator(&self.context(), asked).await?;
        Ok(GetShardIteratorResponse { shard_iterator: iterator.0 })
    }

    async fn read(&self, request: GetRecordsRequest) -> Result<GetRecordsResponse, CallError> {
        let limit = wire::limit_in(request.limit, "limit")?;
        let iterator = ShardIterator(request.shard_iterator);
        let asked = GetRecords { iterator, limit, stream_arn: None, bytes_max: None, wait_max: Duration::ZERO };
        let slice = self.service.get_records(&self.context(), asked).await?;
        Ok(GetRecordsResponse {
            records: slice.records.into_iter().map(wire::record_out).collect(),
            next_shard_iterator: slice.next.map(|next| next.0),
            millis_behind_latest: slice.millis_behind_latest,
            child_shards: slice.child_shards.into_iter().map(wire::child_out).collect(),
        })
    }
}

#[tonic::async_trait]
impl<S: Kinesis> Records for Call<S> {
    type ProduceStream = long_stream::Answer<ProduceResponse>;
    type FollowStream = long_stream::Answer<FollowResponse>;

    async fn put_record(&self, request: Request<PutRecordRequest>) -> Result<Response<PutRecordResponse>, Status> {
        answered(self.put_one(request.into_inner()).await)
    }

    async fn put_records(&self, request: Request<PutRecordsRequest>) -> Result<Response<PutRecordsResponse>, Status> {
        answered(self.put_many(request.into_inner()).await)
    }

    async fn get_shard_iterator(
        &self,
        request: Request<GetShardIteratorRequest>,
    ) -> Result<Response<GetShardIteratorResponse>, Status> {
        answered(self.iterator(request.into_inner()).await)
    }

    async fn get_records(&self, request: Request<GetRecordsRequest>) -> Result<Response<GetRecordsResponse>, Status> {
        answered(self.read(request.into_inner()).await)
    }

    async fn produce(
        &self,
        request: Request<Streaming<ProduceRequest>>,
    ) -> Result<Response<Self::ProduceStream>, Status> {
        long_stream::open(self, "grpc_produce", |answers| produce::run(self.clone(), request.into_inner(), answers))
    }

    async fn follow(&self, request: Request<FollowRequest>) -> Result<Response<Self::FollowStream>, Status> {
        let place = follow::locate(self, request.into_inner()).await.map_err(|error| error.to_status())?;
        self.bytes.release_all();
        long_stream::open(self, "grpc_follow", |messages| follow::run(self.clone(), place, messages))
    }
}

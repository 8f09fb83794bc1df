//! What the load generator reads of a `ProduceResponse`.

use super::credits::Grant;

/// The message without its text: shards, sequence numbers and stored records' other fields are
/// skipped and not copied. Field numbers are those of `anabranch/v1/records.proto`, which never
/// change.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Answer {
    /// `ProduceResponse.stored`.
    #[prost(message, repeated, tag = "1")]
    pub stored: Vec<Stored>,
    /// `ProduceResponse.failed`.
    #[prost(message, repeated, tag = "2")]
    pub failed: Vec<Failed>,
    /// `ProduceResponse.credits`.
    #[prost(message, optional, tag = "4")]
    pub credits: Option<Grant>,
}

/// Of a `ProduceStored`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Stored {
    /// The record.
    #[prost(uint64, tag = "1")]
    pub number: u64,
}

/// Of a `ProduceFailed`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Failed {
    /// The record.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// Why.
    #[prost(message, optional, tag = "2")]
    pub error: Option<anabranch_proto::v1::Error>,
    /// The record that is to be acknowledged in the place of this one.
    #[prost(uint64, optional, tag = "3")]
    pub blocked_by: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_proto::v1;
    use prost::Message;

    #[test]
    fn it_reads_what_the_server_says() {
        let stored =
            v1::ProduceStored { number: 7, shard_id: "shardId-0".to_owned(), sequence_number: "49".to_owned() };
        let error = v1::Error { code: "InternalFailure".to_owned(), ..v1::Error::default() };
        let said = v1::ProduceResponse {
            stored: vec![stored],
            failed: vec![v1::ProduceFailed { number: 8, error: Some(error.clone()), blocked_by: Some(3) }],
            finished_batches: vec![1, 2],
            credits: Some(v1::ProduceCredits { records: 2, bytes: 300 }),
        };
        let heard = Answer::decode(&*said.encode_to_vec()).expect("the same fields");
        assert_eq!(heard.stored, [Stored { number: 7 }]);
        assert_eq!(heard.failed, [Failed { number: 8, error: Some(error), blocked_by: Some(3) }]);
        assert_eq!(heard.credits, Some(Grant { records: 2, bytes: 300 }));
    }
}

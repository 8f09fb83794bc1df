//! The operations that are built, by name.

macro_rules! operations {
    ($($name:ident),* $(,)?) => {
        /// An operation of the service, as `X-Amz-Target` names it after the dot.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)*
        }

        impl Operation {
            /// Every operation, by name.
            pub const ALL: &'static [Operation] = &[$(Operation::$name,)*];

            /// The operation called `name`; none when no such operation is built.
            pub fn from_name(name: &str) -> Option<Operation> {
                match name {
                    $(stringify!($name) => Some(Operation::$name),)*
                    _ => None,
                }
            }

            /// As the protocol spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Operation::$name => stringify!($name),)*
                }
            }
        }
    };
}

impl Operation {
    /// Whether it changes nothing, so that its answer may be refused and asked for again.
    pub const fn is_read(self) -> bool {
        match self {
            Operation::DescribeLimits
            | Operation::DescribeStream
            | Operation::DescribeStreamConsumer
            | Operation::DescribeStreamSummary
            | Operation::GetRecords
            | Operation::GetShardIterator
            | Operation::ListShards
            | Operation::ListStreamConsumers
            | Operation::ListStreams
            | Operation::ListTagsForResource
            | Operation::ListTagsForStream
            | Operation::SubscribeToShard => true,
            Operation::AddTagsToStream
            | Operation::CreateStream
            | Operation::DecreaseStreamRetentionPeriod
            | Operation::DeleteStream
            | Operation::DeregisterStreamConsumer
            | Operation::IncreaseStreamRetentionPeriod
            | Operation::MergeShards
            | Operation::PutRecord
            | Operation::PutRecords
            | Operation::RegisterStreamConsumer
            | Operation::RemoveTagsFromStream
            | Operation::SplitShard
            | Operation::TagResource
            | Operation::UntagResource
            | Operation::UpdateMaxRecordSize
            | Operation::UpdateShardCount => false,
        }
    }
}

operations!(
    AddTagsToStream,
    CreateStream,
    DecreaseStreamRetentionPeriod,
    DeleteStream,
    DeregisterStreamConsumer,
    DescribeLimits,
    DescribeStream,
    DescribeStreamConsumer,
    DescribeStreamSummary,
    GetRecords,
    GetShardIterator,
    IncreaseStreamRetentionPeriod,
    ListShards,
    ListStreamConsumers,
    ListStreams,
    ListTagsForResource,
    ListTagsForStream,
    MergeShards,
    PutRecord,
    PutRecords,
    RegisterStreamConsumer,
    RemoveTagsFromStream,
    SplitShard,
    SubscribeToShard,
    TagResource,
    UntagResource,
    UpdateMaxRecordSize,
    UpdateShardCount,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_reads_back_as_it_prints() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_name(operation.name()), Some(*operation));
        }
        assert_eq!(Operation::from_name("putRecord"), None);
    }
}

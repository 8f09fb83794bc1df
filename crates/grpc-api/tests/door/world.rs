//! A port with both doors, and clients of it.

use crate::fake::Fake;
use crate::net::Link;
use anabranch_aws_api::{AwsDoor, DoorOptions, Verification};
use anabranch_grpc_api::{GrpcDoor, GrpcOptions};
use anabranch_proto::v1 as proto;
use anabranch_proto::v1::records_client::RecordsClient;
use anabranch_proto::v1::streams_client::StreamsClient;
use anabranch_runtime::{Env, MemoryBudget};
use anabranch_types::{AccountId, Timestamp};
use prost::Message;
use std::sync::Arc;
use tonic::Status;

/// 20150830T123600Z, the date of AWS's published signatures.
pub const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);
/// Far above what tests send.
const WINDOW: u32 = 4 << 20;

pub struct World {
    pub fake: Arc<Fake>,
    pub door: Arc<AwsDoor<Fake>>,
    pub env: Env,
    /// What the port's requests and answers are charged to.
    pub memory: MemoryBudget,
}

pub fn account() -> AccountId {
    AccountId::parse("000000000042").expect("twelve digits")
}

impl World {
    /// A port that takes any credentials.
    pub fn open() -> World {
        World::with(GrpcOptions::new(account(), Verification::FormOnly))
    }

    pub fn with(options: GrpcOptions) -> World {
        let world = World::closed(options);
        world.door.open(Arc::clone(&world.fake));
        world
    }

    /// A port whose service is still starting.
    pub fn closed(options: GrpcOptions) -> World {
        let env = Env::simulated(NOW, 1);
        let aws = DoorOptions::new(options.account, options.verification.clone());
        let memory = aws.memory.clone();
        let door = AwsDoor::closed(aws, env.clone()).beside(Arc::new(GrpcDoor::new(options, env.clone())));
        World { fake: Arc::new(Fake::new(env.clone())), door: Arc::new(door), env, memory }
    }

    pub async fn link(&self) -> Link {
        self.link_with_window(WINDOW).await
    }

    pub async fn link_with_window(&self, window: u32) -> Link {
        let (client, server) = tokio::io::duplex(64 << 10);
        self.door.calls().spawn(
            "connection",
            anabranch_runtime::OnFailure::Log,
            Arc::clone(&self.door).serve_connection(server),
        );
        Link::over(client, window).await
    }

    pub async fn records(&self) -> RecordsClient<Link> {
        RecordsClient::new(self.link().await)
    }

    pub async fn streams(&self) -> StreamsClient<Link> {
        StreamsClient::new(self.link().await)
    }
}

/// The stream of most tests.
pub fn orders() -> Option<proto::StreamRef> {
    Some(proto::StreamRef { by: Some(proto::stream_ref::By::Name("orders".to_owned())) })
}

pub fn entry(key: &str, data: &str) -> proto::PutEntry {
    proto::PutEntry { partition_key: key.to_owned(), explicit_hash_key: None, data: data.to_owned().into() }
}

/// The typed details of a status. The messages are read by hand: a google.rpc.Status has its
/// details in field 3, an Any its value in field 2.
pub fn details(status: &Status) -> proto::Error {
    #[derive(Clone, PartialEq, Message)]
    struct RpcStatus {
        #[prost(message, repeated, tag = "3")]
        details: Vec<prost_types::Any>,
    }
    let details = RpcStatus::decode(status.details()).expect("a google.rpc.Status").details;
    assert_eq!(details.len(), 1, "{status:?}");
    proto::Error::decode(&*details[0].value).expect("an Error")
}

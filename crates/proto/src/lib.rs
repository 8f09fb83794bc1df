//! The messages and services in `proto/`, generated. By hand is only what gRPC says outside of
//! messages: [`timeout`].
//!
//! What a message means and whether it makes sense is checked where it is converted, in a file
//! called `codec.rs`.

pub mod timeout;

/// How nodes talk to each other: `proto/anabranch/peer/v1/peer.proto`.
pub mod peer {
    #[allow(
        missing_docs,
        clippy::pedantic,
        clippy::doc_markdown,
        clippy::too_many_lines,
        reason = "generated; the proto file has the comments"
    )]
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("anabranch.peer.v1");
    }
}

/// The public API: `proto/anabranch/v1`.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::doc_markdown,
    clippy::too_many_lines,
    reason = "generated; the proto files have the comments"
)]
pub mod v1 {
    tonic::include_proto!("anabranch.v1");
}

/// The health protocol of gRPC: `proto/grpc/health/v1/health.proto`.
pub mod health {
    #[allow(
        missing_docs,
        clippy::pedantic,
        clippy::doc_markdown,
        clippy::too_many_lines,
        reason = "generated; the proto file has the comments"
    )]
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("grpc.health.v1");
    }
}

/// The descriptors of what clients see, with their comments: a `google.protobuf.FileDescriptorSet`.
pub const PUBLIC_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/public.bin"));

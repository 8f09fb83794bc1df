//! The bytes of a connection to the port of both doors.
#![allow(clippy::disallowed_methods, reason = "the port's end of a connection is a task of its target")]

use super::heads::{NOW, OneKey};
use crate::input::Input;
use crate::service::{Service, account};
use crate::time;
use crate::wire::PIPE_BYTES;
use anabranch_aws_api::{AwsDoor, DoorOptions, Verification};
use anabranch_grpc_api::{GrpcDoor, GrpcOptions};
use anabranch_runtime::Env;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Whatever is said, in pieces that may come apart: the connection ends soon after its client has, and nobody was let
/// in. Numbers of pieces stand in front of each.
pub fn connections(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    time::run(async {
        let (env, verification) = (Env::simulated(NOW, 1), Verification::Full(Arc::new(OneKey)));
        let grpc = GrpcDoor::new(GrpcOptions::new(account(), verification.clone()), env.clone());
        let options = DoorOptions::new(account(), verification);
        let door = Arc::new(AwsDoor::new(Service::default(), options, env).beside(Arc::new(grpc)));
        let (mut client, server) = tokio::io::duplex(PIPE_BYTES);
        let serving = tokio::spawn(Arc::clone(&door).serve_connection(server));
        while !input.is_empty() {
            // Who has been shown the door need not listen.
            if client.write_all(input.long()).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(client.shutdown().await);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("a pipe does not break");
        serving.await.expect("nothing panics");
        assert!(door.service().expect("the door is open").take_asked().is_empty(), "somebody was let in");
    });
}

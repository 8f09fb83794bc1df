//! Shard iterators and page tokens, which clients carry and cannot read: as any text, and as what is in one.

use crate::input::Input;
use crate::nodes::{Heard, Nodes};
use crate::service::context;
use crate::time;
use anabranch_api::{
    ApiError, ErrorCode, GetRecords, Kinesis, ListShards, ListStreams, RequestContext, ShardIterator, ShardPage,
};
use anabranch_catalog::{ActivateStream, Bootstrap, Catalog, Command, CreateStream, NodeAddresses, TokenSecret};
use anabranch_cluster::{ClusterView, Router, StorageNode, ViewWatch};
use anabranch_gateway::{Gateway, GatewayOptions};
use anabranch_runtime::Env;
use anabranch_types::{AccountId, ClusterId, Incarnation, NodeId, RequestId, StreamName, StreamUid, Timestamp};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_millis(1_742_000_000_000);
const SECRET: [u8; 32] = [7; 32];
/// What a token is for, as it is authenticated.
const ITERATOR: u8 = 1;
const PAGE: u8 = 2;

/// A gateway of a cluster with one stream, and its storage.
struct World {
    gateway: Gateway,
    nodes: Arc<Nodes>,
    stream: StreamUid,
}

impl World {
    fn new(answers: &[u8]) -> Self {
        let env = Env::simulated(NOW, 1);
        let nodes = Arc::new(Nodes::answering(answers));
        let (catalog, stream) = catalog();
        let keys = catalog.token_keys().cloned();
        let view = ViewWatch::new(ClusterView { map: catalog.shard_map(), keys, feature_level: 1 });
        let storage: Arc<dyn StorageNode> = nodes.clone();
        let router = Router::new(BTreeMap::from([(NodeId(1), storage)]), env.clone());
        let gateway = Gateway::new(view, router, nodes.clone(), env, GatewayOptions::default());
        World { gateway, nodes, stream }
    }
}

/// One node, one stream of two shards.
fn catalog() -> (Catalog, StreamUid) {
    let mut catalog = Catalog::default();
    let name = StreamName::new("orders").expect("a name");
    let bootstrap = Bootstrap {
        cluster: ClusterId(7),
        node: NodeId(1),
        incarnation: Incarnation(11),
        addresses: NodeAddresses::new("10.0.0.1:4600", "10.0.0.1:4567").expect("two addresses"),
        feature_level: 1,
        data_groups: 1,
        token_secret: TokenSecret::new(SECRET),
        now: NOW,
    };
    let create = CreateStream {
        account: AccountId::DEFAULT,
        name,
        shard_count: NonZeroU32::new(2).expect("two"),
        now: NOW,
        shard_limit: 10,
        request: RequestId(1),
    };
    applied(&mut catalog, 1, &bootstrap);
    let uid = applied(&mut catalog, 2, &create).uid;
    applied(&mut catalog, 3, &ActivateStream { uid });
    (catalog, uid)
}

fn applied<C: Command<Refused: std::fmt::Debug>>(catalog: &mut Catalog, index: u64, command: &C) -> C::Done {
    let outcome = catalog.apply(index, &command.encode(), &mut Vec::new()).expect("a command");
    C::decode_outcome(&outcome).expect("an outcome").expect("not refused")
}

/// Seals as the format says:
///
/// ```text
/// token = base64 of: version u8 = 1 | key id u32 LE | nonce 12 | AES-256-GCM(contents) | tag 16
/// ```
/// Authenticated are version, key id and the purpose.
fn seal(purpose: u8, key_id: u32, contents: &[u8]) -> Vec<u8> {
    let mut token = vec![1];
    token.extend_from_slice(&key_id.to_le_bytes());
    let aad = Aad::from([&token[..], &[purpose]].concat());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &SECRET).expect("32 bytes"));
    let mut sealed = contents.to_vec();
    let nonce = Nonce::assume_unique_for_key([3; NONCE_LEN]);
    key.seal_in_place_append_tag(nonce, aad, &mut sealed).expect("a short text");
    token.extend_from_slice(&[3; NONCE_LEN]);
    token.extend_from_slice(&sealed);
    token
}

/// The contents of an iterator of this world.
fn unsealed(token: &str) -> Vec<u8> {
    let token = base64_simd::STANDARD.decode_to_vec(token).expect("base64");
    let nonce = Nonce::try_assume_unique_for_key(&token[5..17]).expect("12 bytes");
    let aad = Aad::from([&token[..5], &[ITERATOR]].concat());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &SECRET).expect("32 bytes"));
    let mut sealed = token[17..].to_vec();
    key.open_in_place(nonce, aad, &mut sealed).expect("it was sealed here").to_vec()
}

fn of_default_account() -> RequestContext {
    RequestContext { account: AccountId::DEFAULT, ..context() }
}

/// What each call says to a token.
async fn tried(world: &World, token: &str) -> [Result<Option<String>, ApiError>; 3] {
    let context = of_default_account();
    let iterator = ShardIterator(token.to_owned());
    let read = GetRecords { iterator, limit: None, stream_arn: None, bytes_max: None, wait_max: Duration::ZERO };
    let page = ShardPage::Next { token: token.to_owned(), stream_arn: None };
    let streams = ListStreams { limit: Some(1), after: None, next_token: Some(token.to_owned()) };
    let shards = ListShards { page, max_results: Some(1) };
    [
        world.gateway.get_records(&context, read).await.map(|slice| slice.next.map(|next| next.0)),
        world.gateway.list_shards(&context, shards).await.map(|page| page.next_token),
        world.gateway.list_streams(&context, streams).await.map(|page| page.next_token),
    ]
}

fn refused(result: &Result<Option<String>, ApiError>) -> bool {
    matches!(result, Err(ApiError { code: ErrorCode::InvalidArgument, .. }))
}

/// No call takes what was not sealed here for it. What was is read to the end or refused, and read on from where it
/// says.
pub fn tokens(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (kind, answers) = (input.byte() % 5, input.short());
    time::run(async {
        let world = World::new(answers);
        match kind {
            0 => forged(&world, &String::from_utf8_lossy(input.rest())).await,
            1 => forged(&world, &base64_simd::STANDARD.encode_to_string(input.rest())).await,
            2 => damaged(&world, &mut input).await,
            3 => position(&world, &mut input).await,
            _ => contents(&world, &mut input).await,
        }
    });
}

async fn forged(world: &World, text: &str) {
    let tried = tried(world, text).await;
    assert!(tried.iter().all(refused), "{text:?} is a token: {tried:?}");
    assert!(world.nodes.take_heard().is_empty(), "{text:?} was read");
}

/// A sealed token of which one bit is another, or the end is missing.
async fn damaged(world: &World, input: &mut Input<'_>) {
    let (purpose, at, bit) = (input.byte() % 3, usize::from(input.u16()), input.byte());
    let mut token = seal(purpose, 1, &good(world, 0));
    let at = at % token.len();
    if bit & 8 != 0 {
        token.truncate(at);
    } else {
        // The key's id is followed by what it seals: another id is another key, which was never made.
        token[at] ^= 1 << (bit & 7);
    }
    forged(world, &base64_simd::STANDARD.encode_to_string(token)).await;
}

/// The contents of an iterator of this world at `next`.
fn good(world: &World, next: u64) -> Vec<u8> {
    let mut contents = vec![1];
    contents.extend_from_slice(&world.stream.0.to_le_bytes());
    contents.extend_from_slice(&1_u32.to_le_bytes());
    contents.extend_from_slice(&next.to_le_bytes());
    contents.extend_from_slice(&NOW.as_millis().to_le_bytes());
    contents.extend_from_slice(b"orders");
    contents
}

/// An iterator at any place reads from there, and its follower from where the read ended.
async fn position(world: &World, input: &mut Input<'_>) {
    let next = input.u64();
    let token = base64_simd::STANDARD.encode_to_string(seal(ITERATOR, 1, &good(world, next)));
    let [read, pages @ ..] = tried(world, &token).await;
    assert!(pages.iter().all(refused), "an iterator is a page");
    let heard = world.nodes.take_heard();
    let from = heard.iter().find_map(|heard| match heard {
        Heard::Read(request) => Some(request.from.bits()),
        _ => None,
    });
    if next >> 63 != 0 {
        return assert!(refused(&read) && from.is_none(), "{read:?}");
    }
    assert_eq!(from, Some(next));
    if let Ok(Some(following)) = read {
        let contents = unsealed(&following);
        let (same, follows) = (good(world, next), u64::from_le_bytes(contents[13..21].try_into().expect("8 bytes")));
        assert!(follows >= next, "{follows} follows {next}");
        assert_eq!((&contents[..13], &contents[21..]), (&same[..13], &same[21..]));
    }
}

/// Any contents, sealed for any purpose.
async fn contents(world: &World, input: &mut Input<'_>) {
    let (purpose, key_id) = (input.byte() % 4, input.byte() % 3);
    let token = seal(purpose, u32::from(key_id), input.rest());
    let [read, shards, streams] = tried(world, &base64_simd::STANDARD.encode_to_string(token)).await;
    if purpose != ITERATOR || key_id != 1 {
        assert!(refused(&read), "{read:?}");
    }
    if purpose != PAGE || key_id != 1 {
        assert!(refused(&shards) && refused(&streams), "{shards:?} {streams:?}");
    }
    assert!(shards.is_err() || streams.is_err(), "a page of shards is none of streams");
}

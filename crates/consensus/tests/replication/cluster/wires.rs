//! A transport within one process, with switches: each direction between two replicas can be cut.

use anabranch_consensus::{Answers, AppendMessage, MessageKind, Peer, Refused, Replica, Transport, Unreached};
use anabranch_types::ReplicaId;
use bytes::Bytes;
use futures::future::{BoxFuture, pending};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// All replicas of one group and the ways between them.
#[derive(Default)]
pub struct Wires {
    replicas: Mutex<HashMap<ReplicaId, Arc<dyn Replica>>>,
    ways: Mutex<HashMap<(ReplicaId, ReplicaId), Way>>,
    /// What is meant for the first arrives at the second.
    misdirected: Mutex<HashMap<ReplicaId, ReplicaId>>,
    refusals: Mutex<Vec<String>>,
    /// Who asked how often whether it would be elected, heard or not.
    pre_votes: Mutex<HashMap<ReplicaId, u64>>,
    pieces: Mutex<Pieces>,
    /// The newest offer to each replica.
    offers: Mutex<HashMap<ReplicaId, (Peer, Bytes)>>,
}

/// Pieces of snapshots on their way.
struct Pieces {
    carried: u64,
    /// How many more are carried before the next one waits.
    passing: u64,
    /// The next one of at least so many bytes is damaged on its way.
    damage_from_bytes: Option<usize>,
}

impl Default for Pieces {
    fn default() -> Self {
        Pieces { carried: 0, passing: u64::MAX, damage_from_bytes: None }
    }
}

#[derive(Default, Clone, Copy)]
struct Way {
    is_cut: bool,
    /// What was under way at a cut is lost: streams opened before it are dead.
    cuts: u64,
    /// How often each message lets others go first.
    yields: u32,
}

impl Wires {
    pub fn connect(&self, replica: Arc<dyn Replica>) {
        self.replicas.lock().insert(replica.replica(), replica);
    }

    pub fn disconnect(&self, replica: ReplicaId) {
        self.replicas.lock().remove(&replica);
        self.ways
            .lock()
            .iter_mut()
            .filter(|((from, to), _)| *from == replica || *to == replica)
            .for_each(|(_, way)| way.cuts += 1);
    }

    pub fn cut_one_way(&self, from: ReplicaId, to: ReplicaId) {
        let mut ways = self.ways.lock();
        let way = ways.entry((from, to)).or_default();
        way.is_cut = true;
        way.cuts += 1;
    }

    pub fn cut(&self, one: ReplicaId, other: ReplicaId) {
        self.cut_one_way(one, other);
        self.cut_one_way(other, one);
    }

    pub fn heal_all(&self) {
        self.ways.lock().values_mut().for_each(|way| way.is_cut = false);
    }

    pub fn slow_down(&self, from: ReplicaId, to: ReplicaId, yields: u32) {
        self.ways.lock().entry((from, to)).or_default().yields = yields;
    }

    /// From now on what is for `meant` arrives at `actual`.
    pub fn misdirect(&self, meant: ReplicaId, actual: ReplicaId) {
        self.misdirected.lock().insert(meant, actual);
        self.ways.lock().values_mut().for_each(|way| way.cuts += 1);
    }

    /// Every refusal so far.
    pub fn refusals(&self) -> Vec<String> {
        self.refusals.lock().clone()
    }

    pub fn pre_votes_of(&self, candidate: ReplicaId) -> u64 {
        self.pre_votes.lock().get(&candidate).copied().unwrap_or(0)
    }

    /// Pieces of snapshots that were carried so far.
    pub fn pieces_carried(&self) -> u64 {
        self.pieces.lock().carried
    }

    /// Carries `count` more pieces, and the next one never.
    pub fn pass_pieces(&self, count: u64) {
        self.pieces.lock().passing = count;
    }

    pub fn damage_a_piece_of(&self, bytes: usize) {
        self.pieces.lock().damage_from_bytes = Some(bytes);
    }

    pub fn damage_is_done(&self) -> bool {
        self.pieces.lock().damage_from_bytes.is_none()
    }

    /// Says again what `to` was last offered, whatever has become of it since.
    pub async fn offer_again(&self, to: ReplicaId) -> Result<Bytes, Refused> {
        let (peer, offer) = self.offers.lock().get(&to).cloned().expect("it was offered something");
        let replica = self.replica(peer).expect("it runs");
        replica.answer(MessageKind::Offer, offer).await
    }

    /// Whether one more piece passes.
    fn lets_a_piece_pass(&self) -> bool {
        let mut pieces = self.pieces.lock();
        let passes = pieces.passing > 0;
        if passes {
            pieces.passing -= 1;
            pieces.carried += 1;
        }
        passes
    }

    fn damaged(&self, piece: Bytes) -> Bytes {
        let mut pieces = self.pieces.lock();
        if pieces.damage_from_bytes.is_none_or(|bytes| piece.len() < bytes) {
            return piece;
        }
        pieces.damage_from_bytes = None;
        let mut damaged = piece.to_vec();
        *damaged.last_mut().expect("not empty") ^= 1;
        damaged.into()
    }

    fn refused(&self, peer: Peer, refused: &Refused) -> Unreached {
        let reason = refused.to_string();
        self.refusals.lock().push(reason.clone());
        Unreached::Refused { peer, reason }
    }

    fn way(&self, from: ReplicaId, to: ReplicaId) -> Way {
        *self.ways.lock().entry((from, to)).or_default()
    }

    fn replica(&self, peer: Peer) -> Result<Arc<dyn Replica>, Unreached> {
        let no_link = Unreached::NoLink { peer, reason: "it is not running".to_owned() };
        let actual = self.misdirected.lock().get(&peer.replica).copied().unwrap_or(peer.replica);
        self.replicas.lock().get(&actual).cloned().ok_or(no_link)
    }

    /// Ends when a message got through; never, when the way is cut or was since `cuts`.
    async fn pass(&self, from: ReplicaId, to: ReplicaId, cuts: u64) {
        for _ in 0..self.way(from, to).yields {
            tokio::task::yield_now().await;
        }
        let way = self.way(from, to);
        if way.is_cut || way.cuts != cuts {
            pending::<()>().await;
        }
    }
}

/// The transport of one replica.
#[derive(Clone)]
pub struct Wire {
    pub from: ReplicaId,
    pub wires: Arc<Wires>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wire of replica {}", self.from)
    }
}

impl Transport for Wire {
    fn ask(
        &self,
        to: Peer,
        kind: MessageKind,
        body: Bytes,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreached>> {
        let Wire { from, wires } = self.clone();
        if kind == MessageKind::PreVote {
            *wires.pre_votes.lock().entry(from).or_default() += 1;
        }
        if kind == MessageKind::Offer {
            wires.offers.lock().insert(to.replica, (to, body.clone()));
        }
        async move {
            let (there, back) = (wires.way(from, to.replica).cuts, wires.way(to.replica, from).cuts);
            wires.pass(from, to.replica, there).await;
            let answer = wires.replica(to)?.answer(kind, body).await.map_err(|error| wires.refused(to, &error));
            wires.pass(to.replica, from, back).await;
            answer
        }
        .boxed()
    }

    fn append(
        &self,
        to: Peer,
        messages: BoxStream<'static, AppendMessage>,
        _: Duration,
    ) -> BoxFuture<'static, Result<Answers, Unreached>> {
        let Wire { from, wires } = self.clone();
        async move {
            let (there, back) = (wires.way(from, to.replica).cuts, wires.way(to.replica, from).cuts);
            wires.pass(from, to.replica, there).await;
            let replica = wires.replica(to)?;
            let outward = Arc::clone(&wires);
            let messages = messages.then(move |message| {
                let wires = Arc::clone(&outward);
                async move {
                    wires.pass(from, to.replica, there).await;
                    message.into_bytes()
                }
            });
            let answers = replica.append(messages.boxed()).then(move |answer| {
                let wires = Arc::clone(&wires);
                async move {
                    wires.pass(to.replica, from, back).await;
                    answer.map_err(|error| wires.refused(to, &error))
                }
            });
            Ok(answers.boxed())
        }
        .boxed()
    }

    fn fetch(&self, peer: Peer, request: Bytes, _: Duration) -> BoxFuture<'static, Result<Bytes, Unreached>> {
        let Wire { from, wires } = self.clone();
        async move {
            let (there, back) = (wires.way(from, peer.replica).cuts, wires.way(peer.replica, from).cuts);
            wires.pass(from, peer.replica, there).await;
            if !wires.lets_a_piece_pass() {
                pending::<()>().await;
            }
            let answer = wires.replica(peer)?.fetch(request).await.map_err(|error| wires.refused(peer, &error));
            wires.pass(peer.replica, from, back).await;
            answer.map(|piece| wires.damaged(piece))
        }
        .boxed()
    }
}

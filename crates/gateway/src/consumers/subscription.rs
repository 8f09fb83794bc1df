//! A consumer's subscription to a shard, from event to event.
//!
//! Its reads wait at the tip where the shard's leader is, so that nothing polls, and the leader decides
//! whose subscription has the consumer's place. It goes on by itself when the leader changes: what is
//! read next depends on what was given, and on nothing else (I5).

use crate::gateway::Gateway;
use crate::records::get_records::{children, numbered};
use crate::resolve::node_failed;
use anabranch_api::{ApiError, Record, RequestContext, SubscribeToShardEvent, messages};
use anabranch_catalog::Shard;
use anabranch_cluster::{ClusterView, NodeError, ReadReply, ReadRequest, ShardKey, SubscriptionRead};
use anabranch_types::{ConsumerArn, Counter, MapVersion, RequestId, SequenceNumber, StreamUid, Timestamp, limits};
use futures::future::{Either, select};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

/// The least that a read waits: without any it would not be a follower's.
const WAIT_MIN: Duration = Duration::from_millis(1);
/// Between two tries while the group does not answer.
const PAUSE: Duration = Duration::from_millis(200);
/// For so long a group that does not answer is asked again before the subscription ends. Below what
/// the SDKs wait for an event (10 s), which then subscribe anew and hear what is wrong.
const FAILING_MAX: Duration = Duration::from_secs(8);

/// Who reads what.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub arn: ConsumerArn,
    pub consumer: MapVersion,
    pub stream: StreamUid,
    pub shard: Shard,
}

/// An open subscription.
#[derive(Debug)]
pub struct Subscription {
    place: Place,
    id: RequestId,
    /// For the leader, which tells by it which of two subscriptions is the later one.
    begun: Timestamp,
    /// When it is over, in time since node start.
    ends_at: Duration,
    /// The first counter that was not given yet.
    next: Counter,
    /// After it `next` begins.
    continuation: SequenceNumber,
    millis_behind_latest: u64,
    /// What was read as it began.
    first: Option<ReadReply>,
    /// When the last event was given.
    told_at: Duration,
    /// Since when the group does not answer.
    failing_since: Option<Duration>,
    is_over: bool,
}

impl Subscription {
    /// One that begins with the record of `next`. It has no place at the shard yet.
    pub(crate) fn new(gateway: &Gateway, context: &RequestContext, place: Place, next: Counter) -> Self {
        let (now, begun) = (gateway.env.clock.monotonic(), gateway.now());
        let continuation = number_before(&place.shard, next, begun);
        Subscription {
            place,
            id: context.request_id,
            begun,
            ends_at: now + gateway.options.subscription_lasts,
            next,
            continuation,
            millis_behind_latest: 0,
            first: None,
            told_at: now,
            failing_since: None,
            is_over: false,
        }
    }

    /// Takes the consumer's place at the shard.
    ///
    /// # Errors
    /// As [`anabranch_cluster::StorageNode::read`]. It has the place when the error is `Throttled`.
    pub(crate) async fn begin(&mut self, gateway: &Gateway, deadline: Duration) -> Result<(), NodeError> {
        self.first = Some(self.read(gateway, deadline, WAIT_MIN, true).await?);
        Ok(())
    }

    /// The next event; none when the subscription is over. Cancel-safe: what was read and not given is
    /// read again.
    ///
    /// # Errors
    /// `ResourceNotFound` when the consumer is gone, `ResourceInUse` when another subscription has
    /// taken over, `InternalFailure` when the shard cannot be read. Each ends it.
    pub(crate) async fn next_event(&mut self, gateway: &Gateway) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        while !self.is_over && gateway.env.clock.monotonic() < self.ends_at {
            match self.step(gateway).await {
                Ok(None) => {}
                Ok(Some(event)) => {
                    self.told_at = gateway.env.clock.monotonic();
                    return Ok(Some(event));
                }
                Err(error) => {
                    self.is_over = true;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// One read, or one pause.
    async fn step(&mut self, gateway: &Gateway) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        let read = match self.first.take() {
            Some(first) => Ok(first),
            None => {
                let wait = self.quiet_for(gateway).max(WAIT_MIN);
                let deadline = gateway.env.clock.monotonic() + wait + gateway.options.read_patience;
                self.while_registered(gateway, self.read(gateway, deadline, wait, false)).await?
            }
        };
        match read {
            Ok(reply) => {
                self.failing_since = None;
                self.take(gateway, reply).await
            }
            Err(NodeError::Throttled { retry_after, .. }) => self.pause(gateway, gateway.env.sleep(retry_after)).await,
            Err(NodeError::SubscriptionTakenOver | NodeError::SubscriptionInUse { .. }) => {
                Err(messages::subscription_taken_over(&self.place.arn, self.place.shard.id))
            }
            Err(NodeError::NoSuchShard { .. }) => {
                let stream = &self.place.arn.stream;
                Err(messages::shard_absent(self.place.shard.id, &stream.name, stream.account))
            }
            Err(error @ NodeError::Damaged { .. }) => Err(node_failed(&error)),
            Err(error @ (NodeError::NotLeader { .. } | NodeError::Unknown { .. } | NodeError::Unavailable { .. })) => {
                self.bear(gateway, &error).await
            }
        }
    }

    async fn read(
        &self,
        gateway: &Gateway,
        deadline: Duration,
        wait: Duration,
        begins: bool,
    ) -> Result<ReadReply, NodeError> {
        let Place { consumer, stream, shard, .. } = &self.place;
        let (group, patience) = (shard.group, gateway.options.read_patience);
        let subscription = SubscriptionRead { consumer: *consumer, subscription: self.id, begun: self.begun, begins };
        let read = ReadRequest {
            group,
            shard: ShardKey { stream: *stream, shard: shard.id },
            from: self.next,
            records_max: limits::GET_RECORDS_COUNT_MAX,
            bytes_max: gateway.options.event_bytes_max,
            wait_max: wait,
            subscription: Some(subscription),
        };
        let call = gateway.router.call_held(group, deadline, wait, |node| {
            // Asked again, it waits for what is left of its time.
            let left = deadline.saturating_sub(gateway.env.clock.monotonic()).saturating_sub(patience);
            let read = ReadRequest { wait_max: wait.min(left.max(WAIT_MIN)), ..read };
            async move { node.read(read).await }
        });
        call.await
    }

    /// From what was read to what is given.
    async fn take(&mut self, gateway: &Gateway, reply: ReadReply) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        assert!(reply.next >= self.next, "I5: a subscription went back from {:?} to {:?}", self.next, reply.next);
        let shard = self.place.shard;
        let records: Vec<Record> = reply.records.into_iter().map(|record| numbered(&shard, record)).collect();
        match records.last() {
            Some(last) => self.continuation = last.sequence_number,
            None if reply.next > self.next => {
                self.continuation = number_before(&shard, reply.next, gateway.now());
            }
            None => {}
        }
        (self.next, self.millis_behind_latest) = (reply.next, reply.millis_behind_latest);
        if reply.ended {
            let view = gateway.view.load();
            let child_shards = view.map.stream(self.place.stream).map(|map| children(map, shard.id));
            let child_shards = child_shards.unwrap_or_default();
            if !child_shards.is_empty() {
                self.is_over = true;
                return Ok(Some(SubscribeToShardEvent { continuation: None, child_shards, ..self.event(records) }));
            }
            if records.is_empty() {
                // Its children are about to open.
                let (stream, shard) = (self.place.stream, shard.id);
                let open = move |view: &ClusterView| {
                    view.map.stream(stream).is_none_or(|map| map.children(shard).next().is_some())
                };
                return self.pause(gateway, async { drop(gateway.view.wait(open).await) }).await;
            }
        }
        Ok(Some(self.event(records)))
    }

    fn event(&self, records: Vec<Record>) -> SubscribeToShardEvent {
        SubscribeToShardEvent {
            records,
            continuation: Some(self.continuation),
            millis_behind_latest: self.millis_behind_latest,
            child_shards: Vec::new(),
        }
    }

    /// The group does not answer: for a while it is asked again.
    async fn bear(&mut self, gateway: &Gateway, error: &NodeError) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        let now = gateway.env.clock.monotonic();
        let since = *self.failing_since.get_or_insert(now);
        if now.saturating_sub(since) >= FAILING_MAX {
            tracing::debug!(%error, shard = %self.place.shard.id, "subscription ended, its group does not answer");
            self.is_over = true;
            return Ok(None);
        }
        self.pause(gateway, gateway.env.sleep(PAUSE)).await
    }

    /// Waits for `what`, and tells the client if it has not heard anything for long.
    async fn pause(
        &self,
        gateway: &Gateway,
        what: impl Future<Output = ()>,
    ) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        let (what, quiet) = (pin!(what), pin!(gateway.env.sleep(self.quiet_for(gateway))));
        let either = select(what, quiet);
        self.while_registered(gateway, either).await?;
        Ok(self.quiet_for(gateway).is_zero().then(|| self.event(Vec::new())))
    }

    /// How long until the client is to hear something, or the subscription is over.
    fn quiet_for(&self, gateway: &Gateway) -> Duration {
        let due = self.told_at.saturating_add(gateway.options.subscription_idle).min(self.ends_at);
        due.saturating_sub(gateway.env.clock.monotonic())
    }

    /// Does `work` while the consumer is registered.
    async fn while_registered<T>(&self, gateway: &Gateway, work: impl Future<Output = T>) -> Result<T, ApiError> {
        let Place { arn, consumer, stream, .. } = &self.place;
        let is_gone = |view: &ClusterView| {
            let map = view.map.stream(*stream);
            map.and_then(|map| map.consumer(&arn.name)).is_none_or(|found| found.id != *consumer)
        };
        match select(pin!(gateway.view.wait(is_gone)), pin!(work)).await {
            Either::Left(_) => Err(messages::consumer_arn_not_found(arn)),
            Either::Right((done, _)) => Ok(done),
        }
    }
}

/// The sequence number after which `next` begins. No record need have it.
fn number_before(shard: &Shard, next: Counter, now: Timestamp) -> SequenceNumber {
    match next.previous() {
        Counter::ZERO => shard.starting(),
        previous => SequenceNumber::of_record(shard.epoch(), previous, now),
    }
}

//! Reads a shard on from a position: committed records only (I5), visible ones only (I11).

use crate::group_host::HostedGroup;
use crate::metrics;
use crate::shared::SharedState;
use anabranch_cluster::{NodeError, ReadReply, ReadRequest, RecordOut, SubscriptionRead};
use anabranch_runtime::{BudgetSpent, MemoryBudget};
use anabranch_shard::{ReadPlan, ShardNo, ShardState, TimeSearch};
use anabranch_store::{Direction, Family, Store, StoreError};
use anabranch_types::{Counter, Timestamp};

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// How long a read looks for memory before it is refused. It does not queue for it: what becomes free
/// is for puts first.
const MEMORY_PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks: about what an answer takes to go out.
const MEMORY_PAUSE: Duration = Duration::from_millis(20);

#[tracing::instrument(name = "storage.read", skip_all, fields(group = %host.id(), shard = %request.shard.shard))]
pub(crate) async fn read(host: &HostedGroup, request: ReadRequest) -> Result<ReadReply, NodeError> {
    let no_such_shard = || NodeError::NoSuchShard { group: host.id() };
    #[cfg(feature = "planted-bugs")]
    let is_proven = anabranch_runtime::planted::is_planted(anabranch_runtime::planted::Bug::ReadsWithoutBarrier);
    #[cfg(not(feature = "planted-bugs"))]
    let is_proven = false;
    if !is_proven {
        host.read_barrier().await?;
    }
    let shared = host.current.now();
    let no = {
        let state = shared.state.read();
        state.shard(request.shard.stream, request.shard.shard).ok_or_else(no_such_shard)?.no
    };
    let payer = Payer::of(&request);
    payer.begin(host, no, &request).await?;
    if !request.wait_max.is_zero() {
        wait_for_more(host, &shared, no, &request).await?;
    }
    payer.admit(host, no, &request)?;
    let now = host.env.now();
    let tries_until = host.env.clock.monotonic() + MEMORY_PATIENCE;
    let reply = loop {
        match scan_in_turn(host, &shared, no, request, now).await {
            // No memory for a single record: other answers are about to give theirs back.
            Err(NodeError::Unavailable { .. }) if host.env.clock.monotonic() < tries_until => {
                host.env.sleep(MEMORY_PAUSE).await;
            }
            scanned => break scanned?.ok_or_else(no_such_shard)?,
        }
    };
    let bytes = reply.records.iter().map(record_bytes).sum();
    payer.charge(host, no, bytes);
    metrics::read_answered(reply.records.len(), bytes);
    Ok(reply)
}

/// Whose budget a read takes from.
enum Payer {
    /// The shard's, with a read call.
    Caller,
    /// The shard's, without a read call.
    Follower,
    /// The registered consumer's.
    Subscription(SubscriptionRead),
}

impl Payer {
    fn of(request: &ReadRequest) -> Self {
        match request.subscription {
            Some(subscription) => Payer::Subscription(subscription),
            None if request.wait_max.is_zero() => Payer::Caller,
            None => Payer::Follower,
        }
    }

    /// What is to be there before the read: the shard's budget, or the consumer's place.
    async fn begin(&self, host: &HostedGroup, no: ShardNo, request: &ReadRequest) -> Result<(), NodeError> {
        match self {
            Payer::Caller | Payer::Follower => host.begin_budget(request.shard).await,
            Payer::Subscription(subscription) => claim(host, no, subscription),
        }
    }

    fn admit(&self, host: &HostedGroup, no: ShardNo, request: &ReadRequest) -> Result<(), NodeError> {
        let now = host.env.clock.monotonic();
        let admitted = match self {
            Payer::Caller => host.budgets.admit_read(no, now).map_err(throttled),
            Payer::Follower => host.budgets.admit_following_read(no, now).map_err(throttled),
            Payer::Subscription(subscription) => {
                // Another one may have taken over while this one waited.
                if !request.wait_max.is_zero() {
                    claim(host, no, &SubscriptionRead { begins: false, ..*subscription })?;
                }
                host.subscriptions.admit(no, subscription.consumer, now)
            }
        };
        admitted.inspect_err(|error| {
            if matches!(error, NodeError::Throttled { .. }) {
                metrics::read_throttled();
            }
        })
    }

    fn charge(&self, host: &HostedGroup, no: ShardNo, bytes: u64) {
        let now = host.env.clock.monotonic();
        match self {
            Payer::Caller | Payer::Follower => host.budgets.charge_read(no, bytes, now),
            Payer::Subscription(subscription) => host.subscriptions.charge(no, subscription.consumer, bytes, now),
        }
    }
}

fn throttled(exceeded: anabranch_limiter::Exceeded) -> NodeError {
    NodeError::Throttled { bucket: exceeded.bucket, retry_after: exceeded.retry_after }
}

fn claim(host: &HostedGroup, no: ShardNo, subscription: &SubscriptionRead) -> Result<(), NodeError> {
    let (term, now) = (host.group.term(), host.env.clock.monotonic());
    host.subscriptions.claim(term, no, subscription, now, host.env.now())
}

async fn scan_in_turn(
    host: &HostedGroup,
    shared: &Arc<SharedState>,
    no: ShardNo,
    request: ReadRequest,
    now: Timestamp,
) -> Result<Option<ReadReply>, NodeError> {
    let (shared, memory) = (Arc::clone(shared), host.options.memory.clone());
    let turn = Arc::clone(&host.options.scans).acquire_owned().await.expect("the semaphore is never closed");
    let scanned = anabranch_runtime::blocking(move || {
        let _turn = turn;
        scan(&shared, no, request, now, &memory)
    });
    scanned.await.map_err(|error| NodeError::Unknown { reason: error.to_string() })?
}

/// Holds a follower's read until its shard has more, or its time is over. It costs neither a thread
/// nor a budget, and ends with this replica's leadership as soon as the next leader's first entry
/// is here.
async fn wait_for_more(
    host: &HostedGroup,
    shared: &SharedState,
    no: ShardNo,
    request: &ReadRequest,
) -> Result<(), NodeError> {
    let mut applied = shared.applied();
    let more = async {
        loop {
            applied.borrow_and_update();
            host.check_leader()?;
            // The sender lives as long as the host.
            if has_more(shared, no, request.from) || applied.changed().await.is_err() {
                return Ok(());
            }
        }
    };
    tokio::time::timeout(request.wait_max, more).await.unwrap_or_else(|_| host.check_leader())
}

/// Whether a read of the shard finds something at or above `from`: records, its end, or that it is
/// gone.
fn has_more(shared: &SharedState, no: ShardNo, from: Counter) -> bool {
    // First, as in a scan: of what lies at or above it nothing can be read yet.
    let published = shared.published();
    let state = shared.state.read();
    state.shard_by_no(no).is_none_or(|shard| {
        let has_records = from < published && shard.newest.is_some_and(|newest| newest.last >= from);
        has_records || matches!(shard.state, ShardState::Sealed { .. })
    })
}

fn record_bytes(record: &RecordOut) -> u64 {
    (record.data.len() + record.partition_key.len()) as u64
}

/// What a scan has found so far.
struct Found<'a> {
    memory: &'a MemoryBudget,
    records: Vec<RecordOut>,
    bytes: u64,
    /// Bytes of chunks that were copied for them.
    held: usize,
    /// Why it ended before the shard's end.
    stopped: Option<Stopped>,
}

enum Stopped {
    Full,
    /// There was no memory for the next chunk.
    NoMemory(BudgetSpent),
    Damaged(String),
}

/// Reads at most what `request` allows and there is memory for; none when the shard is gone.
fn scan(
    shared: &SharedState,
    no: ShardNo,
    request: ReadRequest,
    now: Timestamp,
    memory: &MemoryBudget,
) -> Result<Option<ReadReply>, NodeError> {
    // Taken before the store is read: everything below is in the store by then.
    let published = shared.published();
    // The state may be ahead of the store, and a batch may land between two of the scans below:
    // what is at or above `published` is left for the next read, so that nothing is skipped (I5).
    let from = first_visible(shared, no, request.from)?.min(published).max(request.from);
    let (plan, sealed) = {
        let state = shared.state.read();
        let Some(shard) = state.shard_by_no(no) else { return Ok(None) };
        let plan = state.read_plan(no, from).expect("the shard was found above");
        let complete = shard.newest.is_none_or(|newest| newest.last < published);
        (plan, complete && matches!(shard.state, ShardState::Sealed { .. }))
    };
    let mut found = Found { memory, records: Vec::new(), bytes: 0, held: 0, stopped: None };
    for step in &plan.steps {
        let family = Family::Bucket(step.bucket.0);
        let scanned = shared.store.scan(family, &step.from, &step.to, Direction::Ascending, &mut |key, value| {
            take_chunk(&plan, &request, published, key, value, &mut found)
        });
        match scanned {
            // Dropped since the plan was made, or about to be created: nothing visible in it.
            Ok(()) | Err(StoreError::UnknownBucket { .. }) => {}
            Err(error) => return Err(store_failed(error)),
        }
        if found.stopped.is_some() {
            break;
        }
    }
    let after_last = found.records.last().map(|record| record.counter.next());
    match found.stopped {
        Some(Stopped::Damaged(reason)) => Err(NodeError::Damaged { reason }),
        Some(Stopped::NoMemory(spent)) if found.records.is_empty() => {
            Err(NodeError::Unavailable { reason: spent.to_string() })
        }
        Some(Stopped::Full | Stopped::NoMemory(_)) => {
            let next = after_last.unwrap_or(from).max(request.from);
            let behind = found.records.last().map_or(0, |record| now.millis_since(record.arrival));
            // A reply that is full is behind, however young its last record is.
            let millis_behind_latest = behind.max(1);
            Ok(Some(ReadReply { records: found.records, next, millis_behind_latest, ended: false }))
        }
        None => {
            let next = after_last.unwrap_or(from).max(published).max(request.from);
            Ok(Some(ReadReply { records: found.records, next, millis_behind_latest: 0, ended: sealed }))
        }
    }
}

fn take_chunk(
    plan: &ReadPlan,
    request: &ReadRequest,
    published: Counter,
    key: &[u8],
    value: &[u8],
    found: &mut Found<'_>,
) -> ControlFlow<()> {
    let value = match found.memory.copy_for_answer(value, found.held) {
        Ok(value) => value,
        Err(spent) => {
            found.stopped = Some(Stopped::NoMemory(spent));
            return ControlFlow::Break(());
        }
    };
    found.held += value.len();
    let damaged = |error: anabranch_shard::ChunkDamage| Some(Stopped::Damaged(error.to_string()));
    let records = match plan.open(key, value) {
        Ok(records) => records,
        Err(error) => {
            found.stopped = damaged(error);
            return ControlFlow::Break(());
        }
    };
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                found.stopped = damaged(error);
                return ControlFlow::Break(());
            }
        };
        if record.counter >= published {
            return ControlFlow::Break(());
        }
        let out = RecordOut {
            counter: record.counter,
            arrival: record.arrival,
            partition_key: record.partition_key,
            data: record.data,
        };
        let bytes = record_bytes(&out);
        let full = found.records.len() >= request.records_max || found.bytes + bytes > request.bytes_max;
        if full && !found.records.is_empty() {
            found.stopped = Some(Stopped::Full);
            return ControlFlow::Break(());
        }
        found.bytes += bytes;
        found.records.push(out);
    }
    ControlFlow::Continue(())
}

/// Skips what has expired without reading it: the counter to scan from.
fn first_visible(shared: &SharedState, no: ShardNo, from: Counter) -> Result<Counter, NodeError> {
    let search = {
        let state = shared.state.read();
        let Some(shard) = state.shard_by_no(no) else { return Ok(from) };
        let visible_from = state.visible_from(shard);
        let expired_data = state.buckets().any(|bucket| bucket.first_arrival < visible_from && bucket.end > from);
        if !expired_data {
            return Ok(from);
        }
        state.time_search(no, visible_from).expect("the shard was found above")
    };
    Ok(run_search(&*shared.store, search)?.max(from))
}

/// Answers a time search from the store.
pub(crate) fn run_search(store: &dyn Store, mut search: TimeSearch) -> Result<Counter, NodeError> {
    while let Some(step) = search.probe() {
        let mut first: Option<Vec<u8>> = None;
        let scanned =
            store.scan(Family::Bucket(step.bucket.0), &step.from, &step.to, Direction::Ascending, &mut |key, _| {
                first = Some(key.to_vec());
                ControlFlow::Break(())
            });
        match scanned {
            Ok(()) | Err(StoreError::UnknownBucket { .. }) => {}
            Err(error) => return Err(store_failed(error)),
        }
        search.found(first.as_deref()).map_err(|error| NodeError::Damaged { reason: error.to_string() })?;
    }
    Ok(search.result())
}

pub(crate) fn store_failed(error: StoreError) -> NodeError {
    match error {
        StoreError::Damaged { .. } => NodeError::Damaged { reason: error.to_string() },
        StoreError::UnknownBucket { .. }
        | StoreError::DiskFull { .. }
        | StoreError::Engine { .. }
        | StoreError::Failed { .. } => NodeError::Unknown { reason: error.to_string() },
    }
}

//! Who subscribes to a group's shards as which consumer, kept by its leader: one subscription per
//! consumer and shard, and the bytes that it may read (D6).
//!
//! Kept in memory only. A new leader learns of subscriptions as they read; of two that claim the same
//! place there the one that began later is right. Source of the rules: AWS API reference,
//! SubscribeToShard.

use anabranch_cluster::{NodeError, SubscriptionRead};
use anabranch_limiter::{Bucket, ShardLimits, TokenBucket};
use anabranch_shard::ShardNo;
use anabranch_types::limits::SUBSCRIPTION_TAKEOVER_AFTER;
use anabranch_types::{MapVersion, RequestId, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::num::NonZeroU64;
use std::time::Duration;

/// A place that nobody has read from for so long is forgotten: twice what a subscription lasts.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// The places of consumers at shards. `now` is time since node start.
pub(crate) struct Subscriptions {
    /// None lifts the limit.
    bytes_per_second: Option<NonZeroU64>,
    of_term: Mutex<OfTerm>,
}

/// In another term another replica may have led meanwhile: what is known of it is worth nothing.
#[derive(Default)]
struct OfTerm {
    term: u64,
    places: HashMap<(ShardNo, MapVersion), Place>,
}

/// A consumer's place at a shard.
struct Place {
    subscription: RequestId,
    /// When it began, by the clock of its gateway.
    begun_at: Timestamp,
    /// When it began. Of one that began under another leader, as far as can be told.
    begun: Duration,
    /// Whether this leader let it in.
    is_let_in: bool,
    bytes: Option<TokenBucket>,
    used: Duration,
}

impl Place {
    fn of(read: &SubscriptionRead, bytes: Option<TokenBucket>, now: Duration, wall: Timestamp) -> Self {
        let age = if read.begins { Duration::ZERO } else { Duration::from_millis(wall.millis_since(read.begun)) };
        Place {
            subscription: read.subscription,
            begun_at: read.begun,
            begun: now.saturating_sub(age),
            is_let_in: read.begins,
            bytes,
            used: now,
        }
    }

    /// Whether `read` is the one's that has the place, or may have it from now on.
    fn judge(&self, read: &SubscriptionRead, now: Duration) -> Result<(), NodeError> {
        if self.subscription == read.subscription {
            return Ok(());
        }
        if read.begins {
            let free_at = self.begun.saturating_add(SUBSCRIPTION_TAKEOVER_AFTER);
            let retry_after = free_at.saturating_sub(now);
            return if retry_after.is_zero() { Ok(()) } else { Err(NodeError::SubscriptionInUse { retry_after }) };
        }
        let is_later = (read.begun, read.subscription.0) > (self.begun_at, self.subscription.0);
        if is_later && !self.is_let_in { Ok(()) } else { Err(NodeError::SubscriptionTakenOver) }
    }
}

impl Subscriptions {
    /// None lifts the limit of bytes.
    pub fn new(limits: Option<ShardLimits>) -> Self {
        let bytes_per_second = limits.map(|limits| limits.consumer_read_bytes_per_second);
        Subscriptions { bytes_per_second, of_term: Mutex::default() }
    }

    /// Gives the subscription its consumer's place at the shard, or lets it keep it. The bytes of the
    /// consumer are the same whoever has the place.
    ///
    /// # Errors
    /// [`NodeError::SubscriptionInUse`] when it begins too early after another one;
    /// [`NodeError::SubscriptionTakenOver`] when another one has taken the place.
    pub fn claim(
        &self,
        term: u64,
        shard: ShardNo,
        read: &SubscriptionRead,
        now: Duration,
        wall: Timestamp,
    ) -> Result<(), NodeError> {
        let mut of_term = self.of_term.lock();
        if of_term.term < term {
            *of_term = OfTerm { term, places: HashMap::new() };
        }
        let key = (shard, read.consumer);
        let Some(place) = of_term.places.get_mut(&key) else {
            of_term.places.retain(|_, place| now < place.used + FORGOTTEN_AFTER);
            let bytes = self.bytes_per_second.map(|rate| TokenBucket::new(rate, now));
            of_term.places.insert(key, Place::of(read, bytes, now, wall));
            return Ok(());
        };
        place.judge(read, now)?;
        if place.subscription != read.subscription {
            *place = Place::of(read, place.bytes.take(), now, wall);
        }
        place.used = now;
        Ok(())
    }

    /// Admits a read while the bytes of earlier ones are paid.
    ///
    /// # Errors
    /// [`NodeError::Throttled`] when they are not.
    pub fn admit(&self, shard: ShardNo, consumer: MapVersion, now: Duration) -> Result<(), NodeError> {
        let mut of_term = self.of_term.lock();
        let bytes = of_term.places.get_mut(&(shard, consumer)).and_then(|place| place.bytes.as_mut());
        bytes
            .map_or(Ok(()), |bytes| bytes.ready(now))
            .map_err(|exceeded| NodeError::Throttled { bucket: Bucket::ReadBytes, retry_after: exceeded.retry_after })
    }

    /// Charges what a read has answered; may go into debt.
    pub fn charge(&self, shard: ShardNo, consumer: MapVersion, bytes: u64, now: Duration) {
        let mut of_term = self.of_term.lock();
        if let Some(bucket) = of_term.places.get_mut(&(shard, consumer)).and_then(|place| place.bytes.as_mut()) {
            bucket.charge(bytes, now);
        }
    }

    /// Forgets shards that are gone.
    pub fn retain(&self, exists: impl Fn(ShardNo) -> bool) {
        self.of_term.lock().places.retain(|(shard, _), _| exists(*shard));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: ShardNo = ShardNo(1);
    const WALL: Timestamp = Timestamp::from_millis(1_742_000_000_000);

    fn subscriptions() -> Subscriptions {
        Subscriptions::new(Some(ShardLimits::default()))
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    /// The subscription `id`, which began `begun_s` seconds after the tests' beginning.
    fn read(id: u128, begun_s: u64, begins: bool) -> SubscriptionRead {
        let begun = WALL.plus(Duration::from_secs(begun_s));
        SubscriptionRead { consumer: MapVersion(7), subscription: RequestId(id), begun, begins }
    }

    fn claim(all: &Subscriptions, term: u64, read: SubscriptionRead, seconds: u64) -> Result<(), String> {
        let wall = WALL.plus(Duration::from_secs(seconds));
        all.claim(term, SHARD, &read, at(seconds), wall).map_err(|error| error.to_string())
    }

    const TAKEN_OVER: &str = "another subscription of the consumer has taken over";

    fn in_use(seconds: u64) -> String {
        format!("the consumer has a subscription, retry after {:?}", Duration::from_secs(seconds))
    }

    #[test]
    fn a_second_subscription_is_refused_for_five_seconds_and_then_takes_over() {
        let all = subscriptions();
        assert_eq!(claim(&all, 1, read(1, 0, true), 0), Ok(()));
        assert_eq!(claim(&all, 1, read(1, 0, true), 1), Ok(()), "asked again");
        assert_eq!(claim(&all, 1, read(2, 4, true), 4), Err(in_use(1)));
        assert_eq!(claim(&all, 1, read(1, 0, false), 4), Ok(()));
        assert_eq!(claim(&all, 1, read(2, 5, true), 5), Ok(()));
        assert_eq!(claim(&all, 1, read(1, 0, false), 5), Err(TAKEN_OVER.to_owned()));
        assert_eq!(claim(&all, 1, read(2, 5, false), 5), Ok(()));
        assert_eq!(claim(&all, 1, read(1, 0, true), 9), Err(in_use(1)), "the first may try again as any other");
    }

    #[test]
    fn consumers_and_shards_do_not_meet() {
        let all = subscriptions();
        let other = SubscriptionRead { consumer: MapVersion(8), ..read(2, 0, true) };
        assert_eq!(claim(&all, 1, read(1, 0, true), 0), Ok(()));
        assert_eq!(claim(&all, 1, other, 0), Ok(()));
        assert!(all.claim(1, ShardNo(2), &read(3, 0, true), at(0), WALL).is_ok());
    }

    #[test]
    fn a_new_leader_goes_on_with_the_subscription_that_began_last() {
        let all = subscriptions();
        assert_eq!(claim(&all, 1, read(1, 0, true), 0), Ok(()));
        assert_eq!(claim(&all, 1, read(2, 5, true), 5), Ok(()));
        assert_eq!(claim(&all, 2, read(1, 0, false), 6), Ok(()), "nobody here knows of the other");
        assert_eq!(claim(&all, 2, read(2, 5, false), 6), Ok(()));
        assert_eq!(claim(&all, 2, read(1, 0, false), 6), Err(TAKEN_OVER.to_owned()));
        assert_eq!(claim(&all, 2, read(3, 7, true), 7), Err(in_use(3)), "it began two seconds ago");
        assert_eq!(claim(&all, 2, read(3, 10, true), 10), Ok(()));
    }

    #[test]
    fn a_clock_that_runs_ahead_does_not_win_a_place_back() {
        let all = subscriptions();
        assert_eq!(claim(&all, 1, read(1, 30, true), 0), Ok(()));
        assert_eq!(claim(&all, 1, read(2, 6, true), 6), Ok(()));
        assert_eq!(claim(&all, 1, read(1, 30, false), 6), Err(TAKEN_OVER.to_owned()));
    }

    #[test]
    fn two_mebibytes_a_second_are_the_consumers_whoever_subscribes() {
        let all = subscriptions();
        let (consumer, mebibyte) = (MapVersion(7), 1024 * 1024);
        claim(&all, 1, read(1, 0, true), 0).expect("the first");
        all.admit(SHARD, consumer, at(0)).expect("nothing was read");
        all.charge(SHARD, consumer, 14 * mebibyte, at(0));
        claim(&all, 1, read(2, 5, true), 5).expect("five seconds later");
        let throttled = all.admit(SHARD, consumer, at(5)).expect_err("12 MiB of debt, 10 paid");
        assert!(matches!(throttled, NodeError::Throttled { retry_after, .. } if retry_after.as_millis() == 1_000));
        all.admit(SHARD, consumer, at(7)).expect("it is paid");
        let free = Subscriptions::new(None);
        claim(&free, 1, read(1, 0, true), 0).expect("the first");
        free.charge(SHARD, consumer, 99 * mebibyte, at(0));
        free.admit(SHARD, consumer, at(0)).expect("limits are lifted");
    }

    #[test]
    fn places_of_shards_that_are_gone_and_of_those_long_unused_are_forgotten() {
        let all = subscriptions();
        claim(&all, 1, read(1, 0, true), 0).expect("the first");
        let other = SubscriptionRead { consumer: MapVersion(8), ..read(2, 0, true) };
        claim(&all, 1, other, 600).expect("another consumer");
        assert_eq!(all.of_term.lock().places.len(), 1, "ten minutes were enough");
        all.retain(|shard| shard != SHARD);
        assert_eq!(all.of_term.lock().places.len(), 0);
    }
}

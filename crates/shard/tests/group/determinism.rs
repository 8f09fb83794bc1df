//! Replicas are identical at the same applied index (I9), whatever they were restarted from.

use crate::world::{Disk, World, steps};
use anabranch_shard::{Effects, GroupState};
use bytes::Bytes;
use proptest::prelude::*;

/// A replica that writes several entries at once and restarts in between.
struct Twin {
    state: GroupState,
    disk: Disk,
    effects: Effects,
}

impl Twin {
    fn apply(&mut self, log_index: u64, command: &Bytes) -> Bytes {
        self.state.apply(log_index, command, &mut self.effects).expect("a known command")
    }

    fn restart(&mut self) {
        self.disk.write(&mut self.effects);
        self.state = self.disk.load();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_replica_that_restarts_answers_and_stores_like_one_that_does_not(
        steps in steps(60), restarts in prop::collection::vec(prop::bool::weighted(0.3), 60),
    ) {
        let mut world = World::new();
        let mut twin = Twin { state: world.disk.load(), disk: world.disk.clone(), effects: Effects::new() };
        for (step, restart) in steps.iter().zip(restarts) {
            let (command, _) = world.command(step);
            let answer = world.run(&command);
            prop_assert_eq!(twin.apply(world.log_index, &command), answer);
            if restart {
                twin.restart();
            }
            prop_assert_eq!(twin.state.hash(), world.state.hash());
        }
        twin.restart();
        prop_assert_eq!(twin.state.hash(), world.state.hash());
        prop_assert_eq!(twin.disk, world.disk);
    }

    #[test]
    fn a_log_replayed_over_an_older_state_gives_the_newest(steps in steps(60), at in any::<prop::sample::Index>()) {
        let mut world = World::new();
        let at = at.index(steps.len());
        let mut older = None;
        for (number, step) in steps.iter().enumerate() {
            let (command, _) = world.command(step);
            world.run(&command);
            if number == at {
                older = Some((world.disk.clone(), world.log_index));
            }
        }
        let (disk, flushed) = older.expect("taken at one step");
        let mut twin = Twin { state: disk.load(), disk, effects: Effects::new() };
        for log_index in flushed + 1..=world.log_index {
            twin.apply(log_index, &world.log[log_index as usize - 1]);
        }
        twin.restart();
        prop_assert_eq!(twin.state.hash(), world.state.hash());
        prop_assert_eq!(twin.disk, world.disk);
    }
}

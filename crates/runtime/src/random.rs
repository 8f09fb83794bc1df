//! Randomness: the operating system's, or a seeded sequence that repeats.
//!
//! Identities, tokens and keys need [`OsRandom`]; the seeded one is for simulation and tests.

use parking_lot::Mutex;
use rand::rngs::{OsRng, StdRng};
use rand::{RngCore, SeedableRng, TryRngCore};
use std::fmt;

/// Where random bytes come from (D12).
pub trait Random: Send + Sync + fmt::Debug {
    /// Overwrites all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// A number drawn evenly from all of `u64`.
    fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number drawn evenly from all of `u128`.
    fn u128(&self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }
}

/// The operating system's cryptographic generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    /// # Panics
    /// When the operating system gives none: identities that might repeat lose data (D14),
    /// a crash does not.
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = OsRng.try_fill_bytes(bytes) {
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

/// The same sequence for the same seed, within one build of the program.
#[derive(Debug)]
pub struct SeededRandom {
    generator: Mutex<StdRng>,
}

impl SeededRandom {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        SeededRandom { generator: Mutex::new(StdRng::seed_from_u64(seed)) }
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.generator.lock().fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let (first, second) = (SeededRandom::new(7), SeededRandom::new(7));
        assert_eq!([first.u128(), first.u128()], [second.u128(), second.u128()]);
        assert_ne!(SeededRandom::new(7).u64(), SeededRandom::new(8).u64());
    }

    #[test]
    fn the_operating_system_does_not_repeat_itself() {
        assert_ne!(OsRandom.u128(), OsRandom.u128());
    }
}

//! Everything random in the process follows the seed.
//!
//! What is ours takes its randomness handed in (D12), and turmoil seeds tokio's. The rest asks the C
//! library: the keys of hash maps, whose order decides which of two tasks is woken first, and the election
//! timeouts of consensus. Here that call answers from a seeded generator, once and for all: libraries keep
//! what they got in statics, so that only the first run of a process follows its seed.

use rand_0_10::SeedableRng;
use rand_0_10::rngs::StdRng;

/// To be called once, before anything in the process is random.
pub fn close(seed: u64) {
    mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed));
}

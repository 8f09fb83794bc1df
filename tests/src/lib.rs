//! Proofs

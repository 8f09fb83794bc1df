//! Proofs of the catalog's rules. `world` drives a catalog the way a replica does.

mod cluster;
mod codec;
mod consumers;
mod damage;
mod layout;
mod leaders;
mod lineages;
mod listing;
mod membership;
mod nodes;
mod placement;
mod record_size;
mod replay;
mod replicas;
mod reshard;
mod resharding;
mod retention;
mod scaling;
mod streams;
mod tags;
mod token_keys;
mod world;

//! Bronze as a scheduler calls it: the real executable, a real server, and everything that can
//! go wrong between the two.

mod arguments;
mod concurrent;
mod configuration;
mod copying;
mod fixture;
mod killed;
mod memory;
mod prefix;
mod pruning;
mod redelivery;
mod store_failures;

//! Delivering files into a bronze partition: the protocol of every stage that fills bronze.
//!
//! 1. What a file holds is known by its SHA-256 before a byte is sent.
//! 2. Its bytes become an object that nobody overwrites: under its source name, or, where other
//!    bytes have that name already, under one made of its SHA-256 (`place`).
//! 3. The manifest says which objects count. It is written last, on the condition that it is
//!    still the one that was read, so that of two deliveries at once the second looks again.
//! 4. Only `--prune` removes anything: what the manifest no longer names (`sweep`).
//!
//! Stores ignore conditions on deletes, so step 4 cannot be made exact by the store. Two ages,
//! both by the store's clock, keep it from removing what another delivery counts on: nothing is
//! removed that is younger than [`SWEEP_AGE`], and an object that the manifest does not name is
//! counted on only while it is younger than half of that; an older one stays what it is, and the
//! bytes are sent again under another name.

mod batch;
mod clock;
mod content;
mod delivery;
mod place;
mod sweep;

pub use batch::Batch;
pub use content::{Content, DeliveredFile, Sent};
pub use delivery::{Delivery, files_at_once};

use chrono::TimeDelta;

/// An object must be this old before `--prune` removes it: a delivery that has just made it may
/// not have written its manifest yet.
pub const SWEEP_AGE: TimeDelta = TimeDelta::hours(1);

/// The oldest object that a delivery counts on although no manifest names it. The rest of
/// [`SWEEP_AGE`] is for writing the manifest.
const REUSE_AGE: TimeDelta = TimeDelta::minutes(30);
